"""Quicker nodes for the commonest shapes of JSON Logic: an attribute against a constant, a chain of constant outcomes.

A quick node answers for values of the very class that it was made for, and leaves every other to the general node.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from .javascript import truthy
from .jsonlogic_words import ABSENT, MISUSE, VERSION_WORDS, follow
from .operators.versions import lenient_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jsonlogic_words import Node

_SAFE: Final = 2**53  # up to here an integer and its float compare alike
_ORDERS: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_EQUALS: Final = {"==": operator.eq, "===": operator.eq, "!=": operator.ne, "!==": operator.ne}


def quickened(word: str, raw: list[Any], arguments: list[Node], general: Node) -> Node:
    """The node of an operator with these operands, as read and as prepared: a quick one for some shapes, else `general`."""
    if word == "var":
        return _variable(raw, arguments, general)
    if word in ("if", "?:"):
        return _chain(raw, arguments, general)
    if word == "!" and len(raw) == 1:
        return _negation(arguments[0])
    if len(raw) == 2 and word in _EQUALS and _path(raw[1]):
        raw, arguments = raw[::-1], arguments[::-1]
    if len(raw) < 2:
        return general
    path, constants = _path(raw[0]), raw[1:]
    if path:
        return _attribute(word, path, arguments[0], constants, general)
    if word == "in" and raw[0].__class__ is str and _path(raw[1]):
        needle = raw[0]
        return _of_text(_path(raw[1]), arguments[1], lambda text: needle in text, general)
    return general


def is_data(logic: Any) -> bool:
    """Tell whether logic means itself: neither an operation nor a list, whose elements may be one."""
    return not isinstance(logic, list) and not (isinstance(logic, dict) and len(logic) == 1)


def _path(logic: Any) -> str:
    """The constant path of a variable without a default; an empty text for anything else."""
    if not isinstance(logic, dict) or logic.keys() != {"var"}:
        return ""
    operands = logic["var"] if isinstance(logic["var"], list) else [logic["var"]]
    return operands[0] if len(operands) == 1 and operands[0].__class__ is str else ""


def _variable(raw: list[Any], arguments: list[Node], general: Node) -> Node:
    if not raw or raw[0].__class__ is not str or not raw[0] or len(raw) > 2:
        return general
    name, steps = raw[0], raw[0].split(".")
    default = arguments[1] if len(raw) > 1 else None

    def node(data: Any, root: Any) -> Any:
        found = follow(data, steps)
        if found is ABSENT:
            return None if default is None else default(data, root)
        return found

    if len(steps) > 1 or default is not None:
        return node
    return lambda data, root: data.get(name) if data.__class__ is dict else node(data, root)


def _chain(raw: list[Any], arguments: list[Node], general: Node) -> Node:
    outcomes = raw[1::2]
    last = raw[-1] if len(raw) % 2 else None
    if len(raw) < 2 or not all(map(is_data, outcomes)) or not is_data(last):
        return general
    if len(outcomes) == 1:
        condition, outcome = arguments[0], outcomes[0]

        def node(data: Any, root: Any) -> Any:
            held = condition(data, root)
            return outcome if held is True or (held is not False and truthy(held)) else last

        return node
    pairs = tuple(zip(arguments[0::2], outcomes, strict=False))

    def chain(data: Any, root: Any) -> Any:
        for condition, outcome in pairs:
            held = condition(data, root)
            if held is True or (held is not False and truthy(held)):
                return outcome
        return last

    return chain


def _attribute(word: str, path: str, read: Node, constants: list[Any], general: Node) -> Node:
    """The node that compares the variable of a path with constants."""
    only = constants[0] if len(constants) == 1 else None
    if only.__class__ is str and word in _EQUALS and "." not in path:
        return _equality(path, only, word in ("==", "==="), general)
    if only.__class__ is bool and word in _EQUALS:
        return _of_bool(read, only if word in ("==", "===") else not only, general)
    holds = _EQUALS.get(word) or _ORDERS.get(word)
    if only.__class__ in (int, float) and holds is not None and -_SAFE <= only <= _SAFE:
        return _of_number(read, holds, only, general)
    test = _text_test(word, only) if word != "sem_ver" else _version_test(constants)
    return general if test is None else _of_text(path, read, test, general)


def _equality(name: str, constant: str, equal: bool, general: Node) -> Node:
    def node(data: Any, root: Any) -> Any:
        if data.__class__ is dict:
            found = data.get(name)
            if found.__class__ is str:
                return (found == constant) is equal
        return general(data, root)

    return node


def _of_bool(read: Node, sought: bool, general: Node) -> Node:
    def node(data: Any, root: Any) -> Any:
        found = read(data, root)
        return found is sought if found.__class__ is bool else general(data, root)

    return node


def _negation(condition: Node) -> Node:
    def node(data: Any, root: Any) -> Any:
        held = condition(data, root)  # asked once: `general` would ask again, at every depth
        try:
            return not (held if held.__class__ is bool else truthy(held))
        except MISUSE:
            return None

    return node


def _of_text(path: str, read: Node, test: Callable[[str], Any], general: Node) -> Node:
    def by_path(data: Any, root: Any) -> Any:
        found = read(data, root)
        if found.__class__ is str:
            try:
                return test(found)
            except MISUSE:
                return None
        return general(data, root)

    if "." in path:
        return by_path

    def by_name(data: Any, root: Any) -> Any:
        if data.__class__ is dict:
            found = data.get(path)
            if found.__class__ is str:
                try:
                    return test(found)
                except MISUSE:
                    return None
        return general(data, root)

    return by_name


def _of_number(read: Node, holds: Callable[[Any, Any], bool], constant: float, general: Node) -> Node:
    def node(data: Any, root: Any) -> Any:
        found = read(data, root)
        if (found.__class__ is int or found.__class__ is float) and -_SAFE <= found <= _SAFE:
            return holds(found, constant)
        return general(data, root)

    return node


def _text_test(word: str, constant: Any) -> Callable[[str], Any] | None:
    """The test of a text against a constant, or None where there is no quick one."""
    if constant.__class__ is str:
        tests: dict[str, Callable[[str], Any]] = {
            "in": lambda text: text in constant,
            "starts_with": lambda text: text.startswith(constant),
            "ends_with": lambda text: text.endswith(constant),
        }
        holds = _EQUALS.get(word) or _ORDERS.get(word)
        return tests.get(word) if holds is None else lambda text: holds(text, constant)
    if word == "in" and constant.__class__ is list and all(element.__class__ is str for element in constant):
        return frozenset(constant).__contains__
    return None


def _version_test(constants: list[Any]) -> Callable[[str], Any] | None:
    if len(constants) != 2 or constants[0].__class__ is not str or constants[1].__class__ is not str:
        return None
    holds, right = VERSION_WORDS.get(constants[0]), lenient_version(constants[1])
    if holds is None or right is None:
        return None

    def test(text: str) -> bool | None:
        left = lenient_version(text)
        return None if left is None else bool(holds(left, right))

    return test
