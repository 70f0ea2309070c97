"""The actions of AWS Lambda Powertools' feature flags, in Python's own equality and containment."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from .row import Operator, Rows, Unpreparable, only, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def _row(holds: Callable[[Any, Any], Any], operand: str, *, needs_list: bool = False) -> Operator:
    """`holds(attribute, value)` in Python's semantics; what Python refuses does not hold."""

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        value = only(values)
        if needs_list and not isinstance(value, list):
            msg = f"this action takes a list, not {shown(value)}"
            raise Unpreparable(msg)

        def test(attribute: Any) -> bool:
            try:
                return bool(holds(attribute, value))
            except (TypeError, ValueError, AttributeError, ArithmeticError, RecursionError):
                return False

        return test

    return Operator(prepare, operand)


def _modulo_range(values: list[Any]) -> Callable[[Any], bool]:
    value = only(values)
    if not isinstance(value, dict) or not all(isinstance(value.get(word), int) for word in ("BASE", "START", "END")):
        msg = f'a modulo range is {{"BASE": n, "START": a, "END": b}}, not {shown(value)}'
        raise Unpreparable(msg)
    base, start, end = value["BASE"], value["START"], value["END"]
    if base == 0:
        msg = "the BASE of a modulo range is not 0"
        raise Unpreparable(msg)

    def test(attribute: Any) -> bool:
        try:
            return isinstance(attribute, (int, float)) and bool(start <= attribute % base <= end)
        except OverflowError:  # a base beyond any float
            return False

    return test


def _zone(value: dict[str, Any]) -> tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only schedules pay for the import

    name = value.get("TIMEZONE", "UTC")
    try:
        return ZoneInfo(name)
    except (TypeError, ValueError, OSError, KeyError):
        msg = f"there is no time zone {shown(name)}"
        raise Unpreparable(msg) from None


def _schedule(within: Callable[[dict[str, Any]], Callable[[datetime], bool]]) -> Operator:
    """A test of the evaluation's own moment, whatever the attribute."""

    def prepare(values: list[Any]) -> Callable[[Any, float], bool]:
        from datetime import datetime  # noqa: PLC0415

        value = only(values)
        if not isinstance(value, dict):
            msg = f"a schedule is an object, not {shown(value)}"
            raise Unpreparable(msg)
        zone, holds = _zone(value), within(value)

        def test(attribute: Any, now: float) -> bool:
            try:
                return holds(datetime.fromtimestamp(now, zone))
            except (OverflowError, ValueError, OSError):
                return False

        return test

    return Operator(prepare, "one object as Powertools writes it", needs_now=True, sees_missing=True)


def _minutes(value: dict[str, Any], word: str) -> int:
    found = _CLOCK.fullmatch(value[word]) if isinstance(value.get(word), str) else None
    if found is None:
        msg = f"{word} is a time of day such as 08:30, not {shown(value.get(word))}"
        raise Unpreparable(msg)
    return int(found[1]) * 60 + int(found[2])


def _time_range(value: dict[str, Any]) -> Callable[[datetime], bool]:
    start, end = _minutes(value, "START"), _minutes(value, "END")

    def holds(local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        return start <= minute <= end if start <= end else minute >= start or minute <= end

    return holds


def _datetime_range(value: dict[str, Any]) -> Callable[[datetime], bool]:
    from datetime import datetime  # noqa: PLC0415

    ends = []
    for word in ("START", "END"):
        try:
            moment = datetime.fromisoformat(value[word])
        except (KeyError, TypeError, ValueError):
            msg = f"{word} is a moment in ISO form, not {shown(value.get(word))}"
            raise Unpreparable(msg) from None
        ends.append(moment if moment.tzinfo else moment.replace(tzinfo=_zone(value)))
    return lambda local: ends[0] <= local <= ends[1]


def _days(value: dict[str, Any]) -> Callable[[datetime], bool]:
    days = value.get("DAYS")
    if not isinstance(days, list) or not all(day in _DAYS for day in days):
        msg = f"DAYS lists days such as MONDAY, not {shown(days)}"
        raise Unpreparable(msg)
    numbers = frozenset(map(_DAYS.index, days))
    return lambda local: local.weekday() in numbers


ROWS: Rows = {
    ("equals", "powertools"): _row(operator.eq, "one value"),
    ("not_equals", "powertools"): _row(operator.ne, "one value"),
    ("starts_with", "powertools"): _row(lambda key, value: key.startswith(value), "one text"),
    ("ends_with", "powertools"): _row(lambda key, value: key.endswith(value), "one text"),
    ("in", "powertools"): _row(lambda key, value: key in value, "one list or text"),
    ("not_in", "powertools"): _row(lambda key, value: key not in value, "one list or text"),
    ("contains", "powertools"): _row(lambda key, value: value in key, "one value"),
    ("not_contains", "powertools"): _row(lambda key, value: value not in key, "one value"),
    ("all_in", "powertools"): _row(
        lambda key, value: isinstance(key, list) and all(element in value for element in key),
        "one list",
        needs_list=True,
    ),
    ("intersects", "powertools"): _row(
        lambda key, value: isinstance(key, list) and any(element in value for element in key),
        "one list",
        needs_list=True,
    ),
    ("not_intersects", "powertools"): _row(
        lambda key, value: isinstance(key, list) and not any(element in value for element in key),
        "one list",
        needs_list=True,
    ),
    ("lt", "powertools"): _row(operator.lt, "one value"),
    ("lte", "powertools"): _row(operator.le, "one value"),
    ("gt", "powertools"): _row(operator.gt, "one value"),
    ("gte", "powertools"): _row(operator.ge, "one value"),
    ("modulo_range", "powertools"): Operator(_modulo_range, 'one {"BASE":n,"START":a,"END":b}, both ends in'),
    ("time_of_day", "powertools"): _schedule(_time_range),
    ("moment_between", "powertools"): _schedule(_datetime_range),
    ("day_of_week", "powertools"): _schedule(_days),
}
