"""LaunchDarkly's flags and segments as entries. Order: off, prerequisites, targets, rules, fallthrough.

A flag's rules here are named after what they are there: `prerequisite:KEY`, `target:0`, a rule's own id (`rule:0` without
one that is its own), `fallthrough`; further arms of the same rule end in `:2`, `:3` ….
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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


class Reader:
    """Reads entries of one export. `links` learns who names whom, `malformed` who holds what LaunchDarkly cannot judge."""

    def __init__(self, draft: Draft, links: Links, segments: Iterable[str]) -> None:
        self.draft = draft
        self.links = links
        self.segments = frozenset(segments)
        self.malformed: set[Node] = set()
        self.prerequisites: list[tuple[Node, Json]] = []
        """Each prerequisite's condition with what it names: what an error of that one means is known when all are read."""

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
        if not enabled and off_arm.when is not None:
            entry["broken"] = off_arm.when["error"]
        seed = f"{text(raw, 'key', where) or key}.{text(raw, 'salt', where) or ''}"
        rules = [*self._prerequisites(key, raw, off_arm, where), *self._targets(raw, len(variations), where)]
        experiments: list[str] = []
        taken: set[str] = set()
        for at, (rule, place) in enumerate(objects(raw, "rules", where)):
            conditions = [self.clause(("flag", key), *each) for each in objects(rule, "clauses", place)]
            named = _rule_id(text(rule, "id", place), at, taken)
            ways = self._arms(key, arms(rule, seed, len(variations), place))
            rules += _rules(named, all_of(*conditions), ways, experiments)
        last = self._arms(key, arms(raw.get("fallthrough") or {}, seed, len(variations), f"{where}.fallthrough"))
        fallthrough = last[-1].serve if last[-1].when is None else None
        kept = last[:-1] if last[-1].when is None else last
        rules += _rules("fallthrough", None, kept, experiments)
        entry |= {"rules": rules, "fallthrough": fallthrough}
        if experiments:
            entry["meta"] = {"imported": {"experiments": experiments}}
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

    def _prerequisites(self, key: str, raw: Json, off: Arm, where: str) -> list[Json]:
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
            self.prerequisites.append((("flag", named), condition))
            when = all_of({"not": condition}, off.when)
            made.append({"id": f"prerequisite:{named}", "when": when, "serve": off.serve})
        return made

    def _targets(self, raw: Json, count: int, where: str) -> list[Json]:
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
        made = []
        for at, (kind, variation, keys, place) in enumerate(rows):
            if variation is None:
                msg = f"{place} needs a variation"
                raise Unsupported(msg)
            made += _rules(f"target:{at}", key_in(kind, keys), arms(raw_variation(variation), "", count, place), [])
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


def _rules(named: str, when: Json | None, ways: list[Arm], experiments: list[str]) -> list[Json]:
    made = []
    for at, arm in enumerate(ways):
        own = named if at == 0 else f"{named}:{at + 1}"
        rule: Json = {"id": own, "when": all_of(when, arm.when), "serve": arm.serve}
        if rule["when"] is None:
            del rule["when"]
        made.append(rule)
        if arm.in_experiment:
            experiments.append(own)
    return made


def _rule_id(given: str | None, at: int, taken: set[str]) -> str:
    usable = given and given not in taken and not given.startswith(_OWN_IDS) and ":" not in given
    named = given if given and usable else f"rule:{at}"
    taken.add(named)
    return named


def _fails(condition: Json) -> bool:
    return "error" in condition or any(_fails(inner) for inner in condition.get("all", []))
