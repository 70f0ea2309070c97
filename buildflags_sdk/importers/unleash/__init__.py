"""Unleash: what its client API answers (`/api/client/features`), or the delta events of `/api/client/delta`.

Every strategy, constraint, segment, variant and parent is kept. Custom strategies are code of the application and are
refused by name. A flag that Unleash cannot compile is off for everybody there, and so it is here.

Contexts are flat here, the fields of `properties` beside the others: `flattened` does it, `Imported.attributes` the rest.
Every attribute is text to Unleash. Give texts: its SDKs do not agree on how true, none and a moment are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Draft, Unsupported, a_list, an_object
from buildflags_sdk.importers.report import AttributeMapping, Imported
from buildflags_sdk.importers.shape import unknown_fields
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .constraints import ALWAYS, USER, Names, NeverOn, conditions_of, switch, text, texts
from .export import Export, Item, read_export
from .fields import FEATURE, SEGMENT
from .strategies import Segment, Strategy, strategy_of
from .variants import DISABLED, Variants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision

__all__ = ["UnleashVariant", "flattened", "read", "result_of"]


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read a client features response.

    Raises:
        FlagFileError: the bytes are no such response, or one of a version that is not 1 or 2.
    """
    export = read_export(read_object(data, system="Unleash", max_bytes=max_bytes))
    reading = _Reading(export)
    return reading.imported()


class UnleashVariant(NamedTuple):
    """What Unleash's SDK answers: its own name for no variant is `disabled`."""

    name: str
    payload: dict[str, str] | None
    enabled: bool
    feature_enabled: bool


def result_of(decision: Decision, entry: Mapping[str, Any]) -> UnleashVariant:
    """A decision in Unleash's words. `entry` is the imported flag."""
    peer = entry["meta"]["imported"].get("variants", {}).get(decision.variant)
    if peer is None:
        return UnleashVariant(DISABLED, None, enabled=False, feature_enabled=bool(decision.on))
    value = decision.value
    payload = None if value is CALLER_DEFAULT else {"type": peer["type"], "value": value}
    return UnleashVariant(peer["name"], payload, enabled=True, feature_enabled=True)


def flattened(context: Mapping[str, Any]) -> dict[str, Any]:
    """A context of Unleash with what stands under `properties` beside its other fields.

    >>> flattened({"userId": "7", "properties": {"plan": "pro"}})
    {'plan': 'pro', 'userId': '7'}
    """
    properties = context.get("properties") or {}
    return {**properties, **{name: value for name, value in context.items() if name != "properties"}}


