"""One environment's delivery: does what its state machine says, and hands each new table to the views bound to it.

Every step runs on the worker's thread (or inline), one at a time. Readers take `table` and never come in here.
"""

from __future__ import annotations

import contextlib
import weakref
from collections import deque
from typing import TYPE_CHECKING, Protocol

from buildflags_sdk._evaluation.details import Source
from buildflags_sdk._refresh.events import (
    Adopt,
    Adopted,
    AdoptFailed,
    Answered,
    Failed,
    FetchManifest,
    FetchPages,
    Forked,
    Requested,
    WaitUntil,
)
from buildflags_sdk._refresh.facts import Phase
from buildflags_sdk._refresh.machine import Refresh
from buildflags_sdk._reports import Change, Status
from buildflags_sdk._snapshot import build
from buildflags_sdk._standing import ConfirmedStanding, FixedStanding, LiveStanding, Standing
from buildflags_sdk._tables import not_ready
from buildflags_sdk._transport import Request
from buildflags_sdk.errors import ClosedError, words_of

from .dispatcher import Dispatcher
from .latch import Latch
from .pages import PageFetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk._config import Settings
    from buildflags_sdk._refresh.events import Event, Report
    from buildflags_sdk._snapshot import Snapshot, Table
    from buildflags_sdk._transport import Transport
    from buildflags_sdk._wire.signing import Pins

    from .clock import Clock
    from .local import LocalCopies

BREATH_SECONDS = 0.0005
"""The pause between two steps of a build: other threads get the interpreter (p99.9 of evaluations: see the benchmark)."""

LEAST_SECONDS = 0.02
"""With less than this left of a budget no exchange is begun: it would only fail."""


class Log(Protocol):
    """What a feed says: one line per change of state."""

    def __call__(self, level: str, message: str, **fields: object) -> None: ...


