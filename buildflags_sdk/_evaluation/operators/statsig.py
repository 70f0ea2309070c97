"""Statsig's dates: `before`, `after`, `on`. Its other operators are rows of general dialects."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from .dates import epoch_milliseconds, read_moment
from .row import Operator, Rows, only
from .row import is_number as is_number_of

if TYPE_CHECKING:
    from collections.abc import Callable

_DAY = 86400


def statsig_moment(value: Any) -> float | None:
    """Milliseconds since 1970, or seconds when written with fewer than eleven digits, as number or text; or RFC 3339."""
    if isinstance(value, str) and len(value) < 32:
        try:
            value = float(value)
        except ValueError:
            return epoch_milliseconds(value)
    milliseconds = epoch_milliseconds(value)
    if milliseconds is not None and is_number_of(value) and abs(value) < 10**10:
        return milliseconds * 1000
    return milliseconds


def _prepare(compare: Callable[[float, float], bool]) -> Callable[[list[Any]], Callable[[Any], bool]]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        bound = read_moment(statsig_moment, only(values))

        def test(attribute: Any) -> bool:
            moment = statsig_moment(attribute)
            return moment is not None and compare(moment, bound)

        return test

    return prepare


ROWS: Rows = {
    ("before", "statsig"): Operator(_prepare(operator.lt), "one moment: epoch or RFC 3339"),
    ("after", "statsig"): Operator(_prepare(operator.gt), "one moment: epoch or RFC 3339"),
    ("on", "statsig"): Operator(
        _prepare(lambda left, right: left // _DAY == right // _DAY), "one moment, for its day in UTC"
    ),
}
