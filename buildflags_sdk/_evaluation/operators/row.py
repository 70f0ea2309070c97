"""What a row of the operators' table is, and the reading of operands that rows share. It knows no operator."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Values = "list[Any]"


PATTERNS: Final[ContextVar[list[tuple[str, int]] | None]] = ContextVar("buildflags_patterns", default=None)
"""While a condition's values are prepared: the regular expressions among them, each with the most steps a search takes."""


class Unpreparable(ValueError):
    """An operator, dialect or operand that this version cannot take; the message says which and why."""


class Operator(NamedTuple):
    """One row: how its values become a test.

    `prepare(values)` gives `test(attribute)`, or `test(attribute, now)` when `needs_now` (seconds since 1970). A test
    answers True, False, or None for undecided; it raises for no attribute. It is asked about an absent or null attribute
    (as None) only when the row `sees_missing`.
    """

    prepare: Callable[[list[Any]], Callable[..., bool | None]]
    operand: str
    needs_now: bool = False
    sees_missing: bool = False


Rows = dict[tuple[str, str], Operator]
Test = "Callable[[Any], bool | None]"


def shown(value: object) -> str:
    """A value as messages show it: never longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def texts(values: Iterable[Any]) -> list[str]:
    """The values, all of them text."""
    taken = list(values)
    for value in taken:
        if not isinstance(value, str):
            msg = f"this operator compares text, not {shown(value)}"
            raise Unpreparable(msg)
    return taken


def numbers(values: Iterable[Any]) -> list[int | float]:
    """The values, all of them numbers (a bool is none)."""
    taken = list(values)
    for value in taken:
        if not is_number(value) or value != value:  # noqa: PLR0124 - NaN alone differs from itself
            msg = f"this operator compares numbers, not {shown(value)}"
            raise Unpreparable(msg)
    return taken


def only(values: list[Any]) -> Any:
    """The one value of an operator that takes exactly one."""
    if len(values) != 1:
        msg = f"this operator takes one value, not {len(values)}"
        raise Unpreparable(msg)
    return values[0]


def none(values: list[Any]) -> None:
    """Refuse values: the operator takes none."""
    if values:
        msg = f"this operator takes no values, not {shown(values)}"
        raise Unpreparable(msg)


def is_number(value: object) -> bool:
    """Tell whether a value is a JSON number: an int or float, never a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def of_any_element(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A test of one thing, as the native rows ask it: of the attribute, or of any element when it is a list."""

    def test(attribute: Any) -> bool:
        if attribute.__class__ is list or attribute.__class__ is tuple:
            return any(map(holds, attribute))
        return holds(attribute)

    return test
