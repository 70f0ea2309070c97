"""LaunchDarkly's flags and segments as entries. Order: off, prerequisites, targets, rules, fallthrough.

A flag's rules here are named after what they are there: `prerequisite:KEY`, `target:0`, a rule's own id (`rule:0` without
one that is its own and could be no other's), `fallthrough`; further arms of the same rule end in `:2`, `:3` ….
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk.importers.draft import Unsupported
from buildflags_sdk.importers.value_types import common_type, variant_body

from .clauses import Malformed, all_of, any_of, clause_condition, key_in, kind_present, reference
from .contexts import USER, attribute_path
from .fields import boolean, integer, items, objects, text, texts
from .rollouts import WHOLE, Arm, arms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from buildflags_sdk.importers.draft import Draft
    from buildflags_sdk.importers.links import Links, Node

    Json = dict[str, Any]

_OWN_IDS: Final = ("prerequisite:", "target:", "rule:", "fallthrough")


class Row(NamedTuple):
    """A rule, and what it is when another flag asks: an outcome that is an error is to that one merely another outcome."""

    rule: Json
    asked: Json


class Reader:
    """Reads entries of one export. `links` learns who names whom, `malformed` who holds what LaunchDarkly cannot judge.

    `asked` has the entries that differ when another flag asks them.
    """

    def __init__(self, draft: Draft, links: Links, segments: Iterable[str]) -> None:
        self.draft = draft
        self.links = links
        self.segments = frozenset(segments)
        self.malformed: set[Node] = set()
        self.asked: dict[str, Json] = {}
        self.prerequisites: list[tuple[str, Json]] = []
        """Each prerequisite's condition with the key that it names: what that one's errors mean is known when all are read."""

    def flag(self, key: str, raw: Json, where: str) -> tuple[Json, str]:
        """A flag's entry, and in which way it is not exact. Raises `Unsupported`."""
        variations = items(raw, "variations", where)
        kind = None if None in variations else common_type(variations)
        enabled, off = boolean(raw, "on", where), integer(raw, "offVariation", where)
        off_arm = Arm(None, None) if off is None else arms(raw_variation(off), "", len(variations), where)[0]
        entry: Json = {
            "type": kind or "object",
            "variants": {str(at): variant_body(value) for at, value in enumerate(variations)},
            "enabled": enabled,
            "off": None if off_arm.serve is None else off_arm.serve["variant"],
        }
        if not enabled and off_arm.wrong is not None:
            entry["broken"] = off_arm.wrong
        seed = f"{text(raw, 'key', where) or key}.{text(raw, 'salt', where) or ''}"
        rows = [*self._prerequisites(key, raw, off_arm, where), *_targets(raw, len(variations), where)]
        noted: Json = {"experiments": [], "rule_ids": {}}
        taken: set[str] = set()
        for at, (rule, place) in enumerate(objects(raw, "rules", where)):
            conditions = [self.clause(("flag", key), *each) for each in objects(rule, "clauses", place)]
            given = text(rule, "id", place) or ""
            named = _rule_id(given, at, taken)
            if given and named == f"rule:{at}":
                noted["rule_ids"][named] = given
            ways = self._arms(key, arms(rule, seed, len(variations), place))
            rows += _rows(named, all_of(*conditions), ways, noted["experiments"])
        last = self._arms(key, arms(raw.get("fallthrough") or {}, seed, len(variations), f"{where}.fallthrough"))
        final = last[-1].when is None and last[-1].wrong is None
        rows += _rows("fallthrough", None, last[:-1] if final else last, noted["experiments"])
        entry |= {"rules": [row.rule for row in rows], "fallthrough": last[-1].serve if final else None}
        if any(noted.values()):
            entry["meta"] = {"imported": {name: facts for name, facts in noted.items() if facts}}
        if any(row.rule is not row.asked for row in rows):
            self.asked[key] = {**entry, "rules": [row.asked for row in rows]}
        mixed = kind is None and len(variations) > 1 and not all(isinstance(each, (dict, list)) for each in variations)
        return entry, "its variations have several types: read it as an object" if mixed else ""

    def segment(self, key: str, raw: Json, where: str) -> tuple[Json, str]:
        """A segment's entry, and in which way it is not exact. Raises `Unsupported`."""
        seed = f"{text(raw, 'key', where) or key}.{text(raw, 'salt', where) or ''}"
        rules = [self._segment_rule(key, rule, seed, place) for rule, place in objects(raw, "rules", where)]
        by_rules: Json = any_of(rules) if rules else {"any": []}
        if boolean(raw, "unbounded", where):
            return self._big_segment(key, raw, by_rules, where)
        included, excluded = self._keys(raw, "included", where), self._keys(raw, "excluded", where)
        by_rules = all_of(*({"not": condition} for condition in excluded), by_rules) or by_rules
        return {"when": any_of([*included, by_rules])}, ""

    def clause(self, owner: Node, raw: Json, where: str) -> Json:
        """A clause, with what it names noted. Raises `Unsupported`."""

        def in_segment(key: str) -> Json:
            self.links.add(owner, ("segment", key))
            condition: Json = {"segment": self.draft.name("segment", key)}
            # A segment that exists and is refused here is an error; one that is absent there matches nobody.
            return condition if key in self.segments else {**condition, "on_absent": False}

        condition = clause_condition(raw, where, in_segment)
        if _fails(condition):
            self.malformed.add(owner)
        return condition

    def _arms(self, key: str, ways: list[Arm]) -> list[Arm]:
        if any(arm.malformed for arm in ways):
            self.malformed.add(("flag", key))
        return ways

    def _prerequisites(self, key: str, raw: Json, off: Arm, where: str) -> list[Row]:
        made = []
        for each, place in objects(raw, "prerequisites", where):
            named, variation = text(each, "key", place), integer(each, "variation", place)
            if named is None or variation is None:
                msg = f"{place} needs a key and a variation"
                raise Unsupported(msg)
            condition: Json = {
                "flag": self.draft.name("flag", named),
                "enabled": True,
                "variants": [str(variation)],
                "on_absent": False,
                "on_error": False,
            }
            self.links.add(("flag", key), ("flag", named))
            self.prerequisites.append((named, condition))
            made.append(_row(f"prerequisite:{named}", {"not": condition}, off))
        return made

    def _segment_rule(self, key: str, raw: Json, seed: str, where: str) -> Json:
        conditions = [self.clause(("segment", key), *each) for each in objects(raw, "clauses", where)]
        weight = integer(raw, "weight", where)
        if weight is not None:
            conditions.append(self._share(key, raw, weight, seed, where))
        return all_of(*conditions) or {"all": []}

    def _share(self, key: str, raw: Json, weight: int, seed: str, where: str) -> Json:
        kind = text(raw, "rolloutContextKind", where) or USER
        by = attribute_path(kind, ["key"])
        absent: Json = {"not": kind_present(kind)}  # lies before the beginning of the line, and so inside
        if text(raw, "bucketBy", where):
            try:
                by = attribute_path(*reference(raw, "bucketBy", "rolloutContextKind", where))
            except Malformed as error:
                self.malformed.add(("segment", key))
                return {"any": [absent, {"error": str(error)}]}
        share: Json = {"by": by, "scheme": "launchdarkly", "seed": seed, "of": 1, "to": weight / WHOLE}
        inside: Json = {"share": {**share, "on_missing_key": "first"}}
        return inside if weight > 0 else {"any": [absent, inside]}

    def _keys(self, raw: Json, name: str, where: str) -> list[Json]:
        """Conditions for the keys of users in `name`, and those of other kinds in `nameContexts`."""
        users = texts(raw, name, where)
        made = [key_in(USER, users)] if users else []
        for each, place in objects(raw, f"{name}Contexts", where):
            made.append(key_in(text(each, "contextKind", place) or USER, texts(each, "values", place)))
        return made

    def _big_segment(self, key: str, raw: Json, by_rules: Json, where: str) -> tuple[Json, str]:
        generation = integer(raw, "generation", where)
        if generation is None:
            return {"when": {"any": []}}, ""
        kind = text(raw, "unboundedContextKind", where) or USER
        name = f"{key}.g{generation}"
        member: Json = {"member_of": name, "by": attribute_path(kind, ["key"])}
        why = f"a big segment: whoever is in it is asked of the client's source of lists, as {name!r}"
        if not raw.get("rules"):
            return {"when": all_of(kind_present(kind), {**member, "on_unknown": False})}, why
        # The store's word counts, also when it says "excluded"; the rules are for those of whom it says nothing.
        by_rules = {"all": [{**member, "on_unknown": True}, by_rules]}
        return {"when": all_of(kind_present(kind), {"any": [{**member, "on_unknown": False}, by_rules]})}, why


