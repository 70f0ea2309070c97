"""The rules of AppConfig's variants, as AWS documents them: `(and (eq $state "Virginia") (gt $age 65))`.

`split` is refused: AWS publishes no hash for it. So is `matches`, of which it does not say what a pattern must match.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported

_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>[()\[\],])|(?P<text>"(?:[^"\\]|\\.)*")|(?P<label>[A-Za-z_]\w*)::|\$(?P<key>[\w.-]+)
    |(?P<moment>\d{4}-\d\d(?:-\d\d)?(?:T[\d:.+-]*Z?)?T?(?![\d.]))|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_]\w*))\s*""",
    re.VERBOSE | re.ASCII,
)
_DEEPEST = 24
_ORDERINGS = ("gt", "gte", "lt", "lte")
_TEXTS = {"begins_with": "starts_with", "ends_with": "ends_with", "contains": "contains"}

Condition = dict[str, Any]


class Key(NamedTuple):
    """A context value, `$name`."""

    name: str


class Call(NamedTuple):
    """An operator with its operands, each with the label before it, or an empty one."""

    operator: str
    operands: list[tuple[str, Any]]


def condition_of(rule: Any, where: str) -> Condition:
    """A rule as a condition. Raises `Unsupported`."""
    if not isinstance(rule, str):
        msg = f"{where}.rule is {shown(rule)}, not a text"
        raise Unsupported(msg)
    try:
        parser = _Parser(rule)
        parsed = parser.operand(_DEEPEST)
        parser.end()
        return _condition(parsed)
    except Unsupported as problem:
        msg = f"{where}.rule: {problem}"
        raise Unsupported(msg) from None


class _Parser:
    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.at = 0

    def operand(self, depth: int) -> Any:
        if depth == 0:
            msg = f"it nests deeper than {_DEEPEST}"
            raise Unsupported(msg)
        kind, text = self._next()
        if kind == "mark" and text == "(":
            return self._call(depth)
        if kind == "mark" and text == "[":
            return self._listed(depth)
        if kind == "text":
            return _unquoted(text)
        if kind == "key":
            return Key(text)
        if kind == "number":
            return float(text) if re.search(r"[.eE]", text) else int(text)
        if kind == "word" and text in ("true", "false"):
            return text == "true"
        msg = f"{shown(text)} is no operand" if kind != "moment" else f"the timestamp {text} is not compared here"
        raise Unsupported(msg)

    def end(self) -> None:
        if self.at != len(self.rule):
            msg = f"it goes on after its end, with {shown(self.rule[self.at :])}"
            raise Unsupported(msg)

    def _call(self, depth: int) -> Call:
        kind, operator = self._next()
        if kind != "word":
            msg = f"{shown(operator)} is no operator"
            raise Unsupported(msg)
        operands: list[tuple[str, Any]] = []
        while self._peek() != ")":
            found = _TOKEN.match(self.rule, self.at)
            label = found["label"] if found is not None and found.lastgroup == "label" else ""
            if label:
                self._next()
            operands.append((label, self.operand(depth - 1)))
        self._next()
        return Call(operator, operands)

    def _listed(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while self._peek() != "]":
            items.append(self.operand(depth - 1))
            if self._peek() == ",":
                self._next()
        self._next()
        return items

    def _peek(self) -> str:
        found = _TOKEN.match(self.rule, self.at)
        return found["mark"] or "" if found is not None else ""

    def _next(self) -> tuple[str, str]:
        found = _TOKEN.match(self.rule, self.at)
        if found is None or found.lastgroup is None:
            rest = self.rule[self.at :]
            msg = f"it cannot be read from {shown(rest)} on" if rest else "it breaks off"
            raise Unsupported(msg)
        self.at = found.end()
        return found.lastgroup, found[found.lastgroup]


def _unquoted(text: str) -> str:
    try:
        unquoted: str = json.loads(text)
    except ValueError:
        msg = f"the text {shown(text)} has an escape that is none"
        raise Unsupported(msg) from None
    return unquoted


def _condition(call: Any) -> Condition:
    if isinstance(call, bool):
        return {"all": []} if call else {"any": []}
    if not isinstance(call, Call):
        msg = f"{shown(call)} stands where a condition should"
        raise Unsupported(msg)
    operator, operands = call
    if operator in ("and", "or"):
        return {"all" if operator == "and" else "any": [_condition(inner) for _, inner in operands]}
    if operator == "not" and len(operands) == 1:
        return {"not": _condition(operands[0][1])}
    if operator == "exists" and len(operands) == 1 and isinstance(operands[0][1], str):
        return {"attr": [operands[0][1]], "op": "exists"}
    if operator == "split":
        msg = "split: AWS publishes no hash for it, and nobody may change sides; use a share of your own"
        raise Unsupported(msg)
    if operator == "matches":
        msg = "matches: AWS does not say whether a pattern must match the whole text"
        raise Unsupported(msg)
    if len(operands) != 2 or any(label for label, _ in operands) or not isinstance(operands[0][1], Key):
        msg = f"{operator} compares {shown([each for _, each in operands])}, not a context value with a constant"
        raise Unsupported(msg)
    return _compared(operator, operands[0][1].name, operands[1][1])


def _compared(operator: str, name: str, constant: Any) -> Condition:
    number = isinstance(constant, (int, float)) and not isinstance(constant, bool)
    if operator == "eq" and isinstance(constant, (str, bool)):
        return {"attr": [name], "op": "equals", "dialect": "text", "values": [constant]}
    if operator == "eq" and number:
        return {"attr": [name], "op": "eq", "dialect": "text", "values": [constant]}
    if operator in _ORDERINGS and number:
        return {"attr": [name], "op": operator, "dialect": "text", "values": [constant]}
    if operator in _TEXTS and isinstance(constant, str):
        return {"attr": [name], "op": _TEXTS[operator], "dialect": "text", "values": [constant]}
    if operator == "in" and isinstance(constant, list) and all(isinstance(each, (str, int)) for each in constant):
        return {"attr": [name], "op": "in", "dialect": "text", "values": constant}
    msg = f"{operator} compares {name} with {shown(constant)}"
    raise Unsupported(msg)
