"""The decisions a flag can come to, each made once when its entry is compiled. Both evaluators make them here."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from .context import TARGETING_KEY
from .details import CALLER_DEFAULT, Decision, Fallback, Reason
from .lines import Refused, shown, within_floats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .details import ErrorCode

_OTHER_KEYS = ("targeting_key", "key", "user_id")


class Outcome(NamedTuple):
    """A variant, ready to be served. `value` is `CALLER_DEFAULT` for a variant without a value."""

    name: str
    value: Any
    on: bool


def outcome_of(flag_type: str, name: str, body: Any) -> Outcome:
    """Read a variant, bare or in its long form, and check it against the flag's type. Raises `Refused`."""
    value: Any = body
    on: Any = True
    if isinstance(body, dict):
        if not body.keys() <= {"value", "on"}:
            msg = f"variants.{name}: the long form has the fields value and on, not {shown(body)}"
            raise Refused(msg)
        value, on = body.get("value", CALLER_DEFAULT), body.get("on", True)
    if flag_type == "boolean" and isinstance(value, bool) and (not isinstance(body, dict) or "on" not in body):
        on = value
    if not isinstance(on, bool) or not _fits(flag_type, value, on=on):
        msg = f"variants.{name}: {shown(body)} is no variant of a flag of type {flag_type}"
        raise Refused(msg)
    return Outcome(name, float(value) if flag_type == "float" and value is not CALLER_DEFAULT else value, on)


def decision_of(
    flag_key: str, flag_type: str, outcome: Outcome | None, reason: Reason, rule_id: str | None = None
) -> Decision:
    """The decision to serve a variant, or the caller's default where the ruleset names none."""
    if outcome is None:
        return caller_default(flag_key, flag_type, reason, rule_id)
    value = outcome.value
    return Decision(
        flag_key,
        value,
        type=flag_type,
        on=outcome.on,
        variant=outcome.name,
        reason=reason,
        rule_id=rule_id,
        copy=copier(value) if isinstance(value, (dict, list)) else None,
    )


def caller_default(flag_key: str, flag_type: str, reason: Reason, rule_id: str | None = None) -> Decision:
    """The decision to use the caller's default, because the ruleset says so."""
    return Decision(flag_key, CALLER_DEFAULT, type=flag_type, reason=reason, rule_id=rule_id)


def undecided(flag_key: str, flag_type: str) -> Decision:
    """The flag cannot be judged here: the caller's default, and not because the ruleset says so."""
    return Fallback(flag_key, type=flag_type, reason=Reason.DEFAULT)


def failed(flag_key: str, code: ErrorCode, message: str, flag_type: str = "") -> Decision:
    """An error's decision: the caller's default, and what was wrong."""
    return Fallback(flag_key, type=flag_type, reason=Reason.ERROR, error_code=code, error_message=message)


def missing_key_message(path: tuple[str, ...], context: Mapping[str, Any]) -> str:
    """What TARGETING_KEY_MISSING says; it points at a key that was given under another system's name."""
    wanted = ".".join(path)
    message = f"the context has no usable {wanted!r}, a text or an integer, to bucket by"
    if path == (TARGETING_KEY,):
        other = next((name for name in _OTHER_KEYS if context.get(name) is not None), None)
        if other is not None:
            return f"{message}; it has {other!r}: give that as {wanted!r}"
    return message


def copier(value: dict[str, Any] | list[Any]) -> Callable[[], Any]:
    """A function that makes a new copy of an object value: the C method when it is flat."""
    inner = value.values() if isinstance(value, dict) else value
    if any(isinstance(item, (dict, list)) for item in inner):
        return partial(_copy, value)
    return value.copy


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(item) if isinstance(item, (dict, list)) else item for name, item in value.items()}
    return [_copy(item) if isinstance(item, (dict, list)) else item for item in value]


def _fits(flag_type: str, value: Any, *, on: bool) -> bool:
    if flag_type == "boolean":
        return isinstance(value, bool) and value is on
    if value is CALLER_DEFAULT or flag_type == "object":
        return True
    if flag_type == "string":
        return isinstance(value, str)
    if isinstance(value, bool):
        return False
    if flag_type == "integer":
        return isinstance(value, int)
    return isinstance(value, (int, float)) and within_floats(value) is value
