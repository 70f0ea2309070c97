"""One feature of Powertools' schema: a default, and rules whose conditions must all hold, the first rule winning."""

from __future__ import annotations

import re
from typing import Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object
from buildflags_sdk.importers.shape import unknown_fields

_SCHEDULES = {
    "SCHEDULE_BETWEEN_TIME_RANGE": ("time_of_day", "CURRENT_TIME"),
    "SCHEDULE_BETWEEN_DATETIME_RANGE": ("moment_between", "CURRENT_DATETIME"),
    "SCHEDULE_BETWEEN_DAYS_OF_WEEK": ("day_of_week", "CURRENT_DAY_OF_WEEK"),
}
_ACTIONS = {
    "EQUALS": "equals",
    "NOT_EQUALS": "not_equals",
    "KEY_GREATER_THAN_VALUE": "gt",
    "KEY_GREATER_THAN_OR_EQUAL_VALUE": "gte",
    "KEY_LESS_THAN_VALUE": "lt",
    "KEY_LESS_THAN_OR_EQUAL_VALUE": "lte",
    "STARTSWITH": "starts_with",
    "ENDSWITH": "ends_with",
    "IN": "in",
    "NOT_IN": "not_in",
    "KEY_IN_VALUE": "in",
    "KEY_NOT_IN_VALUE": "not_in",
    "VALUE_IN_KEY": "contains",
    "VALUE_NOT_IN_KEY": "not_contains",
    "ALL_IN_VALUE": "all_in",
    "ANY_IN_VALUE": "intersects",
    "NONE_IN_VALUE": "not_intersects",
    "MODULO_RANGE": "modulo_range",
} | {action: op for action, (op, _) in _SCHEDULES.items()}
_FIXED = re.compile(r"(?:UTC|GMT)([+-])(\d\d?)", re.ASCII)
_CONDITION = {"action": None, "key": None, "value": None}
_FEATURE = {"default": None, "boolean_type": None, "rules": {"*": {"when_match": None, "conditions": [_CONDITION]}}}
_BETWEEN = {"START": None, "END": None, "TIMEZONE": None}
_VALUES = {
    "MODULO_RANGE": {"BASE": None, "START": None, "END": None},
    "SCHEDULE_BETWEEN_TIME_RANGE": _BETWEEN,
    "SCHEDULE_BETWEEN_DATETIME_RANGE": _BETWEEN,
    "SCHEDULE_BETWEEN_DAYS_OF_WEEK": {"DAYS": None, "TIMEZONE": None},
}


class Feature:
    """A feature on its way into page form."""

    def __init__(self, raw: Any, where: str) -> None:
        self.raw = an_object(raw, where)
        self.where = where
        self.boolean = bool(self.raw.get("boolean_type", True))  # Powertools takes anything, in Python's truth
        self.default = self._value(self.raw.get("default"), f"{where}.default")
        if self.default is None:
            msg = f"{where} has no default"
            raise Unsupported(msg)
        self.rules = an_object(self.raw.get("rules") or {}, f"{where}.rules")
        self.notes: list[str] = []

    def entry(self) -> dict[str, Any]:
        """The flag in page form, but for its key."""
        served = {"default": self.default}
        rules = []
        for name, raw in self.rules.items():
            where = f"{self.where}.rules.{name}"
            rule = an_object(raw, where)
            if not name:
                msg = f"{self.where}.rules has a rule without a name"
                raise Unsupported(msg)
            variant = name if name != "default" else "default'"
            served[variant] = self._value(rule.get("when_match"), f"{where}.when_match")
            when = self._conditions(rule, where)
            rules.append({"id": name, "when": when, "serve": {"variant": self._named(variant, served)}})
        kind = "boolean" if self.boolean else _type_of(list(served.values()))
        return {
            "type": kind,
            "variants": {"on": True, "off": False}
            if self.boolean
            else {name: {"value": value} if kind == "object" else value for name, value in served.items()},
            "enabled": True,
            "off": None,
            "rules": rules,
            "fallthrough": {"variant": self._named("default", served)},
        }

    def why(self, *steps: str) -> str:
        """What its finding says of fields that are not known and of what differs, once its entry was made; or nothing."""
        found = [*self.notes, unknown_fields(self.raw, _FEATURE, *steps)]
        for name, rule in self.rules.items():
            for at, condition in enumerate(rule["conditions"]):
                shape = _VALUES.get(condition["action"])
                found.append(
                    unknown_fields(condition["value"], shape, *steps, "rules", name, "conditions", at, "value")
                )
        return "; ".join(filter(None, found))

    def _named(self, name: str, served: dict[str, Any]) -> str:
        return ("on" if served[name] else "off") if self.boolean else name

    def _value(self, value: Any, where: str) -> Any:
        if self.boolean and not isinstance(value, bool):
            msg = f"{where} is {shown(value)} in a boolean feature"
            raise Unsupported(msg)
        return value

    def _conditions(self, rule: dict[str, Any], where: str) -> dict[str, Any]:
        conditions = a_list(rule.get("conditions"), f"{where}.conditions")
        if not conditions:
            msg = f"{where} has no conditions"
            raise Unsupported(msg)
        several = [_condition(raw, f"{where}.conditions[{at}]", self.notes) for at, raw in enumerate(conditions)]
        return several[0] if len(several) == 1 else {"all": several}


