"""`buildflags …`: the command line. Thin: each command calls public functions of the rooms below and shows the answer.

It needs click and rich (`pip install 'buildflags-sdk[cli]'`) and says so when they are missing, instead of a traceback.
"""

from __future__ import annotations

import sys

MISSING = """\
Error: the command line needs click and rich, and {name} is not installed here.
  → pip install 'buildflags-sdk[cli]'
"""


def main() -> None:
    """Run the command line with this process's arguments. The entry point of the `buildflags` script."""
    try:
        from .app import buildflags  # noqa: PLC0415 - it may be missing, and the package must be importable without it
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name not in ("click", "rich"):
            raise
        sys.stderr.write(MISSING.format(name=name))
        raise SystemExit(3) from None
    buildflags(prog_name="buildflags")
