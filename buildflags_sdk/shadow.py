"""Two flag systems side by side, in production: one answers, the other is compared with it, off the caller's path.

So a team that moves watches the differences stay at zero for a week, and then switches. It must never slow a caller down
or raise into one: what cannot be compared in time is dropped, and counted.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from ._runtime.forks import watch
from ._scope import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ._views import AttributeNames
    from .client import AsyncClient, Client
    from .client import Pinned as PinnedView


class Theirs(Protocol):
    """The other system.

    `value` answers as its own SDK does. What its method `explain(key, context)` gives, if it has one, is written beside
    our trace in the log of differences.
    """

    def value(self, key: str, default: Any, context: Mapping[str, Any]) -> Any:
        """The flag's value for a context, or `default`."""
        ...


@dataclass(frozen=True)
class FlagCount:
    """How often one flag was compared. `failed` counts comparisons in which the system that does not answer raised."""

    equal: int = 0
    different: int = 0
    failed: int = 0


@dataclass(frozen=True)
class ShadowReport:
    """What this process compared so far.

    `dropped` evaluations were to be compared and were not, for lack of time. `unwritten` differences were counted and are not
    in the log, which was full.
    """

    flags: Mapping[str, FlagCount] = field(default_factory=dict)
    dropped: int = 0
    unwritten: int = 0

    @property
    def compared(self) -> int:
        """All comparisons that came to an answer."""
        return sum(count.equal + count.different for count in self.flags.values())

    @property
    def different(self) -> int:
        """Those in which the two did not answer alike."""
        return sum(count.different for count in self.flags.values())


@dataclass(frozen=True)
class _Asked:
    key: str
    default: Any
    context: Mapping[str, Any]
    answer: Any
    ours: PinnedView


