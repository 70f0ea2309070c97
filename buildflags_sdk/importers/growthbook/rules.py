"""One GrowthBook feature as a flag: each of its rules becomes the rules here that together decide the same.

GrowthBook's order within a rule: prerequisites, filters, and then either condition and rollout of a forced value, or an
experiment: forced variation, stored assignment, namespace, condition, hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Draft, Unsupported, a_list, an_object
from buildflags_sdk.importers.report import TARGETING_KEY
from buildflags_sdk.importers.value_types import common_type

from .buckets import a_range, bucket_ranges, is_distribution, number, numbers, without
from .conditions import ALWAYS, NEVER, Conditions, all_of, name_of

if TYPE_CHECKING:
    from .buckets import Range
    from .conditions import Condition

GATE = "prerequisite of rule "
UNNAMED = "rule "


class Payload(NamedTuple):
    """What the rules of one payload share, and what the application told about how it runs the peer's SDK."""

    draft: Draft
    conditions: Conditions
    bandits: dict[str, Any]
    sticky_buckets: bool
    forced_variations: bool


class Feature:
    """One feature while it is read. Raises `Unsupported` for what has no equal here."""

    def __init__(self, payload: Payload, key: str, raw: dict[str, Any], where: str, *, inline: bool = False) -> None:
        self.inline = inline  # an experiment by itself: it may rest, and give one variation to all who are in it
        self.payload = payload
        self.key = key
        self.where = where
        self.raw = raw
        self.notes: list[str] = []
        self.variants: dict[str, Any] = {}
        self.experiments: dict[str, list[Any]] = {}
        self.rules: list[dict[str, Any]] = []
        self.raw_rules = [
            an_object(rule, f"{where}.rules[{at}]")
            for at, rule in enumerate(a_list(raw.get("rules"), f"{where}.rules"))
        ]
        self.type = self._type()

    def entry(self) -> dict[str, Any]:
        """The flag's entry."""
        default = self.serve("default", self.raw.get("defaultValue"))
        for at, rule in enumerate(self.raw_rules):
            RuleReader(self, at, rule).read()
        meta = {"growthbook": {"variants": self.experiments}} if self.experiments else {}
        return {
            "type": self.type, "variants": self.variants, "enabled": True, "off": None,
            "rules": self.rules, "fallthrough": default, "meta": meta,
        }  # fmt: skip

    def variant(self, name: str, value: Any) -> str | None:
        """The name of a new variant; None when its value cannot be one: null in a boolean flag."""
        if value is None and self.type == "boolean":
            return None
        taken, at = name, 2
        while taken in self.variants:
            taken, at = f"{name} ({at})", at + 1
        self.variants[taken] = _body(self.type, value)
        return taken

    def serve(self, name: str, value: Any) -> dict[str, Any] | None:
        """A serve of one value; null is the caller's default, as GrowthBook's own getters have it."""
        named = self.variant(name, value)
        return None if named is None or value is None else {"variant": named}

    def _type(self) -> str:
        values: list[Any] = [self.raw.get("defaultValue")]
        varied: list[Any] = []
        for rule in self.raw_rules:
            values += [rule["force"]] if "force" in rule and not self.inline else []
            for name in ("variations", "contextualVariations"):
                varied += a_list(rule.get(name), f"{self.where}.rules.{name}")
        found = common_type([*values, *varied])
        if found is None or (found == "boolean" and None in varied):
            self.notes.append("values of several types: read it as an object, the getters of one type do not take it")
            return "object"
        return found


