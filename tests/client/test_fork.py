"""A fork: children refresh by themselves, share nothing with the parent, and the parent goes on."""

from __future__ import annotations

import os
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Backend, boolean

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk import Client

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def in_child(work: Callable[[], Any], meanwhile: Callable[[], object] | None = None) -> str:
    """Run `work` in a forked child, and `meanwhile` in this process; gives what the child returned, as text."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        child = os.fork()
    if child == 0:
        try:
            os.write(write, repr(work()).encode())
        except BaseException as error:  # noqa: BLE001 - told to the parent, which fails with it
            os.write(write, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(write)
    if meanwhile is not None:
        meanwhile()
    with os.fdopen(read) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


def until(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for a thread of this process to get somewhere."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        threading.Event().wait(0.02)
    return holds()


def test_a_child_that_only_evaluates_refreshes(client: Client, backend: Backend) -> None:
    def work() -> tuple[bool, bool]:
        first = client.is_enabled("new-checkout")
        return first, until(lambda: not client.is_enabled("new-checkout"))

    told = in_child(work, meanwhile=lambda: backend.set(boolean("new-checkout", on=False)))
    assert told == "(True, True)", "the first call answers from the parent's ruleset, a later one from the child's own"


def test_the_parent_keeps_refreshing(client: Client, backend: Backend) -> None:
    in_child(lambda: client.is_enabled("new-checkout"))
    arrived = threading.Event()
    client.on_change(lambda _change: arrived.set())
    backend.set(boolean("new-checkout", on=False))
    assert arrived.wait(60)


def test_a_child_of_a_child_refreshes(client: Client, backend: Backend) -> None:
    def work() -> bool:
        return until(lambda: not client.is_enabled("new-checkout"))

    told = in_child(lambda: in_child(work), meanwhile=lambda: backend.set(boolean("new-checkout", on=False)))
    assert told == "'True'"


def test_a_closed_client_stays_closed_in_a_child(client: Client) -> None:
    client.close()

    def work() -> tuple[bool, int]:
        return client.is_enabled("new-checkout"), threading.active_count()

    assert in_child(work) == "(True, 1)"


def test_closing_in_a_child_leaves_the_parent_alone(client: Client) -> None:
    in_child(client.close)
    before = client.status().polls
    assert until(lambda: client.status().polls > before)
    assert not client.status().closed
