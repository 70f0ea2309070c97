"""PostHog's operators, as release 7.42 of its Python SDK has them. Undecided (None) is its "inconclusive"."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from .dates import ago
from .row import Operator, Rows, only
from .versions import caret, cut_number, cut_version, tilde
from .wording import python_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    Compare = Callable[[Any, Any], bool]
    Test = Callable[[Any], bool | None]

_COMPARE: dict[str, Compare] = {"gt": operator.gt, "lt": operator.lt, "gte": operator.ge, "lte": operator.le}


def _folded(value: Any) -> str:
    return value.casefold() if value.__class__ is str else (python_text(value) or "").casefold()


def _prepare_exact(values: list[Any]) -> Test:
    wanted = frozenset(map(_folded, values))

    def test(attribute: Any) -> bool:
        return (attribute.casefold() if attribute.__class__ is str else _folded(attribute)) in wanted

    return test


def _prepare_text(holds: Callable[[str, str], bool]) -> Callable[[list[Any]], Test]:
    def prepare(values: list[Any]) -> Test:
        wanted = _folded(only(values))
        return lambda attribute: holds(_folded(attribute), wanted)

    return prepare


def _prepare_regex(*, negated: bool) -> Callable[[list[Any]], Test]:
    """What is no pattern to Python either holds for nobody, negated or not; what only Python can run is refused."""

    def prepare(values: list[Any]) -> Test:
        from ..regex import is_pattern, prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import

        pattern = python_text(only(values)) or ""
        if not is_pattern(pattern):
            return lambda _: False
        found = prepare_pattern(pattern)
        return lambda attribute: found(python_text(attribute) or "") is not negated

    return prepare


def _prepare_compare(compare: Compare) -> Callable[[list[Any]], Test]:
    """Text against text unless the property is a number and the value reads as one."""

    def prepare(values: list[Any]) -> Test:
        value = only(values)
        text = python_text(value) or ""
        try:
            number: float | None = float(value)
        except (TypeError, ValueError, OverflowError):
            number = None

        def test(attribute: Any) -> bool | None:
            if number is None or isinstance(attribute, str):
                return compare(python_text(attribute) or "", text)
            return compare(attribute, number) if isinstance(attribute, (int, float)) else None

        return test

    return prepare


def _moment(value: Any, now: float) -> datetime | None:
    """A moment in ISO form, UTC unless it says otherwise; a year alone is today's day of that year; else None."""
    from datetime import UTC, datetime  # noqa: PLC0415

    moment = value
    if isinstance(value, str):
        text = re.sub(r"(?i) UTC$", "+00:00", value.strip())
        text = re.sub(r" ([+-]\d\d:\d\d)$", r"\1", text)
        try:
            if re.fullmatch(r"\d{4}", text, re.ASCII):
                today = datetime.fromtimestamp(now, UTC)
                moment = datetime(int(text), today.month, today.day, tzinfo=UTC)
            else:
                moment = datetime.fromisoformat(text) if len(text) <= 64 else None
        except (ValueError, OverflowError):
            return None
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _prepare_date(compare: Compare) -> Callable[[list[Any]], Any]:
    """A date without a time is held against the bound's date."""

    def prepare(values: list[Any]) -> Callable[[Any, float], bool | None]:
        from datetime import UTC, date, datetime  # noqa: PLC0415

        text = python_text(only(values)) or ""
        back = ago(text if not text.startswith("+") else None)

        def bound_at(now: float) -> datetime | None:
            moment = None if back is None else back(now)
            return _moment(text, now) if moment is None else datetime.fromtimestamp(moment, UTC)

        def test(attribute: Any, now: float) -> bool | None:
            bound = bound_at(now)
            if bound is None:
                return None
            if isinstance(attribute, date) and not isinstance(attribute, datetime):
                return compare(attribute, bound.date())
            moment = _moment(attribute, now)
            return None if moment is None else compare(moment, bound)

        return test

    return prepare


def _prepare_version(compare: Compare) -> Callable[[list[Any]], Test]:
    def prepare(values: list[Any]) -> Test:
        bound = cut_version(only(values))

        def test(attribute: Any) -> bool | None:
            version = cut_version(attribute)
            return None if version is None or bound is None else compare(version, bound)

        return test

    return prepare


def _prepare_range(end: Callable[[tuple[int, int, int]], tuple[int, int, int]]) -> Callable[[list[Any]], Test]:
    def prepare(values: list[Any]) -> Test:
        low = cut_version(only(values))
        high = None if low is None else end(low)

        def test(attribute: Any) -> bool | None:
            version = cut_version(attribute)
            return None if version is None or low is None or high is None else low <= version < high

        return test

    return prepare


def _prepare_wildcard(values: list[Any]) -> Test:
    """`1.*` and `1.2.*`: what stands before the star may not change."""
    text = (python_text(only(values)) or "").strip().lstrip("vV").replace("*", "")
    read = [cut_number(part) for part in [part for part in text.split(".") if part][:3]]
    fixed = [number for number in read if number is not None]

    def test(attribute: Any) -> bool | None:
        version = cut_version(attribute)
        if version is None or not fixed or len(fixed) < len(read):
            return None
        return list(version[: len(fixed)]) == fixed

    return test


def _row(prepare: Callable[[list[Any]], Any], operand: str = "one value", *, needs_now: bool = False) -> Operator:
    return Operator(prepare, operand, needs_now=needs_now)


ROWS: Rows = {
    ("in", "posthog"): _row(_prepare_exact, "values"),
    ("contains", "posthog"): _row(_prepare_text(lambda text, part: part in text)),
    ("starts_with", "posthog"): _row(_prepare_text(str.startswith)),
    ("ends_with", "posthog"): _row(_prepare_text(str.endswith)),
    ("matches", "posthog"): _row(_prepare_regex(negated=False)),
    ("not_matches", "posthog"): _row(_prepare_regex(negated=True)),
    ("before", "posthog"): _row(_prepare_date(operator.lt), needs_now=True),
    ("after", "posthog"): _row(_prepare_date(operator.gt), needs_now=True),
    ("semver_eq", "posthog"): _row(_prepare_version(operator.eq)),
    ("semver_neq", "posthog"): _row(_prepare_version(operator.ne)),
    ("semver_caret", "posthog"): _row(_prepare_range(caret)),
    ("semver_tilde", "posthog"): _row(_prepare_range(tilde)),
    ("semver_wildcard", "posthog"): _row(_prepare_wildcard),
    **{(word, "posthog"): _row(_prepare_compare(compare)) for word, compare in _COMPARE.items()},
    **{(f"semver_{word}", "posthog"): _row(_prepare_version(compare)) for word, compare in _COMPARE.items()},
}
