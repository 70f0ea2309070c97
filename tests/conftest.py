"""What holds for every test: no setting of the developer's shell leaks in, no file is left in anyone's cache folder."""

from __future__ import annotations

import itertools
import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pathlib import Path

# Examples are not timed: on a busy machine a deadline measures the neighbours. `pytest --timeout` catches a hang.
settings.register_profile("buildflags", deadline=None, print_blob=True)
settings.load_profile("buildflags")

# A shell that starts this in its background has it ignore Ctrl-C, and every program that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_numbers = itertools.count()


@pytest.fixture(scope="session")
def cache_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def untouched_environment(monkeypatch: pytest.MonkeyPatch, cache_folders: Path) -> None:
    """Without BUILDFLAGS_* of the shell, and with a disk copy's default folder that is this test's own."""
    for name in [name for name in os.environ if name.startswith("BUILDFLAGS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BUILDFLAGS_CACHE_DIR", str(cache_folders / str(next(_numbers))))
