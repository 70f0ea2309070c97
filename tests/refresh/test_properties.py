"""Whatever happens, in whatever order: never stuck, never hammering, never without the last good ruleset."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from buildflags_sdk._freshness import Moment
from buildflags_sdk._refresh.events import (
    Adopt,
    Adopted,
    AdoptFailed,
    Answered,
    Failed,
    FetchManifest,
    FetchPages,
    Forked,
    NeighbourAsks,
    NeighbourFailed,
    PageRefused,
    PagesFetched,
    Report,
    Requested,
    Seeded,
    WaitUntil,
)
from buildflags_sdk._refresh.machine import Refresh
from buildflags_sdk._refresh.polling import Polling
from buildflags_sdk._wire.manifest import decode_manifest, encode_manifest, etag_of
from buildflags_sdk._wire.page import page_name
from buildflags_sdk.errors import ConnectionFailed, DeadlineExceeded, RulesetError

pytestmark = pytest.mark.property

POLLING = Polling()
LONGEST_WAIT = POLLING.retry_after_cap * (1 + POLLING.jitter)
dice = st.floats(0.0, 1.0)
orders = st.tuples(st.sampled_from([1, 2, 2**62]), st.integers(0, 5))


class Published:
    """A ruleset with one page of its own and one that all share."""

    def __init__(self, order: tuple[int, int], note: str) -> None:
        pages = [b'{"key":"shared"}\n', f'{{"key":"k{order[0]}.{order[1]}.{note}"}}\n'.encode()]
        self.pages = {page_name(page): page for page in pages}
        body = encode_manifest(
            workspace="acme",
            environment="production",
            epoch=order[0],
            revision=order[1],
            published_at=note,
            pages_at="/p/x/",
            pages=list(self.pages),
        )
        self.manifest = decode_manifest(body, workspace="acme", environment="production")
        self.etag = etag_of(body, None)

    def answer(self, asked: FetchManifest | None, age: int | None = None) -> Answered:
        headers = {"cache-control": "max-age=15, stale-while-revalidate=15", "etag": self.etag}
        if age is not None:
            headers["age"] = str(age)
        if asked is not None and asked.etag == self.etag:
            return Answered(304, headers)
        return Answered(200, headers, self.manifest.raw)


published = st.builds(Published, orders, st.sampled_from(["", "other bytes"]))


class Anybody:
    """Signing keys are pinned, and every signature fits."""

    def check(self, body: bytes, header: str | None) -> None:
        pass


class RefreshUnderFire(RuleBasedStateMachine):
    """A driver that does what it is told, in a world that does not."""

    @initialize(pinned=st.booleans())
    def begin(self, pinned: bool) -> None:
        self.machine = Refresh(workspace="acme", environment="production", pins=Anybody() if pinned else None)
        self.pinned = pinned
        self.now = Moment(500.0, 1_795_424_400.0)
        self.action: Any = None
        self.order: tuple[int, int] | None = None
        self.fetched: Published | None = None
        self.lines_in_run = 0

    def tell(self, event: Any, throw: float) -> None:
        before = self.machine.served
        report = self.machine.received(event, self.now, throw)
        self.check(report, before)

    def check(self, report: Report | None, before: Any) -> None:
        served = self.machine.served
        if before is not None:
            assert served is not None
            if served.manifest.order < before.manifest.order:
                assert report is not None
                assert report.stepped_back
                assert not self.pinned
        if report is not None:
            assert report.level in ("info", "warning", "error")
            self.lines_in_run = 0 if report.level == "info" else self.lines_in_run + (not report.stepped_back)
        assert self.lines_in_run <= 6, "one line for each cause in a run of failures, at most"

    @rule(seconds=st.floats(0.0, 400.0))
    def time_passes(self, seconds: float) -> None:
        self.now = self.now.later(seconds)

    @rule(monotonic=st.floats(0.0, 10.0), wall=st.floats(-100_000.0, 100_000.0))
    def clocks_disagree(self, monotonic: float, wall: float) -> None:
        self.now = Moment(self.now.monotonic + monotonic, self.now.wall + wall)

    @precondition(lambda self: self.action is None)
    @rule()
    def act(self) -> None:
        action = self.machine.next_action(self.now)
        self.action = None if isinstance(action, WaitUntil) else action
        if not isinstance(action, WaitUntil):
            again = self.machine.next_action(self.now)
            assert again == WaitUntil(math.inf, math.inf), "never a second fetch beside the first"

    @precondition(lambda self: isinstance(self.action, FetchManifest))
    @rule(ruleset=published, age=st.sampled_from([None, 0, 15, 16, 31, 9000]), throw=dice)
    def the_backend_answers(self, ruleset: Published, age: int | None, throw: float) -> None:
        asked, self.action, self.fetched = self.action, None, ruleset
        self.tell(ruleset.answer(asked, age), throw)

    @precondition(lambda self: isinstance(self.action, FetchManifest))
    @rule(
        status=st.sampled_from([200, 204, 304, 302, 401, 404, 429, 500, 503]),
        retry_after=st.sampled_from(["1", "0", "99999", "x"]),
        throw=dice,
    )
    def the_backend_answers_badly(self, status: int, retry_after: str, throw: float) -> None:
        self.action = None
        self.tell(Answered(status, {"retry-after": retry_after, "etag": '"unknown"'}, b"<html>"), throw)

    @precondition(lambda self: self.action is not None)
    @rule(throw=dice)
    def it_fails(self, throw: float) -> None:
        self.action = None
        self.tell(Failed(ConnectionFailed("reset")), throw)

    @precondition(lambda self: isinstance(self.action, FetchPages))
    @rule(some=st.integers(0, 2), spoilt=st.booleans(), throw=dice)
    def pages_come(self, some: int, spoilt: bool, throw: float) -> None:
        missing, self.action = self.action.missing, None
        known = {} if self.fetched is None else self.fetched.pages
        pages = {name: b"spoilt" if spoilt else known.get(name, b"other") for name in missing[:some]}
        self.tell(PagesFetched(pages), throw)

    @precondition(lambda self: isinstance(self.action, FetchPages))
    @rule(some=st.integers(0, 2), throw=dice)
    def the_deadline_cuts_pages_off(self, some: int, throw: float) -> None:
        missing, self.action = self.action.missing, None
        known = {} if self.fetched is None else self.fetched.pages
        pages = {name: known.get(name, b"other") for name in missing[:some]}
        self.tell(Failed(DeadlineExceeded("late"), pages), throw)
        assert 1 <= self.machine.backoff_step <= self.machine.failures

    @precondition(lambda self: isinstance(self.action, FetchPages))
    @rule(status=st.sampled_from([403, 404, 500]), throw=dice)
    def a_page_is_refused(self, status: int, throw: float) -> None:
        name, self.action = self.action.missing[0], None
        self.tell(PageRefused(name, status), throw)

    @precondition(lambda self: isinstance(self.action, Adopt))
    @rule(good=st.booleans(), throw=dice)
    def it_is_built(self, good: bool, throw: float) -> None:
        manifest, held = self.action.manifest, self.machine.served
        at_hand = set(self.action.pages) | set(held.manifest.pages if held else ())
        assert set(manifest.pages) <= at_hand, "never built before all pages are there"
        self.action = None
        self.tell(Adopted() if good else AdoptFailed(RulesetError("twice")), throw)

    @precondition(lambda self: self.machine.phase in ("idle", "asking") and not self.machine.building)
    @rule(
        ruleset=published, ago=st.floats(-100.0, 200.0), generation=st.integers(0, 2), lacking=st.booleans(), throw=dice
    )
    def a_copy_is_found(self, ruleset: Published, ago: float, generation: int, lacking: bool, throw: float) -> None:
        self.action, self.fetched = None, ruleset
        pages = {} if lacking else ruleset.pages
        seed = Seeded(ruleset.manifest, pages, ruleset.etag, {}, self.now.wall - ago, generation=generation)
        self.tell(seed, throw)

    @precondition(lambda self: isinstance(self.action, FetchManifest))
    @rule(ago=st.floats(-10.0, 100.0), failures=st.integers(1, 2000), asks=st.booleans(), throw=dice)
    def a_neighbour_is_there(self, ago: float, failures: int, asks: bool, throw: float) -> None:
        self.action = None
        self.tell(NeighbourAsks() if asks else NeighbourFailed(self.now.wall - ago, failures), throw)

    @rule(throw=dice)
    def somebody_asks(self, throw: float) -> None:
        self.tell(Requested(), throw)

    @rule(throw=dice)
    def it_forks(self, throw: float) -> None:
        self.action = None
        self.tell(Forked(), throw)

    @invariant()
    def never_stuck(self) -> None:
        if not hasattr(self, "machine") or not self.machine.settled:
            return
        wait = self.machine.next_in(self.now)
        assert wait is not None
        assert wait <= LONGEST_WAIT

    @invariant()
    def its_state_makes_sense(self) -> None:
        if not hasattr(self, "machine"):
            return
        machine = self.machine
        assert (machine.served is None) == (machine.confirmation is None)
        assert (machine.failures == 0) == (machine.failing_since is None) == (machine.last_error is None)
        age = machine.age(self.now)
        assert age is None or age >= 0.0
        assert POLLING.minimum <= machine.poll <= POLLING.maximum

    def teardown(self) -> None:
        """Whatever happened: once the backend is well and says one thing, the reader comes to serve just that."""
        if not hasattr(self, "machine"):
            return
        if self.action is not None:
            self.tell(Failed(ConnectionFailed("reset")), 0.5)
        last = Published((2, 3), "in the end")
        if self.pinned:
            last = Published((2**62 + 1, 0), "a new epoch, signed")
        polls = 0
        while self.machine.served is None or self.machine.served.manifest.raw != last.manifest.raw:
            action = self.machine.next_action(self.now)
            if isinstance(action, WaitUntil):
                self.now = self.now.later(self.machine.next_in(self.now) or 0.0)
            elif isinstance(action, FetchManifest):
                polls += 1
                self.tell(last.answer(action), 0.5)
            elif isinstance(action, FetchPages):
                self.tell(PagesFetched({name: last.pages[name] for name in action.missing if name in last.pages}), 0.5)
            else:
                self.tell(Adopted(), 0.5)
            assert polls < 150, "never comes back"


TestRefreshUnderFire = RefreshUnderFire.TestCase
TestRefreshUnderFire.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
