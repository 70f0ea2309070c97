"""Modules that are loaded late, on the refreshing thread: no fork comes while one of them is half loaded.

A forked child has the modules as they were at the fork. One that another thread was loading stays half made there for ever,
since that thread is not there to finish it, and the child could never refresh. So a fork waits for it, for a bounded time.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_SECONDS = 10.0
"""How long a fork waits: loading httpx takes a tenth of a second, and seconds on a machine that is starting everything."""


class _Gate:
    """One lock, the process's own: a child does not inherit what a thread of its parent holds."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.lock = threading.RLock()


_gate = _Gate()
_hooked = False


def _own() -> threading.RLock:
    global _gate  # noqa: PLW0603 - a process has one table of modules
    if _gate.process != os.getpid():  # hosts may fork past the interpreter's hooks
        _gate = _Gate()
    return _gate.lock


def prepare() -> None:
    """Let forks wait from now on. To be called before a thread is started that loads something."""
    global _hooked  # noqa: PLW0603 - the interpreter has one list of fork hooks
    if _hooked or not hasattr(os, "register_at_fork"):
        return
    # The hook of logging holds a lock across a fork, which what is loaded may need. Hooks run in reverse order: ours has to
    # come later, so that it runs first.
    import logging  # noqa: F401, PLC0415 - httpx loads it anyway

    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)
    _hooked = True


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Import within this block what a background thread needs late. Cheap when it is loaded already."""
    with _own():
        yield


def _before_fork() -> None:
    _own().acquire(timeout=LONGEST_SECONDS)


def _after_fork_in_parent() -> None:
    with contextlib.suppress(RuntimeError):  # it waited in vain
        _own().release()