def _condition(raw: Any, where: str, notes: list[str]) -> dict[str, Any]:
    said = an_object(raw, where)
    action, key, value = said.get("action"), said.get("key"), said.get("value")
    if not isinstance(action, str) or action not in _ACTIONS:
        msg = f"{where}: action {shown(action)} is unknown"
        raise Unsupported(msg)
    if not isinstance(key, str) or not key or value is None:
        msg = f"{where}: {action} of {shown(key)} and {shown(value)}"
        raise Unsupported(msg)
    _check(action, key, value, where)
    zone: Any = "UTC"
    if action in _SCHEDULES and isinstance(value, dict) and "TIMEZONE" in value:
        zone, value = value["TIMEZONE"], {**value, "TIMEZONE": _zone_name(value["TIMEZONE"])}
    nowhere = isinstance(zone, (list, dict))  # which its validator lets pass when empty, and its comparison fails on
    if not zone and not nowhere:
        notes.append(f"{where}: TIMEZONE is {shown(zone)}: Powertools takes the zone of its host, here it is UTC")
    test = {"op": _ACTIONS[action], "dialect": "powertools", "values": [value]}
    try:
        holds = prepare(_ACTIONS[action], "powertools", [value])
    except Unpreparable as problem:
        msg = f"{where}: {problem}"
        raise Unsupported(msg) from None
    if nowhere:
        return {"any": []}
    # A key that is there and null is compared as any other value; one that is not there never holds.
    null_holds = action not in _SCHEDULES and bool(holds(None))
    return {"attr": [key], **test, **({"on_missing": False, "on_null": True} if null_holds else {})}


def _zone_name(zone: Any) -> Any:
    """The zone by its name in the IANA database; UTC for what Powertools' validator takes for nothing."""
    fixed = _FIXED.fullmatch(zone) if isinstance(zone, str) else None
    if fixed:  # which its parser counts eastwards, and the database westwards
        return f"Etc/GMT{'-' if fixed[1] == '+' else '+'}{int(fixed[2])}"
    return zone or "UTC"


def _check(action: str, key: str, value: Any, where: str) -> None:
    """What Powertools' own validator refuses. Raises `Unsupported`."""
    if action in _SCHEDULES and key != _SCHEDULES[action][1]:
        msg = f"{where}: {action} compares {_SCHEDULES[action][1]}, not {shown(key)}"
        raise Unsupported(msg)
    if action == "SCHEDULE_BETWEEN_DATETIME_RANGE" and isinstance(value, dict):
        from datetime import datetime  # noqa: PLC0415 - only this action pays for the import

        for word in ("START", "END"):
            try:
                zone = datetime.fromisoformat(str(value.get(word))).tzinfo
            except ValueError:
                continue  # the operator says it better
            if zone is not None:
                msg = f"{where}: {word} names its own zone, which belongs in TIMEZONE"
                raise Unsupported(msg)
    if action == "MODULO_RANGE" and isinstance(value, dict):
        ends: list[Any] = [value.get(word) for word in ("START", "END", "BASE")]
        if all(isinstance(end, int) for end in ends) and not 0 <= ends[0] <= ends[1] < ends[2]:
            msg = f"{where}: a modulo range has 0 <= START <= END < BASE, not {shown(value)}"
            raise Unsupported(msg)


def _type_of(values: list[Any]) -> str:
    """The flag's type; values of several types, and null, go into an object flag, which holds any JSON."""
    if all(isinstance(value, str) for value in values):
        return "string"
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return "integer" if all(isinstance(value, int) for value in values) else "float"
    return "object"
