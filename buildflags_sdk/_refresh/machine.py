"""The refresh state machine: what happened to one environment's ruleset, and so what to do next and when.

Pure: it is told the moment and the dice; it never waits, fetches, logs or reads a clock. One driver at a time asks
`next_action`, does what it says, and reports with exactly one event how that ended:

    IDLE     -> WaitUntil or FetchManifest
    ASKING   -> Answered, Failed; or Seeded, NeighbourFailed, NeighbourAsks
    LACKING  -> FetchPages
    PAGING   -> PagesFetched, PageRefused, Failed
    COMPLETE -> Adopt
    BUILDING -> Adopted, AdoptFailed, Failed

While something is under way `next_action` says to wait without end, so there is never a second fetch beside the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from buildflags_sdk._evaluation.details import Source
from buildflags_sdk._freshness import Moment, earliest, latest
from buildflags_sdk._wire.headers import read_cache_headers, read_retry_after
from buildflags_sdk._wire.limits import DEFAULT_LIMITS, Limits
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk.errors import AnswerRefused, DeadlineExceeded, PageError, RulesetError, TransportError

from .answers import (
    RETRY_AFTER_STATUSES,
    SIGNATURE_HEADER,
    cause_of_error,
    cause_of_page_status,
    cause_of_status,
    check_content_type,
    is_fresh,
    is_same_etag,
    kept_headers,
    renewed_headers,
    sendable_etag,
)
from .endings import Candidate, Endings
from .events import (
    Action,
    Adopt,
    Adopted,
    AdoptFailed,
    Answered,
    Cause,
    Event,
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
    Served,
    WaitUntil,
)
from .facts import CLOCKS_DIFFER_SECONDS, FOREVER, Phase
from .failing import LONG_AGO
from .order import Guard, Verdict
from .polling import DEFAULT_POLLING, Polling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk._wire.signature import Signatures

    Handler = Callable[["Refresh", Any, Moment, float], Report | None]


class Refresh(Endings):
    """One environment's refreshing: `next_action` and `received`, and the facts to read between them."""

    def __init__(
        self,
        *,
        workspace: str,
        environment: str,
        polling: Polling = DEFAULT_POLLING,
        limits: Limits = DEFAULT_LIMITS,
        pins: Signatures | None = None,
    ) -> None:
        super().__init__(f"{workspace}/{environment}", polling, limits)
        self._workspace = workspace
        self._environment = environment
        self._limits = limits
        self._pins = pins
        self._guard = Guard(pinned_key=pins is not None)
        self._began: Moment | None = None
        self._asked_with: str | None = None
        self._unconditional = False
        self._alone = False

    # The two verbs.

    def next_action(self, now: Moment) -> Action:
        """What to do now. An action is handed out once, and is under way from then on until an event ends it."""
        if self.phase is Phase.IDLE:
            return self._ask(now) if self.next_at.reached(now) else WaitUntil(*self.next_at)
        if self.phase is Phase.LACKING:
            self.phase = Phase.PAGING
            return FetchPages(self._on_its_way().served.manifest, self._missing())
        if self.phase is Phase.COMPLETE:
            self.phase = Phase.BUILDING
            served = self._on_its_way().served
            return Adopt(served.manifest, dict(self._shelf.pages), served.source)
        return WaitUntil(FOREVER, FOREVER)

    def received(self, event: Event, now: Moment, dice: float) -> Report | None:
        """Take in what happened; `dice` is a number from 0 to 1. Returns what is worth a log line, if anything is.

        An event that cannot happen in this phase is a mistake of the driver: RuntimeError.
        """
        handler = self._HANDLERS.get((self.phase, type(event))) or self._IN_EVERY_PHASE.get(type(event))
        if handler is None:
            msg = f"{type(event).__name__} cannot happen while {self.phase}"
            raise RuntimeError(msg)
        return handler(self, event, now, dice)

    # Asking, and the answers to it.

    def _ask(self, now: Moment) -> FetchManifest:
        self.phase = Phase.ASKING
        self._began = now
        self._age_when_begun = self.age(now)
        etag = None if self.served is None or self._unconditional else self.served.etag
        self._asked_with = etag
        may_share, self._alone = not (self._alone or self._unconditional), False
        return FetchManifest(etag, may_share)

    def _answered(self, event: Answered, now: Moment, dice: float) -> Report | None:
        self.polls += 1
        if event.status == 200:
            return self._manifest_came(event, now, dice)
        if event.status == 304:
            return self._nothing_changed(event, now, dice)
        error = AnswerRefused(f"the backend answered {event.status} to the request for the manifest")
        asked = event.headers.get("retry-after") if event.status in RETRY_AFTER_STATUSES else None
        retry_after = read_retry_after(asked, now.wall)
        return self._fail(cause_of_status(event.status), error, now, dice, retry_after=retry_after)

    def _manifest_came(self, event: Answered, now: Moment, dice: float) -> Report | None:
        try:
            check_content_type(event.headers)
            if self._pins is not None:
                self._pins.check(event.body, event.headers.get(SIGNATURE_HEADER))
            manifest = decode_manifest(
                event.body, workspace=self._workspace, environment=self._environment, limits=self._limits
            )
        except (AnswerRefused, RulesetError) as error:
            return self._fail(cause_of_error(error), error, now, dice)
        cache = read_cache_headers(event.headers)
        verdict = self._guard.judge(
            manifest.order,
            manifest.raw,
            fresh=is_fresh(cache),
            max_age=float(cache.max_age or 0),
            monotonic=now.monotonic,
        )
        self._unconditional = False
        if verdict is Verdict.KEEP:
            self.step_backs += 1
            self.failed_at_age = self._age_when_begun
            return self._well(now, dice)
        etag, headers = sendable_etag(event.headers.get("etag")), kept_headers(event.headers)
        generation = 0 if self.served is None else self.served.generation
        served = Served(manifest, etag, headers, Source.NETWORK, generation, now.wall)
        if verdict is Verdict.SAME:
            self._confirm(served, now)
            return self._well(now, dice)
        stepped_back = verdict is Verdict.STEP_BACK
        if stepped_back:
            self.step_backs += 1
            served = served._replace(generation=generation + 1)
        poll = self._polling.bounded(cache.poll)
        self._take(Candidate(served, self._confirmation(cache, poll, now), poll, stepped_back), {})
        return None

    def _nothing_changed(self, event: Answered, now: Moment, dice: float) -> Report | None:
        served = self.served
        if served is None or self._asked_with is None or not is_same_etag(event.headers.get("etag"), self._asked_with):
            self._unconditional = True
            error = AnswerRefused("the backend answered 304 (not modified) to a request that cannot be answered so")
            return self._fail(Cause.UNUSABLE, error, now, dice)
        self.not_modified += 1
        headers = renewed_headers(served.headers, event.headers)
        served = served._replace(headers=headers, source=Source.NETWORK, checked_at=now.wall)
        self._guard.unchanged(fresh=is_fresh(read_cache_headers(headers)))
        self._confirm(served, now)
        return self._well(now, dice)

    # Pages, and the way into service.

    def _take(self, candidate: Candidate, pages: Mapping[str, bytes]) -> None:
        self._candidate = candidate
        self._shelf.begin(candidate.served.manifest, pages)
        self.phase = Phase.LACKING if self._missing() else Phase.COMPLETE

    def _on_its_way(self) -> Candidate:
        if self._candidate is None:
            msg = f"no ruleset is on its way while {self.phase}"
            raise RuntimeError(msg)
        return self._candidate

    def _missing(self) -> tuple[str, ...]:
        return self._shelf.missing(self._on_its_way().served.manifest, self.served and self.served.manifest)

    def _pages_came(self, event: PagesFetched, now: Moment, dice: float) -> Report | None:
        before = self._missing()
        error = self._shelf.put(event.pages, before)
        missing = self._missing()
        if error is None and missing == before:
            error = PageError(f"of {len(before)} pages, none came")
        if error is not None:
            return self._fail(Cause.UNUSABLE, error, now, dice)
        self.phase = Phase.LACKING if missing else Phase.COMPLETE
        return None

    def _page_refused(self, event: PageRefused, now: Moment, dice: float) -> Report | None:
        self._shelf.put(event.pages, self._missing())
        error = PageError(f"the backend answered {event.status} to the request for page {event.name}")
        return self._fail(cause_of_page_status(event.status), error, now, dice)

    def _adopted(self, event: Adopted, now: Moment, dice: float) -> Report | None:
        del event
        candidate = self._on_its_way()
        left = self._guard.order
        manifest = candidate.served.manifest
        self._guard.served(manifest.order, manifest.raw, stepped_back=candidate.stepped_back)
        self.served, self.confirmation, self.poll = candidate.served, candidate.confirmation, candidate.poll
        self.failed_at_age = self._candidate = None
        self.swaps += 1
        report = self._well(now, dice, candidate.next_at)
        if not candidate.stepped_back:
            return report
        message = f"took a step back from ruleset {left} to {self._guard.order}, as every fresh answer said"
        return Report("warning", message, stepped_back=True)

    def _not_adopted(self, event: AdoptFailed, now: Moment, dice: float) -> Report | None:
        if self._candidate is not None and self._candidate.next_at is not None:
            # A file that cannot be built says nothing about the backend: ask that, and not the file again.
            self._candidate, self._alone, self.phase = None, True, Phase.IDLE
            return None
        return self._fail(cause_of_error(event.error), event.error, now, dice)

    # Files, and other processes of this host.

    def _seeded(self, event: Seeded, now: Moment, dice: float) -> Report | None:
        asking = self.phase is Phase.ASKING
        if asking and not self.settled_by(event.checked_at, now):
            return self._ask_alone()
        served, cache = self.served, read_cache_headers(event.headers)
        poll = self._polling.bounded(cache.poll)
        lain = max(0.0, now.wall - event.checked_at)
        etag = sendable_etag(event.etag)
        seed = Served(event.manifest, etag, event.headers, event.source, event.generation, event.checked_at)
        confirmation = self._confirmation(cache, poll, now, lain=lain)
        if event.checked_at > now.wall + CLOCKS_DIFFER_SECONDS:
            confirmation = confirmation._replace(fresh_for=0.0)
        next_at = now.later(max(0.0, self._polling.stretched(poll, dice) - lain)) if asking else self.next_at
        if served is not None and event.manifest.raw == served.manifest.raw:
            if not asking:
                return None
            self.served, self.confirmation, self.poll, self.failed_at_age = seed, confirmation, poll, None
            return self._well(now, dice, next_at)
        if self._yields_to(event):
            back = served is not None and event.manifest.order <= served.manifest.order
            self._take(Candidate(seed, confirmation, poll, back, next_at), event.pages)
            return None
        return self._ask_alone() if asking else None

    def _yields_to(self, seed: Seeded) -> bool:
        """Whether a file goes into service: the first, a higher pair, or a step back that another process took."""
        if self.served is None:
            return True
        if seed.generation > self.served.generation and self._pins is None:
            return True
        return seed.manifest.order > self.served.manifest.order and seed.manifest.order != self._guard.left_behind

    def _ask_alone(self) -> Report | None:
        """What a neighbour knows is of no use here: ask the backend."""
        self.phase, self._alone, self.next_at = Phase.IDLE, True, LONG_AGO
        return None

    def _neighbour_failed(self, event: NeighbourFailed, now: Moment, dice: float) -> Report | None:
        if not self.settled_by_failure(event.failed_at, event.failures, now):
            return self._ask_alone()
        self._run.count = max(self._run.count, event.failures - 1)
        report = self._fail(Cause.UNREACHABLE, TransportError("another process of this host failed"), now, dice)
        self._failure_known_at = event.failed_at
        # Past the longest wait of whoever asked: of 32 processes' dice the lowest would else set the pace for all.
        wait = (
            event.failed_at
            + self._longest_backoff(event.failures)
            - now.wall
            + self._polling.look_again(self.poll, dice)
        )
        self.next_at = now.later(max(0.0, wait))
        return report

    def _neighbour_asks(self, event: NeighbourAsks, now: Moment, dice: float) -> None:
        del event
        since = self._sharing_since = self._sharing_since or now
        # The neighbour's exchange has a deadline too. One that seems to ask for longer is not waited for.
        self._alone = since.later(2.0 * self._polling.deadline).reached(now)
        self.phase = Phase.IDLE
        self.next_at = now.later(self._polling.look_again(self.poll, dice))

    # What may happen at any time.

    def _requested(self, event: Requested, now: Moment, dice: float) -> None:
        del event, dice
        if self.phase is not Phase.IDLE:
            return
        ready = LONG_AGO if self._began is None else self._began.later(self._polling.minimum)
        soon = now if ready.reached(now) else ready
        if not self._run.not_before.reached(now):
            soon = latest(soon, self._run.not_before)
        self._alone = True
        self.next_at = earliest(self.next_at, soon)

    def _forked(self, event: Forked, now: Moment, dice: float) -> None:
        del event
        self.phase = Phase.IDLE
        self._candidate = self._sharing_since = None
        soon = self._polling.after_fork(self.poll, dice)
        self.next_at = now.later(max(soon, self._wait_after_failures(dice)))
        if not self._run.not_before.reached(now):
            self.next_at = latest(self.next_at, self._run.not_before)

    def _failed(self, event: Failed, now: Moment, dice: float) -> Report | None:
        if self.phase is Phase.ASKING:
            self.polls += 1
        before = len(self._shelf.pages)
        if self._candidate is not None:
            self._shelf.put(event.pages, self._missing())
        got_on = isinstance(event.error, DeadlineExceeded) and len(self._shelf.pages) > before
        return self._fail(cause_of_error(event.error), event.error, now, dice, got_on=got_on)

    # The table of transitions.

    _HANDLERS: ClassVar[dict[tuple[Phase, type[Any]], Handler]] = {
        (Phase.IDLE, Seeded): _seeded,
        (Phase.ASKING, Answered): _answered,
        (Phase.ASKING, Seeded): _seeded,
        (Phase.ASKING, NeighbourFailed): _neighbour_failed,
        (Phase.ASKING, NeighbourAsks): _neighbour_asks,
        (Phase.PAGING, PagesFetched): _pages_came,
        (Phase.PAGING, PageRefused): _page_refused,
        (Phase.BUILDING, Adopted): _adopted,
        (Phase.BUILDING, AdoptFailed): _not_adopted,
    }
    _IN_EVERY_PHASE: ClassVar[dict[type[Any], Handler]] = {
        Requested: _requested,
        Forked: _forked,
        Failed: _failed,
    }
