"""PostHog's operators, as release 7.42 of its Python SDK has them. Undecided (None) is its "inconclusive"."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from .dates import ago, seconds
from .row import Operator, Rows, only
from .versions import caret, cut_version, tilde
from .wording import python_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Compare = Callable[[Any, Any], bool]
    Test = Callable[[Any], bool | None]

_COMPARE: dict[str, Compare] = {"gt": operator.gt, "lt": operator.lt, "gte": operator.ge, "lte": operator.le}


def _folded(value: Any) -> str:
    return (python_text(value) or "").casefold()


def _prepare_exact(values: list[Any]) -> Test:
    wanted = frozenset(map(_folded, values))
    return lambda attribute: _folded(attribute) in wanted


def _prepare_text(holds: Callable[[str, str], bool]) -> Callable[[list[Any]], Test]:
    def prepare(values: list[Any]) -> Test:
        wanted = _folded(only(values))
        return lambda attribute: holds(_folded(attribute), wanted)

    return prepare


def _prepare_regex(*, negated: bool) -> Callable[[list[Any]], Test]:
    """A bad pattern holds for nobody, negated or not."""

    def prepare(values: list[Any]) -> Test:
        from ..regex import prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import
        from .row import Unpreparable  # noqa: PLC0415

        try:
            found = prepare_pattern(str(only(values)))
        except Unpreparable:
            return lambda _: False
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


def _moment(value: Any) -> float | None:
    """Seconds of a date or a moment in ISO form, UTC unless it says otherwise; None for what is neither."""
    from datetime import UTC, date, datetime  # noqa: PLC0415

    moment = value
    if isinstance(value, str) and len(value) <= 64:
        text = re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", value.strip())
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if not isinstance(moment, datetime):
        return None
    return seconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _prepare_date(compare: Compare) -> Callable[[list[Any]], Any]:
    def prepare(values: list[Any]) -> Callable[[Any, float], bool | None]:
        text = python_text(only(values)) or ""
        back = ago(text if not text.startswith("+") else None)
        fixed = _moment(text if not re.fullmatch(r"\d{1,4}", text, re.ASCII) else f"{text:0>4}-01-01")

        def test(attribute: Any, now: float) -> bool | None:
            bound = back(now) if back is not None else fixed
            moment = _moment(attribute)
            return None if bound is None or moment is None else compare(moment, bound)

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
    parts = [part for part in text.split(".") if part]
    fixed = [int(part) for part in parts if part.isascii() and part.isdigit()]
    usable = 0 < len(parts) <= 3 and len(fixed) == len(parts)

    def test(attribute: Any) -> bool | None:
        version = cut_version(attribute)
        return None if version is None or not usable else list(version[: len(fixed)]) == fixed

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
