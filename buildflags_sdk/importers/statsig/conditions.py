"""Statsig's conditions: what is asked, of which field or unit, with which operator. What needs a look-up is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import prepare
from buildflags_sdk._evaluation.operators.statsig import statsig_bound
from buildflags_sdk._evaluation.operators.statsig_text import operand_text
from buildflags_sdk.importers.draft import Unsupported
from buildflags_sdk.importers.patterns import RustEngine

from .constants import truth_over
from .contexts import field_paths, is_own, unit_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Json = dict[str, Any]
    Group = Callable[[str, Callable[[str | None], bool]], Json]

ROUNDS: Final = {"scheme": "statsig", "on_missing_key": "empty"}
_EVERYBODY: Final[Json] = {"all": []}
_NOBODY: Final[Json] = {"any": []}
_OF_TEXTS: Final = {  # operator -> (row, dialect, negated); an absent attribute's text is empty
    "any": ("in", "statsig", False),
    "none": ("in", "statsig", True),
    "any_case_sensitive": ("in", "statsig_case", False),
    "none_case_sensitive": ("in", "statsig_case", True),
    "str_starts_with_any": ("starts_with", "statsig", False),
    "str_ends_with_any": ("ends_with", "statsig", False),
    "str_contains_any": ("contains", "statsig", False),
    "str_contains_none": ("contains", "statsig", True),
}
_OF_ONE: Final = {  # operator -> row
    **{name: name for name in ("gt", "gte", "lt", "lte", "before", "after", "on")},
    **{f"version_{name}": f"semver_{name}" for name in ("gt", "gte", "lt", "lte", "eq", "neq")},
    "str_matches": "matches",
}
_OF_LISTS: Final = {
    "array_contains_any": ("intersects", False),
    "array_contains_none": ("intersects", True),
    "array_contains_all": ("contains_all", False),
    "not_array_contains_all": ("contains_all", True),
}
_LOOK_UPS: Final = {
    "ip_based": "a country by IP address, which takes Statsig's table: let the host put `country` into the user",
    "ua_based": "a browser or system by user agent, which takes Statsig's parser: let the host put it into the user",
}
_DAY: Final = 86_400_000
_ENGINE: Final = RustEngine("Statsig's SDK", backtracks=True)
_LONGEST_MOMENT: Final = 253_402_300_799_999


class Unjudged(Exception):
    """A condition that ends the evaluation in Statsig's SDK, which reports it as unsupported. The message names it."""

    before: dict[str, Any] | None = None
    """The condition before it in its rule, if any."""