class ShadowClient:
    """Answers from one system and compares with the other.

    Args:
        ours: a started client of ours, of either kind. The caller closes it.
        theirs: the other system. Where it does not answer, it is asked on a thread of this client's own.
        attributes: makes our context out of one in the other system's names (an import states its mapping).
        answer_from: whose answers the application gets: "theirs" until the switch, "ours" after it.
        rate: the share of evaluations that are compared, from 0 to 1.
        log: a file to which differences are appended as NDJSON, with both traces; processes may share one. None: they are
            only counted.
        log_limit: the bytes that the file may grow to; further differences are only counted.
        most_waiting: evaluations that may wait to be compared; further ones are dropped.
        dice: gives a number from 0 to 1.

    ```python
    shadow = ShadowClient(client, MyLaunchDarkly(ld), log="differences.ndjson", rate=0.1)
    shadow.is_enabled("new-checkout", {"targetingKey": user.id})
    ```
    """

    def __init__(
        self,
        ours: Client | AsyncClient,
        theirs: Theirs,
        *,
        attributes: AttributeNames | None = None,
        answer_from: Literal["ours", "theirs"] = "theirs",
        rate: float = 1.0,
        log: Path | str | None = None,
        log_limit: int = 100_000_000,
        most_waiting: int = 10_000,
        dice: Callable[[], float] = random.random,
    ) -> None:
        if answer_from not in ("ours", "theirs"):
            msg = f"answer_from={answer_from!r}; give 'ours' or 'theirs'"
            raise ValueError(msg)
        if not 0 <= rate <= 1:
            msg = f"rate={rate!r} must lie from 0 (compare nothing) to 1 (compare everything)"
            raise ValueError(msg)
        self._ours = ours
        self._theirs = theirs
        self._attributes = attributes
        self._answer_from = answer_from
        self._rate = rate
        self._log = None if log is None else Path(log)
        self._log_limit = log_limit
        self._dice = dice
        self._most_waiting = most_waiting
        self._counts: dict[str, FlagCount] = {}
        self._dropped = self._unwritten = 0
        self._waiting: deque[_Asked] = deque()
        self._condition = threading.Condition()
        self._closed = False
        self._idle = True
        self._said = False
        self._thread: threading.Thread | None = None
        watch(self)

    def is_enabled(self, key: str, context: Mapping[str, Any] | None = None, *, default: bool = False) -> bool:
        """Tell whether a flag is on, by the system that answers."""
        return bool(self.get_value(key, default, context))

    def get_value(self, key: str, default: Any, /, context: Mapping[str, Any] | None = None) -> Any:
        """The flag's value, by the system that answers. Raises nothing: if that one fails, the other is asked."""
        context = context or {}
        ours = self._ours.pinned()
        if self._answer_from == "ours":
            answer = ours.get_value(key, default, self._in_our_names(context))
        else:
            try:
                answer = self._theirs.value(key, default, context)
            except Exception as error:  # noqa: BLE001 - the other system's failure must not become the application's
                self._count(key, failed=1)
                self._say(key, error)
                return ours.get_value(key, default, self._in_our_names(context))
        if self._rate and (self._rate >= 1 or self._dice() < self._rate):
            given: Any = context  # what is no mapping at all is told by the evaluation
            kept = dict(given) if isinstance(given, Mapping) else given
            self._put(_Asked(key, default, kept, answer, ours))
        return answer

    def _in_our_names(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._attributes is None:
            return context
        try:
            return self._attributes.apply(context)
        except Exception as error:  # noqa: BLE001 - a mapping may raise anything; the evaluation tells it, and no caller feels it
            return unreadable(error, context)

    def report(self) -> ShadowReport:
        """What was compared so far."""
        with self._condition:
            return ShadowReport(dict(self._counts), self._dropped, self._unwritten)

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until all that waits has been compared, at most so long. True when it has."""
        end = time.monotonic() + seconds
        with self._condition:
            while self._waiting or not self._idle:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._condition.wait(left)
        return True

    def close(self, seconds: float = 5.0) -> None:
        """Compare what waits, for at most so long, and stop. Neither system is closed."""
        self.flush(seconds)
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def before_fork(self) -> None:
        """Nothing is to be done: the child takes a lock of its own."""

    def after_fork_in_parent(self) -> None:
        """Nothing was done."""

    def after_fork_in_child(self) -> None:
        """Count anew, and leave to the parent what waited there."""
        self._condition, self._thread, self._idle = threading.Condition(), None, True
        self._waiting.clear()
        self._counts, self._dropped, self._unwritten = {}, 0, 0

    # -- off the caller's path -----------------------------------------------------------------------------------------

    def _put(self, asked: _Asked) -> None:
        with self._condition:
            if self._closed or len(self._waiting) >= self._most_waiting:
                self._dropped += 1
                return
            self._waiting.append(asked)
            if self._thread is None or not self._thread.is_alive():  # also in a forked child
                self._thread = threading.Thread(target=self._run, name="buildflags-shadow", daemon=True)
                with contextlib.suppress(RuntimeError):  # no more threads to be had: it waits for the next one
                    self._thread.start()
            self._condition.notify_all()

    def _run(self) -> None:
        while (asked := self._next()) is not None:
            try:
                self._compare(asked)
            except Exception as error:  # noqa: BLE001 - one comparison that fails must not end all others
                self._count(asked.key, failed=1)
                self._say(asked.key, error)

    def _next(self) -> _Asked | None:
        with self._condition:
            self._idle = True
            self._condition.notify_all()
            while not self._waiting and not self._closed:
                self._condition.wait()
            if not self._waiting:
                return None
            self._idle = False
            return self._waiting.popleft()

    def _compare(self, asked: _Asked) -> None:
        if self._answer_from == "ours":
            ours, theirs = asked.answer, self._theirs.value(asked.key, asked.default, asked.context)
        else:
            ours, theirs = (
                asked.ours.get_value(asked.key, asked.default, self._in_our_names(asked.context)),
                asked.answer,
            )
        if same(ours, theirs):
            self._count(asked.key, equal=1)
            return
        self._count(asked.key, different=1)
        if self._log is not None:
            self._write(self._log, self._difference(asked, ours, theirs))

    def _write(self, log: Path, difference: dict[str, Any]) -> None:
        try:
            data = (json.dumps(difference, default=str, ensure_ascii=False) + "\n").encode()
        except UnicodeEncodeError:  # half of a surrogate pair
            data = (json.dumps(difference, default=str) + "\n").encode()
        with log.open("ab", buffering=0) as file:  # one write: lines of processes that share the file stay whole
            if file.tell() + len(data) <= self._log_limit:
                file.write(data)
                return
        with self._condition:
            self._unwritten += 1
            first = self._unwritten == 1
        if first:
            logging.getLogger("buildflags_sdk.shadow").warning(
                "%s has its %d bytes: further differences are only counted; move the file away to have them written again",
                log,
                self._log_limit,
            )

    def _difference(self, asked: _Asked, ours: Any, theirs: Any) -> dict[str, Any]:
        explain = getattr(self._theirs, "explain", None)
        return {
            "at": time.time(),
            "key": asked.key,
            "context": asked.context,
            "revision": asked.ours.revision,
            "ours": {
                "value": ours,
                "trace": asked.ours.explain(asked.key, self._in_our_names(asked.context)).as_dict(),
            },
            "theirs": {"value": theirs, "trace": None if explain is None else explain(asked.key, asked.context)},
        }

    def _count(self, key: str, *, equal: int = 0, different: int = 0, failed: int = 0) -> None:
        with self._condition:
            old = self._counts.get(key, FlagCount())
            self._counts[key] = FlagCount(old.equal + equal, old.different + different, old.failed + failed)

    def _say(self, key: str, error: Exception) -> None:
        if not self._said:
            self._said = True
            logging.getLogger("buildflags_sdk.shadow").warning(
                "comparing %r failed: %s: %s; further failures are only counted", key, type(error).__name__, error
            )


def same(ours: Any, theirs: Any) -> bool:
    """Whether two answers are one value: a bool is no number, an integer may be a whole float."""
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)