class _Reading:
    """One export on its way: its entries, and what parents may say about each other."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.draft = Draft("unleash", export.version)
        self.names = Names()
        self.segments: dict[int, Segment] = {}
        self.variants: dict[str, Variants] = {}
        self.refused: set[str] = set()

    def imported(self) -> Imported:
        for item in self.export.segments:
            self._segment(item)
        features = self.export.features
        self.draft.reserve("flag", [item.key for item in features.values()])
        for key, item in features.items():
            listed = [
                variant
                for strategy in _dicts(item.body.get("strategies"))
                for variant in _dicts(strategy.get("variants"))
            ]
            self.variants[key] = Variants(key, self.names, [*_dicts(item.body.get("variants")), *listed])
        later = [item for item in features.values() if item.body.get("dependencies")]
        for item in [*(item for item in features.values() if not item.body.get("dependencies")), *later]:
            self._feature(item)
        return self.draft.done(AttributeMapping(USER, self.names.renames))

    def _segment(self, item: Item) -> None:
        key = self.draft.name("segment", f"segment-{item.key}")
        problem: Exception | None = None
        notes = [unknown_fields(item.body, SEGMENT, *item.steps)]
        try:
            conditions = conditions_of(item.body.get("constraints"), f"{item.where}.constraints", self.names, notes)
        except (NeverOn, Unsupported) as error:
            problem = error
            self.draft.refuse_segment(
                f"segment-{item.key}", f"{error}; the flags that use it say so too", where=item.where
            )
        else:
            said = {name: item.body[name] for name in ("name", "description") if isinstance(item.body.get(name), str)}
            entry = {"when": {"all": conditions}, **({"meta": said} if said else {})}
            self.draft.add_segment(f"segment-{item.key}", entry, where=item.where, why=_all_of(notes))
        self.segments[int(item.key)] = Segment(key, problem)

    def _feature(self, item: Item) -> None:
        unknown = unknown_fields(item.body, FEATURE, *item.steps)
        try:
            entry, whys = self._entry(item)
        except NeverOn as error:
            off = {"type": "boolean", "variants": {DISABLED: False}, "enabled": False, "off": DISABLED}
            why = f"Unleash cannot use it and never turns it on: {error}; it is imported as switched off"
            self.draft.add_flag(
                item.key, {**off, "meta": _said(item.body)}, where=item.where, why=_all_of([why, unknown])
            )
        except Unsupported as error:
            self.refused.add(item.key)
            self.draft.refuse_flag(item.key, str(error), where=item.where)
        else:
            self.draft.add_flag(item.key, entry, where=item.where, why=_all_of([*whys, unknown]))
            self._remember_variants(item.key)

    def _remember_variants(self, key: str) -> None:
        """Keep the peer's names and payload types, which `result_of` answers with."""
        peers = {
            ours: {"name": peer["name"], "type": (peer["payload"] or {}).get("type", "string")}
            for ours, peer in self.variants[key].peers.items()
        }
        entry = self.draft.flags[self.draft.name("flag", key)]
        if "broken" in entry:  # what was made of it does not fit the model, a line's size included
            self.refused.add(key)
        elif peers:
            entry["meta"]["imported"]["variants"] = peers

    def _entry(self, item: Item) -> tuple[dict[str, Any], list[str]]:
        body, where, variants = item.body, item.where, self.variants[item.key]
        enabled = switch(body, "enabled", where, default=False)
        own = a_list(body.get("variants"), f"{where}.variants")
        strategies = [
            strategy_of(each, item.key, f"{where}.strategies[{at}]", self.names, self.segments)
            for at, each in enumerate(a_list(body.get("strategies"), f"{where}.strategies"))
        ]
        flag_serve = variants.serve(own, item.key, None, f"{where}.variants")
        overrides = variants.overrides(own, f"{where}.variants")
        whys = [note for strategy in strategies for note in strategy.notes]
        rules = self._parents(item)
        off = {"variant": variants.off}
        if not strategies:
            rules += _override_rules(overrides, ALWAYS, "")
            last = flag_serve
        elif overrides and not any(strategy.variants for strategy in strategies):
            whoever = {"any": [strategy.condition for strategy in strategies]}
            rules.append({"id": "no-strategy", "when": {"not": whoever}, "serve": off})
            rules += _override_rules(overrides, ALWAYS, "")
            last = flag_serve
        else:
            if overrides and any(strategy.by_chance and not strategy.variants for strategy in strategies):
                whys.append("where chance decides a rollout, an override is drawn for apart from the other variants")
            for at, strategy in enumerate(strategies):
                rules += self._strategy_rules(
                    strategy, at, variants, flag_serve, overrides, f"{where}.strategies[{at}]"
                )
            last = off
        if variants.twins:
            whys.append(
                f"variants of one name have different payloads; called apart here as {', '.join(variants.twins)}"
            )
        entry = {
            "type": "boolean" if variants.boolean else "string",
            "variants": variants.table,
            "enabled": enabled,
            "off": variants.off,
            "rules": rules,
            "fallthrough": last,
            "meta": {**_said(body), **_names(body)},
        }
        return entry, whys

    def _strategy_rules(
        self,
        strategy: Strategy,
        at: int,
        variants: Variants,
        flag_serve: dict[str, Any],
        overrides: list[tuple[dict[str, Any], str]],
        where: str,
    ) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = []
        serve = flag_serve
        if strategy.variants:
            serve = variants.serve(strategy.variants, strategy.group, strategy.stickiness, f"{where}.variants")
        else:
            rules += _override_rules(overrides, strategy.condition, f"strategy-{at}-")
        rule = {"id": f"strategy-{at}", "when": strategy.condition, "serve": serve}
        return [*rules, {name: part for name, part in rule.items() if part is not ALWAYS}]

    def _parents(self, item: Item) -> list[dict[str, Any]]:
        """A rule that turns the flag off unless its parents are as it demands. Raises `NeverOn` and `Unsupported`."""
        conditions = []
        where = f"{item.where}.dependencies"
        for at, each in enumerate(a_list(item.body.get("dependencies"), where)):
            parent = an_object(each, f"{where}[{at}]")
            name = text(parent, "feature", f"{where}[{at}]")
            known = self.export.features.get(name)
            if known is None or known.body.get("dependencies"):
                what = "which does not exist" if known is None else "which depends on others itself"
                msg = f"it depends on {shown(name)}, {what}"
                raise NeverOn(msg)
            if name in self.refused:
                msg = f"it depends on {shown(name)}, which is refused"
                raise Unsupported(msg)
            on = switch(parent, "enabled", f"{where}[{at}]", default=True)
            wanted = texts(parent.get("variants"), f"{where}[{at}].variants")
            condition: dict[str, Any] = {"flag": self.draft.name("flag", name), "on": on}
            if on and wanted:
                condition["variants"] = self.variants[name].named(wanted)
            conditions.append(condition)
        if not conditions:
            return []
        serve = {"variant": self.variants[item.key].off}
        return [{"id": "dependencies", "when": {"not": {"all": conditions}}, "serve": serve}]


def _override_rules(
    overrides: list[tuple[dict[str, Any], str]], within: dict[str, Any], prefix: str
) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{prefix}override-{at}",
            "when": condition if within is ALWAYS else {"all": [condition, within]},
            "serve": {"variant": variant},
        }
        for at, (condition, variant) in enumerate(overrides)
    ]


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    """What people wrote about a flag, which decides nothing."""
    told = {name: body[name] for name in ("description", "project", "type") if isinstance(body.get(name), str)}
    return told | {name: True for name in ("stale", "impressionData") if body.get(name) is True}


def _names(body: Mapping[str, Any]) -> dict[str, Any]:
    """What people know the rules by: a strategy's title, or its name."""
    strategies = enumerate(_dicts(body.get("strategies")))
    named = {f"strategy-{at}": each.get("title") or each.get("name") for at, each in strategies}
    return {"imported": {"rules": named}} if named else {}


def _all_of(notes: list[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, notes)))


def _dicts(raw: Any) -> list[dict[str, Any]]:
    return [each for each in raw if isinstance(each, dict)] if isinstance(raw, list) else []