class Conditions:
    """Reads conditions of one export.

    `id_lists` are lists at hand: the eight characters of each id's hash. `app` is the app that the export was made for.
    `gate` gives the condition that a gate passes, `group` the one that an experiment's group is as a test says.
    """

    def __init__(self, id_lists: Mapping[str, Any], app: Any, gate: Callable[[str], Json], group: Group) -> None:
        self.id_lists = id_lists
        self.app = app
        self.gate = gate
        self.group = group
        self.outside: set[str] = set()
        """Lists that are asked for and not at hand, since the reading of the last entry began."""
        self.notes: list[str] = []
        """What is not exact about conditions that were read, since then."""

    def condition(self, raw: Json, where: str) -> Json:
        """One condition. Raises `Unsupported`, and `Unjudged` for one at which Statsig's SDK gives up."""
        kind = str(raw.get("type")).lower()
        target, op = raw.get("targetValue"), str(raw.get("operator")).lower()
        if kind == "public":
            return _EVERYBODY
        if kind in _LOOK_UPS:
            msg = f"{where} asks for {_LOOK_UPS[kind]}"
            raise Unsupported(msg)
        if kind in ("multi_pass_gate", "multi_fail_gate"):
            msg = f"{where} asks several gates at once ({kind}), which statsig-python-core does not: it ends there, here too"
            raise Unjudged(msg)
        if kind in ("pass_gate", "fail_gate"):
            passing = self.gate(target) if isinstance(target, str) else _NOBODY
            return passing if kind == "pass_gate" else {"not": passing}
        if kind in ("current_time", "user_bucket"):
            return _now(op, target, where) if kind == "current_time" else _bucket(raw, op, target, where)
        if kind in ("target_app", "experiment_group"):
            return self._told(kind, raw, truth_over(self._compared(["value"], op, target, where)))
        made = [self._compared(path, op, target, where) for path in _paths(kind, raw, where)]
        if len(made) == 1:
            return made[0]
        here: Json = {"attr": _paths(kind, raw, where)[0], "op": "exists"}
        return {"any": [{"all": [here, made[0]]}, {"all": [{"not": here}, made[1]]}]}

    def _told(self, kind: str, raw: Json, holds: Callable[[str | None], bool]) -> Json:
        experiment = raw.get("field") if kind == "experiment_group" else None
        if isinstance(experiment, str):
            return self.group(experiment, holds)
        return _EVERYBODY if holds(self.app if kind == "target_app" else None) else _NOBODY

    def _compared(self, path: list[str], op: str, target: Any, where: str) -> Json:
        if op in ("in_segment_list", "not_in_segment_list"):
            listed = self._listed(path, target, where)
            return {"not": listed} if op.startswith("not") else listed
        if op == "str_matches" and isinstance(target, str):
            _ENGINE.takes(target, where)  # which says why where it cannot tell
            self.notes.extend(filter(None, [_ENGINE.note(target, where)]))
        return _asked(path, op, target, where)

    def _listed(self, path: list[str], target: Any, where: str) -> Json:
        if not isinstance(target, str):
            msg = f"{where} names no id list: {shown(target)}"
            raise Unsupported(msg)
        at_hand = self.id_lists.get(target)
        if isinstance(at_hand, list):
            return {"attr": path, "op": "in", "values": at_hand, "dialect": "statsig_id_list"}
        self.outside.add(target)
        return {"member_of": target, "by": path}


def _paths(kind: str, raw: Json, where: str) -> list[list[str]]:
    if kind == "unit_id":
        return unit_paths(raw.get("idType"))
    field = raw.get("field")
    if kind not in ("user_field", "environment_field") or not isinstance(field, str):
        msg = f"{where} is a condition of type {shown(raw.get('type'))}, which is unknown here"
        raise Unsupported(msg)
    if kind == "environment_field":
        return [["environment", name] for name in dict.fromkeys((field, field.lower()))]
    return field_paths(field)


def _asked(path: list[str], op: str, target: Any, where: str) -> Json:
    attribute: Json = {"attr": path}
    if op in _OF_TEXTS:
        row, dialect, negate = _OF_TEXTS[op]
        values = _texts(target, by_key=op in ("any", "none"))
        absent = bool(prepare(row, dialect, values)("")) is not negate
        made = {**attribute, "op": row, "values": values, "dialect": dialect, **({"negate": True} if negate else {})}
        return {**made, "on_missing": True} if absent else made
    if op in _OF_LISTS:
        row, negate = _OF_LISTS[op]
        if not isinstance(target, list):
            return _NOBODY
        asked = {**attribute, "op": row, "values": _texts(target, by_key=False), "dialect": "statsig"}
        listed = {**attribute, "op": "type", "values": ["array"]}
        return {"all": [listed, {**asked, "negate": True}]} if negate else asked
    if op in ("eq", "neq"):
        return _equal(attribute, target, negate=op == "neq")
    if op not in _OF_ONE:
        msg = f"{where} compares with {shown(op)}, which is unknown here"
        raise Unsupported(msg)
    return _one(attribute, _OF_ONE[op], target, where)


def _texts(target: Any, *, by_key: bool) -> list[str]:
    """What a list names, or the keys of an object, which long lists are written as: they are looked up in lower case.

    Of texts that differ in their case alone Statsig's SDK keeps the last.
    """
    if isinstance(target, dict) and by_key:
        return [key for key in target if key == key.lower()]
    listed = map(operand_text, target) if isinstance(target, list) else ()
    return list({text.lower(): text for text in listed if text is not None}.values())


