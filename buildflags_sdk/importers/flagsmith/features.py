"""One feature of Flagsmith, with the overrides that segments push onto it, as one flag."""

from __future__ import annotations

from math import inf
from typing import Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object

from .conditions import HAS_IDENTIFIER, HAS_OWN_KEY, IDENTITY_KEY, Condition, all_of, any_of, not_


class Candidate:
    """What a feature may come to: its own state, or a segment's override of it."""

    def __init__(self, raw: dict[str, Any], label: str, condition: Condition | None = None) -> None:
        self.raw = raw
        self.label = label
        self.condition = condition

    @property
    def priority(self) -> float:
        """Lower is stronger; an override without one is the weakest."""
        priority = self.raw.get("priority")
        if priority is None:
            return inf
        if isinstance(priority, (int, float)) and not isinstance(priority, bool):
            return priority
        return inf

    @property
    def values(self) -> list[Any]:
        """Every value that it may give."""
        return [self.raw.get("value"), *(option.get("value") for option in self.options())]

    def options(self) -> list[dict[str, Any]]:
        """Its variants, in the order in which their weights are added up."""
        where = f"the variants of {self.label}"
        options = [an_object(option, where) for option in a_list(self.raw.get("variants"), where)]
        for option in options:
            for name in ("weight", "priority"):
                if not isinstance(option.get(name), (int, float)) or isinstance(option[name], bool):
                    msg = f"{where} have the {name} {shown(option.get(name))}"
                    raise Unsupported(msg)
        return sorted(options, key=lambda option: option["priority"])


class Feature:
    """A feature on its way into page form."""

    def __init__(self, raw: dict[str, Any], where: str, overrides: list[Candidate], environment_key: str) -> None:
        self.raw = raw
        self.environment_key = environment_key
        self.candidates = [*overrides, Candidate(raw, "default")]
        for candidate in self.candidates:
            if not isinstance(candidate.raw.get("enabled"), bool):
                msg = f"{where}: {candidate.label} has enabled {shown(candidate.raw.get('enabled'))}"
                raise Unsupported(msg)
        self.type, self.silent = _type_of(self.candidates)
        self.variants: dict[str, Any] = {}
        self.results: dict[str, dict[str, Any]] = {}
        """What each variant is in Flagsmith's words, as its engine gives it."""

    def entry(self, *, explicit_keys: bool) -> dict[str, Any]:
        """The flag in page form, but for its key; with `explicit_keys`, contexts may bring an identity key of their own."""
        rules: list[dict[str, Any]] = []
        fallthrough = ""
        for candidate in self.candidates:
            reason = "DEFAULT" if candidate.condition is None else f"TARGETING_MATCH; segment={candidate.label}"
            options = candidate.options()
            if options:
                rules += self._splits(candidate, options, explicit_keys=explicit_keys)
                control = self._variant(candidate, "control", candidate.raw.get("value"), "control", reason)
                identified = any_of([HAS_OWN_KEY, HAS_IDENTIFIER]) if explicit_keys else HAS_IDENTIFIER
                rules.append(_rule(candidate, [identified], {"variant": control}))
            name = self._variant(candidate, "", candidate.raw.get("value"), None, reason)
            if candidate.condition is None:
                fallthrough = name
            else:
                rules.append(_rule(candidate, [], {"variant": name}))
        about: dict[str, Any] = {"variants": {name: _told(result) for name, result in self.results.items()}}
        if self.silent:
            about["without_values"] = True
        return {
            "type": self.type,
            "variants": self.variants,
            "enabled": True,
            "off": None,
            "rules": rules,
            "fallthrough": {"variant": fallthrough},
            "meta": {"flagsmith": about},
        }

    def _splits(
        self, candidate: Candidate, options: list[dict[str, Any]], *, explicit_keys: bool
    ) -> list[dict[str, Any]]:
        ranges, start = [], 0.0
        for at, option in enumerate(options, 1):
            limit = option["weight"] + start
            label = str(option.get("key") or f"option {at}")
            reason = f"SPLIT; weight={option['weight']}"
            name = self._variant(candidate, label, option.get("value"), option.get("key"), reason)
            ranges.append({"from": start, "to": limit, "variant": name})
            start = limit
        feature = str(candidate.raw.get("key"))
        knobs = {"of": 100, "on_miss": "next", "on_missing_key": "next", "ranges": ranges}
        composed = {"split": {"scheme": "flagsmith_identity", "seed": f"{feature},{self.environment_key}_", **knobs}}
        if not explicit_keys:
            return [_rule(candidate, [], composed)]
        own = {"split": {"by": [IDENTITY_KEY], "scheme": "flagsmith", "seed": feature, **knobs}}
        return [
            _rule(candidate, [HAS_OWN_KEY], own),
            _rule(candidate, [not_(HAS_OWN_KEY)], composed),
        ]

    def _variant(self, candidate: Candidate, label: str, value: Any, variant: str | None, reason: str) -> str:
        """Add a variant; its name tells whose it is."""
        if candidate.condition is None:
            name = label or "default"
        else:
            name = f"{candidate.label}: {label}" if label else candidate.label
        while name in self.variants:
            name += "'"
        on = candidate.raw["enabled"]
        if self.type == "boolean":
            self.variants[name] = on
        else:
            self.variants[name] = {"on": on} if value is None else {"value": value, "on": on}
        static = candidate.condition is None and len(self.candidates) == 1 and reason == "DEFAULT"
        self.results[name] = {
            "enabled": on,
            "name": candidate.raw.get("name"),
            "reason": "STATIC" if static else reason,
            "value": value,
            "variant": variant,
            **({"metadata": candidate.raw["metadata"]} if candidate.raw.get("metadata") else {}),
        }
        return name


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """What a flag keeps of a result, since the decision tells the rest. Only the latest engine says STATIC."""
    told = {"variant": result["variant"], "reason": result["reason"].replace("STATIC", "DEFAULT")}
    return {**told, "metadata": result["metadata"]} if "metadata" in result else told


def _rule(candidate: Candidate, conditions: list[Condition], serve: dict[str, Any]) -> dict[str, Any]:
    several = [*([] if candidate.condition is None else [candidate.condition]), *conditions]
    rule = {"id": candidate.label, "serve": serve}
    return {**rule, "when": all_of(several)} if several else rule


def _type_of(candidates: list[Candidate]) -> tuple[str, bool]:
    """The flag's type, and whether the feature is a switch without values.

    Values of several types, or true while disabled, are kept in an object flag, which holds any JSON.
    """
    values = [value for candidate in candidates for value in candidate.values if value is not None]
    if not values:
        return "boolean", True
    if all(isinstance(value, bool) for value in values):
        agree = all(value is each.raw["enabled"] for each in candidates for value in each.values)
        return ("boolean" if agree else "object"), False
    if all(isinstance(value, str) for value in values):
        return "string", False
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return ("integer" if all(isinstance(value, int) for value in values) else "float"), False
    return "object", False
