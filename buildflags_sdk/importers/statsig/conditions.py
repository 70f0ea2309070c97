"""Statsig's conditions: what is asked, of which field or unit, with which operator. What needs a look-up is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import prepare
from buildflags_sdk._evaluation.operators.statsig import statsig_moment
from buildflags_sdk.importers.draft import Unsupported, a_list

from .contexts import field_paths, is_own, unit_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Json = dict[str, Any]

ROUNDS: Final = {"scheme": "statsig", "on_missing_key": "empty"}
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
    "target_app": "the app that an SDK key belongs to, which an SDK key here does not tell",
}


class Conditions:
    """Reads conditions of one export. `id_lists` are lists at hand: the eight characters of each id's hash."""

    def __init__(self, id_lists: Mapping[str, Any], gate: Callable[[str], Json]) -> None:
        self.id_lists = id_lists
        self.gate = gate
        self.outside: set[str] = set()
        """Lists that are asked for and not at hand, since the reading of the last entry began."""

    def condition(self, raw: Json, where: str) -> Json:
        """One condition. Raises `Unsupported`."""
        kind = str(raw.get("type")).lower()
        target, op = raw.get("targetValue"), str(raw.get("operator")).lower()
        if kind == "public":
            return {"all": []}
        if kind in _LOOK_UPS:
            msg = f"{where} asks for {_LOOK_UPS[kind]}"
            raise Unsupported(msg)
        if kind in ("pass_gate", "fail_gate", "multi_pass_gate", "multi_fail_gate"):
            return self._gates(target, passing="pass" in kind)
        if kind == "current_time":
            return _now(op, target, where)
        if kind == "user_bucket":
            return _bucket(raw, op, target, where)
        paths = _paths(kind, raw, where)
        if op in ("in_segment_list", "not_in_segment_list"):
            listed = self._listed(paths[0], target, where)
            return {"not": listed} if op.startswith("not") else listed
        made = [_asked(path, op, target, where) for path in paths]
        if len(made) == 1:
            return made[0]
        here: Json = {"attr": paths[0], "op": "exists"}
        return {"any": [{"all": [here, made[0]]}, {"all": [{"not": here}, made[1]]}]}

    def _gates(self, target: Any, *, passing: bool) -> Json:
        names = target if isinstance(target, list) else [target]
        gates = [self.gate(name) for name in names if isinstance(name, str)]
        wanted: list[Json] = gates if passing else [{"not": gate} for gate in gates]
        return wanted[0] if len(wanted) == 1 else {"any": wanted}

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
        values = [each for each in target if each is not None] if isinstance(target, list) else []
        absent = bool(prepare(row, dialect, values)("")) is not negate
        made = {**attribute, "op": row, "values": values, "dialect": dialect, **({"negate": True} if negate else {})}
        return {**made, "on_missing": True} if absent else made
    if op in _OF_LISTS:
        row, negate = _OF_LISTS[op]
        if not isinstance(target, list):
            return _NOBODY
        asked = {**attribute, "op": row, "values": [each for each in target if each is not None], "dialect": "statsig"}
        listed = {**attribute, "op": "type", "values": ["array"]}
        return {"all": [listed, {**asked, "negate": True}]} if negate else asked
    if op in ("eq", "neq"):
        return _equal(attribute, target, negate=op == "neq")
    if op not in _OF_ONE:
        msg = f"{where} compares with {shown(op)}, which is unknown here"
        raise Unsupported(msg)
    return _one(attribute, _OF_ONE[op], target, where)


def _equal(attribute: Json, target: Any, *, negate: bool) -> Json:
    if target is None:
        absent: Json = {"not": {**attribute, "op": "exists"}}
        if is_own(attribute["attr"]):
            # There an empty text is no value to its SDK, as seen by asking it.
            absent = {"any": [absent, {**attribute, "op": "equals", "values": [""]}]}
        return {"not": absent} if negate else absent
    if isinstance(target, dict):
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
    moment = statsig_moment(str(target) if isinstance(target, str) else target)
    if isinstance(target, (int, float)) and not isinstance(target, bool):
        moment = int(target)
    if moment is None or op not in ("before", "after", "on", "gt", "gte", "lt", "lte"):
        msg = f"{where} compares the moment by {shown(op)} with {shown(target)}"
        raise Unsupported(msg)
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)
    if op == "on":
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return {"time": {"from": _written(day), "until": _written(day + timedelta(days=1))}}
    return {"time": {"until" if op in ("before", "lt", "lte") else "from": _written(at)}}


def _written(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bucket(raw: Json, op: str, target: Any, where: str) -> Json:
    """The point of a unit among a thousand: a stretch below or above the target, or the stretches that a list names."""
    salt = (raw.get("additionalValues") or {}).get("salt")
    by, *more = unit_paths(raw.get("idType"))
    share: Json = {"by": by, **({"or_by": more} if more else {}), **ROUNDS, "seed": str(salt), "of": 1000}
    if op in ("any", "none"):
        points = sorted({int(point) for point in a_list(target, f"{where}.targetValue")})
        runs = [list(run) for _, run in groupby(enumerate(points), lambda pair: pair[1] - pair[0])]
        shares: list[Json] = [{"share": {**share, "from": run[0][1], "to": run[-1][1] + 1}} for run in runs]
        inside = shares[0] if len(shares) == 1 else {"any": shares}
        return {"not": inside} if op == "none" else inside
    if not isinstance(target, (int, float)) or isinstance(target, bool) or op not in ("lt", "lte", "gt", "gte"):
        msg = f"{where} compares a bucket by {shown(op)} with {shown(target)}"
        raise Unsupported(msg)
    below: Json = {"share": {**share, "to": target, **({"to_inclusive": True} if op in ("lte", "gt") else {})}}
    return {"not": below} if op in ("gt", "gte") else below
