"""What an evaluation answers: a decision made when an entry is compiled, and the details a caller sees."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Reason(StrEnum):
    """Why a value was chosen, in OpenFeature's words."""

    STATIC = "STATIC"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DISABLED = "DISABLED"
    DEFAULT = "DEFAULT"
    STALE = "STALE"
    ERROR = "ERROR"


class ErrorCode(StrEnum):
    """What went wrong with one evaluation, in OpenFeature's words."""

    FLAG_NOT_FOUND = "FLAG_NOT_FOUND"
    PARSE_ERROR = "PARSE_ERROR"
    TYPE_MISMATCH = "TYPE_MISMATCH"
    TARGETING_KEY_MISSING = "TARGETING_KEY_MISSING"
    INVALID_CONTEXT = "INVALID_CONTEXT"
    PROVIDER_NOT_READY = "PROVIDER_NOT_READY"
    GENERAL = "GENERAL"


class Source(StrEnum):
    """Where the ruleset came from that decided."""

    NETWORK = "network"
    DISK = "disk"
    BOOTSTRAP = "bootstrap"
    FILE = "file"
    OVERRIDE = "override"
    DEFAULT = "default"


class Freshness(StrEnum):
    """How the age of the ruleset stands to the poll interval and to `max_staleness`."""

    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"


class _CallerDefault:
    """The value of a decision that says: use the caller's default."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "CALLER_DEFAULT"


CALLER_DEFAULT: Final = _CallerDefault()


class Decision:
    """One possible outcome of one flag. Made when the entry is compiled, shared by all calls, compared by identity.

    What went wrong is `Fallback`'s to say: most decisions are no fallback, and a field of each costs 8 bytes.

    `value` is `CALLER_DEFAULT` when the caller's default is the answer. `on` is what `is_enabled` answers, or None
    when the caller's default is. `type` is the flag's declared type ("boolean", "string", "integer", "float", "object"),
    or "" when unknown. `copy`, when set, makes the caller's own copy of an object value.
    `count` counts evaluations when counting is on; it may lose a race.
    """

    __slots__ = (
        "copy",
        "count",
        "flag_key",
        "on",
        "reason",
        "rule_id",
        "type",
        "value",
        "variant",
    )

    error_code: ErrorCode | None = None
    error_message: str | None = None
    decided: bool = True

    def __init__(
        self,
        flag_key: str,
        value: Any,
        *,
        reason: Reason,
        type: str = "",  # the field's own word
        on: bool | None = None,
        variant: str | None = None,
        rule_id: str | None = None,
        copy: Callable[[], Any] | None = None,
    ) -> None:
        self.flag_key = flag_key
        self.value = value
        self.type = type
        self.on = on
        self.variant = variant
        self.reason = reason
        self.rule_id = rule_id
        self.copy = copy
        self.count = 0

    def always(self, _context: Any, _snapshot: Any, _world: Any) -> Decision:
        """This decision, whatever is asked: bound, an entry of 64 bytes where a closure takes 250."""
        return self

    def same_as(self, other: Decision) -> bool:
        """Tell whether two decisions say the same, whoever made them (the tests' oracle compares with this)."""
        return all(
            getattr(self, name) == getattr(other, name) and type(getattr(self, name)) is type(getattr(other, name))
            for name in _SAID
        )

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={getattr(self, name)!r}"
            for name in ("value", "variant", "reason", "rule_id", "error_code")
            if getattr(self, name) is not None
        )
        return f"Decision({self.flag_key!r}, {shown})"


_SAID: Final = (
    "flag_key",
    "value",
    "type",
    "on",
    "variant",
    "reason",
    "rule_id",
    "error_code",
    "error_message",
    "decided",
)


class Fallback(Decision):
    """A decision that is only a fallback: the caller's default, since the flag could not be decided. It says why."""

    __slots__ = ("decided", "error_code", "error_message")

    def __init__(
        self,
        flag_key: str,
        *,
        reason: Reason,
        error_code: ErrorCode | None = None,
        error_message: str | None = None,
        type: str = "",
        on: bool | None = None,
    ) -> None:
        super().__init__(flag_key, CALLER_DEFAULT, reason=reason, type=type, on=on)
        self.error_code = error_code
        self.error_message = error_message
        self.decided = False


class EvaluationDetails(NamedTuple, Generic[T]):
    """The full answer of one evaluation (OpenFeature: resolution details).

    `decided` is false when the value is only a fallback: with every error code, without a ruleset, when a condition
    cannot be judged locally, and past `max_staleness`. `age` is in seconds since the backend last confirmed the ruleset;
    None without one. `revision` is None without a ruleset.
    """

    flag_key: str
    value: T
    variant: str | None
    on: bool | None
    reason: Reason
    rule_id: str | None
    error_code: ErrorCode | None
    error_message: str | None
    revision: int | None
    source: Source
    freshness: Freshness | None
    age: float | None
    decided: bool