class RuleReader:
    """One rule of a feature."""

    def __init__(self, feature: Feature, at: int, rule: dict[str, Any]) -> None:
        self.feature = feature
        self.payload = feature.payload
        self.rule = rule
        self.where = f"{feature.where}.rules[{at}]"
        self.id = rule["id"] if isinstance(rule.get("id"), str) and rule["id"] else f"{UNNAMED}{at}"
        self.gate_id = f"{GATE}{at}"
        disabled = _is_truthy(rule.get("disableStickyBucketing"))
        self.sticky = self.payload.sticky_buckets and not disabled
        self.by = [_attribute(rule.get("hashAttribute"), f"{self.where}.hashAttribute") or [TARGETING_KEY]]
        fallback = _attribute(rule.get("fallbackAttribute"), f"{self.where}.fallbackAttribute")
        if fallback is not None and self.sticky:
            self.by.append(fallback)

    def read(self) -> None:
        """Add what this rule becomes."""
        parents = self._parents()
        before, known = parents + self._filters(), len(self.feature.rules)
        if "force" in self.rule and not self.feature.inline:
            self._add(self.id, [*before, *self._condition(), *self._rollout()],
                      self.feature.serve(f"force {self.id.removeprefix(UNNAMED)}", self.rule["force"]))  # fmt: skip
        elif self.rule.get("variations") is not None or self._is_bandit:
            self._experiment(before)
        if parents and len(self.feature.rules) == known:
            # It serves nobody, and yet asks its prerequisites: a cycle among them ends the flag.
            self.feature.rules.append({"id": self.id, "when": {"all": [*parents, NEVER]}, "serve": None})

    @property
    def _is_bandit(self) -> bool:
        return self.rule.get("contextualVariations") is not None

    def _add(self, rule_id: str, when: list[Condition], serve: dict[str, Any] | None) -> None:
        if NEVER in when:
            return
        rule: dict[str, Any] = {"id": rule_id, "serve": serve}
        condition = all_of(when)
        if condition is not None:
            rule = {"id": rule_id, "when": condition, "serve": serve}
        self.feature.rules.append(rule)

    def _parents(self) -> list[Condition]:
        """The prerequisites; a gate that fails ends the flag with null in a rule of its own."""
        held: list[Condition] = []
        for at, raw in enumerate(a_list(self.rule.get("parentConditions"), f"{self.where}.parentConditions")):
            here = f"{self.where}.parentConditions[{at}]"
            parent = an_object(raw, here)
            if not isinstance(parent.get("id"), str):
                msg = f"{here}.id is {shown(parent.get('id'))}, not a feature's key"
                raise Unsupported(msg)
            flag = self.payload.draft.name("flag", parent["id"])
            holds = self.payload.conditions.over_parent(flag, parent.get("condition") or {}, f"{here}.condition")
            if _is_truthy(parent.get("gate")):
                self._add(self.gate_id, [*held, {"not": holds}], None)
            held.append(holds)
        return held

    def _filters(self) -> list[Condition]:
        made = []
        for at, raw in enumerate(a_list(self.rule.get("filters"), f"{self.where}.filters")):
            here = f"{self.where}.filters[{at}]"
            each = an_object(raw, here)
            by = _attribute(each.get("attribute"), f"{here}.attribute") or [TARGETING_KEY]
            scheme = _scheme(each.get("hashVersion") or 2)
            ranges = [a_range(one, f"{here}.ranges") for one in a_list(each.get("ranges"), f"{here}.ranges")]
            shares = [_share([by], scheme, _text(each.get("seed"), f"{here}.seed"), one) for one in ranges]
            made.append(NEVER if scheme is None or not shares else shares[0] if len(shares) == 1 else {"any": shares})
        return made

    def _condition(self) -> list[Condition]:
        raw = self.rule.get("condition")
        return [self.payload.conditions.over_attributes(raw, f"{self.where}.condition")] if raw else []

    def _rollout(self) -> list[Condition]:
        """Who gets a forced value: `range` is half open, `coverage` includes its end, and without either everybody does."""
        coverage = number(self.rule.get("coverage"), f"{self.where}.coverage", None)
        if self.rule.get("range") is not None:
            span, inclusive = a_range(self.rule["range"], f"{self.where}.range"), False
        elif coverage is not None:
            span, inclusive = (0, coverage), True
        else:
            return []
        scheme = _scheme(self.rule.get("hashVersion") or 1)
        if scheme is None or (inclusive and coverage == 0):
            return [NEVER]
        return [_share(self.by, scheme, self._seed(self.feature.key), span, inclusive=inclusive)]

    def _seed(self, otherwise: str) -> str:
        return _text(self.rule.get("seed"), f"{self.where}.seed") or otherwise

    def _experiment(self, before: list[Condition]) -> None:
        values = self.rule["contextualVariations"] if self._is_bandit else self.rule["variations"]
        key = _text(self.rule.get("key"), f"{self.where}.key") or self.feature.key
        meta = [an_object(each, f"{self.where}.meta") for each in a_list(self.rule.get("meta"), f"{self.where}.meta")]
        if len(values) < 2:
            return
        described = [*meta[: len(values)], *[{}] * (len(values) - len(meta))]
        keys = [each["key"] if isinstance(each.get("key"), str) else str(at) for at, each in enumerate(described)]
        names: list[str | None] = []
        for at, value in enumerate(values):
            names.append(
                None if _is_truthy(described[at].get("passthrough")) else self._variation(key, at, keys[at], value)
            )
        last = [*before, *self._forced(before, key, names)]
        chosen = self.rule.get("force") if self.feature.inline else None
        if self.feature.inline and self._rests(chosen):
            return
        if chosen is not None:
            if not 0 <= chosen < len(names):
                return
            names = [names[chosen]] * len(names)
        scheme = _scheme(self.rule.get("hashVersion") or 1)
        if scheme is None:
            return
        if self.sticky:
            stored = {
                each["key"]: at for at, each in reversed(list(enumerate(described))) if isinstance(each.get("key"), str)
            }
            last += self._stored(last, key, names, stored)
        if self.rule.get("filters") is None and self.rule.get("namespace") is not None:
            last.append(self._namespace())
        last += self._condition()
        for when, weights in self._weightings(len(values)):
            ranges = self._ranges(len(values), weights)
            self._split([*last, *when], scheme, self._seed(key), ranges, names)

    def _rests(self, chosen: int | None) -> bool:
        """Tell whether an inline experiment is for nobody but those who are forced. In a feature's rule nobody asks."""
        status = self.rule.get("status")
        return self.rule.get("active") is False or status == "draft" or (status == "stopped" and chosen is None)

    def _variation(self, experiment: str, at: int, key: str, value: Any) -> str:
        name = self.feature.variant(f"{experiment}:{key}", value)
        assert name is not None  # noqa: S101 - a boolean flag has no null among its variations, see Feature._type
        self.feature.experiments[name] = [experiment, at, key]
        return name

    def _forced(self, before: list[Condition], key: str, names: list[str | None]) -> list[Condition]:
        """Variations forced by the context's `forcedVariations`, if the application uses them."""
        if not self.payload.forced_variations:
            return []
        path = ["forcedVariations", key]
        for at, name in enumerate(names):
            if name is not None:
                self._add(self.id, [*before, {"attr": path, "op": "eq", "values": [at]}], {"variant": name})
        return [{"not": {"attr": path, "op": "exists"}}]

    def _stored(
        self, before: list[Condition], key: str, names: list[str | None], stored: dict[str, int]
    ) -> list[Condition]:
        """Stored assignments win: by the hash attribute, then by the fallback. Ones of too old a version shut out."""
        version = _count(self.rule.get("bucketVersion"), f"{self.where}.bucketVersion")
        oldest = _count(self.rule.get("minBucketVersion"), f"{self.where}.minBucketVersion")
        experiment = f"{key}__{version}"
        shut_out: list[Condition] = [
            {"not": {"assigned": f"{key}__{old}", "by": by}} for by in self.by for old in range(oldest)
        ]
        passing = [variation for variation, at in stored.items() if names[at] is None]
        unassigned: list[Condition] = []
        for by in self.by:
            for variation, at in stored.items():
                name = names[at]
                if name is not None:
                    kept = {"assigned": experiment, "by": by, "values": [variation]}
                    self._add(self.id, [*before, *shut_out, *unassigned, kept], {"variant": name})
            if passing:
                shut_out.append({"not": {"all": [*unassigned, {"assigned": experiment, "by": by, "values": passing}]}})
            unassigned.append({"not": {"assigned": experiment, "by": by}})
        return shut_out

    def _namespace(self) -> Condition:
        raw, here = self.rule["namespace"], f"{self.where}.namespace"
        if not isinstance(raw, list) or len(raw) != 3 or not isinstance(raw[0], str):
            msg = f"{here} is {shown(raw)}, not a name with the ends of a range"
            raise Unsupported(msg)
        return _share(self.by, "growthbook_1", f"__{raw[0]}", a_range(raw[1:], here))

    def _weightings(self, count: int) -> list[tuple[list[Condition], list[float] | None]]:
        """Conditions with weights: for each leaf of a bandit, the first that holds, and the rule's own for everybody else.

        A leaf without an id or usable weights has the rule's own, as in GrowthBook.
        """
        own = numbers(self.rule.get("weights"), f"{self.where}.weights")
        bandit = self.payload.bandits.get(str(self.rule.get("contextualBanditRef")))
        leaves = bandit.get("contexts") if isinstance(bandit, dict) else None
        found: list[tuple[list[Condition], list[float] | None]] = []
        earlier: list[Condition] = []
        for at, leaf in enumerate(leaves if isinstance(leaves, list) else []):
            here = f"$.contextualBandits.{self.rule['contextualBanditRef']}.contexts[{at}]"
            raw = an_object(leaf, here)
            weights = numbers(raw.get("weights"), f"{here}.weights")
            when = self.payload.conditions.over_attributes(raw.get("condition") or {}, f"{here}.condition")
            usable = _is_leaf_id(raw.get("leafId")) and weights is not None and is_distribution(weights, count)
            found.append(([*earlier, when], weights if usable else own))
            if when == ALWAYS:
                return found
            earlier.append({"not": when})
        return [*found, (earlier, own)]

    def _ranges(self, count: int, weights: list[float] | None) -> list[Range]:
        given = self.rule.get("ranges")
        if given is not None:
            return [a_range(each, f"{self.where}.ranges") for each in a_list(given, f"{self.where}.ranges")]
        coverage = number(self.rule.get("coverage"), f"{self.where}.coverage", 1)
        return bucket_ranges(count, 1 if coverage is None else coverage, weights)

    def _split(
        self, when: list[Condition], scheme: str, seed: str, ranges: list[Range], names: list[str | None]
    ) -> None:
        """A split; a variation that passes through, or is none, takes its range out of those that come after it."""
        owned: list[tuple[Range, str | None]] = [
            (each, names[at] if at < len(names) else None) for at, each in enumerate(ranges)
        ]
        rows: list[tuple[Range, Any]] = []
        while owned:
            (each, name), *owned = owned
            if name is None:
                owned = without(owned, each)
            else:
                rows.append((each, name))
        served = [{"from": start, "to": end, "variant": name} for (start, end), name in rows]
        if served:
            split = {**_bucketing(self.by, scheme, seed), "ranges": served}
            self._add(self.id, when, {"split": split})


