"""Statsig's comparisons: everything has a text, a list too, and an absent attribute's is empty. Negations are `negate`."""

from __future__ import annotations

import operator
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from .equality import same
from .row import Operator, Rows, Unpreparable, is_number, only, shown, texts
from .statsig_text import attribute_text, operand_text
from .wording import unaltered

if TYPE_CHECKING:
    from collections.abc import Callable

    Prepare = Callable[[list[Any]], Callable[[Any], bool]]
    Fold = Callable[[str], str]

_DAY = 86_400_000
_LONGEST_SECONDS = 9_999_999_999
_LONGEST_VERSION = 256
_FARTHEST = 2**63 - 1
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d:\d\d[Zz]| \d\d:\d\d:\d\d[Zz]?)", re.ASCII)


def _text_of_attribute(value: Any) -> str | None:
    """The text that an attribute is compared by: an object's is empty, as an absent attribute's is; patterns have another."""
    return "" if isinstance(value, dict) else attribute_text(value)


def statsig_number(value: Any) -> float | None:
    """A number, or the text of one without spaces around it."""
    if isinstance(value, str):
        if value != value.strip() or "_" in value or not value.isascii():
            return None
        try:
            value = float(value)
        except ValueError:
            return None
    try:
        return float(value) if is_number(value) and value == value else None  # noqa: PLR0124 - NaN differs from itself
    except OverflowError:
        return None


def statsig_version(value: Any) -> tuple[str, ...] | None:
    """The parts of a version, cut at `-`. A number counts by its text."""
    text = attribute_text(value) if is_number(value) else value
    if not isinstance(text, str) or len(text) > _LONGEST_VERSION:
        return None
    return tuple(text.split("-")[0].split("."))


def _order_of_versions(left: tuple[str, ...], right: tuple[str, ...]) -> int | None:
    """Below, at or above 0. Part by part, so that only one that is reached must be a number; a missing one is 0."""
    for one, other in zip_longest(left, right, fillvalue="0"):
        mine, theirs = _part(one), _part(other)
        if mine is None or theirs is None:
            return None
        if mine != theirs:
            return mine - theirs
    return 0


def _part(text: str) -> int | None:
    digits = text.strip().removeprefix("+")
    return int(digits) if digits.isascii() and digits.isdigit() else None


def _versions(compare: Callable[[int, int], bool]) -> Callable[[tuple[str, ...], tuple[str, ...]], bool]:
    def holds(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
        order = _order_of_versions(left, right)
        return order is not None and compare(order, 0)

    return holds


def statsig_moment(value: Any) -> int | None:
    """Milliseconds since 1970: an integer or its text, of seconds up to ten digits; or a date and time in UTC."""
    if isinstance(value, str):
        if _MOMENT.fullmatch(value):
            return _in_words(value)
        value = _integer(value)
    elif isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < _FARTHEST else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    found: int = min(max(value, -_FARTHEST), _FARTHEST)
    return found * 1000 if found <= _LONGEST_SECONDS else found


def statsig_bound(value: Any) -> int | None:
    """What attributes are compared with: a number or its text, of milliseconds, cut to an integer; or a date and time."""
    if isinstance(value, str):
        number = statsig_number(value) if value.lower().lstrip("+-") != "nan" else 0
        if number is None:
            return statsig_moment(value) if _MOMENT.fullmatch(value) else _of_rfc_3339(value)
        value = number
    if not is_number(value):
        return None
    if value != value:  # noqa: PLR0124 - NaN differs from itself
        return 0
    value = min(max(value, -_FARTHEST), _FARTHEST)
    return int(min(float(value), _FARTHEST))


def _of_rfc_3339(text: str) -> int | None:
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - only dates pay for the import

    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    clock, leap = _without_leap(clock)
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        return None
    thousandths = int((fraction or "").ljust(3, "0")[:3]) + 1000 * leap
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) + thousandths


def _without_leap(text: str) -> tuple[str, int]:
    """A time whose seconds are 60 with 59, and the second that it goes on."""
    return (f"{text[:-2]}59", 1) if text.endswith(":60") else (text, 0)


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else None


def _in_words(text: str) -> int | None:
    from datetime import UTC, datetime  # noqa: PLC0415

    text, leap = _without_leap(text[:19])
    try:
        return (int(datetime.fromisoformat(text.upper()).replace(tzinfo=UTC).timestamp()) + leap) * 1000
    except ValueError:
        return None


def _of_text(method: Callable[[str, tuple[str, ...]], bool]) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = tuple(text.lower() for text in map(operand_text, values) if text is not None)

        def test(attribute: Any) -> bool:
            text = _text_of_attribute(attribute)
            return text is not None and method(text.lower(), wanted)

        return test

    return prepare


