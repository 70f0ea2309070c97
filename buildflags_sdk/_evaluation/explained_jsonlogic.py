"""A JSON Logic program step by step, in its own terms: which branches were tried, what each variable was, what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from .javascript import truthy
from .jsonlogic import prepare_expression
from .jsonlogic_words import ABSENT, look_up
from .trace import ConditionTrace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .world import World

_LONGEST: Final = 240
_JOINED: Final = {"and": "all of (and)", "or": "any of (or)", "!": "not (!)", "!!": "is so (!!)"}
_OVER_LISTS: Final = frozenset(("map", "filter", "all", "some", "none", "reduce"))


def explained(
    program: Any, dialect: str, flag_key: str, context: Mapping[str, Any], world: World
) -> tuple[ConditionTrace, ...]:
    """The steps of a program that `prepare_expression` takes, the last with the value that it gives."""
    return tuple(_Explaining(dialect, flag_key, context, world.now()).way(program, ""))


class _Explaining:
    """One run of one program."""

    def __init__(self, dialect: str, flag_key: str, context: Mapping[str, Any], now: float) -> None:
        self.dialect = dialect
        self.flag_key = flag_key
        self.context = context
        self.now = now
        self.root = {**context, "$flagd": {"flagKey": flag_key, "timestamp": int(now)}}

    def way(self, logic: Any, before: str) -> Iterator[ConditionTrace]:
        """The branches that were tried, and the value at the end of them."""
        word, operands = _operation(logic)
        if word not in ("if", "?:"):
            yield self._value(logic, before)
            return
        pairs = zip(operands[0::2], operands[1::2], strict=False)
        for at, (condition, outcome) in enumerate(pairs):
            node = self._condition(condition, "else if " if at else "if ")
            yield node
            if node.holds:
                yield from self.way(outcome, "then ")
                return
        if len(operands) % 2:
            yield from self.way(operands[-1], "else ")
        else:
            yield ConditionTrace("logic", True, "no branch holds: null", {"value": None})

    def _condition(self, logic: Any, before: str = "") -> ConditionTrace:
        """A condition, and the parts that settle it."""
        word, operands = _operation(logic)
        value = self._run(logic)
        if word not in _JOINED:
            return ConditionTrace("logic", truthy(value), f"{before}{_json(logic)}{self._variables(logic)}")
        nodes: list[ConditionTrace] = []
        for operand in operands if word in ("and", "or") else operands[:1]:
            nodes.append(self._condition(operand))
            if word in ("and", "or") and nodes[-1].holds is (word == "or"):
                break
        return ConditionTrace("logic", truthy(value), f"{before}{_JOINED[word]}", inner=tuple(nodes))

    def _value(self, logic: Any, before: str) -> ConditionTrace:
        value = self._run(logic)
        said = _json(logic)
        if _operation(logic)[0]:
            said += f"{self._variables(logic)} → {_json(value)}"
        return ConditionTrace("logic", True, f"{before}{said}", {"value": value})

    def _run(self, logic: Any) -> Any:
        return prepare_expression(logic, self.dialect)(self.context, self.flag_key, self.now)

    def _variables(self, logic: Any) -> str:
        """What each variable was, by its path."""
        found = {path: look_up(self.root, path) for path in _paths(logic)}
        said = [f"{path} = {'missing' if value is ABSENT else _json(value)}" for path, value in found.items()]
        return f": {', '.join(said)}" if said else ""


def _operation(logic: Any) -> tuple[str, list[Any]]:
    """The operator and its operands; an empty text for data."""
    if not isinstance(logic, dict) or len(logic) != 1:
        return "", []
    ((word, operands),) = logic.items()
    return word, operands if isinstance(operands, list) else [operands]


def _paths(logic: Any) -> Iterator[str]:
    """The variables of the whole context that a program names; what runs over the elements of a list names others."""
    if isinstance(logic, list):
        for inner in logic:
            yield from _paths(inner)
        return
    word, operands = _operation(logic)
    if word == "var" and operands and isinstance(operands[0], str) and operands[0]:
        yield operands[0]
    elif word in ("missing", "missing_some"):
        yield from _texts(operands)
    elif word == "fractional" and all(isinstance(operand, list) for operand in operands):
        yield "targetingKey"  # what is hashed where nothing else is said
    for operand in operands[:1] if word in _OVER_LISTS else operands:
        yield from _paths(operand)


def _texts(operands: list[Any]) -> Iterator[str]:
    for operand in operands:
        if isinstance(operand, list):
            yield from _texts(operand)
        elif isinstance(operand, str):
            yield operand


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):  # what an application put into its context may be no JSON
        return f"<{type(value).__name__}>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