class Feed:
    """Keeps the ruleset of one environment fresh. `transport` is asked for each time: a fork makes a new one."""

    def __init__(
        self,
        settings: Settings,
        *,
        transport: Callable[[], Transport],
        local: LocalCopies,
        clock: Clock,
        dice: Callable[[], float],
        log: Log,
        key_is_ours: bool = False,
        come_back: Callable[[], bool],
        pins: Pins | None = None,
    ) -> None:
        self._settings = settings
        self.environment = settings.environment
        self.name = f"{settings.url} {settings.workspace}/{settings.environment}"
        self._authorization = f"Bearer {settings.sdk_key.reveal()}" if key_is_ours else None
        self._transport = transport
        self._local = local
        self._clock = clock
        self._dice = dice
        self._log = log
        self._come_back = come_back
        self.machine = Refresh(
            polling=settings.polling,
            workspace=settings.workspace,
            environment=settings.environment,
            limits=settings.limits,
            pins=pins,
        )
        self.dispatcher = Dispatcher(self._listener_failed)
        self.table: Table = not_ready()
        self.ready = False
        self.closed = False
        self._seeded = False
        self._until: float | None = None
        self._asked = False
        self._told: list[weakref.WeakMethod[Callable[[], None]]] = []
        self._past: weakref.WeakKeyDictionary[Snapshot, Standing] = weakref.WeakKeyDictionary()
        self.first_answer = Latch()
        self._wanted: deque[Latch] = deque()
        self._awaited: list[Latch] = []

    # -- for views -----------------------------------------------------------------------------------------------------

    def attach(self, told: Callable[[], None]) -> None:
        """Call this method after each swap, for as long as its object lives."""
        self._told.append(weakref.WeakMethod(told))

    @property
    def viewed(self) -> bool:
        """Whether any attached view is alive."""
        self._told = [told for told in self._told if told() is not None]
        return bool(self._told)

    def come_back(self) -> bool:
        """Start again what a fork ended. False: the system gives no thread, and it is to be tried again."""
        return self._come_back()

    def standing_of(self, snapshot: Snapshot) -> Standing:
        """Where a snapshot came from and how old it is: the one in service, or one that a pinned view still reads."""
        if snapshot is self.table.snapshot:
            return self._standing()
        return self._past.get(snapshot) or self._standing()

    def request(self) -> Latch:
        """Ask for a refresh now. Returns what opens with the answer to a question asked after this call, good or bad.

        It only leaves a note: the worker, once woken, tells the machine.
        """
        latch = Latch()
        self._wanted.append(latch)
        if self.closed:
            latch.open()
        return latch

    def status(self) -> Status:
        """How it stands."""
        machine, now = self.machine, self._clock.moment()
        snapshot = self.table.snapshot if self.ready else None
        failing = machine.failing_since
        standing = self._standing()
        return Status(
            workspace=self._settings.workspace,
            environment=self.environment,
            source=standing.source,
            epoch=None if snapshot is None else snapshot.epoch,
            revision=None if snapshot is None else snapshot.revision,
            freshness=standing.freshness(self._settings.max_staleness),
            age=standing.age(),
            flags=0 if snapshot is None else len(snapshot.keys()),
            last_error=machine.last_error,
            failures=machine.failures,
            failing_for=None if failing is None else failing.elapsed(now)[1],
            next_refresh_in=None if self.closed else machine.next_in(now),
            refreshing=machine.next_in(now) is None,
            polls=machine.polls,
            not_modified=machine.not_modified,
            swaps=machine.swaps,
            step_backs=machine.step_backs,
            disk=self._local.directory,
            disk_error=self._local.error,
            broken={} if snapshot is None else snapshot.broken(),
            closed=self.closed,
        )

    # -- for the worker ------------------------------------------------------------------------------------------------

    def turn(self, going: Callable[[], bool], until: float | None = None) -> float | None:
        """Do what is due. Returns the seconds until something is; None when told to stop.

        Nothing is begun after `until` (monotonic seconds), nor may an exchange take longer; the next turn goes on.
        """
        self._until = until
        if not self._seeded:
            self._seeded = True
            for seed in self._local.seeds():
                self._tell(seed)
                self._settle(going)
                if self.ready:
                    break
        while going() and self._deadline() > 0.0:
            now = self._clock.moment()
            if self._wanted and self.machine.phase is Phase.IDLE:
                self.machine.received(Requested(), now, self._dice())
            action = self.machine.next_action(now)
            if isinstance(action, WaitUntil):
                return max(0.0, min(action.monotonic - now.monotonic, action.wall - now.wall))
            self._do(action, going)
        return None

    def forked(self) -> None:
        """Begin again in a child: what was under way is the parent's."""
        self.dispatcher.reset_after_fork()
        self._local.forked()
        self.first_answer = Latch()
        self._wanted, self._awaited = deque(), []
        self.machine.received(Forked(), self._clock.moment(), self._dice())

    def close(self) -> None:
        """Tell no more listeners."""
        self.closed = True
        self.dispatcher.close()
        self.first_answer.open()
        self._open_all([*self._awaited, *self._wanted])
        self._local.give_up_turn()

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _settle(self, going: Callable[[], bool]) -> None:
        """Put a seed into service, if it is to be, before asking the network."""
        while going() and self.machine.phase is not Phase.IDLE:
            self._do(self.machine.next_action(self._clock.moment()), going)

    def _do(self, action: object, going: Callable[[], bool]) -> None:
        try:
            if isinstance(action, FetchManifest):
                self._ask(action)
            elif isinstance(action, FetchPages):
                event = self._fetch(action, going)
                if going():  # told to stop, it came back with less, which is no failure
                    self._tell(event)
            elif isinstance(action, Adopt):
                self._adopt(action, going)
        except BaseException as error:  # noqa: BLE001 - the refresh loop's edge: whatever went wrong is a failed refresh
            if going():
                self._tell(
                    Failed(
                        error
                        if isinstance(error, Exception)
                        else RuntimeError(f"{type(error).__name__}: {words_of(error)}")
                    )
                )

    def _tell(self, event: Event, change: Change | None = None) -> None:
        before = self.machine.polls
        report = self.machine.received(event, self._clock.moment(), self._dice())
        if change is not None:  # before anybody is let through who might subscribe: it happened before that
            self.dispatcher.announce(change)
        if report is not None:
            self._say(report)
        if self.machine.polls > before:
            self._asked = True
        if self.machine.phase is Phase.IDLE and self._seeded:
            self._local.note(self.machine, self.table.snapshot if self.ready else None, self._clock.moment())
            if self._asked:
                awaited, self._awaited = self._awaited, []
                self.first_answer.open()
                self._open_all(awaited)

    @staticmethod
    def _open_all(latches: list[Latch]) -> None:
        for latch in latches:
            latch.open()

    def _ask(self, action: FetchManifest) -> None:
        settings = self._settings
        while self._wanted:
            self._awaited.append(self._wanted.popleft())
        if action.may_share and (shared := self._local.shared(self.machine, self._clock.moment())) is not None:
            self._tell(shared)
            if self.machine.phase is not Phase.ASKING:
                return
        path = f"/v1/workspaces/{settings.workspace}/environments/{settings.environment}/manifest"
        headers = {} if action.etag is None else {"if-none-match": action.etag}
        if self._authorization is not None:
            headers["authorization"] = self._authorization
        answer = self._transport().exchange(Request(path, headers, self._deadline(), settings.limits.manifest_bytes))
        self._tell(Answered(answer.status, answer.headers, answer.body))

    def _fetch(self, action: FetchPages, going: Callable[[], bool]) -> Event:
        ends = self._clock.moment().monotonic + self._deadline()
        return PageFetch(
            self._transport(),
            action,
            left=lambda: self._left_until(ends),
            max_bytes=self._settings.limits.page_bytes,
            going=lambda: going() and self._deadline() > 0.0,
        ).run()

    def _deadline(self) -> float:
        """The seconds that an exchange begun now may take; 0 when none may begin."""
        longest = self._settings.polling.deadline
        return longest if self._until is None else min(longest, self._left_until(self._until))

    def _left_until(self, ends: float) -> float:
        left = ends - self._clock.moment().monotonic
        return left if left >= LEAST_SECONDS else 0.0

    def _adopt(self, action: Adopt, going: Callable[[], bool]) -> None:
        previous = self.table.snapshot if self.ready else None
        try:
            snapshot = self._build(action, previous, going)
        except Exception as error:  # noqa: BLE001 - a ruleset that cannot be built is refused, whatever it broke
            if going():
                self._tell(AdoptFailed(error))
            return
        changed = snapshot.changed_since(previous)
        if previous is not None:
            self._past[previous] = self._frozen()
        self.table = snapshot.table
        self.ready = True
        for told in self._told:
            if (method := told()) is not None:
                method()
        change = Change(changed, None if previous is None else previous.revision, snapshot.revision)
        # last: whoever waits for an answer reads flags at once
        self._tell(Adopted(), change if changed or previous is None else None)

    def _build(self, action: Adopt, previous: Snapshot | None, going: Callable[[], bool]) -> Snapshot:
        """Build in small steps, with a breath between them, so that no caller feels it."""
        steps = build(action.manifest, action.pages, previous, self._settings.limits)
        while going():
            try:
                next(steps)
            except StopIteration as done:
                snapshot: Snapshot = done.value
                return snapshot
            self._clock.pause(BREATH_SECONDS)
        msg = "the client was closed"
        raise ClosedError(msg)

    # -- saying --------------------------------------------------------------------------------------------------------

    def _standing(self) -> Standing:
        return LiveStanding(self.machine, self._clock.moment) if self.ready else FixedStanding(Source.DEFAULT)

    def _frozen(self) -> Standing:
        served, confirmation = self.machine.served, self.machine.confirmation
        if served is None or confirmation is None:
            return FixedStanding(Source.DEFAULT)
        return ConfirmedStanding(served.source, confirmation, self._clock.moment)

    def _say(self, report: Report) -> None:
        self._log(
            report.level,
            report.message,
            workspace=self._settings.workspace,
            environment=self.environment,
            failures=report.failures,
            failing_for=report.seconds,
        )

    def _listener_failed(self, listener: object, error: BaseException) -> None:
        name = type(listener).__name__
        with contextlib.suppress(Exception):  # one that makes up its attributes may raise here too
            name = str(getattr(listener, "__qualname__", name))
        error_says = f"{type(error).__name__}: {words_of(error)}"
        self._log("error", f"the change listener {name} raised {error_says}; it is called again at the next change")
