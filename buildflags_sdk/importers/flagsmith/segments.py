"""Flagsmith's segments: nested ALL, ANY and NONE over traits, paths into the evaluation context, and percentages."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk.importers.draft import Draft, Unsupported, a_list, an_object, place
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY

from .features import IDENTITY_KEY
from .paths import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .features import Condition

IDENTIFIER = "identifier"
"""What a context calls the identifier beside its traits."""

_ALWAYS: Condition = {"all": []}
_NEVER: Condition = {"any": []}
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


class Segment(NamedTuple):
    """A segment as flags name it, or the problem with it."""

    name: str
    raw: dict[str, Any]
    where: str
    condition: Condition | None
    problem: str | None


class Segments:
    """The segments of one environment."""

    def __init__(self, draft: Draft, context: dict[str, Any], *, explicit_keys: bool) -> None:
        self.draft = draft
        self.context = context
        self.environment_key = str(context["environment"].get("key"))
        self.explicit_keys = explicit_keys
        self.raw = an_object(context.get("segments") or {}, "$.segments")
        self.converted: list[Segment] = []
        self.notes: list[str] = []

    def convert(self) -> None:
        """Make an entry of each segment; flags refer to a segment by its entry."""
        named = {key: an_object(raw, place("segments", key)) for key, raw in self.raw.items()}
        often = Counter(str(raw.get("name")) for raw in named.values())
        sources = {
            key: str(raw.get("name")) if often[str(raw.get("name"))] == 1 else f"{raw.get('name')} {key}"
            for key, raw in named.items()
        }
        self.draft.reserve("segment", sources.values())
        for key, raw in named.items():
            where, source, problem = place("segments", key), sources[key], None
            self.notes.clear()
            try:
                entry = {"when": self._segment(raw, where)}
                self.draft.add_segment(source, entry, where=where, why="; ".join(dict.fromkeys(self.notes)))
            except Unsupported as unsupported:
                problem = str(unsupported)
                self.draft.refuse_segment(source, problem, where=where)
            ours = self.draft.name("segment", source)
            if problem is None and ours not in self.draft.segments:
                problem = "it was refused"
            self.converted.append(Segment(str(raw.get("name")), raw, where, {"segment": ours}, problem))

    def overrides(self) -> Iterator[tuple[Segment, Any]]:
        """Every override, with its segment."""
        for segment in self.converted:
            for raw in a_list(segment.raw.get("overrides"), f"{segment.where}.overrides"):
                yield segment, raw

    def _segment(self, raw: dict[str, Any], where: str) -> Condition:
        rules = a_list(raw.get("rules"), f"{where}.rules")
        key = str(raw.get("key"))
        return _joined("all", [self._rule(rule, key, f"{where}.rules") for rule in rules]) if rules else _NEVER

    def _rule(self, raw: Any, segment: str, where: str) -> Condition:
        """Both a rule's conditions and its rules must agree with its type, where there are any."""
        rule = an_object(raw, where)
        conditions = [self._condition(each, segment, where) for each in a_list(rule.get("conditions"), where)]
        rules = [self._rule(each, segment, where) for each in a_list(rule.get("rules"), where)]
        return _joined("all", [_grouped(rule.get("type"), each, where) for each in (conditions, rules) if each])

    def _condition(self, raw: Any, segment: str, where: str) -> Condition:
        condition = an_object(raw, where)
        name, operator, value = condition.get("property") or "", condition.get("operator"), condition.get("value")
        if not isinstance(name, str) or not isinstance(operator, str):
            msg = f"{where} compares {shown(name)} by {shown(operator)}"
            raise Unsupported(msg)
        if operator == "PERCENTAGE_SPLIT":
            return self._percentage(name, value, segment, where)
        if operator == "REGEX" and not _is_pattern(value):
            return _NEVER  # an error in Flagsmith's Python engine, no match in its others
        test = _test(operator, value, where)
        path = path_of(name)
        if path is None:
            return {"attr": self._trait(name), **test}
        missing_holds = operator == "IS_NOT_SET"
        named: Condition = {"attr": [name], **test}
        absent: Condition = {"attr": [name], "op": "exists", "negate": True}
        found = self._at_path(path, test, name, missing_holds=missing_holds)
        if missing_holds:
            return _NEVER if found == _NEVER else absent if found == _ALWAYS else {"all": [absent, found]}
        # A trait that is called like the path comes first.
        if found == _NEVER:
            return named
        return {"any": [named, absent if found == _ALWAYS else {"all": [absent, found]}]}

    def _trait(self, name: str, *inside: str) -> list[str]:
        """The path of a trait, or of what is inside it."""
        if name == IDENTIFIER:
            self.notes.append(f"a trait {name} cannot be told from the identity's own identifier, which is read")
        return [MOVED if name == TARGETING_KEY else name, *inside]

    def _at_path(self, path: list[str], test: dict[str, Any], name: str, *, missing_holds: bool) -> Condition:
        if path == ["identity", "identifier"]:
            return {"attr": [TARGETING_KEY], **test}
        if path == ["identity", "key"]:
            return self._identity_key(test)
        if path[:2] == ["identity", "traits"] and len(path) > 2:
            return {"attr": self._trait(*path[2:]), **test}
        if path[0] == "flags":
            msg = f"{name} depends on another flag"
            raise Unsupported(msg)
        constant = self._constant(path) if path[0] != "identity" else None
        if constant is None:
            return _ALWAYS if missing_holds else _NEVER
        holds = prepare(test["op"], test.get("dialect", "strict"), test.get("values", []))(constant)
        return _ALWAYS if bool(holds) is not test.get("negate", False) else _NEVER

    def _constant(self, path: list[str]) -> str | int | float | bool | None:
        """What the environment itself holds there; None for nothing, and for an object or list."""
        found: Any = self.context
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found if isinstance(found, (str, int, float)) else None

    def _identity_key(self, test: dict[str, Any]) -> Condition:
        """The identity key: the application's own, else the environment's key, `_` and the identifier."""
        own: Condition = {"attr": [IDENTITY_KEY], **test}
        composed: Condition = {"attr": [TARGETING_KEY], **test}
        if test["op"] != "exists":
            if test["op"] not in ("equals", "not_equals") or not isinstance(test["values"][0], str):
                msg = "$.identity.key is compared otherwise than for being equal or set"
                raise Unsupported(msg)
            prefix, wanted = f"{self.environment_key}_", test["values"][0]
            same = [wanted.removeprefix(prefix)] if wanted.startswith(prefix) else []
            composed = {"attr": [TARGETING_KEY], "op": "in", "dialect": "text", "values": same}
            if test["op"] == "not_equals":
                composed["negate"] = True
        if not self.explicit_keys:
            return composed
        if test.get("negate"):
            return {"all": [own, composed]}
        return {"any": [own, {"all": [{"attr": [IDENTITY_KEY], "op": "exists", "negate": True}, composed]}]}

    def _percentage(self, name: str, value: Any, segment: str, where: str) -> Condition:
        try:
            limit = float(value)
        except (TypeError, ValueError):
            return _NEVER
        path = path_of(name)
        if name and path is None:
            return _share(self._trait(name), "flagsmith_trait", segment, limit)
        found = self._percentage_at(path, name, segment, limit, where)
        if not name:
            return found
        # A trait that is called like the path comes first.
        absent: Condition = {"attr": [name], "op": "exists", "negate": True}
        return {"any": [_share([name], "flagsmith_trait", segment, limit), {"all": [absent, found]}]}

    def _percentage_at(self, path: list[str] | None, name: str, segment: str, limit: float, where: str) -> Condition:
        """A percentage of what is at a path; of the identity key without one."""
        if path == ["identity", "identifier"]:
            return _share([TARGETING_KEY], "flagsmith_trait", segment, limit)
        if path is not None and path[:2] == ["identity", "traits"] and len(path) > 2:
            return _share(self._trait(*path[2:]), "flagsmith_trait", segment, limit)
        if path not in (None, ["identity", "key"]):
            msg = f"{where}: a percentage of {name}"
            raise Unsupported(msg)
        composed = _share(None, "flagsmith_identity", f"{segment},{self.environment_key}_", limit)
        if not self.explicit_keys:
            return composed
        absent: Condition = {"attr": [IDENTITY_KEY], "op": "exists", "negate": True}
        return {"any": [_share([IDENTITY_KEY], "flagsmith", segment, limit), {"all": [absent, composed]}]}


