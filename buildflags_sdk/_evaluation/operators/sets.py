"""`exists`, `type`, `intersects`, `contains_all`, `size`, `modulo`, `element_match`: presence, kind, and what lists hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .equality import member_of, same
from .row import Operator, Rows, Unpreparable, is_number, none, numbers, of_any_element, shown, texts

if TYPE_CHECKING:
    from collections.abc import Callable

_LISTS = (list, tuple)
_DEEPEST = 16  # nested element matches


def _prepare_exists(values: list[Any]) -> Callable[[Any], bool]:
    none(values)
    return lambda attribute: attribute is not None


def kind_of(value: Any) -> str:
    """The JSON kind of a value; `null` for None."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if is_number(value):
        return "number"
    return "array" if isinstance(value, _LISTS) else "object"


def _prepare_type(values: list[Any]) -> Callable[[Any], bool]:
    wanted = frozenset(texts(values))
    unknown = wanted - {"boolean", "string", "number", "array", "object"}
    if unknown:
        msg = f"no kind of JSON value: {shown(min(unknown))}"
        raise Unpreparable(msg)
    return lambda attribute: kind_of(attribute) in wanted


def _prepare_intersects(values: list[Any]) -> Callable[[Any], bool]:
    holds = member_of(values)
    return lambda attribute: isinstance(attribute, _LISTS) and any(map(holds, attribute))


def _prepare_contains_all(values: list[Any]) -> Callable[[Any], bool]:
    if all(isinstance(value, str) for value in values):
        wanted = frozenset(values)

        def test(attribute: Any) -> bool:
            return isinstance(attribute, _LISTS) and wanted.issubset([e for e in attribute if isinstance(e, str)])

        return test

    def test_any_json(attribute: Any) -> bool:
        try:
            return isinstance(attribute, _LISTS) and all(
                any(same(value, element) for element in attribute) for value in values
            )
        except RecursionError:
            return False

    return test_any_json


def _prepare_size(values: list[Any]) -> Callable[[Any], bool]:
    sizes = [value for value in values if is_number(value)]
    tests = [prepared_part(value, _DEEPEST) for value in values if not is_number(value)]

    def test(attribute: Any) -> bool:
        if not isinstance(attribute, _LISTS):
            return False
        size = len(attribute)
        return size in sizes or any(holds(size) for holds in tests)

    return test


def _prepare_modulo(values: list[Any]) -> Callable[[Any], bool]:
    """A number leaves a remainder; the remainder of a negative one is not negative."""
    wanted = []
    for value in values:
        if not isinstance(value, dict) or value.keys() != {"divisor", "remainder"} or value["divisor"] == 0:
            msg = f'modulo takes {{"divisor": n, "remainder": r}} with n not 0, not {shown(value)}'
            raise Unpreparable(msg)
        wanted.append(numbers((value["divisor"], value["remainder"])))

    def holds(thing: Any) -> bool:
        if not is_number(thing):
            return False
        try:
            return any(thing % divisor == remainder for divisor, remainder in wanted)
        except OverflowError:  # an integer beyond any float
            return False

    return of_any_element(holds)


def _prepare_element_match(values: list[Any]) -> Callable[[Any], bool]:
    tests = [prepared_part(value, _DEEPEST) for value in values]
    return lambda attribute: (
        isinstance(attribute, _LISTS) and any(holds(element) for element in attribute for holds in tests)
    )


def prepared_part(part: Any, depth: int) -> Callable[[Any], bool]:
    """Prepare a condition over one element.

    An operand holds it as `{"all": […]}`, `{"any": […]}`, `{"not": …}`, or
    `{"op", "values", "dialect", "negate", "on_missing"}` of the element itself, or of what `attr` (a path) finds in it.

    Operators that need the moment or a third truth value have no place here.
    """
    if depth == 0 or not isinstance(part, dict):
        msg = f"no condition over an element: {shown(part)}"
        raise Unpreparable(msg)
    if part.keys() == {"not"}:
        negated = prepared_part(part["not"], depth - 1)
        return lambda element: not negated(element)
    for word, holding in (("all", all), ("any", any)):
        if part.keys() == {word} and isinstance(part[word], list):
            tests = [prepared_part(inner, depth - 1) for inner in part[word]]
            return lambda element, holding=holding: holding(test(element) for test in tests)  # type: ignore[misc]
    return _prepared_leaf(part)


def _prepared_leaf(part: dict[str, Any]) -> Callable[[Any], bool]:
    from . import OPERATORS, prepare  # noqa: PLC0415 - this row stands in the table that it reads

    unknown = part.keys() - {"attr", "op", "values", "dialect", "negate", "on_missing"}
    op, dialect, path = part.get("op"), part.get("dialect", "strict"), part.get("attr", [])
    negate, on_missing = part.get("negate", False), part.get("on_missing", False)
    if unknown or not isinstance(op, str) or not isinstance(dialect, str) or not isinstance(path, list):
        msg = f"no condition over an element: {shown(part)}"
        raise Unpreparable(msg)
    texts(path)
    if not isinstance(negate, bool) or not isinstance(on_missing, bool) or not isinstance(part.get("values", []), list):
        msg = f"no condition over an element: {shown(part)}"
        raise Unpreparable(msg)
    test = prepare(op, dialect, part.get("values", []))
    row = OPERATORS[op, dialect]
    if row.needs_now:
        msg = f"{op} needs the moment and has no place inside another operator"
        raise Unpreparable(msg)
    sees_missing = row.sees_missing and "on_missing" not in part

    def holds(element: Any) -> bool:
        for step in path:
            element = element.get(step) if isinstance(element, dict) else None
        if element is None and not sees_missing:
            return on_missing
        return bool(test(element)) is not negate

    return holds


ROWS: Rows = {
    ("exists", "strict"): Operator(_prepare_exists, "none", sees_missing=True),
    ("type", "strict"): Operator(_prepare_type, "of boolean, string, number, array, object"),
    ("intersects", "strict"): Operator(_prepare_intersects, "any JSON; the attribute is a list"),
    ("contains_all", "strict"): Operator(_prepare_contains_all, "any JSON; the attribute is a list"),
    ("size", "strict"): Operator(_prepare_size, 'lengths, or conditions over the length: {"op":"gt","values":[2]}'),
    ("modulo", "strict"): Operator(_prepare_modulo, '{"divisor":n,"remainder":r}'),
    ("element_match", "strict"): Operator(_prepare_element_match, "conditions over one element"),
}
