"""Statsig's gates, configs and layers as flags: a rule's conditions, its share, its value; else the default value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object

from .conditions import ROUNDS, Conditions
from .contexts import unit_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]

DEFAULT: Final = "default"


class Configs:
    """Makes flags of the specs of one export: `specs` are the configs that layers delegate to, `shared` the conditions."""

    def __init__(self, conditions: Conditions, shared: Mapping[str, Any], specs: Mapping[str, Any]) -> None:
        self.conditions = conditions
        self.shared = shared
        self.specs = specs

    def gate(self, raw: Json, where: str) -> Json:
        """A gate: on for whom a rule passes. Raises `Unsupported`."""
        off = "on" if raw.get("defaultValue") is True else "off"
        making = _Making({"on": True, "off": False}, off, boolean=True)
        self._rules(making, raw, where, [], ())
        return self._entry(making, raw, "boolean")

    def config(self, raw: Json, where: str) -> Json:
        """A dynamic config, experiment or layer: an object. Raises `Unsupported`."""
        making = _Making({DEFAULT: {"value": raw.get("defaultValue")}}, DEFAULT)
        self._rules(making, raw, where, [], ())
        return self._entry(making, raw, "object")

    def _entry(self, making: _Making, raw: Json, flag_type: str) -> Json:
        return {
            "type": flag_type,
            "variants": making.variants,
            "enabled": raw.get("enabled") is True,
            "off": making.default,
            "rules": making.rules,
            "fallthrough": {"variant": making.default},
        }

    def _rules(self, making: _Making, raw: Json, where: str, before: list[Json], within: tuple[str, ...]) -> None:
        for at, each in enumerate(a_list(raw.get("rules"), f"{where}.rules")):
            place = f"{where}.rules[{at}]"
            rule = an_object(each, place)
            conditions = [*before, *self._conditions(rule, place)]
            delegate = rule.get("configDelegate")
            if isinstance(delegate, str) and delegate in self.specs:
                self._delegated(making, delegate, conditions, (*within, delegate), place)
                continue
            when: Json = conditions[0] if len(conditions) == 1 else {"all": conditions}
            making.add(_name(rule), when, making.variant(rule, within), self._share(rule, raw, place))

    def _delegated(
        self, making: _Making, delegate: str, conditions: list[Json], within: tuple[str, ...], where: str
    ) -> None:
        """The experiment that a layer's rule hands over to, in its place: what it does not decide is its default."""
        if len(within) > len(set(within)):
            msg = f"{where} delegates to {delegate!r}, which delegates back"
            raise Unsupported(msg)
        spec, place = an_object(self.specs[delegate], where), f"{where} -> {delegate}"
        outer, making.default = making.default, making.add_variant(f"{delegate}/{DEFAULT}", spec.get("defaultValue"))
        enabled = spec.get("enabled") is True
        if enabled:
            self._rules(making, spec, place, conditions, within)
        everybody: Json = {"all": conditions}
        making.add(DEFAULT if enabled else "disabled", everybody, making.default, None)
        making.default = outer

    def _conditions(self, rule: Json, where: str) -> list[Json]:
        made = []
        for at, each in enumerate(a_list(rule.get("conditions"), f"{where}.conditions")):
            raw = self.shared.get(each) if isinstance(each, str) else each
            place = f"{where}.conditions[{at}]"
            made.append(self.conditions.condition(an_object(raw, place), place))
        return made

    def _share(self, rule: Json, raw: Json, where: str) -> Json | None:
        """The split that lets a percentage pass; None for all."""
        percentage = rule.get("passPercentage")
        if isinstance(percentage, bool) or not isinstance(percentage, (int, float)):
            msg = f"{where}.passPercentage is {shown(percentage)}, not a number"
            raise Unsupported(msg)
        if percentage >= 100:
            return None
        by, *more = unit_paths(rule.get("idType"))
        seed = f"{raw.get('salt') or ''}.{rule.get('salt') or rule.get('id') or ''}"
        split: Json = {"by": by, **({"or_by": more} if more else {}), **ROUNDS, "seed": seed, "of": 10_000}
        return {**split, "passing": max(percentage * 100, 0)}


class _Making:
    """One flag in the making."""

    def __init__(self, variants: Json, default: str, *, boolean: bool = False) -> None:
        self.variants = variants
        self.default = default
        self.boolean = boolean
        self.rules: list[Json] = []

    def variant(self, rule: Json, within: tuple[str, ...]) -> str:
        value = rule.get("returnValue")
        if self.boolean:
            return "on" if value is True else "off"
        return self.add_variant("/".join((*within, _name(rule) or "rule")), value)

    def add_variant(self, name: str, value: Any) -> str:
        """The variant of that name and value; another of the same name is told apart by a number."""
        own, count = name, 1
        while own in self.variants and self.variants[own] != {"value": value}:
            count += 1
            own = f"{name}:{count}"
        self.variants[own] = {"value": value}
        return own

    def add(self, name: str, when: Json, variant: str, share: Json | None) -> None:
        """A rule that ends the evaluation for whom it holds: whoever misses its share gets the default."""
        rule: Json = {"id": name, "when": when, "serve": {"variant": variant}}
        if share is not None:
            passing = share.pop("passing")
            ranges = [
                {"from": 0, "to": passing, "variant": variant},
                {"from": passing, "to": 10_000, "variant": self.default},
            ]
            rule["serve"] = {"split": {**share, "ranges": ranges}}
        self.rules.append(rule)


def _name(rule: Json) -> str:
    return str(rule.get("id") or rule.get("name") or "")
