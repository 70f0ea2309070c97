"""Statsig's gates, configs and layers as flags: a rule's conditions, its share, its value; else the default value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object, place

from .conditions import ROUNDS, Conditions, Unjudged, since
from .contexts import unit_paths
from .layers import Part, merged
from .making import DEFAULT, Making, as_object

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    Json = dict[str, Any]
    Within = tuple[tuple[str, str], ...]

GATES: Final = "feature_gates"
CONFIGS: Final = "dynamic_configs"
LAYERS: Final = "layer_configs"
_DISABLED: Final = "disabled"


class Made(NamedTuple):
    """A flag of one spec, in which ways it is not exact, what of the export it is made of, and its variants' groups."""

    entry: Json
    notes: list[str]
    used: Json
    groups: Mapping[str, str | None]


class Configs:
    """Makes flags of the specs of one export. `grouped` are the experiments whose groups are asked for."""

    def __init__(
        self, conditions: Conditions, export: Json, specs: Mapping[str, Json], grouped: Container[str]
    ) -> None:
        self.conditions = conditions
        self.specs = specs
        self.grouped = grouped
        self.shared, self.mappings, self.mapping_rules = (
            export.get(name) or {} for name in ("condition_map", "overrides", "override_rules")
        )
        self.of_core = "condition_map" in export
        """Whether its form is the one that the core reads, which asks the rules of disabled specs too."""
        self._notes: list[str] = []
        self._used: Json = {}

    def flag(self, table: str, name: str) -> Made:
        """The flag of one spec: a boolean for a gate, an object for a config or layer. Raises `Unsupported`."""
        where = place(table, name)
        self._notes, self._used = [], {}
        raw = self._read(table, name, where)
        grouped = table == CONFIGS and name in self.grouped
        making = Making(raw.get("defaultValue"), boolean=table == GATES, grouped=grouped)
        within = ((table, name),)
        enabled = raw.get("enabled") is True
        self._mapped(making, raw, [], within)
        if enabled or self.of_core:
            self._body(making, raw, where, [], within)
        if making.rules and not enabled:
            making.add(_DISABLED, [], making.default)
        entry = {
            "type": "boolean" if making.boolean else "object",
            "variants": making.variants,
            "enabled": enabled or bool(making.rules),
            "off": making.default,
            "rules": making.rules,
            "fallthrough": {"variant": making.default},
            **({"meta": {"imported": {"rules": making.names}}} if making.names else {}),
        }
        return Made(entry, self._notes, self._used, making.groups)

    def _read(self, table: str, name: str, where: str) -> Json:
        raw = an_object(self.specs[table][name], where)
        self._used.setdefault(table, {})[name] = raw
        if self.of_core and raw.get("enabled") is not True and raw.get("rules"):
            self._notes.append(
                f"{name} is disabled and has rules: they count, as in Statsig's core and not in SDKs before it"
            )
        return raw

    def _body(self, making: Making, raw: Json, where: str, before: list[Json], within: Within) -> None:
        """What a spec decides by its own rules, for those for whom `before` holds."""
        if within[-1][0] == LAYERS and raw.get("useNewLayerEval") is True:
            self._merged(making, raw, where, before, within)
            return
        for at, each in enumerate(a_list(raw.get("rules"), f"{where}.rules")):
            here = f"{where}.rules[{at}]"
            rule = an_object(each, here)
            try:
                conditions = self._conditions(rule, here)
            except Unjudged as problem:
                self._notes.append(str(problem))
                making.give_up(before, problem.before)
                return
            when = [*before, *conditions]
            delegate = rule.get("configDelegate")
            if isinstance(delegate, str) and delegate in self.specs[CONFIGS]:
                self._inlined(making, CONFIGS, delegate, when, within, here)
                continue
            group = rule.get("groupName")
            served = making.variant(_label(within, _name(rule)), rule.get("returnValue"), group)
            missed = making.missed(group)
            making.add(_name(rule), when, served, _share(rule, raw, here), missed)
            if isinstance(rule.get("name"), str) and rule["name"] != _name(rule):
                making.names[_name(rule)] = rule["name"]

    def _merged(self, making: Making, raw: Json, where: str, before: list[Json], within: Within) -> None:
        """A layer whose parameters come each from the first rule that gives it, and at last from the layer itself."""
        parts = []
        try:
            for at, each in enumerate(a_list(raw.get("rules"), f"{where}.rules")):
                here = f"{where}.rules[{at}]"
                rule = an_object(each, here)
                share, delegate = _share(rule, raw, here), rule.get("configDelegate")
                when = [*self._conditions(rule, here), *([{"share": share}] if share else [])]
                if isinstance(delegate, str) and delegate in self.specs[CONFIGS]:
                    apart = Making(None, boolean=False)
                    self._inlined(apart, CONFIGS, delegate, [], within, here)
                    parts.append(Part(_name(rule), when, apart.outcomes(), delegates=True))
                else:
                    parts.append(Part(_name(rule), when, [([], as_object(rule.get("returnValue")))]))
        except Unjudged as problem:
            msg = f"{problem}, in a layer whose parameters come from several rules"
            raise Unsupported(msg) from None
        for name, when, label, value in merged(parts, as_object(raw.get("defaultValue")), where):
            making.add(name, [*before, *when], making.variant(_label(within, label), value, None))

    def _inlined(self, making: Making, table: str, name: str, before: list[Json], within: Within, where: str) -> None:
        """Another spec in the place of a rule that hands over to it: what that one does not decide is its own default."""
        if (table, name) in within:
            msg = f"{where} leads to {name!r}, which leads back"
            raise Unsupported(msg)
        inner, here = (*within, (table, name)), f"{where} -> {name}"
        raw = self._read(table, name, where)
        outer = making.default
        making.default = making.variant(_label(inner, DEFAULT), raw.get("defaultValue"), None, default=True)
        self._mapped(making, raw, before, inner)
        enabled = raw.get("enabled") is True
        if enabled or self.of_core:
            self._body(making, raw, here, before, inner)
        making.add(DEFAULT if enabled else _DISABLED, before, making.default)
        making.default = outer

    def _mapped(self, making: Making, raw: Json, before: list[Json], within: Within) -> None:
        """The specs that stand in for this one for some users (config mapping): the first that a rule gives and that is."""
        table, name = within[-1]
        if not self.mapping_rules or name not in self.mappings:
            return
        where = place("overrides", name)
        for at, each in enumerate(a_list(self.mappings[name], where)):
            mapping = an_object(each, f"{where}[{at}]")
            self._used.setdefault("overrides", {})[name] = self.mappings[name]
            other = mapping.get("new_config_name")
            if not isinstance(other, str) or other not in self.specs[table]:
                continue
            for index, raw_rule in enumerate(a_list(mapping.get("rules"), f"{where}[{at}].rules")):
                here = f"{where}[{at}].rules[{index}]"
                when = self._mapping_rule(an_object(raw_rule, here), raw, here)
                if when is not None:
                    self._inlined(making, table, other, [*before, *when], within, here)

    def _mapping_rule(self, named: Json, raw: Json, where: str) -> list[Json] | None:
        """Whom a rule of a mapping takes; None for nobody."""
        name = named.get("rule_name")
        if not isinstance(name, str) or name not in self.mapping_rules:
            return None
        here = place("override_rules", name)
        rule = an_object(self.mapping_rules[name], here)
        self._used.setdefault("override_rules", {})[name] = rule
        try:
            conditions = self._conditions(rule, here)
        except Unjudged as problem:
            self._notes.append(f"{problem}: nobody is mapped by it")
            return None
        share = _share(rule, raw, here)
        return [
            *since(named.get("start_time"), f"{where}.start_time"),
            *conditions,
            *([{"share": share}] if share else []),
        ]

    def _conditions(self, rule: Json, where: str) -> list[Json]:
        made: list[Json] = []
        for at, each in enumerate(a_list(rule.get("conditions"), f"{where}.conditions")):
            raw = self.shared.get(each) if isinstance(each, str) else each
            here = f"{where}.conditions[{at}]"
            if isinstance(each, str):
                self._used.setdefault("condition_map", {})[each] = raw
            try:
                made.append(self.conditions.condition(an_object(raw, here), here))
            except Unjudged as problem:
                problem.before = made[-1] if made else None
                raise
        return made


def _share(rule: Json, raw: Json, where: str) -> Json | None:
    """The share that a percentage lets pass; None for all."""
    percentage = rule.get("passPercentage")
    if isinstance(percentage, bool) or not isinstance(percentage, (int, float)):
        msg = f"{where}.passPercentage is {shown(percentage)}, not a number"
        raise Unsupported(msg)
    if percentage >= 100:
        return None
    by, *more = unit_paths(rule.get("idType"))
    salt = rule.get("id") if rule.get("salt") is None else rule["salt"]
    seed = f"{raw.get('salt') or ''}.{salt or ''}"
    split: Json = {"by": by, **({"or_by": more} if more else {}), **ROUNDS, "seed": seed, "of": 10_000}
    return {**split, "from": 0, "to": max(percentage * 100, 0)}


def _label(within: Within, name: str) -> str:
    return "/".join((*(name for _, name in within[1:]), name or "rule"))


def _name(rule: Json) -> str:
    return str(rule.get("id") or rule.get("name") or "")
