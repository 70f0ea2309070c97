"""Eppo's readings: numbers are doubles, written as Rust writes them, and versions are ordered by their build too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .equality import prepare_in_texts
from .numbers import ORDERINGS, unleash_number
from .row import Operator, Rows, Unpreparable, of_any_element, only, shown
from .text import prepare_matches
from .versions import strict_version
from .wording import rust_text, unaltered

if TYPE_CHECKING:
    from collections.abc import Callable


def eppo_number(value: Any) -> float | None:
    """A number, or the one that a text spells without anything around it, as a double."""
    number = unleash_number(value)
    try:
        return None if number is None else float(number)
    except OverflowError:
        return None


def eppo_version(value: Any) -> Any:
    """Semantic Versioning 2 exactly, in an order that a build breaks ties of; its numbers fit 64 bits. None for no version."""
    version = strict_version(value)
    if version is None or max(version[:3]) >= 1 << 64:
        return None
    return (*version, tuple(_build_part(part) for part in value.partition("+")[2].split(".")))


def _build_part(part: str) -> tuple[int, int, str, int]:
    """Numbers by value, then by their leading zeros, and below words, which are ordered by their text."""
    if part.strip("0123456789"):
        return (1, 0, part, 0)
    digits = part.lstrip("0")
    return (0, len(digits), digits, len(part))


def _ordering(compare: Callable[[Any, Any], bool]) -> Callable[[list[Any]], Callable[[Any], bool]]:
    """A condition that reads as a version compares versions, any other numbers."""

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        operand = only(values)
        read = eppo_number if eppo_version(operand) is None else eppo_version
        bound = read(operand)
        if bound is None:
            msg = f"neither a version nor a number: {shown(operand)}"
            raise Unpreparable(msg)

        def holds(thing: Any) -> bool:
            found = read(thing)
            return found is not None and compare(found, bound)

        return of_any_element(holds)

    return prepare


ROWS: Rows = {
    ("in", "eppo"): Operator(prepare_in_texts(rust_text, unaltered), "texts"),
    ("matches", "eppo"): Operator(prepare_matches(rust_text), "patterns, searched for"),
    **{
        (word, "eppo"): Operator(_ordering(compare), "one version, number or its text")
        for word, (compare, _) in ORDERINGS.items()
    },
}
