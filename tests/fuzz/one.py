"""One target under atheris, in a process of its own: `python -m tests.fuzz.one TARGET CORPUS [libFuzzer options]`."""

from __future__ import annotations

import logging
import sys

import atheris

with atheris.instrument_imports(include=["buildflags_sdk"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    logging.disable()
    target = TARGETS[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()
