"""JSON Logic, as jsonlogic.com and json-logic-js define it, with flagd's operators. A program reads its context only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .jsonlogic_shapes import quickened
from .jsonlogic_words import LAZY, MISUSE, WORDS, Node
from .operators.row import Unpreparable, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .world import World

DIALECTS: Final = {"jsonlogic": 0, "flagd_1": 1, "flagd_2": 2, "flagd_3": 3}
"""Dialects of an expression. flagd's differ in the hash of `fractional`, which plain `jsonlogic` lacks; all have
`starts_with`, `ends_with` and `sem_ver`."""

MAX_DEPTH: Final = 32


def prepare_expression(logic: Any, dialect: str = "jsonlogic") -> Callable[[Mapping[str, Any], str, float | None], Any]:
    """A program: `run(context, flag_key, now)` gives the JSON value that the logic computes, None where it goes wrong.

    `now` is in seconds since 1970 and becomes `$flagd.timestamp`; without it there is none. Raises `Unpreparable` for an
    unknown dialect or operator and for logic nested deeper than `MAX_DEPTH`.

    >>> prepare_expression({"if": [{"==": [{"var": "plan"}, "pro"]}, "new", "old"]})({"plan": "pro"}, "f", None)
    'new'
    """
    node = _program(logic, dialect)

    def run(context: Mapping[str, Any], flag_key: str, now: float | None) -> Any:
        return _value(node, _root(context, flag_key, now))

    return run


def prepare_program(logic: Any, dialect: str, flag_key: str) -> Callable[[Mapping[str, Any], World], Any]:
    """The same for one flag: `run(context, world)`, with the world's moment. Only what the program reads is made for it."""
    node = _program(logic, dialect)
    if _reads_flagd(logic):
        reads_clock = needs_now(logic)

        def run_with_flagd(context: Mapping[str, Any], world: World) -> Any:
            return _value(node, _root(context, flag_key, world.now() if reads_clock else None))

        return run_with_flagd

    def run(context: Mapping[str, Any], world: World) -> Any:
        data = context if context.__class__ is dict else dict(context)
        try:
            return node(data, data)
        except MISUSE:
            return None

    return run


def _program(logic: Any, dialect: str) -> Node:
    if dialect not in DIALECTS:
        msg = f"there is no expression dialect {shown(dialect)}"
        raise Unpreparable(msg)
    return _prepared(logic, DIALECTS[dialect], MAX_DEPTH)


def _root(context: Mapping[str, Any], flag_key: str, now: float | None) -> dict[str, Any]:
    flagd: dict[str, Any] = {"flagKey": flag_key}
    if now is not None:
        flagd["timestamp"] = int(now)
    return {**context, "$flagd": flagd}


def _value(node: Node, root: dict[str, Any]) -> Any:
    try:
        return node(root, root)
    except MISUSE:
        return None


def needs_now(logic: Any) -> bool:
    """Tell whether a program may ask for the moment, so that only those read a clock."""
    if isinstance(logic, dict):
        return any(needs_now(inner) for inner in logic.values())
    if isinstance(logic, list):
        return any(needs_now(inner) for inner in logic)
    return isinstance(logic, str) and logic.startswith("$flagd")


def _reads_flagd(logic: Any) -> bool:
    """Tell whether a program may see `$flagd`: by that name, by a path that it computes, or in the whole context."""
    if isinstance(logic, list):
        return any(map(_reads_flagd, logic))
    if not isinstance(logic, dict) or len(logic) != 1:
        return False
    ((word, operands),) = logic.items()
    operands = operands if isinstance(operands, list) else [operands]
    if word in ("missing", "missing_some", "fractional"):
        return True
    if word != "var":
        return any(map(_reads_flagd, operands))
    path = operands[0] if operands else ""
    named = isinstance(path, str) and path != "" and not path.startswith("$flagd")
    return not named or any(map(_reads_flagd, operands[1:]))


def _prepared(logic: Any, fractional: int, depth: int) -> Node:
    if depth == 0:
        msg = f"logic nested deeper than {MAX_DEPTH}"
        raise Unpreparable(msg)
    if isinstance(logic, list):
        parts = [_prepared(inner, fractional, depth - 1) for inner in logic]
        return lambda data, root: [part(data, root) for part in parts]
    if not isinstance(logic, dict) or len(logic) != 1:  # any other object is data
        return lambda data, root: logic
    ((word, operands),) = logic.items()
    operands = operands if isinstance(operands, list) else [operands]
    arguments = [_prepared(inner, fractional, depth - 1) for inner in operands]
    if word == "fractional" and fractional:
        from .fractional import prepare_fractional  # noqa: PLC0415 - only flagd's splits pay for the import

        return prepare_fractional(operands, arguments, fractional)
    if word in LAZY:
        return quickened(word, operands, arguments, LAZY[word](arguments))
    act = WORDS.get(word)
    if act is None:
        msg = f"there is no JSON Logic operator {shown(word)}"
        raise Unpreparable(msg)

    def node(data: Any, root: Any) -> Any:
        values = [argument(data, root) for argument in arguments]
        try:
            return act(values)
        except MISUSE:
            return None

    return quickened(word, operands, arguments, node)