def _in_texts(fold: Fold) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = frozenset(fold(text) for text in map(operand_text, values) if text is not None)

        def test(attribute: Any) -> bool:
            text = _text_of_attribute(attribute)
            return text is not None and fold(text) in wanted

        return test

    return prepare


def _prepare_matches(values: list[Any]) -> Callable[[Any], bool]:
    from ..regex import prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import

    (pattern,) = texts([only(values)])
    found = prepare_pattern(pattern)

    def test(attribute: Any) -> bool:
        text = attribute_text(attribute)
        return text is not None and found(text)

    return test


def _prepare_equals(values: list[Any]) -> Callable[[Any], bool]:
    """The operand's kind decides: a number compares numbers, a text texts, a list the texts of its elements."""
    wanted = only(values)
    if is_number(wanted):
        number = statsig_number(wanted)
        return lambda attribute: number is not None and statsig_number(attribute) == number
    if isinstance(wanted, str):
        return lambda attribute: not isinstance(attribute, (list, tuple)) and attribute_text(attribute) == wanted
    if isinstance(wanted, list):
        elements = [operand_text(each) for each in wanted]
        return lambda attribute: (
            isinstance(attribute, (list, tuple)) and [attribute_text(each) for each in attribute] == elements
        )
    if not isinstance(wanted, bool):
        msg = f"a number, a text, a boolean or a list of them can be equal, not {shown(wanted)}"
        raise Unpreparable(msg)
    return lambda attribute: same(attribute, wanted)


def _elements(holds: Callable[[frozenset[str], frozenset[str | None]], bool]) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = frozenset(text for text in map(operand_text, values) if text is not None)
        return lambda attribute: (
            isinstance(attribute, (list, tuple)) and holds(wanted, frozenset(map(attribute_text, attribute)))
        )

    return prepare


def _compared(
    read: Callable[[Any], Any], bound_of: Callable[[Any], Any], compare: Callable[[Any, Any], bool]
) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        bound = bound_of(only(values))
        if bound is None:
            msg = f"nothing to compare with: {shown(values[0])}"
            raise Unpreparable(msg)

        def test(attribute: Any) -> bool:
            found = read(attribute)
            return found is not None and compare(found, bound)

        return test

    return prepare


def _same_day(left: int, right: int) -> bool:
    """The same day in UTC; those before and after the beginning of 1970 count as one, for it rounds towards zero."""
    return _day(left) == _day(right)


def _day(moment: int) -> int:
    return moment // _DAY if moment >= 0 else -(-moment // _DAY)


def _version_bound(value: Any) -> tuple[str, ...] | None:
    return statsig_version(value) if isinstance(value, str) else None


def _any_part(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)


ROWS: Rows = {
    ("in", "statsig"): Operator(_in_texts(str.lower), "scalars, by their text in lower case"),
    ("in", "statsig_case"): Operator(_in_texts(unaltered), "scalars, by their text"),
    ("matches", "statsig"): Operator(_prepare_matches, "one pattern, searched for"),
    ("equals", "statsig"): Operator(_prepare_equals, "one JSON value but null and objects"),
    ("intersects", "statsig"): Operator(
        _elements(lambda wanted, found: not wanted.isdisjoint(found)), "scalars, by their text"
    ),
    ("contains_all", "statsig"): Operator(_elements(lambda wanted, found: wanted <= found), "scalars, by their text"),
    ("before", "statsig"): Operator(_compared(statsig_moment, statsig_bound, operator.lt), "one moment, milliseconds"),
    ("after", "statsig"): Operator(_compared(statsig_moment, statsig_bound, operator.gt), "one moment, milliseconds"),
    ("on", "statsig"): Operator(_compared(statsig_moment, statsig_bound, _same_day), "one moment, for its day in UTC"),
}
for _op, _method in (
    ("starts_with", str.startswith),
    ("ends_with", str.endswith),
    ("contains", _any_part),
):
    ROWS[_op, "statsig"] = Operator(_of_text(_method), "scalars, by their text in lower case")
for _op, _compare in (("lt", operator.lt), ("lte", operator.le), ("gt", operator.gt), ("gte", operator.ge)):
    ROWS[_op, "statsig"] = Operator(_compared(statsig_number, statsig_number, _compare), "one number")
    ROWS[f"semver_{_op}", "statsig"] = Operator(
        _compared(statsig_version, _version_bound, _versions(_compare)), "one version"
    )
for _op, _compare in (("eq", operator.eq), ("neq", operator.ne)):
    ROWS[f"semver_{_op}", "statsig"] = Operator(
        _compared(statsig_version, _version_bound, _versions(_compare)), "one version"
    )
