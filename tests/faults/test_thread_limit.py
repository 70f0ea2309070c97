"""A system that gives no more threads: nobody hears of it, and what was missed is made up for when there are some again."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from .stage import PATIENT, Stage, in_child, lines_of, said, says, until, version

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a stack of that size is refused in another way"
)

TOO_LARGE = 1 << 46
"""Bytes of stack: no address space has room for it, so that every thread is refused as at the system's limit."""


@contextlib.contextmanager
def no_more_threads() -> Iterator[None]:
    before = threading.stack_size(TOO_LARGE)
    try:
        with pytest.raises(RuntimeError):
            threading.Thread(target=print).start()
        yield
    finally:
        threading.stack_size(before)


def test_a_start_without_a_thread_raises_nothing_and_a_later_evaluation_starts_it(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    client = stage.client()
    view = client.in_environment("staging")
    with no_more_threads():
        assert not client.start(wait=0.0)
        for _ in range(100):
            assert said(client) == "default"
            assert view.get_value("greeting", "default") == "default"
    assert len(lines_of(caplog)) == 1, "one line, and none per evaluation"
    assert says(client, "v1"), "evaluating is enough to start what was missing"


def test_a_child_without_a_thread_starts_it_when_there_is_one(stage: Stage) -> None:
    client = stage.started()

    def work() -> list[Any]:
        with no_more_threads():
            first = [said(client) for _ in range(10)]
        polls = client.status().polls
        return [first, until(lambda: said(client) and client.status().polls > polls) >= 0.0]

    assert in_child(work) == [["v1"] * 10, True]


def test_a_client_closed_without_a_thread_stays_closed(stage: Stage) -> None:
    client = stage.client()
    with no_more_threads():
        client.start(wait=0.0)
    client.close()
    before = threading.active_count()
    assert said(client) == "default"
    assert threading.active_count() == before
    assert stage.server.requests == []


def test_pages_are_fetched_by_the_threads_there_are(stage: Stage) -> None:
    from buildflags_sdk.testing import FaultServer, flag

    def ruleset(number: int) -> list[Any]:
        return [*version(number), *(flag(f"flag-{at}", f"{number}") for at in range(40))]

    with FaultServer(ruleset(1), bits=3) as server:
        client = stage.client(**server.options(), polling=PATIENT._replace(interval=30.0))
        assert client.start(wait=30.0)
        server.publish(ruleset(2))
        with no_more_threads():  # the connection is kept alive, so that the server needs none either
            client.refresh(wait=30.0)
            assert said(client) == "v2"
        assert client.status().failures == 0
        client.close()
