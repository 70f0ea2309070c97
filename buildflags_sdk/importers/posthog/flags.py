"""PostHog's flags as ours: groups of filters in order, rollouts, variants, dependencies and payloads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Draft, Unsupported, a_list, an_object

from .fields import of_flag
from .flag import BUCKETED, FALSE, INDEX, TRUE, Flag, free, percentage
from .properties import Subject, in_order, property_condition, undecidable
from .tried import Tried

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .dependencies import Dependencies

_DEVICE: Final = "$device_id"


class Flags:
    """The flags of one payload, each read on its own."""

    def __init__(self, draft: Draft, dependencies: Dependencies, note: str = "") -> None:
        self.draft = draft
        self.dependencies = dependencies
        self.cohorts = dependencies.cohorts
        self.flags = dependencies.flags
        self.types = dependencies.types
        self.person = dependencies.person
        self.note = note  # what is to be said of every flag

    def add(self, flag: Flag) -> None:
        """Add a flag and its payloads to the draft, or say why not."""
        notes: list[str] = []
        try:
            bucketed = self._subject(flag.filters.get(INDEX), f"{flag.where}.filters")
            entry = self._entry(flag, bucketed, notes)
            payloads = self._payloads(flag, notes)
        except Unsupported as error:
            self.draft.refuse_flag(flag.key, str(error), where=flag.where)
            return
        why = "; ".join(dict.fromkeys(notes))
        self._add(flag.key, flag, entry, why)
        if payloads:
            self._add_payloads(flag, payloads, why)

    def add_copies(self) -> None:
        """Add the copies of flags that others depend on, for the subjects of those others."""
        for flag, name, subject in self.dependencies.copies():
            notes: list[str] = []
            try:
                entry = self._entry(flag, subject, notes)
            except Unsupported as error:
                self.draft.refuse_flag(name, str(error), where=flag.where)
            else:
                self._add(name, flag, entry, "; ".join(dict.fromkeys(notes)))

    def _add(self, name: str, flag: Flag, entry: dict[str, Any], why: str) -> None:
        self.draft.add_flag(name, entry, where=flag.where, why=why)
        made = self.draft.flags[self.draft.name("flag", name)]
        if "broken" not in made:
            made["meta"]["imported"]["plain"] = {name: truth for truth, name in flag.plain.items()}

    def _entry(self, flag: Flag, bucketed: Subject, notes: list[str]) -> dict[str, Any]:
        body, filters, variants, plain = flag.body, flag.filters, flag.variants, flag.plain
        if body.get("ensure_experience_continuity"):
            msg = "it keeps each person's variant across logging in (experience continuity), which PostHog's server stores"
            raise Unsupported(msg)
        notes += filter(None, (*of_flag(body, flag.at), self.note))
        rules, tried = self._before_groups(flag, bucketed), Tried()
        for at, raw in enumerate(a_list(filters.get("groups"), f"{flag.where}.filters.groups")):
            group = an_object(raw, f"{flag.where}.filters.groups[{at}]")
            rules += self._group(flag, group, at, bucketed, tried, notes)
        values: dict[str, Any] = {key: key for key, _ in variants}
        marks: dict[str, Any] = {plain[True]: True, plain[False]: False}
        if variants:
            marks = {plain[True]: {"on": True}, plain[False]: {"on": False}}
        said = {name: body[name] for name in ("name",) if isinstance(body.get(name), str) and body[name]}
        return {
            "type": "string" if variants else "boolean",
            "variants": {**values, **marks},
            "enabled": bool(body.get("active")),
            "off": plain[False],
            "rules": rules,
            "fallthrough": {"variant": plain[False]},
            **({"meta": said} if said else {}),
        }

    def _subject(self, index: Any, where: str) -> Subject:
        if index is None:
            return self.person
        group_type = self.types.get(str(index))
        if not group_type:
            msg = f"{where}.aggregation_group_type_index is {shown(index)}, which group_type_mapping does not name"
            raise Unsupported(msg)
        return Subject(group_type)

    def _before_groups(self, flag: Flag, bucketed: Subject) -> list[dict[str, Any]]:
        """What settles a flag before any group: it is over groups and there is none, or over devices and none is known."""
        rules: list[dict[str, Any]] = []
        if bucketed.group_type is not None:
            known = {"attr": bucketed.key_path, "op": "exists"}
            rules.append({"id": "no-group", "when": {"not": known}, "serve": {"variant": flag.plain[False]}})
        if not self._by_device(flag):
            return rules
        unknown = {"attr": [_DEVICE], "op": "in", "values": [""], "on_missing": "undecided"}
        return [*rules, {"id": "no-device", "when": {"all": [unknown, undecidable("device")]}, "serve": None}]

    def _by_device(self, flag: Flag) -> bool:
        if flag.filters.get(INDEX) is not None:
            return False
        return (flag.body.get(BUCKETED) or flag.filters.get(BUCKETED)) == "device_id"

    def _group(
        self, flag: Flag, group: dict[str, Any], at: int, bucketed: Subject, tried: Tried, notes: list[str]
    ) -> list[dict[str, Any]]:
        where = f"{flag.where}.filters.groups[{at}]"
        of_flag = flag.filters.get(INDEX)
        index = group.get(INDEX, of_flag)
        subject = bucketed if index is None or index == of_flag else None
        conditions: list[dict[str, Any]] = []
        if subject is None:
            if not self.types.get(str(index)):
                notes.append(f"{where} is over a type of group that is not named, and never holds")
                return []
            subject = Subject(self.types[str(index)])
            conditions.append({"attr": subject.key_path, "op": "exists"})
        on_undecided = "next_then_undecided"
        for index_, raw in enumerate(a_list(group.get("properties"), f"{where}.properties")):
            place = f"{where}.properties[{index_}]"
            property_ = an_object(raw, place)
            kind, only_server = property_.get("type"), ""
            if kind == "cohort":
                condition, only_server = self.cohorts.condition(property_, subject)
                asks = self.dependencies.in_cohort(str(property_.get("value")), place, tried, notes)
                only_server = only_server or asks
            elif kind == "flag":
                condition = self.dependencies.condition(property_, place, subject, tried, conditions, notes)
                only_server = self.dependencies.asks_server(property_.get("dependency_chain"))
                if subject is not bucketed:
                    notes.append(
                        f"{place}: shares of the flag {property_.get('key')!r} are by the group, where PostHog's SDK "
                        "takes the group's properties with this flag's own key, and keeps what an earlier group found"
                    )
            else:
                condition = property_condition(property_, place, subject, notes)
            if only_server:
                on_undecided = "undecided"
                notes.append(f"{only_server}: the flag is undecided where PostHog's server would be asked")
            conditions.append(condition)
        by = [_DEVICE] if subject is bucketed and self._by_device(flag) else subject.key_path
        rule = {"id": f"group-{at}", "serve": self._serve(flag, group, by), "on_undecided": on_undecided}
        percent = group.get("rollout_percentage")
        if percent is None:
            return [_with(rule, conditions)]
        share = {"by": by, "scheme": "posthog_rollout", "seed": flag.key, "of": 1, "from": 0}
        part = {"share": {**share, "to": percentage(percent, where) / 100, "to_inclusive": True}}
        rules = [_with(rule, [*conditions, part])]
        if flag.filters.get("early_exit"):
            missed = {"id": f"group-{at}-missed", "serve": {"variant": flag.plain[False]}, "on_undecided": on_undecided}
            rules.append(_with(missed, conditions))
        return rules

    def _serve(self, flag: Flag, group: Mapping[str, Any], by: list[str]) -> dict[str, Any]:
        """A variant by its own hash, or the one that the group names; past the last of them plain true."""
        variants = flag.variants
        if not variants:
            return {"variant": flag.plain[True]}
        named = group.get("variant")
        if named in [key for key, _ in variants]:
            return {"variant": named}
        ranges: list[dict[str, Any]] = []
        end = 0.0
        for key, percent in variants:
            start, end = end, end + percent / 100
            ranges.append({"from": start, "to": end, "variant": key})
        if end <= 1:
            ranges.append({"from": end, "to": 1, "to_inclusive": True, "variant": flag.plain[True]})
        split = {"by": by, "scheme": "posthog_variant", "seed": flag.key, "of": 1, "ranges": ranges}
        return {"split": split}

    def _payloads(self, flag: Flag, notes: list[str]) -> dict[str, Any]:
        """Its payloads, unless they are encrypted: PostHog's server has the key."""
        if not flag.body.get("has_encrypted_payloads"):
            return _payloads(flag)
        if flag.filters.get("payloads"):
            notes.append(f"{flag.where}.filters.payloads are encrypted and were left out")
        return {}

    def _add_payloads(self, flag: Flag, payloads: Mapping[str, Any], why: str) -> None:
        """The flag of payloads: for each answer of the flag that has one, a rule that serves it."""
        rules = []
        for name in payloads:
            when = {"flag": self.draft.name("flag", flag.key), "variants": [name]}
            rules.append({"id": name, "when": when, "serve": {"variant": name}})
        entry = {
            "type": "object",
            "variants": {name: {"value": value} for name, value in payloads.items()},
            "enabled": True,
            "off": None,
            "rules": rules,
            "fallthrough": None,
        }
        name = free(f"{flag.key}.payload", self.flags)
        self.draft.add_flag(name, entry, where=f"{flag.where}.filters.payloads", why=why)


def _payloads(flag: Flag) -> dict[str, Any]:
    """The payloads by our names of the variants they belong to. PostHog keeps them as JSON text. Raises `Unsupported`."""
    where = f"{flag.where}.filters.payloads"
    raw = flag.filters.get("payloads")
    keys = [key for key, _ in flag.variants]
    found: dict[str, Any] = {}
    for name, value in an_object({} if raw is None else raw, where).items():
        ours = name if name in keys else {TRUE: flag.plain[True], FALSE: flag.plain[False]}.get(name)
        if value is None or ours is None:
            continue
        if isinstance(value, str) and value:
            try:
                value = json.loads(value)  # noqa: PLW2901
            except ValueError:
                msg = f"{where}.{name} is {shown(value)}, no JSON"
                raise Unsupported(msg) from None
        found[ours] = value
    return found


def _with(rule: dict[str, Any], conditions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    listed = list(conditions)
    if not listed:
        return rule
    return {**rule, "when": in_order(listed)}
