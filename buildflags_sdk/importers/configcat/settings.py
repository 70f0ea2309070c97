"""One setting of ConfigCat as one flag: targeting rules in order, then percentage options, then the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY

if TYPE_CHECKING:
    from .conditions import Condition, Conditions

TYPES = (("boolean", "b"), ("string", "s"), ("integer", "i"), ("float", "d"))
"""A setting's types by number, and the field that holds a value of that type."""


class BadValue(Exception):
    """A served value that is not of the setting's type: reaching it gives the caller's default."""


class Setting:
    """A setting on its way into page form. `notes` says what it means differently here, `asked` is its prerequisites."""

    def __init__(self, key: str, raw: dict[str, Any], where: str, conditions: Conditions) -> None:
        self.key = key
        self.raw = raw
        self.where = where
        self.conditions = conditions
        self.notes: list[str] = []
        self.asked: list[str] = []
        self.mistyped = False
        self.kind = type_of(raw, where)
        self.variants: dict[str, Any] = {}
        self.ids: dict[str, str] = {}

    def entry(self) -> dict[str, Any]:
        """The flag in page form, but for its key."""
        rules: list[dict[str, Any]] = []
        for at, raw in enumerate(a_list(self.raw.get("r"), f"{self.where}.r")):
            rules.append(self._targeting_rule(an_object(raw, f"{self.where}.r[{at}]"), at))
        options = a_list(self.raw.get("p"), f"{self.where}.p")
        if options:
            rules.append({"id": "percentage", "serve": self._options(options)})
        return {
            "type": TYPES[self.kind][0],
            "variants": self.variants,
            "enabled": True,
            "off": None,
            "rules": rules,
            "fallthrough": self._serve(self.raw),
            "meta": {"configcat": {"variation_ids": self.ids}},
        }

    def _targeting_rule(self, raw: dict[str, Any], at: int) -> dict[str, Any]:
        conditions = a_list(raw.get("c"), f"{self.where}.r[{at}].c")
        if not conditions:
            msg = f"{self.where}.r[{at}] has no conditions, of which ConfigCat's SDKs make different things"
            raise Unsupported(msg)
        try:
            serve = self._serve(raw["s"], strict=True) if raw.get("s") is not None else None
        except BadValue:
            return {"id": f"rule {at + 1}", "serve": None}  # before its conditions are even asked
        self.asked += [
            each["p"]["f"]
            for each in conditions
            if isinstance(each, dict) and isinstance(each.get("p"), dict) and isinstance(each["p"].get("f"), str)
        ]
        if serve is None:
            serve = self._options(a_list(raw.get("p"), f"{self.where}.r[{at}].p"))
        several: list[Condition] = [
            self.conditions.condition(each, self.key, f"{self.where}.r[{at}].c[{n}]")
            for n, each in enumerate(conditions)
        ]
        return {"id": f"rule {at + 1}", "when": several[0] if len(several) == 1 else {"all": several}, "serve": serve}

    def _options(self, options: list[Any]) -> dict[str, Any]:
        """Percentages of a hash; whoever they do not reach goes on to the next rule."""
        attribute = self.raw.get("a")
        ranges, start = [], 0
        for raw in options:
            option = an_object(raw, f"{self.where}.p")
            share = option.get("p", 0)
            if not isinstance(share, int) or isinstance(share, bool):
                msg = f"{self.where}.p: a percentage of {shown(share)}"
                raise Unsupported(msg)
            try:
                ranges.append({"from": start, "to": start + share, "variant": self._variant(option)})
            except BadValue as problem:
                raise Unsupported(str(problem)) from None
            start += share
        if start < 100:
            self.notes.append(
                f"percentage options that add up to {start}: the rest goes on to the next rule, as in the Python SDK; "
                "others give the caller's default"
            )
        by = TARGETING_KEY if attribute is None else name_of(str(attribute))
        bucketing = {"by": [by], "scheme": "configcat", "seed": self.key, "of": 100}
        return {"split": {**bucketing, "on_miss": "next", "on_missing_key": "next", "ranges": ranges}}

    def _serve(self, raw: Any, *, strict: bool = False) -> dict[str, Any] | None:
        try:
            return {"variant": self._variant(an_object(raw, self.where))}
        except BadValue as problem:
            self.notes.append(str(problem))
            self.mistyped = True
            if strict:
                raise
            return None

    def _variant(self, raw: dict[str, Any]) -> str:
        """The variant of a served value: called after its variation id, or after its value without one."""
        value = value_of(raw, self.kind)
        if value is None:
            msg = f"{self.where} serves {shown(raw.get('v'))}: the caller's default, without the peer's error"
            raise BadValue(msg)
        variation = raw.get("i")
        if variation is not None and not isinstance(variation, str):
            self.notes.append(f"{self.where}: the variation id {shown(variation)} is no text and was left out")
            variation = None
        name = variation or f"value {shown(value)}"
        while name in self.variants and (self.variants[name] != value or self.ids.get(name) != variation):
            name += "'"
        self.variants[name] = value
        if variation is not None:
            self.ids[name] = variation
        return name


def name_of(attribute: str) -> str:
    """Our name of an attribute: the Identifier is the targeting key, and what is called like that has moved."""
    return {"Identifier": TARGETING_KEY, TARGETING_KEY: MOVED}.get(attribute, attribute)


def type_of(raw: dict[str, Any], where: str) -> int:
    """The number of a setting's type. Raises `Unsupported`."""
    kind = raw.get("t")
    if not isinstance(kind, int) or isinstance(kind, bool) or not 0 <= kind < len(TYPES):
        msg = f"{where}.t is {shown(kind)}, not a setting's type from 0 to 3"
        raise Unsupported(msg)
    return kind


def value_of(raw: dict[str, Any], kind: int) -> Any:
    """The value that `v` holds for that type; None when it holds none, or one of another type."""
    held = raw.get("v")
    value = held.get(TYPES[kind][1]) if isinstance(held, dict) else None
    if kind == 0:
        return value if isinstance(value, bool) else None
    if kind == 1:
        return value if isinstance(value, str) else None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    if kind == 2 and isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value
