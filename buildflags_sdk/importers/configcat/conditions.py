"""ConfigCat's conditions: on the user, on segments, on prerequisite flags.

What cannot be read there does not hold whichever the polarity, so a condition's opposite is never its plain negation.
What is wrong with the config itself makes the flag an error when it is reached.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk.importers.draft import Draft, Unsupported, a_list, an_object, place
from buildflags_sdk.importers.shape import unknown_fields

from .fields import SEGMENT
from .settings import TYPES, name_of, type_of, value_of

if TYPE_CHECKING:
    Condition = dict[str, Any]

_NUMBER = {"any": [{"op": "eq", "values": [0]}, {"op": "neq", "values": [0]}]}
_MOMENT = {"any": [*_NUMBER["any"], {"op": "before", "values": [1e300]}, {"op": "after", "values": [-1e300]}]}


class Comparator(NamedTuple):
    """A comparator: our row, the field of its operand, whether that is hashed, and the number of its opposite."""

    op: str
    field: str
    opposite: int
    hashed: bool = False


COMPARATORS = {
    0: Comparator("in", "l", 1),
    1: Comparator("not_in", "l", 0),
    2: Comparator("contains", "l", 3),
    3: Comparator("not_contains", "l", 2),
    4: Comparator("semver_in", "l", 5),
    5: Comparator("not_semver_in", "l", 4),
    6: Comparator("semver_lt", "s", 9),
    7: Comparator("semver_lte", "s", 8),
    8: Comparator("semver_gt", "s", 7),
    9: Comparator("semver_gte", "s", 6),
    10: Comparator("eq", "d", 11),
    11: Comparator("neq", "d", 10),
    12: Comparator("lt", "d", 15),
    13: Comparator("lte", "d", 14),
    14: Comparator("gt", "d", 13),
    15: Comparator("gte", "d", 12),
    16: Comparator("in", "l", 17, hashed=True),
    17: Comparator("not_in", "l", 16, hashed=True),
    18: Comparator("before", "d", 19),
    19: Comparator("after", "d", 18),
    20: Comparator("in", "s", 21, hashed=True),
    21: Comparator("not_in", "s", 20, hashed=True),
    22: Comparator("starts_with", "l", 23, hashed=True),
    23: Comparator("not_starts_with", "l", 22, hashed=True),
    24: Comparator("ends_with", "l", 25, hashed=True),
    25: Comparator("not_ends_with", "l", 24, hashed=True),
    26: Comparator("intersects", "l", 27, hashed=True),
    27: Comparator("not_intersects", "l", 26, hashed=True),
    28: Comparator("in", "s", 29),
    29: Comparator("not_in", "s", 28),
    30: Comparator("starts_with", "l", 31),
    31: Comparator("not_starts_with", "l", 30),
    32: Comparator("ends_with", "l", 33),
    33: Comparator("not_ends_with", "l", 32),
    34: Comparator("intersects", "l", 35),
    35: Comparator("not_intersects", "l", 34),
}


class Conditions:
    """Turns conditions of one config into ours."""

    def __init__(self, draft: Draft, source: dict[str, Any]) -> None:
        self.draft = draft
        preferences = source.get("p")
        salt = preferences.get("s") if isinstance(preferences, dict) else None
        if salt is not None and not isinstance(salt, str):
            msg = f"$.p.s is {shown(salt)}, not a salt"
            raise Unsupported(msg)
        self.salt = salt or ""
        self.settings: dict[str, Any] = source["f"]
        self.segments = a_list(source.get("s"), "$.s")
        self.members: dict[int, Condition] = {}
        self.outsiders: dict[int, Condition] = {}
        self.problems: dict[int, str] = {}

    def add_segments(self) -> None:
        """Make an entry of each segment. Its opposite, which is no negation, stands where it is asked for."""
        names = [str(raw.get("n", "")) if isinstance(raw, dict) else "" for raw in self.segments]
        sources = [name if names.count(name) == 1 else f"{name} {at}" for at, name in enumerate(names)]
        self.draft.reserve("segment", sources)
        for at, raw in enumerate(self.segments):
            where, source = place("s", at), sources[at]
            try:
                rows = a_list(an_object(raw, where).get("r"), f"{where}.r")
                tests = [self._user(each, names[at], f"{where}.r[{n}]") for n, each in enumerate(rows)]
                unknown = unknown_fields(raw, SEGMENT, "s", at)
                self.draft.add_segment(source, {"when": _joined(tests)}, where=where, why=unknown)
                if self.draft.name("segment", source) not in self.draft.segments:
                    self.problems[at] = f"segment {names[at]} was refused"
                self.members[at] = {"segment": self.draft.name("segment", source)}
                self.outsiders[at] = {
                    "any": [
                        _joined([*tests[:n], self._opposite(each, names[at], f"{where}.r[{n}]")])
                        for n, each in enumerate(rows)
                    ]
                }
            except Unsupported as problem:
                self.problems[at] = str(problem)
                self.draft.refuse_segment(source, str(problem), where=where)

    def condition(self, raw: Any, setting: str, where: str) -> Condition:
        """One condition of a targeting rule of that setting. Raises `Unsupported`."""
        said = an_object(raw, where)
        if said.get("u") is not None:
            return self._user(said["u"], setting, f"{where}.u")
        if said.get("s") is not None:
            return self._segment(an_object(said["s"], f"{where}.s"), f"{where}.s")
        if said.get("p") is not None:
            return self._prerequisite(an_object(said["p"], f"{where}.p"), f"{where}.p")
        msg = f"{where} is {shown(raw)}, a condition on neither the user nor a segment nor a flag"
        raise Unsupported(msg)

    def _user(self, raw: Any, salted_by: str, where: str) -> Condition:
        said = an_object(raw, where)
        return self._compared(said, said.get("c"), salted_by, where)

    def _opposite(self, raw: Any, salted_by: str, where: str) -> Condition:
        """Holds for those whose attribute can be read and does not pass."""
        said = an_object(raw, where)
        number = said["c"]
        if number not in (12, 13, 14, 15, 18, 19):
            return self._compared(said, number, salted_by, where, as_number=COMPARATORS[number].opposite)
        readable = _MOMENT if number in (18, 19) else _NUMBER
        attribute = {"attr": _path(said, where), "dialect": "configcat"}
        known: Condition = {"any": [{**attribute, **each} for each in readable["any"]]}
        return {"all": [known, {"not": self._compared(said, number, salted_by, where)}]}

    def _compared(
        self, said: dict[str, Any], number: Any, salted_by: str, where: str, *, as_number: int | None = None
    ) -> Condition:
        comparator = COMPARATORS.get(number) if isinstance(number, int) and not isinstance(number, bool) else None
        if comparator is None:
            msg = f"{where}: comparator {shown(number)} is unknown"
            raise Unsupported(msg)
        operand = said.get(comparator.field)
        row = comparator if as_number is None else COMPARATORS[as_number]
        values: list[Any] = operand if isinstance(operand, list) else [operand]
        if isinstance(operand, list) is not (comparator.field == "l"):
            msg = f"{where}: comparator {number} compares with {shown(operand)}"
            raise Unsupported(msg)
        if row.op in ("semver_in", "not_semver_in") and not any(map(str.strip, map(str, values))):
            msg = f"{where} lists no version, of which ConfigCat's SDKs make different things"
            raise Unsupported(msg)
        if comparator.hashed and "ends_with" in row.op and any(re.match(r"\s*0+_", str(each)) for each in values):
            msg = f"{where}: the hash of an empty end, of which ConfigCat's SDKs make different things"
            raise Unsupported(msg)
        dialect = "configcat"
        if comparator.hashed:  # theirs is written in lower case: any other hash is nobody's
            hashes = [each for each in values if not isinstance(each, str) or each == each.lower()]
            dialect, values = "configcat_hashed", [{"salt": self.salt + salted_by, "hashes": hashes}]
        try:
            prepare(row.op, dialect, values)
        except Unpreparable as problem:
            msg = f"{where}: {problem}"
            raise Unsupported(msg) from None
        return {"attr": _path(said, where), "op": row.op, "dialect": dialect, "values": values}

    def _segment(self, said: dict[str, Any], where: str) -> Condition:
        index, comparator = said.get("s"), said.get("c")
        if not isinstance(index, int) or not 0 <= index < len(self.segments) or comparator not in (0, 1):
            msg = f"{where} names the segment {shown(index)} by comparator {shown(comparator)}"
            raise Unsupported(msg)
        if index in self.problems:
            raise Unsupported(self.problems[index])
        return self.members[index] if comparator == 0 else self.outsiders[index]

    def _prerequisite(self, said: dict[str, Any], where: str) -> Condition:
        key, comparator = said.get("f"), said.get("c")
        if not isinstance(key, str) or comparator not in (0, 1):
            msg = f"{where} names the flag {shown(key)} by comparator {shown(comparator)}"
            raise Unsupported(msg)
        flag: Condition = {"flag": self.draft.name("flag", key)}
        try:
            kind = type_of(an_object(self.settings.get(key), place("f", key)), place("f", key))
        except Unsupported:
            return flag  # which does not exist, or is broken: an error when it is reached, there and here
        held = said.get("v")
        if not isinstance(held, dict) or value_of(said, kind) is None or _field_of(held) != TYPES[kind][1]:
            # Comparing values of two types is an error there, when it is reached; so is a segment that is absent here.
            return {"segment": f"{key} is no {_kind_of(held)}"}
        value = {"op": "equals", "values": [value_of(said, kind)]}
        return {**flag, "value": {**value, "negate": True} if comparator == 1 else value}


def _path(said: dict[str, Any], where: str) -> list[str]:
    attribute = said.get("a")
    if not isinstance(attribute, str):
        msg = f"{where}.a is {shown(attribute)}, not an attribute's name"
        raise Unsupported(msg)
    return [name_of(attribute)]


def _field_of(held: dict[str, Any]) -> str | None:
    return next((field for _, field in TYPES if held.get(field) is not None), None)


def _kind_of(held: Any) -> str:
    field = _field_of(held) if isinstance(held, dict) else None
    return next((name for name, each in TYPES if each == field), "value of any type")


def _joined(conditions: list[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else {"all": conditions}
