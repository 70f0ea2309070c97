"""Eppo's Universal Flag Configuration (the server format), as `/api/flag-config/v1/config` serves it.

An allocation becomes a rule, or one rule for each split whose shards share no single salt. A window, the rules and the
shards of one allocation must all hold. Bandits score actions after a flag has been decided; that stage stays behind.
Whether an assignment is logged there (`doLog`) changes nobody's value and is passed over.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Reason
from buildflags_sdk._evaluation.lines import Refused, decode_line, parse_time, shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, place
from buildflags_sdk.importers.patterns import RustEngine
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY, AttributeMapping
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .wire import check_flag, notes_on

if TYPE_CHECKING:
    from collections.abc import Iterable

    from buildflags_sdk._evaluation.details import Decision
    from buildflags_sdk.importers.report import Imported

    Condition = dict[str, Any]
    _Shard = tuple[str, list[tuple[int, int]]]

_TYPES = {"STRING": "string", "INTEGER": "integer", "NUMERIC": "float", "BOOLEAN": "boolean", "JSON": "object"}
_ORDERINGS = {"GT": "gt", "GTE": "gte", "LT": "lt", "LTE": "lte"}
_NEVER: Condition = {"any": []}
_SUBJECT = "subjectKey"
_ENGINE = RustEngine("Eppo's SDK")


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read a UFC document.

    Raises:
        FlagFileError: the bytes are no UFC document, or one in the client format, whose keys are hashed.
    """
    source = read_object(data, system="Eppo", max_bytes=max_bytes)
    flags = source.get("flags")
    if not isinstance(flags, dict) or (flags and not any("variationType" in each for each in _objects(flags))):
        msg = (
            'this is no UFC document of Eppo: it has no object "flags" whose members have a "variationType"; '
            "export /api/flag-config/v1/config"
        )
        raise FlagFileError(msg)
    if source.get("format", "SERVER") != "SERVER":
        msg = f"this UFC document is in the format {shown(source['format'])}: its keys are hashed; export the SERVER format"
        raise FlagFileError(msg)
    draft = Draft("Eppo", "UFC v1")
    draft.reserve("flag", flags)
    bandits = _bandit_flags(source)
    for key, raw in flags.items():
        where = place("flags", key)
        try:
            flag = _Flag(check_flag(key, raw), where, bandits.get(key, []))
            entry = flag.entry()
            draft.add_flag(key, entry, where=where, why="; ".join([*flag.notes, *notes_on(key, flag.raw, source)]))
        except Unsupported as problem:
            draft.refuse_flag(key, str(problem), where=where)
    return draft.done(AttributeMapping(_SUBJECT, {TARGETING_KEY: MOVED}))


def result_of(decision: Decision) -> dict[str, Any]:
    """Eppo's words for a decision: evaluation code, allocation and variation."""
    if decision.error_code is not None or decision.reason == Reason.DISABLED:
        code = "FLAG_UNRECOGNIZED_OR_DISABLED"
    elif decision.rule_id is None:
        code = "DEFAULT_ALLOCATION_NULL"
    else:
        code = "ASSIGNMENT_ERROR" if decision.value is CALLER_DEFAULT else "MATCH"
    return {"flagEvaluationCode": code, "variationKey": decision.variant, "allocation": decision.rule_id}


