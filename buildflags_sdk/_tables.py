"""Tables that answer when no ruleset may: nothing yet, too old, or overridden. Each reads like a snapshot's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._evaluation.details import Decision, ErrorCode, Fallback, Reason
from ._snapshot import Snapshot, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOT_READY_MESSAGE = "there is no ruleset yet: neither network nor disk nor bootstrap file had one"
EXPIRED_MESSAGE = "the ruleset is older than max_staleness"


class FixedTable(Table):
    """Gives every key the same kind of answer: the caller's default, and why."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[str], Decision], snapshot: Snapshot | None = None) -> None:
        super().__init__(snapshot if snapshot is not None else Snapshot.from_lines({}, {}))
        self._make = make

    def __missing__(self, key: str) -> Any:
        return self._make(key).always


def not_ready() -> FixedTable:
    """The table before the first ruleset."""
    return FixedTable(
        lambda key: Fallback(
            key,
            reason=Reason.ERROR,
            error_code=ErrorCode.PROVIDER_NOT_READY,
            error_message=NOT_READY_MESSAGE,
        )
    )


def expired(snapshot: Snapshot) -> FixedTable:
    """The table of a ruleset that is older than `max_staleness`."""
    return FixedTable(
        lambda key: Fallback(key, reason=Reason.STALE, error_message=EXPIRED_MESSAGE),
        snapshot,
    )


class OverlayTable(Table):
    """A table with some answers laid over it."""

    __slots__ = ("_base", "_laid")

    def __init__(self, base: Table, values: Mapping[str, Any]) -> None:
        super().__init__(base.snapshot)
        self._base = base
        self._laid = {key: override_decision(key, value) for key, value in values.items()}
        for key, decision in self._laid.items():
            self[key] = decision.value if isinstance(decision.value, bool) else decision.always

    def __missing__(self, key: str) -> Any:
        return self._base[key]

    def laid(self, key: str) -> Decision | None:
        """What is laid over a key, or None."""
        found = self._laid.get(key)
        if found is None and isinstance(self._base, OverlayTable):
            return self._base.laid(key)
        return found


def override_decision(key: str, value: Any) -> Decision:
    """The decision of an override: the value as given, on unless it is false, and decided."""
    if isinstance(value, Decision):
        return value
    copy = None
    if isinstance(value, dict | list):
        from copy import deepcopy  # noqa: PLC0415 - tests that override an object value

        def copy() -> Any:
            return deepcopy(value)

    return Decision(
        key,
        value,
        type=_type_of(value),
        on=value if isinstance(value, bool) else True,
        reason=Reason.STATIC,
        copy=copy,
    )


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, str) else "object"