def _is_leaf_id(raw: Any) -> bool:
    return isinstance(raw, int) and not isinstance(raw, bool)


def _body(flag_type: str, value: Any) -> Any:
    if value is None:
        return {"on": False}
    if flag_type == "boolean":
        return value
    return (
        {"value": value} if isinstance(value, dict) else value if _is_truthy(value) else {"value": value, "on": False}
    )


def _is_truthy(value: Any) -> bool:
    """Tell what JavaScript takes for true."""
    return isinstance(value, (dict, list)) or bool(value)


def _scheme(version: Any) -> str | None:
    return "growthbook_1" if version == 1 else "growthbook_2" if version == 2 else None


def _bucketing(by: list[list[str]], scheme: str, seed: str) -> dict[str, Any]:
    first, *others = by
    made = {"by": first, "scheme": scheme, "seed": seed, "of": 1, "on_missing_key": "next"}
    return {**made, "or_by": others} if others else made


def _share(by: list[list[str]], scheme: str | None, seed: str, span: Range, *, inclusive: bool = False) -> Condition:
    made = {**_bucketing(by, scheme or "", seed), "from": span[0], "to": span[1]}
    return {"share": {**made, "to_inclusive": True} if inclusive else made}


def _attribute(raw: Any, where: str) -> list[str] | None:
    """The attribute to hash by: a name, not a path."""
    name = _text(raw, where)
    return [name_of(name)] if name else None


def _text(raw: Any, where: str) -> str:
    if raw is None:
        return ""
    if not isinstance(raw, str):
        msg = f"{where} is {shown(raw)}, not text"
        raise Unsupported(msg)
    return raw


def _count(raw: Any, where: str) -> int:
    if raw is None:
        return 0
    if not isinstance(raw, int) or isinstance(raw, bool) or not 0 <= raw <= 100:
        msg = f"{where} is {shown(raw)}, not a number of a version up to 100"
        raise Unsupported(msg)
    return raw
