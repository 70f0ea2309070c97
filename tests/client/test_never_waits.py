"""Evaluations never wait: not while the origin hangs, nor while large rulesets are swapped in under them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from buildflags_sdk import Client, Polling
from buildflags_sdk.testing import LocalBackend, flag

if TYPE_CHECKING:
    from buildflags_sdk._transport import Answer, Request

FLAGS = 10_000
THREADS = 4


class SometimesHanging:
    """A backend that can be told to hang: exchanges then last until they are let go."""

    def __init__(self, inner: LocalBackend) -> None:
        self.inner = inner
        self.going = threading.Event()
        self.going.set()
        self.hung = threading.Event()

    def exchange(self, request: Request) -> Answer:
        """Answer, once it is let go."""
        if not self.going.is_set():
            self.hung.set()
            self.going.wait(60)
        return self.inner.exchange(request)

    def close(self) -> None:
        """Let go."""
        self.going.set()


def _ruleset(*, on: bool) -> list[Any]:
    return [flag(f"flag-{number:05d}", on) for number in range(FLAGS)]


def test_four_threads_evaluate_while_the_origin_hangs_and_large_rulesets_are_swapped_in() -> None:
    backend = SometimesHanging(LocalBackend(_ruleset(on=True), poll=1, bits=7))
    client = Client(
        "http://127.0.0.1:9",
        sdk_key="k",
        workspace="acme",
        environment="production",
        cache_dir=None,
        transport=backend,
        polling=Polling(interval=1, minimum=0.001, maximum=60, deadline=5),
    )
    assert client.start(wait=30)
    stop = threading.Event()
    counts, slowest, wrong = [0] * THREADS, [0.0] * THREADS, []

    def evaluate(number: int) -> None:
        clock = time.thread_time  # CPU of this thread: what it waits for others counts for nothing here
        while not stop.wait(0.001):  # a busy service, not four threads that starve the interpreter
            for at in range(0, FLAGS, 997):
                began = clock()
                answer = client.is_enabled(f"flag-{at:05d}", default=None)  # type: ignore[arg-type]
                slowest[number] = max(slowest[number], clock() - began)
                counts[number] += 1
                if answer not in (True, False):
                    wrong.append(answer)

    threads = [threading.Thread(target=evaluate, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        for on in (False, True, False):
            backend.inner.publish(_ruleset(on=on))
            client.refresh(wait=30)
            assert client.is_enabled("flag-00000") is on

        backend.going.clear()
        client.refresh(wait=0)
        assert backend.hung.wait(60), "the refresh is in the hanging exchange"
        before = list(counts)
        _until(lambda: all(now > then + 200 for now, then in zip(counts, before, strict=True)))
        assert not backend.going.is_set(), "all of this went on while the origin hung"
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
        client.close()
        backend.going.set()  # its thread ends too: other tests count threads
    assert wrong == []


def test_closing_while_the_origin_hangs_returns_promptly() -> None:
    backend = SometimesHanging(LocalBackend([flag("x")]))
    backend.going.clear()
    client = Client(
        "http://127.0.0.1:9", sdk_key="k", workspace="acme", environment="production", cache_dir=None, transport=backend
    )
    client.start(wait=0)
    assert backend.hung.wait(60)
    closed = threading.Thread(target=client.close)
    closed.start()
    closed.join(20)  # the origin hangs for a minute
    assert not closed.is_alive()
    backend.going.set()
    assert client.is_enabled("x", default=True)


def test_a_request_sees_one_revision() -> None:
    backend = LocalBackend([flag("x", True)])
    client = Client(
        "http://127.0.0.1:9",
        sdk_key="k",
        workspace="acme",
        environment="production",
        cache_dir=None,
        transport=backend,
        polling=Polling(minimum=0.001),
    )
    assert client.start(wait=60)
    pinned = client.pinned({"targetingKey": "u"})
    with client.scope({"targetingKey": "u"}) as inside:
        assert client.is_enabled("x")
        backend.publish([flag("x", False)])
        client.refresh(wait=60)
        assert client.is_enabled("x"), "the scope pinned the revision of its first read"
        assert inside.is_enabled("x")
        with client.scope():
            assert not client.is_enabled("x"), "an inner scope pins anew"
    assert not client.is_enabled("x")
    assert pinned.is_enabled("x")
    assert pinned.revision == 1
    assert pinned.get_details("x", False).revision == 1
    client.close()


def _until(holds: object, seconds: float = 30.0) -> None:
    """Wait for other threads to get somewhere."""
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come to pass"
        threading.Event().wait(0.01)
