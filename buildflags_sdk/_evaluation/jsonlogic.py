"""JSON Logic, as jsonlogic.com and json-logic-js define it, with flagd's operators. A program reads its context only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .jsonlogic_words import LAZY, WORDS, Node
from .operators.row import Unpreparable, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DIALECTS: Final = {"jsonlogic": 0, "flagd_1": 1, "flagd_2": 2, "flagd_3": 3}
"""Dialects of an expression. flagd's differ in the hash of `fractional`, which plain `jsonlogic` lacks; all have
`starts_with`, `ends_with` and `sem_ver`."""

MAX_DEPTH: Final = 32

_MISUSE: Final = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What an operator raises for operands that it cannot take. Its own result is null then, as in flagd, and the rest runs on."""

Program = "Callable[[Mapping[str, Any], str, float | None], Any]"


def prepare_expression(logic: Any, dialect: str = "jsonlogic") -> Callable[[Mapping[str, Any], str, float | None], Any]:
    """A program: `run(context, flag_key, now)` gives the JSON value that the logic computes, None where it goes wrong.

    `now` is in seconds since 1970 and becomes `$flagd.timestamp`; without it there is none. Raises `Unpreparable` for an
    unknown dialect or operator and for logic nested deeper than `MAX_DEPTH`.

    >>> prepare_expression({"if": [{"==": [{"var": "plan"}, "pro"]}, "new", "old"]})({"plan": "pro"}, "f", None)
    'new'
    """
    if dialect not in DIALECTS:
        msg = f"there is no expression dialect {shown(dialect)}"
        raise Unpreparable(msg)
    node = _prepared(logic, DIALECTS[dialect], MAX_DEPTH)

    def run(context: Mapping[str, Any], flag_key: str, now: float | None) -> Any:
        flagd: dict[str, Any] = {"flagKey": flag_key}
        if now is not None:
            flagd["timestamp"] = int(now)
        root = {**context, "$flagd": flagd}
        try:
            return node(root, root)
        except _MISUSE:
            return None

    return run


def needs_now(logic: Any) -> bool:
    """Tell whether a program may ask for the moment, so that only those read a clock."""
    if isinstance(logic, dict):
        return any(needs_now(inner) for inner in logic.values())
    if isinstance(logic, list):
        return any(needs_now(inner) for inner in logic)
    return isinstance(logic, str) and logic.startswith("$flagd")


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
    arguments = [
        _prepared(inner, fractional, depth - 1) for inner in (operands if isinstance(operands, list) else [operands])
    ]
    if word == "fractional" and fractional:
        from .fractional import prepare_fractional  # noqa: PLC0415 - only flagd's splits pay for the import

        return prepare_fractional(arguments, fractional)
    if word in LAZY:
        return LAZY[word](arguments)
    act = WORDS.get(word)
    if act is None:
        msg = f"there is no JSON Logic operator {shown(word)}"
        raise Unpreparable(msg)

    def node(data: Any, root: Any) -> Any:
        values = [argument(data, root) for argument in arguments]
        try:
            return act(values)
        except _MISUSE:
            return None

    return node