class _Flag:
    """One flag on its way into page form. `notes` says what it means differently here."""

    def __init__(self, raw: dict[str, Any], where: str, bandits: list[str]) -> None:
        self.raw = raw
        self.where = where
        self.notes = [f"bandit {name} scores no actions here; the flag's own value is kept" for name in bandits]
        self.type = _TYPES.get(str(self.raw.get("variationType")), "")
        if not self.type:
            msg = f"{where}.variationType is {shown(self.raw.get('variationType'))}, not one of {', '.join(_TYPES)}"
            raise Unsupported(msg)
        self.variants = {key: self._variant(key, variation) for key, variation in self.raw["variations"].items()}

    def entry(self) -> dict[str, Any]:
        """The flag in page form, but for its key."""
        allocations = enumerate(self.raw["allocations"])
        return {
            "type": self.type,
            "variants": {name: body for name, body in self.variants.items() if body is not None},
            "enabled": self.raw["enabled"],
            "off": None,
            "rules": [rule for at, each in allocations for rule in self._allocation(each, at)],
            "fallthrough": None,
        }

    def _variant(self, key: str, variation: dict[str, Any]) -> Any:
        """A variant's body. One whose value is not of the flag's type gives the caller's default; None is no body."""
        value, problem = _typed(self.type, variation["value"])
        if problem:
            self.notes.append(f"variation {key} {problem}: the caller's default, without the peer's error")
            return None if self.type == "boolean" else {}
        return {"value": value} if self.type == "object" else value

    def _allocation(self, allocation: dict[str, Any], at: int) -> list[dict[str, Any]]:
        key, where = allocation["key"], f"{self.where}.allocations[{at}]"
        conditions = [*_window(allocation, where), *self._rules(allocation, where)]
        shards = [_shards(split) for split in allocation["splits"]]
        serves = [split["variationKey"] for split in allocation["splits"]]
        common = [shard for shard in (shards[0] if shards else []) if all(shard in each for each in shards)]
        own = [[shard for shard in each if shard not in common] for each in shards]
        salts = {shard[0] for each in own for shard in each}
        plain = all(self.variants.get(name) is not None for name in serves)
        if len(serves) > 1 and plain and len(salts) == 1 and all(len(each) == 1 for each in own):
            ranges = [
                {"from": start, "to": end, "variant": name}
                for name, ((_, spans),) in zip(serves, own, strict=True)
                for start, end in spans
            ]
            shares = [self._share(shard) for shard in common]
            bucketing = {"scheme": "eppo", "seed": salts.pop(), "of": self._total(), "on_miss": "next"}
            return [_rule(key, [*conditions, *shares], {"split": {**bucketing, "ranges": ranges}})]
        return [
            _rule(key, [*conditions, *map(self._share, each)], self._serve(name))
            for each, name in zip(shards, serves, strict=True)
        ]

    def _serve(self, variation: str) -> dict[str, Any] | None:
        if variation not in self.variants:
            self.notes.append(f"variation {variation} does not exist: the caller's default, without the peer's error")
        return {"variant": variation} if self.variants.get(variation) is not None else None

    def _total(self) -> int:
        total: int = self.raw["totalShards"]
        if total < 1:
            msg = f"{self.where}.totalShards is {shown(total)}, not a count"
            raise Unsupported(msg)
        return total

    def _share(self, shard: _Shard) -> Condition:
        salt, spans = shard
        shares = [
            {"share": {"scheme": "eppo", "seed": salt, "of": self._total(), "from": start, "to": end}}
            for start, end in spans
        ]
        return shares[0] if len(shares) == 1 else {"any": shares}

    def _rules(self, allocation: dict[str, Any], where: str) -> list[Condition]:
        """Nothing without rules; else one condition: any of the rules, all of a rule's conditions."""
        rules = []
        for at, rule in enumerate(allocation.get("rules", ())):
            rules.append(_joined("all", [self._condition(each, f"{where}.rules[{at}]") for each in rule["conditions"]]))
        return [_joined("any", rules)] if rules else []

    def _condition(self, raw: Any, where: str) -> Condition:
        condition = raw if isinstance(raw, dict) else {}
        attribute, operator, value = (condition.get(name) for name in ("attribute", "operator", "value"))
        try:
            if not isinstance(attribute, str) or not isinstance(operator, str):
                msg = f"{where} compares the attribute {shown(attribute)} by {shown(operator)}"
                raise _Unread(msg)  # noqa: TRY301 - read by the except, as what `_test` raises is
            test = _test(operator, value, where)
        except _Unread as problem:
            self.notes.append(f"{problem}; Eppo's SDK cannot read it either: nobody passes, as there")
            return _NEVER
        if test["op"] == "matches":
            self.notes.extend(filter(None, [_ENGINE.note(str(value), where)]))
        if attribute == _SUBJECT:
            self.notes.append(f"{where}: an attribute {_SUBJECT} cannot be told from the subject's key, which is read")
        if attribute != "id":
            return {"attr": [MOVED if attribute == TARGETING_KEY else attribute], **test}
        # Only an attribute that is absent leaves its place to the subject's key; null is an attribute.
        given = {"attr": ["id"], **test, "on_missing": False, "on_null": operator == "IS_NULL" and value is True}
        absent = {"attr": ["id"], "op": "in", "values": [], "on_missing": True, "on_null": False}
        return {"any": [given, {"all": [absent, {"attr": [TARGETING_KEY], **test}]}]}


def _shards(split: dict[str, Any]) -> list[_Shard]:
    return [(each["salt"], [(span["start"], span["end"]) for span in each["ranges"]]) for each in split["shards"]]


