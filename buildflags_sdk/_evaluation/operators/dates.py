"""`before` and `after`: moments, in the notations that systems use; bounds are left out, as every peer has it."""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from .row import Operator, Rows, Unpreparable, is_number, of_any_element, only, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[Any], float | None]
    Compare = Callable[[Any, Any], bool]

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_CHRONO = re.compile(
    r"\s*\+?(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|\s+)(\d\d?):(\d\d?):(\d\d?)(?:\.(\d+))?\s*(?:[Zz]|UTC|([-+\u2212])(\d\d):?(\d\d))\s*",
    re.ASCII,
)
_RELATIVE = re.compile(r"([+-]?)(\d{1,4})([hdwmy])", re.ASCII)
_HOURS = {"h": 1, "d": 24, "w": 168}
_MONTHS = {"m": 1, "y": 12}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(value: Any) -> float | None:
    """Seconds since 1970 of an RFC 3339 text, which names its offset, or of an aware datetime; else None."""
    if isinstance(value, str):
        if len(value) > 64 or not _RFC3339.fullmatch(value):
            return None
        try:
            return seconds(datetime.fromisoformat(value.upper()))
        except ValueError:  # the thirtieth of February
            return None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return seconds(value)
    return None


def chrono(value: Any) -> float | None:
    """As `rfc3339`, and as Rust's chrono reads more: blanks between the parts, as Python prints moments, short fields."""
    if not isinstance(value, str):
        return rfc3339(value)
    found = _CHRONO.fullmatch(value) if len(value) <= 64 else None
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    ahead = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    leap = second == "60"
    if int(minutes or 0) > 59 or ahead >= timedelta(days=1):
        return None
    try:
        at = datetime(int(year), int(month), int(day), int(hour), int(minute), 59 if leap else int(second), tzinfo=UTC)
        at += timedelta(seconds=leap) + (-ahead if sign == "+" else ahead)
    except (ValueError, OverflowError):
        return None
    whole = seconds(at)
    return None if whole is None else whole + float(f"0.{fraction or 0}")


def seconds(moment: datetime) -> float | None:
    """Seconds since 1970 of an aware datetime."""
    try:
        return (moment - _EPOCH).total_seconds()
    except (OverflowError, TypeError):
        return None


def epoch_seconds(value: Any) -> float | None:
    """A number of seconds, as it is, or RFC 3339 text."""
    return _finite(value) if is_number(value) else rfc3339(value)


def epoch_milliseconds(value: Any) -> float | None:
    """A number of milliseconds, or RFC 3339 text (LaunchDarkly reads both)."""
    if not is_number(value):
        return rfc3339(value)
    number = _finite(value)
    return None if number is None else number / 1000


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number - number == 0 else None


def ago(text: Any) -> Callable[[float], float | None] | None:
    """A moment relative to now, such as `-7d`, `-36h`, `-2w`, `-3m` or `+1y`; None when the text is none.

    Months and years are the calendar's; a day that the month lacks becomes its last.
    """
    found = _RELATIVE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    sign, count, unit = found.groups()
    amount = int(count) if sign == "+" else -int(count)
    if unit in _HOURS:
        span = 3600.0 * _HOURS[unit] * amount
        return lambda now: now + span
    months = _MONTHS[unit] * amount
    return lambda now: _months_later(now, months)


def _months_later(now: float, months: int) -> float | None:
    try:
        start = _EPOCH + timedelta(seconds=now)
        years, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        for day in range(start.day, start.day - 4, -1):
            try:
                return seconds(start.replace(year=years, month=month + 1, day=day))
            except ValueError:
                continue
    except (OverflowError, ValueError):
        pass
    return None


def _prepare_dates(read: Read, compare: Compare, deciding: Callable[[Any], Any]) -> Callable[[list[Any]], Any]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        taken = [read_moment(read, value) for value in values]
        if not taken:
            return lambda _: False
        bound = deciding(taken)

        def holds(thing: Any) -> bool:
            moment = read(thing)
            return moment is not None and compare(moment, bound)

        return of_any_element(holds)

    return prepare


def read_moment(read: Read, value: Any) -> float:
    """A moment among the values. Raises `Unpreparable`."""
    moment = read(value)
    if moment is None:
        msg = f"not a moment: {shown(value)}"
        raise Unpreparable(msg)
    return moment


def _prepare_relative(compare: Compare) -> Callable[[list[Any]], Any]:
    def prepare(values: list[Any]) -> Callable[[Any, float], bool]:
        value = only(values)
        bound_at = ago(value)
        if bound_at is None:
            msg = f"a relative moment is text such as -7d, in hours, days, weeks, months or years, not {shown(value)}"
            raise Unpreparable(msg)

        def holds(thing: Any, now: float) -> bool:
            moment = rfc3339(thing)
            bound = bound_at(now)
            return moment is not None and bound is not None and compare(moment, bound)

        def test(attribute: Any, now: float) -> bool:
            if isinstance(attribute, (list, tuple)):
                return any(holds(element, now) for element in attribute)
            return holds(attribute, now)

        return test

    return prepare


def _prepare_unleash(compare: Compare) -> Callable[[list[Any]], Any]:
    """Unleash's `currentTime`: the evaluation's moment where the context does not say another."""

    def prepare(values: list[Any]) -> Callable[[Any, float], bool]:
        bound = read_moment(chrono, only(values))

        def test(attribute: Any, now: float) -> bool:
            moment = now if attribute is None else chrono(attribute)
            return moment is not None and compare(moment, bound)

        return test

    return prepare


ROWS: Rows = {}
_DIALECTS: dict[str, tuple[Read, str]] = {
    "strict": (rfc3339, "RFC 3339 texts"),
    "chrono": (chrono, "RFC 3339 texts, or as Python prints moments"),
    "epoch_s": (epoch_seconds, "seconds since 1970 or RFC 3339 texts"),
    "epoch_ms": (epoch_milliseconds, "milliseconds since 1970 or RFC 3339 texts"),
}
for _op, _compare, _deciding in (("before", operator.lt, max), ("after", operator.gt, min)):
    for _dialect, (_read, _operand) in _DIALECTS.items():
        ROWS[_op, _dialect] = Operator(_prepare_dates(_read, _compare, _deciding), _operand)
    ROWS[_op, "relative"] = Operator(_prepare_relative(_compare), "one text such as -7d", needs_now=True)
    ROWS[_op, "unleash"] = Operator(_prepare_unleash(_compare), "one RFC 3339 text", needs_now=True, sees_missing=True)
