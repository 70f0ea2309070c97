"""`lt`, `lte`, `gt`, `gte`, `eq`, `neq` of numbers."""

from __future__ import annotations

import operator
from sys import float_info
from typing import TYPE_CHECKING, Any

from .row import Operator, Rows, Unpreparable, is_number, of_any_element, only, shown
from .row import numbers as numbers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Prepare = Callable[[list[Any]], Callable[[Any], bool]]
    Compare = Callable[[Any, Any], bool]

ORDERINGS: dict[str, tuple[Compare, Callable[[Any], Any]]] = {
    "lt": (operator.lt, max),
    "lte": (operator.le, max),
    "gt": (operator.gt, min),
    "gte": (operator.ge, min),
}
"""Each ordering, and which of several values decides: below any of them is below the greatest."""


def number_in_text(value: Any) -> int | float | None:
    """A number as it is, or the one a text spells in full; None for anything else, a bool and NaN included."""
    if value.__class__ is str:
        try:
            number = float(value)
        except ValueError:
            return None
        return None if number != number or "_" in value else number  # noqa: PLR0124 - NaN alone differs from itself
    return value if is_number(value) and value == value else None  # noqa: PLR0124


def unleash_number(value: Any) -> int | float | None:
    """As `number_in_text`, but text must be all digits and signs of ASCII, without space around (as Rust reads it)."""
    if value.__class__ is str and not (value.isascii() and value.isprintable() and " " not in value):
        return None
    return number_in_text(value)


def _read_all(read: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    taken = [read(value) for value in values]
    if None in taken:
        msg = f"this operator compares numbers, not {shown(values[taken.index(None)])}"
        raise Unpreparable(msg)
    return taken


def _never(_: Any) -> bool:
    return False


def _prepare_strict(compare: Compare, deciding: Callable[[Any], Any]) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        taken = numbers_of(values)
        if not taken:
            return _never
        bound = deciding(taken)

        def holds(thing: Any) -> bool:
            # The exact classes first: most attributes are plain ints and floats, and bool is neither.
            if thing.__class__ is int or thing.__class__ is float:
                return compare(thing, bound)
            return is_number(thing) and compare(thing, bound)

        return of_any_element(holds)

    return prepare


def _prepare_read(read: Callable[[Any], Any], compare: Compare, deciding: Callable[[Any], Any]) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        taken = _read_all(read, values)
        if not taken:
            return _never
        bound = deciding(taken)

        def holds(thing: Any) -> bool:
            number = read(thing)
            return number is not None and compare(number, bound)

        return of_any_element(holds)

    return prepare


def _prepare_eq(read: Callable[[Any], Any]) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = frozenset(_read_all(read, values))
        return of_any_element(lambda thing: read(thing) in wanted)

    return prepare


def _prepare_neq(read: Callable[[Any], Any]) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        (unwanted,) = _read_all(read, [only(values)])

        def holds(thing: Any) -> bool:
            number = read(thing)
            return number is not None and number != unwanted

        return of_any_element(holds)

    return prepare


def _close(left: float, right: float) -> bool:
    """Equality as Unleash has it: within the epsilon of a double."""
    try:
        return abs(left - right) < float_info.epsilon
    except OverflowError:  # an integer beyond any float is close to none
        return False


def _prepare_unleash_eq(values: list[Any]) -> Callable[[Any], bool]:
    wanted = _read_all(unleash_number, values)

    def holds(thing: Any) -> bool:
        number = unleash_number(thing)
        return number is not None and any(_close(number, value) for value in wanted)

    return of_any_element(holds)


def number_only(value: Any) -> int | float | None:
    """A number as it is; None for anything else."""
    return value if is_number(value) and value == value else None  # noqa: PLR0124 - NaN alone differs from itself


ROWS: Rows = {
    ("eq", "strict"): Operator(_prepare_eq(number_only), "numbers"),
    ("neq", "strict"): Operator(_prepare_neq(number_only), "one number"),
    ("eq", "text"): Operator(_prepare_eq(number_in_text), "numbers or their text"),
    ("neq", "text"): Operator(_prepare_neq(number_in_text), "one number or its text"),
    ("eq", "unleash"): Operator(_prepare_unleash_eq, "numbers or their text"),
}
for _op, (_compare, _deciding) in ORDERINGS.items():
    ROWS[_op, "strict"] = Operator(_prepare_strict(_compare, _deciding), "numbers")
    ROWS[_op, "text"] = Operator(_prepare_read(number_in_text, _compare, _deciding), "numbers or their text")
    ROWS[_op, "unleash"] = Operator(_prepare_read(unleash_number, _compare, _deciding), "numbers or their text")