def _equal(attribute: Json, target: Any, *, negate: bool) -> Json:
    if target is None:
        absent: Json = {"not": {**attribute, "op": "exists"}}
        if is_own(attribute["attr"]):
            # There an empty text is no value to its SDK, as seen by asking it.
            absent = {"any": [absent, {**attribute, "op": "equals", "values": [""]}]}
        return {"not": absent} if negate else absent
    own_and_empty = target == "" and is_own(attribute["attr"])  # of those fields an empty text is no value
    if isinstance(target, dict) or own_and_empty:
        return {"all": []} if negate else _NOBODY
    made = {**attribute, "op": "equals", "values": [target], "dialect": "statsig"}
    return {**made, "negate": True, "on_missing": True} if negate else made


def _one(attribute: Json, row: str, target: Any, where: str) -> Json:
    try:
        prepare(row, "statsig", [target])
    except ValueError as error:
        if row == "matches" and isinstance(target, str):
            msg = f"{where}: {error}"
            raise Unsupported(msg) from None
        return _NOBODY
    return {**attribute, "op": row, "values": [target], "dialect": "statsig"}


def _now(op: str, target: Any, where: str) -> Json:
    """The moment of asking, which is a date and no number: no comparison of numbers holds for it."""
    if op not in ("before", "after", "on", "gt", "gte", "lt", "lte"):
        msg = f"{where} compares the moment by {shown(op)} with {shown(target)}"
        raise Unsupported(msg)
    moment = statsig_bound(target) if op in ("before", "after", "on") else None
    if moment is None:
        return _NOBODY
    if op == "on":
        return _between(moment // _DAY * _DAY, (moment // _DAY + 1) * _DAY)
    # The SDK's clock ticks in milliseconds: what is after one begins with the next.
    return _between(None, moment) if op == "before" else _between(moment + 1, None)


def since(raw: Any, where: str) -> list[Json]:
    """The condition that a moment in milliseconds has come, or none for a moment that always has. Raises `Unsupported`."""
    if raw is None:
        return []
    if not isinstance(raw, int) or isinstance(raw, bool):
        msg = f"{where} is {shown(raw)}, not a moment in milliseconds"
        raise Unsupported(msg)
    window = _between(raw, None)
    return [] if window == _EVERYBODY else [window]


def _between(start: int | None, end: int | None) -> Json:
    """The window of those milliseconds since 1970; what no date can write is before or after all times."""
    if (start is not None and start > _LONGEST_MOMENT) or (end is not None and end <= 0):
        return _NOBODY
    ends = {"from": start if start is not None and start > 0 else None}
    ends["until"] = end if end is not None and end <= _LONGEST_MOMENT else None
    window = {name: _written(at) for name, at in ends.items() if at is not None}
    return {"time": window} if window else _EVERYBODY


def _written(moment: int) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bucket(raw: Json, op: str, target: Any, where: str) -> Json:
    """The point of a unit among a thousand: a stretch below or above the target, or the stretches that a list names."""
    salt = (raw.get("additionalValues") or {}).get("salt") or ""
    by, *more = unit_paths(raw.get("idType"))
    share: Json = {"by": by, **({"or_by": more} if more else {}), **ROUNDS, "seed": str(salt), "of": 1000}
    if op in ("lt", "lte", "gt", "gte") and isinstance(target, (int, float)) and not isinstance(target, bool):
        below: Json = {"share": {**share, "to": target, **({"to_inclusive": True} if op in ("lte", "gt") else {})}}
        return {"not": below} if op in ("gt", "gte") else below
    if op in ("in_segment_list", "not_in_segment_list"):
        msg = f"{where} compares a bucket by {shown(op)} with {shown(target)}"
        raise Unsupported(msg)
    holds = truth_over(_asked(["value"], op, target, where))
    points = [point for point in range(1000) if holds(point)]
    runs = [list(run) for _, run in groupby(enumerate(points), lambda pair: pair[1] - pair[0])]
    shares: list[Json] = [{"share": {**share, "from": run[0][1], "to": run[-1][1] + 1}} for run in runs]
    return shares[0] if len(shares) == 1 else {"any": shares}
