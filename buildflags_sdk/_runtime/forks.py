"""Carries clients across `os.fork`: one hook for the process over a weak set, so that nothing is kept alive by it."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import Any, Protocol

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
_process = 0
"""The process that was told last, or that had the hooks set."""


def watch(item: Forkable) -> None:
    """Tell `item` about forks from now on, for as long as somebody else holds it."""
    global _hooked, _process  # noqa: PLW0603 - the interpreter has one list of fork hooks, which cannot be taken back
    _watched.add(item)
    if not _hooked and hasattr(os, "register_at_fork"):
        _hooked = True
        _process = os.getpid()
        os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
        if hasattr(uwsgi := sys.modules.get("uwsgi"), "masterpid"):
            _hook_into(uwsgi)


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
    global _process  # noqa: PLW0603 - as above
    _process = os.getpid()
    for item in _watched:
        item.after_fork_in_child()


def _hook_into(uwsgi: Any) -> None:
    """Be told by uWSGI too: it forks in C, past the interpreter's hooks, unless it has `py-call-uwsgi-fork-hooks`.

    It calls one function in each worker. Its own decorators set that as they are imported, so they are imported first.
    """
    if not uwsgi.worker_id() and not uwsgi.opt.keys() & {"py-call-uwsgi-fork-hooks", "lazy-apps", "lazy"}:
        import logging  # noqa: PLC0415 - only when there is something to say

        logging.getLogger("buildflags_sdk.refresh").warning(
            "uWSGI may fork a worker while a thread of its master holds the interpreter, and that worker then hangs: "
            "set py-call-uwsgi-fork-hooks or lazy-apps if the client is started before the workers are forked"
        )
    spooler, given = getattr(uwsgi, "spooler", None), getattr(uwsgi, "post_fork_hook", None)
    with contextlib.suppress(Exception):  # they are not installed, or refuse a uWSGI without a master
        importlib.import_module("uwsgidecorators")
    hooks: set[Any] = {given, getattr(uwsgi, "post_fork_hook", None)} - {None}

    def hook() -> None:
        if os.getpid() != _process:
            _in_child()
        for other in hooks:
            other()

    uwsgi.post_fork_hook = hook
    if spooler is not None:
        uwsgi.spooler = spooler