def _share(by: list[str] | None, scheme: str, seed: str, limit: float) -> Condition:
    span = {"of": 100, "from": 0, "to": limit, "to_inclusive": True, "on_missing_key": "next"}
    return {"share": {**({"by": by} if by else {}), "scheme": scheme, "seed": seed, **span}}


def _is_pattern(value: Any) -> bool:
    try:
        re.compile(str(value))
    except re.error:
        return False
    return True


def _test(operator: str, value: Any, where: str) -> dict[str, Any]:
    """A condition without its attribute."""
    if operator in ("IS_SET", "IS_NOT_SET"):
        return {"op": "exists", "negate": True} if operator == "IS_NOT_SET" else {"op": "exists"}
    if operator not in _OPERATORS:
        msg = f"{where}: operator {shown(operator)} is unknown"
        raise Unsupported(msg)
    test = {"op": _OPERATORS[operator], "dialect": "flagsmith", "values": [value]}
    try:
        prepare(_OPERATORS[operator], "flagsmith", [value])
    except Unpreparable as problem:
        msg = f"{where}: {problem}"
        raise Unsupported(msg) from None
    return test


def _grouped(kind: Any, conditions: list[Condition], where: str) -> Condition:
    if kind == "ALL":
        return _joined("all", conditions)
    if kind == "ANY":
        return _joined("any", conditions)
    if kind == "NONE":
        return {"not": _joined("any", conditions)}
    msg = f"{where}: a rule of type {shown(kind)}"
    raise Unsupported(msg)


def _joined(form: str, conditions: list[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else {form: conditions}
