"""A backend that takes its time with each page: a refresh ends by its deadline, keeps what came, and soon goes on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from buildflags_sdk import Client, Polling
from buildflags_sdk._runtime.pages import AT_ONCE
from buildflags_sdk.errors import DeadlineExceeded
from buildflags_sdk.testing import LocalBackend, ManualClock, flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildflags_sdk._transport import Answer, Request

DEADLINE = 10.0
PAGES = 64
BIG = [flag(f"f{number}", True) for number in range(40 * PAGES)]


class SlowPages:
    """Gives each page after so many seconds of a clock moved by hand, or nothing if the request cannot wait that long.

    Pages are asked for `AT_ONCE` at a time: time passes when so many have come in.
    """

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds
        self.backend = LocalBackend([flag("f0", False)], bits=6)
        self.asked: list[float] = []
        self.ended: list[float] = []
        self.given: list[str] = []
        self._came = threading.Condition()
        self._deadline = 0.0
        self._round = threading.Barrier(AT_ONCE, action=self._let_time_pass)

    def exchange(self, request: Request) -> Answer:
        if request.authorized:
            with self._came:
                now = self.clock.moment().monotonic
                self.asked.append(now)
                self.ended.append(now)
                self._came.notify_all()
            return self.backend.exchange(request)
        if self.seconds > 0.0:
            self._deadline = request.deadline
            self._round.wait(10)
            if request.deadline < self.seconds:
                msg = "no whole answer within the deadline"
                raise DeadlineExceeded(msg)
        with self._came:
            self.given.append(request.path)
        return self.backend.exchange(request)

    def _let_time_pass(self) -> None:
        self.clock.advance(min(self.seconds, self._deadline))
        self.ended[-1] = self.clock.moment().monotonic

    def close(self) -> None:
        pass

    def until_asked(self, count: int) -> None:
        with self._came:
            assert self._came.wait_for(lambda: len(self.asked) >= count, 10)

    def longest_refresh(self) -> float:
        longest = max(end - begin for begin, end in zip(self.asked, self.ended, strict=True))
        return round(longest, 6)  # the clock is a sum of many steps


class Stage:
    """A client of that backend, which lets time pass only when told."""

    def __init__(self, seconds: float) -> None:
        self.clock = ManualClock()
        self.transport = SlowPages(self.clock, 0.0)
        self.client = Client(
            "http://127.0.0.1:9",
            sdk_key="k",
            workspace="acme",
            environment="production",
            cache_dir=None,
            transport=self.transport,
            clock=self.clock,
            polling=Polling(deadline=DEADLINE),
        )
        self.seconds = seconds

    def begin(self, *, serving: bool) -> None:
        """Be asked once with the big ruleset published, by a client that serves a small one or none."""
        if serving:
            assert self.client.start(wait=10)
            self.clock.until_waited_on()
        self.transport.backend.publish(BIG)
        self.transport.asked.clear()
        self.transport.ended.clear()
        self.transport.given.clear()
        self.transport.seconds = self.seconds
        if serving:
            self.go_on()
        else:
            self.client.start(wait=10)
            self.clock.until_waited_on()

    def go_on(self) -> float:
        """Let time pass until the next refresh and that refresh be done; give the seconds that were waited for it."""
        wait = self.client.status().next_refresh_in
        assert wait is not None
        asked = len(self.transport.asked)
        self.clock.advance(wait + 0.001)
        self.transport.until_asked(asked + 1)
        self.clock.until_waited_on()
        return wait


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    stage = Stage(request.param * DEADLINE)
    yield stage
    stage.client.close()


@pytest.mark.parametrize("serving", [False, True], ids=["first load", "serving"])
@pytest.mark.parametrize("stage", [0.8], indirect=True)
def test_a_ruleset_whose_every_page_is_slow_comes_over_several_refreshes_of_one_deadline_each(
    stage: Stage, serving: bool
) -> None:
    stage.begin(serving=serving)
    waits = []
    while stage.client.status().last_error is not None:
        status = stage.client.status()
        assert "pages came within the deadline" in (status.last_error or "")
        assert stage.client.is_enabled("f0", default=False) is False, "what was there goes on being served"
        waits.append(stage.go_on())
        assert len(waits) < PAGES
    assert stage.client.is_enabled("f0")
    assert stage.client.status().flags == len(BIG)
    assert stage.transport.longest_refresh() <= DEADLINE
    assert len(waits) == PAGES / AT_ONCE - 1, "four pages a refresh"
    assert max(waits) <= 1.0, "a backend from which something comes is not backed away from"
    assert len(stage.transport.given) == len(set(stage.transport.given)) == PAGES, "what came is not fetched again"


@pytest.mark.parametrize("stage", [0.19], indirect=True)
def test_the_pages_of_one_refresh_share_its_deadline(stage: Stage) -> None:
    stage.begin(serving=True)
    assert len(stage.transport.given) == 5 * AT_ONCE
    assert stage.transport.longest_refresh() == DEADLINE


@pytest.mark.parametrize("stage", [1.1], indirect=True)
def test_a_backend_from_which_no_page_comes_is_asked_at_the_pace_of_polls(stage: Stage) -> None:
    stage.begin(serving=True)
    waits = [stage.go_on() for _ in range(4)]
    assert waits[0] <= 1.0
    assert min(waits[1:]) >= 60.0
    assert stage.transport.given == []
    assert stage.transport.longest_refresh() <= DEADLINE
