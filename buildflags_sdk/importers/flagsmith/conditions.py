"""One condition of a segment: what a property may be, and the comparison with it, as a condition over our contexts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._evaluation.bucketing import find_scheme
from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk._evaluation.regex import is_pattern
from buildflags_sdk.importers.draft import Unsupported
from buildflags_sdk.importers.patterns import python_note
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY

from .nodes import Known, Place, Result, Trait
from .paths import path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Contexts, Node

Condition = dict[str, Any]

IDENTITY_KEY = "flagsmithIdentityKey"
"""The attribute that holds an identity key of the application's own choice."""
IDENTIFIER = "identifier"
"""What a context calls the identifier beside its traits."""

ALWAYS: Condition = {"all": []}
NEVER: Condition = {"any": []}
HAS_OWN_KEY: Condition = {"attr": [IDENTITY_KEY], "op": "in", "values": [""], "negate": True}
"""An identity key of the application's own, which an empty one is not."""
HAS_IDENTIFIER: Condition = {"attr": [TARGETING_KEY], "op": "exists"}
_SCALARS = ["string", "number", "boolean"]
_OPERATORS = {
    "EQUAL": "equals",
    "NOT_EQUAL": "not_equals",
    "GREATER_THAN": "gt",
    "GREATER_THAN_INCLUSIVE": "gte",
    "LESS_THAN": "lt",
    "LESS_THAN_INCLUSIVE": "lte",
    "CONTAINS": "contains",
    "NOT_CONTAINS": "not_contains",
    "REGEX": "matches",
    "MODULO": "modulo",
    "IN": "in",
}


class Flags(NamedTuple):
    """What each feature may come to: our key of it, and its results by our variants."""

    key_of: Callable[[str], str]
    results: dict[str, dict[str, dict[str, Any]]]


def all_of(conditions: list[Condition]) -> Condition:
    """All of them, without those that always hold."""
    left = [each for each in conditions if each != ALWAYS]
    if NEVER in left:
        return NEVER
    return left[0] if len(left) == 1 else {"all": left}


def any_of(conditions: list[Condition]) -> Condition:
    """Any of them, without those that never hold."""
    left = [each for each in conditions if each != NEVER]
    if ALWAYS in left:
        return ALWAYS
    return left[0] if len(left) == 1 else {"any": left}


def not_(condition: Condition) -> Condition:
    """The opposite."""
    if condition in (ALWAYS, NEVER):
        return NEVER if condition == ALWAYS else ALWAYS
    if condition.get("op") == "exists" and "on_null" not in condition:
        return {**condition, "negate": not condition.get("negate", False)}
    return condition["not"] if set(condition) == {"not"} else {"not": condition}


class Reader:
    """Reads the conditions of one segment, whose key seeds its percentages. `notes` collects what differs."""

    def __init__(self, contexts: Contexts, flags: Flags, environment_key: str, segment_key: str) -> None:
        self.contexts = contexts
        self.flags = flags
        self.identity_prefix = f"{environment_key}_"
        self.segment_key = segment_key
        self.notes: list[str] = []

    def condition(self, raw: dict[str, Any], where: str, *, identified: bool) -> Condition:
        """The condition, for a context with an identity or for one without. Raises `Unsupported`."""
        name, operator, value = raw.get("property") or "", raw.get("operator"), raw.get("value")
        if not isinstance(name, str) or not isinstance(operator, str):
            msg = f"{where} compares {shown(name)} by {shown(operator)}"
            raise Unsupported(msg)
        if operator == "IS_NOT_SET":
            return not_(self._decided(name, _Presence(self), identified=identified))
        if operator == "IS_SET":
            return self._decided(name, _Presence(self), identified=identified)
        if operator == "PERCENTAGE_SPLIT":
            return self._percentage(name, _limit(value), identified=identified)
        if operator == "REGEX" and not is_pattern(str(value)):
            return NEVER  # an error in Flagsmith's Python engine, no match in its others
        if operator == "REGEX":
            self.notes.extend(filter(None, [python_note(str(value))]))
        return self._decided(name, _comparison(self, operator, value, where), identified=identified)

    def _percentage(self, name: str, limit: float | None, *, identified: bool) -> Condition:
        """A percentage of a property; of the identity key without one."""
        if name:
            # Whom nobody is let in for is looked at all the same: a flag that reads itself so is in error.
            test = _Presence(self) if limit is None else _Percentage(self, limit)
            found = self._decided(name, test, identified=identified)
            return NEVER if limit is None else found
        if limit is None or not identified:
            return NEVER
        return self.by_key(_share(None, "flagsmith", self.segment_key, limit), limit)

    def _decided(self, name: str, test: _Test, *, identified: bool) -> Condition:
        """The test of the first that is there: a trait of that very name, then what a path finds."""
        path = path_of(name)
        nodes = [] if path is None else self.contexts.select(path, name, identified=identified)
        trait = self._trait((name,))
        made = [test.of_attribute(trait)] if identified else []
        before = [{"attr": trait, "op": "exists", "negate": True}] if identified else []
        for node in nodes:
            made.append(all_of([*before, self._of(node, test)]))
            before.append(not_(self._is_there(node)))
        return any_of(made)

    def _of(self, node: Node, test: _Test) -> Condition:
        if isinstance(node, Known):
            return ALWAYS if _scalar(node.value) is not None and test.of_value(node.value) else NEVER
        if isinstance(node, Result):
            return self._of_result(node, lambda value: _scalar(value) is not None and test.of_value(value))
        if isinstance(node, Trait):
            trait = self._trait(node.path)  # a list or object is text under its name, and nothing at a path
            held = test.of_attribute(trait)
            return all_of([held if held == NEVER else {"attr": trait, "op": "type", "values": _SCALARS}, held])
        if node is Place.IDENTIFIER:
            return test.of_attribute([TARGETING_KEY])
        return test.of_key() if node is Place.KEY else NEVER

    def _of_result(self, node: Result, holds: Callable[[Any], bool]) -> Condition:
        results = self.flags.results.get(node.feature, {})
        several = [variant for variant, result in results.items() if holds(_inside(result, node.path))]
        if not several:
            return NEVER
        return {"flag": self.flags.key_of(node.feature), "variants": several}

    def _is_there(self, node: Node) -> Condition:
        if isinstance(node, Trait):
            return {"attr": self._trait(node.path), "op": "exists", "on_null": True}
        if isinstance(node, Result) and len(node.path) > 1:
            return self._of_result(node, lambda value: value is not _ABSENT)
        return HAS_IDENTIFIER if node is Place.IDENTIFIER and self.contexts.own_keys else ALWAYS

    def _trait(self, path: tuple[str, ...]) -> list[str]:
        """Where a trait stands, or what is inside it."""
        name, *inside = path
        if name == IDENTIFIER:
            self.notes.append(f"a trait {name} cannot be told from the identity's own identifier, which is read")
        return [MOVED if name == TARGETING_KEY else name, *inside]

    def by_key(self, own: Condition, limit: float) -> Condition:
        """A percentage of the identity key: the application's own, else the environment's key, `_` and the identifier."""
        seed = f"{self.segment_key},{self.identity_prefix}"
        composed = _share(None, "flagsmith_identity", seed, limit)
        return self.either_key(own, composed)

    def either_key(self, own: Condition, composed: Condition) -> Condition:
        """A condition of the application's own identity key where it has one, and one of the composed key."""
        if not self.contexts.own_keys:
            return composed
        own = {**own, "share": {**own["share"], "by": [IDENTITY_KEY]}} if "share" in own else own
        return any_of([all_of([HAS_OWN_KEY, own]), all_of([not_(HAS_OWN_KEY), composed])])


