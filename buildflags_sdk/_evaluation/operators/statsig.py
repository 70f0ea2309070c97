"""Statsig's comparisons: everything has a text, a list too, and an absent attribute's is empty. Negations are `negate`."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from .equality import same
from .row import Operator, Rows, Unpreparable, is_number, only, shown, texts
from .wording import plain_text, unaltered

if TYPE_CHECKING:
    from collections.abc import Callable

    Prepare = Callable[[list[Any]], Callable[[Any], bool]]
    Fold = Callable[[str], str]

_DAY = 86_400_000
_LONGEST_SECONDS = 9_999_999_999
_LONGEST_VERSION = 256
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d:\d\d[Zz]| \d\d:\d\d:\d\d[Zz]?)", re.ASCII)


def statsig_text(value: Any) -> str | None:
    """The text that Statsig compares: scalars by theirs, a list by its JSON."""
    if isinstance(value, (list, tuple)):
        import json  # noqa: PLC0415 - only lists pay for the import

        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError):
            return None
    return plain_text(value)


def statsig_number(value: Any) -> float | None:
    """A number, or the text of one without spaces around it."""
    if isinstance(value, str):
        if value != value.strip() or "_" in value:
            return None
        try:
            value = float(value)
        except ValueError:
            return None
    try:
        return float(value) if is_number(value) and value == value else None  # noqa: PLR0124 - NaN differs from itself
    except OverflowError:
        return None


def statsig_version(value: Any) -> tuple[int, ...] | None:
    """Cut at `-`, then any count of numbers; trailing zeros do not matter. A number counts by its text."""
    text = plain_text(value) if is_number(value) else value
    if not isinstance(text, str) or len(text) > _LONGEST_VERSION:
        return None
    parts = [part.strip().removeprefix("+") for part in text.split("-")[0].split(".")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def statsig_moment(value: Any) -> int | None:
    """Milliseconds since 1970: an integer or its text, of seconds up to ten digits; or a date and time in UTC."""
    if isinstance(value, str):
        if _MOMENT.fullmatch(value):
            return _in_words(value)
        value = _integer(value)
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value * 1000 if value <= _LONGEST_SECONDS else value


def _bound(value: Any) -> int | None:
    """As `statsig_moment`, but among the values a number is always of milliseconds."""
    if isinstance(value, str) and not _MOMENT.fullmatch(value):
        value = _integer(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return statsig_moment(value) if isinstance(value, str) else None


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else None


def _in_words(text: str) -> int | None:
    from datetime import UTC, datetime  # noqa: PLC0415

    try:
        return int(datetime.fromisoformat(text[:19].upper()).replace(tzinfo=UTC).timestamp()) * 1000
    except ValueError:
        return None


def _of_text(method: Callable[[str, tuple[str, ...]], bool], fold: Fold) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = tuple(fold(text) for text in map(statsig_text, values) if text is not None)

        def test(attribute: Any) -> bool:
            text = statsig_text(attribute)
            return text is not None and method(fold(text), wanted)

        return test

    return prepare


def _prepare_matches(values: list[Any]) -> Callable[[Any], bool]:
    from ..regex import prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import

    (pattern,) = texts([only(values)])
    found = prepare_pattern(pattern)

    def test(attribute: Any) -> bool:
        text = statsig_text(attribute)
        return text is not None and found(text)

    return test


def _prepare_equals(values: list[Any]) -> Callable[[Any], bool]:
    """The operand's kind decides: a number compares numbers, a text texts, a list the texts of its elements."""
    wanted = only(values)
    if is_number(wanted):
        return lambda attribute: statsig_number(attribute) == wanted
    if isinstance(wanted, str):
        return lambda attribute: not isinstance(attribute, (list, tuple)) and plain_text(attribute) == wanted
    if isinstance(wanted, list):
        elements = [plain_text(each) for each in wanted]
        return lambda attribute: (
            isinstance(attribute, (list, tuple)) and [plain_text(each) for each in attribute] == elements
        )
    if not isinstance(wanted, bool):
        msg = f"a number, a text, a boolean or a list of them can be equal, not {shown(wanted)}"
        raise Unpreparable(msg)
    return lambda attribute: same(attribute, wanted)


def _elements(holds: Callable[[frozenset[str], frozenset[str | None]], bool]) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = frozenset(text for text in map(plain_text, values) if text is not None)
        return lambda attribute: (
            isinstance(attribute, (list, tuple)) and holds(wanted, frozenset(map(plain_text, attribute)))
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


def _version_bound(value: Any) -> tuple[int, ...] | None:
    return statsig_version(value) if isinstance(value, str) else None


def _any_part(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)


ROWS: Rows = {
    ("in", "statsig_case"): Operator(
        _of_text(lambda text, wanted: text in wanted, unaltered), "scalars, by their text"
    ),
    ("matches", "statsig"): Operator(_prepare_matches, "one pattern, searched for"),
    ("equals", "statsig"): Operator(_prepare_equals, "one JSON value but null and objects"),
    ("intersects", "statsig"): Operator(
        _elements(lambda wanted, found: not wanted.isdisjoint(found)), "scalars, by their text"
    ),
    ("contains_all", "statsig"): Operator(_elements(lambda wanted, found: wanted <= found), "scalars, by their text"),
    ("before", "statsig"): Operator(_compared(statsig_moment, _bound, operator.lt), "one moment, milliseconds"),
    ("after", "statsig"): Operator(_compared(statsig_moment, _bound, operator.gt), "one moment, milliseconds"),
    ("on", "statsig"): Operator(_compared(statsig_moment, _bound, _same_day), "one moment, for its day in UTC"),
}
for _op, _method in (
    ("in", lambda text, wanted: text in wanted),
    ("starts_with", str.startswith),
    ("ends_with", str.endswith),
    ("contains", _any_part),
):
    ROWS[_op, "statsig"] = Operator(_of_text(_method, str.lower), "scalars, by their text in lower case")
for _op, _compare in (("lt", operator.lt), ("lte", operator.le), ("gt", operator.gt), ("gte", operator.ge)):
    ROWS[_op, "statsig"] = Operator(_compared(statsig_number, statsig_number, _compare), "one number")
    ROWS[f"semver_{_op}", "statsig"] = Operator(_compared(statsig_version, _version_bound, _compare), "one version")
for _op, _compare in (("eq", operator.eq), ("neq", operator.ne)):
    ROWS[f"semver_{_op}", "statsig"] = Operator(_compared(statsig_version, _version_bound, _compare), "one version")
