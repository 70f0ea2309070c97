"""`in` and `equals`: sameness, strict or of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .row import Operator, Rows, Unpreparable, is_number, of_any_element, only, shown
from .wording import plain_text, unaltered

if TYPE_CHECKING:
    from collections.abc import Callable


def same(left: Any, right: Any) -> bool:
    """JSON sameness: structure by structure, 1 is 1.0, and a bool is never a number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(name in right and same(inner, right[name]) for name, inner in left.items())
        )
    if isinstance(left, (list, tuple)):
        return isinstance(right, (list, tuple)) and len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def member_of(values: list[Any]) -> Callable[[Any], bool]:
    """Tell of one thing whether it is the same as one of the values."""
    scalars = {value for value in values if isinstance(value, str) or is_number(value)}
    bools = [value for value in values if isinstance(value, bool)]
    structures = [value for value in values if isinstance(value, (list, tuple, dict))]

    def holds(thing: Any) -> bool:
        if isinstance(thing, bool):
            return thing in bools
        if isinstance(thing, (list, tuple, dict)):
            try:
                return any(same(value, thing) for value in structures)
            except RecursionError:
                return False
        try:
            return thing in scalars
        except TypeError:  # unhashable
            return False

    return holds


def prepare_in(values: list[Any]) -> Callable[[Any], bool]:
    """Strict membership, specialised: a single text costs a comparison, several a set lookup."""
    if any(value is None for value in values):
        msg = "null is absence: ask with on_null or exists"
        raise Unpreparable(msg)
    if not all(isinstance(value, str) for value in values):
        return _in_anything(values)
    return _in_texts(frozenset(values)) if len(values) != 1 else _equals_text(values[0])


def _equals_text(wanted: str) -> Callable[[Any], bool]:
    def test(attribute: Any) -> bool:
        if attribute.__class__ is str:
            return attribute == wanted
        if attribute.__class__ is list or attribute.__class__ is tuple:
            return wanted in attribute
        return isinstance(attribute, str) and attribute == wanted

    return test


def _in_texts(wanted: frozenset[str]) -> Callable[[Any], bool]:
    def test(attribute: Any) -> bool:
        if attribute.__class__ is str:
            return attribute in wanted
        if attribute.__class__ is list or attribute.__class__ is tuple:
            try:
                return not wanted.isdisjoint(attribute)  # 4 times as fast as asking element by element
            except TypeError:  # something unhashable among them
                return any(element in wanted for element in attribute if isinstance(element, str))
        return isinstance(attribute, str) and attribute in wanted

    return test


def _in_anything(values: list[Any]) -> Callable[[Any], bool]:
    holds = member_of(values)
    whole = any(isinstance(value, (list, tuple)) for value in values)

    def test(attribute: Any) -> bool:
        if attribute.__class__ is list or attribute.__class__ is tuple:
            return any(map(holds, attribute)) or (whole and holds(attribute))
        return holds(attribute)

    return test


def prepare_in_texts(
    read: Callable[[Any], str | None], fold: Callable[[str], str]
) -> Callable[[list[Any]], Callable[[Any], bool]]:
    """Membership of texts: the attribute as `read` writes it, both sides in the case mode of `fold`."""

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = set()
        for value in values:
            text = read(value)
            if text is None:
                msg = f"this operator compares text, not {shown(value)}"
                raise Unpreparable(msg)
            wanted.add(fold(text))
        frozen = frozenset(wanted)

        def holds(thing: Any) -> bool:
            text = read(thing)
            return text is not None and fold(text) in frozen

        return of_any_element(holds)

    return prepare


def text_only(value: Any) -> str | None:
    """Text as it is; None for anything else."""
    return value if isinstance(value, str) else None


TEXT_DIALECTS: dict[str, tuple[Callable[[Any], str | None], Callable[[str], str]]] = {
    "lower": (text_only, str.lower),
    "casefold": (text_only, str.casefold),
    "text": (plain_text, unaltered),
    "text_lower": (plain_text, str.lower),
}
"""Dialects of the text operators besides strict: how an attribute becomes text, and the case mode of both sides."""


def _single(prepare: Callable[[list[Any]], Callable[[Any], bool]]) -> Callable[[list[Any]], Callable[[Any], bool]]:
    return lambda values: prepare([only(values)])


ROWS: Rows = {
    ("in", "strict"): Operator(prepare_in, "any JSON but null"),
    ("equals", "strict"): Operator(_single(prepare_in), "one JSON value but null"),
}
for _dialect, (_read, _fold) in TEXT_DIALECTS.items():
    _prepare = prepare_in_texts(_read, _fold)
    ROWS["in", _dialect] = Operator(_prepare, "texts")
    ROWS["equals", _dialect] = Operator(_single(_prepare), "one text")