class _Test(ABC):
    """A comparison of whatever a property turns out to be."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    @abstractmethod
    def of_value(self, value: Any) -> bool:
        """Whether it holds for a value that is known now."""

    @abstractmethod
    def of_attribute(self, path: list[str]) -> Condition:
        """The condition over an attribute."""

    @abstractmethod
    def of_key(self) -> Condition:
        """The condition over the identity key."""


class _Presence(_Test):
    def of_value(self, value: Any) -> bool:  # noqa: ARG002 - what there is is set
        return True

    def of_attribute(self, path: list[str]) -> Condition:
        return {"attr": path, "op": "exists"}

    def of_key(self) -> Condition:
        return ALWAYS


class _Percentage(_Test):
    def __init__(self, reader: Reader, limit: float) -> None:
        super().__init__(reader)
        self.limit = limit

    def of_value(self, value: Any) -> bool:
        scheme = find_scheme("flagsmith_trait")
        assert scheme is not None  # noqa: S101 - the scheme is one of the table's
        point = scheme.prepare(self.reader.segment_key, 100)(value)
        return point is not None and point <= self.limit

    def of_attribute(self, path: list[str]) -> Condition:
        return _share(path, "flagsmith_trait", self.reader.segment_key, self.limit)

    def of_key(self) -> Condition:
        own = _share(None, "flagsmith_trait", self.reader.segment_key, self.limit)
        return self.reader.by_key(own, self.limit)


class _Comparison(_Test):
    def __init__(self, reader: Reader, op: str, value: Any) -> None:
        super().__init__(reader)
        self.op, self.value = op, value
        self.holds = prepare(op, "flagsmith", [value])

    def of_value(self, value: Any) -> bool:
        return bool(self.holds(value))

    def of_attribute(self, path: list[str]) -> Condition:
        return {"attr": path, "op": self.op, "dialect": "flagsmith", "values": [self.value]}

    def of_key(self) -> Condition:
        composed = {
            "attr": [TARGETING_KEY], "op": self.op, "dialect": "flagsmith_key",
            "values": [self.value, self.reader.identity_prefix],
        }  # fmt: skip
        return self.reader.either_key(self.of_attribute([IDENTITY_KEY]), composed)


def _comparison(reader: Reader, operator: str, value: Any, where: str) -> _Comparison:
    if operator not in _OPERATORS:
        msg = f"{where}: operator {shown(operator)} is unknown"
        raise Unsupported(msg)
    try:
        return _Comparison(reader, _OPERATORS[operator], value)
    except Unpreparable as problem:
        msg = f"{where}: {problem}"
        raise Unsupported(msg) from None


def _limit(value: Any) -> float | None:
    """The percentage that is let in, up to 100; None when nobody is."""
    try:
        limit = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(limit, 100.0) if limit >= 0 else None


def _share(by: list[str] | None, scheme: str, seed: str, limit: float) -> Condition:
    span = {"of": 100, "from": 0, "to": limit, "to_inclusive": True, "on_missing_key": "next"}
    return {"share": {**({"by": by} if by else {}), "scheme": scheme, "seed": seed, **span}}


_ABSENT = object()


def _inside(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value.get(step, _ABSENT) if isinstance(value, dict) else _ABSENT
    return value


def _scalar(value: Any) -> str | int | float | bool | None:
    """Text, a number or a boolean; None for anything else, which Flagsmith takes for nothing."""
    return value if isinstance(value, (str, int, float)) else None
