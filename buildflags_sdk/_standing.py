"""Where the ruleset behind a table came from and how old it is. Read for details and status, never on the fast path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ._evaluation.details import Freshness, Source
from ._freshness import age_of, freshness_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._freshness import Confirmation, Moment
    from ._refresh.machine import Refresh


class Standing(Protocol):
    """What details and status ask of the ruleset that decided."""

    @property
    def source(self) -> Source:
        """Where it came from; `default` when there is none."""
        ...

    def age(self) -> float | None:
        """Seconds since the backend last confirmed it, or None when that means nothing."""
        ...

    def freshness(self, max_staleness: float | None = None) -> Freshness | None:
        """How that age stands to the poll interval and to `max_staleness`, or None when that means nothing."""
        ...


class FixedStanding:
    """The standing of flags given by hand or by a file: they do not age. Also that of having nothing yet."""

    __slots__ = ("source",)

    def __init__(self, source: Source) -> None:
        self.source = source

    def age(self) -> float | None:
        """None: nobody confirms it."""
        return None

    def freshness(self, max_staleness: float | None = None) -> Freshness | None:  # noqa: ARG002 - the Protocol's
        """None: it does not age."""
        return None


class ConfirmedStanding:
    """The standing of a ruleset that is no longer in service: what the backend last said of it."""

    __slots__ = ("_confirmation", "_now", "source")

    def __init__(
        self,
        source: Source,
        confirmation: Confirmation,
        now: Callable[[], Moment],
    ) -> None:
        self.source = source
        self._confirmation = confirmation
        self._now = now

    def age(self) -> float | None:
        """Seconds since the backend last confirmed it."""
        return age_of(self._confirmation, self._now())

    def freshness(self, max_staleness: float | None = None) -> Freshness | None:
        """How that age stands."""
        return freshness_of(self._confirmation, self._now(), max_staleness)


class LiveStanding:
    """The standing of the ruleset in service, which the next answer may renew."""

    __slots__ = ("_machine", "_now")

    def __init__(self, machine: Refresh, now: Callable[[], Moment]) -> None:
        self._machine = machine
        self._now = now

    @property
    def source(self) -> Source:
        """Where it came from."""
        served = self._machine.served
        return Source.DEFAULT if served is None else served.source

    def age(self) -> float | None:
        """Seconds since the backend last confirmed it."""
        return self._machine.age(self._now())

    def freshness(self, max_staleness: float | None = None) -> Freshness | None:
        """How that age stands."""
        return self._machine.freshness(self._now(), max_staleness)
