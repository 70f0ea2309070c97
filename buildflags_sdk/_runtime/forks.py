"""Carries clients across `os.fork`: one hook for the process over a weak set, so that nothing is kept alive by it."""

from __future__ import annotations

import os
from typing import Protocol

from buildflags_sdk._living import Living


class Forkable(Protocol):
    """What is told about forks. None of the three may raise or block for long."""

    def before_fork(self) -> None:
        """Bring the background thread to rest, for a bounded time."""
        ...

    def after_fork_in_parent(self) -> None:
        """Go on as before."""
        ...

    def after_fork_in_child(self) -> None:
        """Forget threads, locks and sockets; start again at the first use."""
        ...


_watched: Living[Forkable] = Living()
_hooked = False


def watch(item: Forkable) -> None:
    """Tell `item` about forks from now on, for as long as somebody else holds it."""
    global _hooked  # noqa: PLW0603 - the interpreter has one list of fork hooks, which cannot be taken back
    _watched.add(item)
    if not _hooked and hasattr(os, "register_at_fork"):
        _hooked = True
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)


def forget(item: Forkable) -> None:
    """Stop telling `item` about forks."""
    _watched.discard(item)


def _before() -> None:
    for item in _watched:
        item.before_fork()


def _in_parent() -> None:
    for item in _watched:
        item.after_fork_in_parent()


def _in_child() -> None:
    for item in _watched:
        item.after_fork_in_child()
