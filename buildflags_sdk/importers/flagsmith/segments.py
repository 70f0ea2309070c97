"""Flagsmith's segments: nested ALL, ANY and NONE over conditions, and the features that each one overrides."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Draft, Unsupported, a_list, an_object, place
from buildflags_sdk.importers.links import Links, too_long
from buildflags_sdk.importers.report import TARGETING_KEY

from .conditions import (
    HAS_IDENTIFIER,
    HAS_OWN_KEY,
    IDENTITY_KEY,
    NEVER,
    Flags,
    Reader,
    all_of,
    any_of,
    not_,
)

if TYPE_CHECKING:
    from .conditions import Condition
    from .nodes import Contexts


class Segment:
    """A segment on its way into page form: its condition, or the problem with it, and the features it reads."""

    def __init__(self, key: str, source: str, raw: dict[str, Any], ours: str) -> None:
        where = place("segments", key)
        self.key = key
        self.source = source
        self.name = str(raw.get("name"))
        self.raw = raw
        self.where = where
        self.ours = ours
        overrides = a_list(raw.get("overrides"), f"{where}.overrides")
        self.overrides = [an_object(override, f"{where}.overrides[{at}]") for at, override in enumerate(overrides)]
        self.when: Condition = NEVER
        self.reads: set[str] = set()
        self.notes: list[str] = []
        self.problem: str | None = None

    def convert(self, contexts: Contexts, flags: Flags, environment_key: str) -> None:
        """Find the condition, or the problem."""
        contexts.reads = self.reads
        reader = Reader(contexts, flags, environment_key, str(self.raw.get("key")))
        self.notes = reader.notes
        try:
            known, unknown = (self._condition(reader, identified=identified) for identified in (True, False))
        except Unsupported as problem:
            self.problem = str(problem)
            return
        identified = any_of([HAS_OWN_KEY, HAS_IDENTIFIER]) if contexts.own_keys else HAS_IDENTIFIER
        if known == unknown or (unknown == NEVER and _asks_for_identity(known)):
            self.when = known
        else:
            self.when = any_of([all_of([identified, known]), all_of([not_(identified), unknown])])

    def _condition(self, reader: Reader, *, identified: bool) -> Condition:
        where = f"{self.where}.rules"
        rules = a_list(self.raw.get("rules"), where)
        return all_of([_rule(reader, rule, where, identified=identified) for rule in rules]) if rules else NEVER


def segments_of(draft: Draft, context: dict[str, Any]) -> list[Segment]:
    """The segments of one environment, each with its name here; two of one name are told apart by their keys."""
    raw = an_object(context.get("segments") or {}, "$.segments")
    named = {key: an_object(each, place("segments", key)) for key, each in raw.items()}
    often = Counter(str(each.get("name")) for each in named.values())
    sources = {
        key: str(each.get("name")) if often[str(each.get("name"))] == 1 else f"{each.get('name')} {key}"
        for key, each in named.items()
    }
    draft.reserve("segment", sources.values())
    return [Segment(key, sources[key], each, draft.name("segment", sources[key])) for key, each in named.items()]


def problems_of_chains(segments: list[Segment]) -> dict[str, str]:
    """The features whose overrides depend on their own result, or on too many others in a row, each with what is wrong."""
    links = Links()
    for segment in segments:
        for override in segment.overrides:
            links.add(("flag", str(override.get("name"))), ("segment", segment.key))
        for feature in segment.reads:
            links.add(("segment", segment.key), ("flag", feature))
    heights = links.heights()
    found: dict[str, str] = {}
    for node, named in list(links.names.items()):
        kind, feature = node
        if kind == "flag" and node not in heights and named & links.reaching([node]):
            found[feature] = "its overrides depend on its own result, which is an error in Flagsmith"
        elif kind == "flag" and (problem := too_long(heights.get(node, 0))):
            found[feature] = problem
    return found


def spread_problems(segments: list[Segment], problems: dict[str, str]) -> None:
    """Give each segment that reads a feature with a problem that problem, and each feature that it overrides; and so on."""
    told = -1
    while told != (told := len(problems) + sum(segment.problem is not None for segment in segments)):
        for segment in segments:
            refused = sorted(segment.reads & problems.keys())
            if segment.problem is None and refused:
                segment.problem = f"it reads the flag {refused[0]}, which is refused: {problems[refused[0]]}"
            if segment.problem is not None:
                for override in segment.overrides:
                    problems.setdefault(str(override.get("name")), f"segment {segment.name}: {segment.problem}")


def _rule(reader: Reader, raw: Any, where: str, *, identified: bool) -> Condition:
    """Both a rule's conditions and its rules must agree with its type, where there are any."""
    rule = an_object(raw, where)
    conditions = [
        reader.condition(an_object(each, where), where, identified=identified)
        for each in a_list(rule.get("conditions"), where)
    ]
    rules = [_rule(reader, each, where, identified=identified) for each in a_list(rule.get("rules"), where)]
    return all_of([_grouped(rule.get("type"), each, where) for each in (conditions, rules) if each])


def _grouped(kind: Any, conditions: list[Condition], where: str) -> Condition:
    if kind == "ALL":
        return all_of(conditions)
    if kind == "ANY":
        return any_of(conditions)
    if kind == "NONE":
        return not_(any_of(conditions))
    msg = f"{where}: a rule of type {shown(kind)}"
    raise Unsupported(msg)


def _asks_for_identity(condition: Condition) -> bool:
    """Tell whether a condition cannot hold without an identity, so that it need not be asked for beside it."""
    if "all" in condition:
        return any(map(_asks_for_identity, condition["all"]))
    if "any" in condition:
        return all(map(_asks_for_identity, condition["any"]))
    if "share" in condition:
        return condition["share"].get("by", [TARGETING_KEY]) in ([TARGETING_KEY], [IDENTITY_KEY])
    return condition.get("attr") in ([TARGETING_KEY], [IDENTITY_KEY]) and (
        not condition.get("negate") or condition == HAS_OWN_KEY
    )