def raw_variation(variation: int) -> Json:
    """A variation as what a rule gives."""
    return {"variation": variation}


def _targets(raw: Json, count: int, where: str) -> list[Row]:
    """Targets of contexts in their order, those of users pointing into `targets`; without any, `targets` as it is."""
    of_users = [
        (integer(each, "variation", place), texts(each, "values", place), place)
        for each, place in objects(raw, "targets", where)
    ]
    rows = [(USER, *each) for each in of_users]
    of_contexts = objects(raw, "contextTargets", where)
    if of_contexts:
        rows = []
        for each, place in of_contexts:
            kind, variation = text(each, "contextKind", place) or USER, integer(each, "variation", place)
            keys = texts(each, "values", place)
            if kind == USER:
                keys = next((values for to, values, _ in of_users if to == variation), [])
            rows.append((kind, variation, keys, place))
    made: list[Row] = []
    for at, (kind, variation, keys, place) in enumerate(rows):
        if variation is None:
            msg = f"{place} needs a variation"
            raise Unsupported(msg)
        made += _rows(f"target:{at}", key_in(kind, keys), arms(raw_variation(variation), "", count, place), [])
    return made


def _rows(named: str, when: Json | None, ways: list[Arm], experiments: list[str]) -> list[Row]:
    made = []
    for at, arm in enumerate(ways):
        own = named if at == 0 else f"{named}:{at + 1}"
        made.append(_row(own, when, arm))
        if arm.in_experiment:
            experiments.append(own)
    return made


def _row(named: str, when: Json | None, arm: Arm) -> Row:
    asked = _rule(named, all_of(when, arm.when), arm.serve)
    if arm.wrong is None:
        return Row(asked, asked)
    return Row(_rule(named, all_of(when, arm.when, {"error": arm.wrong}), None), asked)


def _rule(named: str, when: Json | None, serve: Json | None) -> Json:
    return {"id": named, "serve": serve} if when is None else {"id": named, "when": when, "serve": serve}


def _rule_id(given: str, at: int, taken: set[str]) -> str:
    """The rule's own id, unless it repeats or looks like one that is given here."""
    looks_given = given.startswith(_OWN_IDS) or (":" in given and given.rpartition(":")[2].isdigit())
    named = given if given and given not in taken and not looks_given else f"rule:{at}"
    taken.add(named)
    return named


def _fails(condition: Json) -> bool:
    return "error" in condition or any(_fails(inner) for inner in condition.get("all", []))
