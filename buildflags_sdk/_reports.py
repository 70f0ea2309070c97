"""What a client reports about itself: how it started, how it stands, what changed. Frozen records, no behaviour."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._evaluation.details import Freshness, Source


class Readiness(NamedTuple):
    """How `start()` ended. True when there is a ruleset to decide with, wherever it came from.

    `source` is where the ruleset in service came from (network, disk, bootstrap, file), or `default` when there is
    nothing yet; `revision` is its number; `error` says in one line why the network has not answered, if it has not.
    """

    source: Source
    revision: int | None
    error: str | None = None

    @property
    def ready(self) -> bool:
        """Whether there is a ruleset to decide with."""
        return self.revision is not None

    def __bool__(self) -> bool:
        return self.revision is not None


class Change(NamedTuple):
    """One swap of rulesets, as told to listeners. A slow listener gets the union of what it missed."""

    keys: frozenset[str]
    old_revision: int | None
    new_revision: int


class Status(NamedTuple):
    """How one environment of a client stands, at one moment. Ages and intervals in seconds.

    `age` counts from the moment the backend last confirmed the ruleset; `next_refresh_in` is None when no refresh is
    planned (a file, a closed client, or an exchange under way). `broken` names the flags that cannot be evaluated, each
    with the reason. Counts are totals since the client was made.
    """

    workspace: str
    environment: str
    source: Source
    epoch: int | None
    revision: int | None
    freshness: Freshness | None
    age: float | None
    flags: int
    last_error: str | None
    failures: int
    failing_for: float | None
    next_refresh_in: float | None
    refreshing: bool
    polls: int
    not_modified: int
    swaps: int
    step_backs: int
    disk: str | None
    disk_error: str | None
    broken: Mapping[str, str]
    closed: bool