class _Unread(Exception):
    """A condition that Eppo's SDK cannot read, so that nobody passes it. The message says where and why."""


def _test(operator: str, value: Any, where: str) -> dict[str, Any]:
    """A condition without its attribute. Raises `_Unread`; `Unsupported` for a pattern that only Eppo's SDK can search for."""
    if operator in ("ONE_OF", "NOT_ONE_OF"):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            msg = f"{where}: {operator} takes a list of texts, not {shown(value)}"
            raise _Unread(msg)
        test = {"op": "in", "dialect": "eppo", "values": value}
        return {**test, "negate": True} if operator == "NOT_ONE_OF" else test
    if operator in ("MATCHES", "NOT_MATCHES"):
        if not isinstance(value, str) or not _ENGINE.takes(value, where):
            msg = f"{where}: {operator} takes a pattern, not {shown(value)}"
            raise _Unread(msg)
        test = {"op": "matches", "dialect": "eppo", "values": [value]}
        return {**test, "negate": True} if operator == "NOT_MATCHES" else test
    if operator in _ORDERINGS:
        try:
            prepare(_ORDERINGS[operator], "eppo", [value])
        except Unpreparable as problem:
            msg = f"{where}: {operator}: {problem}"
            raise _Unread(msg) from None
        return {"op": _ORDERINGS[operator], "dialect": "eppo", "values": [value]}
    if operator == "IS_NULL":
        if not isinstance(value, bool):
            msg = f"{where}: IS_NULL takes true or false, not {shown(value)}"
            raise _Unread(msg)
        return {"op": "exists", "negate": True} if value else {"op": "exists"}
    msg = f"{where}: operator {shown(operator)} is unknown"
    raise _Unread(msg)


def _window(allocation: dict[str, Any], where: str) -> list[Condition]:
    """The allocation's time window, both of whose ends are inside."""
    start, end = allocation.get("startAt"), allocation.get("endAt")
    for moment in (start, end):
        if moment is not None:
            try:
                parse_time(str(moment))
            except Refused as problem:
                msg = f"{where}: {problem}"
                raise Unsupported(msg) from None
    window: dict[str, Any] = {} if start is None else {"from": start}
    if end is not None:
        window |= {"until": end, "until_inclusive": True}
    return [{"time": window}] if window else []


def _typed(flag_type: str, value: Any) -> tuple[Any, str]:
    """The value in the flag's type, and what is wrong with it."""
    if flag_type == "object":
        return _json(value)
    if flag_type in ("integer", "float") and isinstance(value, (int, float)) and not isinstance(value, bool):
        if flag_type == "float" or isinstance(value, int):
            return value, ""
        return (int(value), "") if value.is_integer() else (None, f"is {shown(value)} in a flag of integers")
    if (flag_type == "string" and isinstance(value, str)) or (flag_type == "boolean" and isinstance(value, bool)):
        return value, ""
    return None, f"is {shown(value)} in a flag of type {flag_type}"


def _json(text: Any) -> tuple[Any, str]:
    if not isinstance(text, str):
        return None, f"is {shown(text)}, not JSON as text"
    try:
        json.loads(text)  # first by itself: wrapped up, half an object would pass
        return decode_line('{"value":' + text + "}")["value"], ""
    except (ValueError, RecursionError):
        return None, f"is the text {shown(text)}, which is no JSON"


def _objects(flags: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in flags.values() if isinstance(each, dict)]


def _bandit_flags(source: dict[str, Any]) -> dict[str, list[str]]:
    """The bandits that hang on each flag, by its key: under `bandits`, or as documents have it since, `banditReferences`."""
    found: dict[str, list[str]] = {}
    for section in ("bandits", "banditReferences"):
        named = source.get(section)
        for name, bandit in named.items() if isinstance(named, dict) else ():
            variations = bandit.get("flagVariations") if isinstance(bandit, dict) else bandit
            listed = variations if isinstance(variations, list) else []
            keys = [each.get("flagKey") for each in listed if isinstance(each, dict)]
            for key in dict.fromkeys(key for key in keys if isinstance(key, str)):
                found.setdefault(key, []).append(str(name))
    return found


def _rule(rule_id: str, conditions: list[Condition], serve: dict[str, Any] | None) -> dict[str, Any]:
    rule = {"id": rule_id, "serve": serve}
    return {**rule, "when": _joined("all", conditions)} if conditions else rule


def _joined(form: str, conditions: Iterable[Condition]) -> Condition:
    several = list(conditions)
    return several[0] if len(several) == 1 else {form: several}
