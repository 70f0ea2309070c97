"""GrowthBook's conditions: its trees become ours, its leaves stay in its own words and are judged by its own row.

Saved groups are put in where they are named; long ones, and groups that are conditions, become segments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import MAX_DEPTH
from buildflags_sdk._evaluation.operators import prepare
from buildflags_sdk._evaluation.operators.growthbook import is_operators
from buildflags_sdk.importers.draft import Draft, Unsupported, a_list, an_object, place
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY
from buildflags_sdk.importers.shape import unknown_fields

from .unknown import GROUP, asks_fields, is_new_type, is_undecided, is_undecided_value

if TYPE_CHECKING:
    from collections.abc import Callable

    Condition = dict[str, Any]
    Leaf = Callable[[str, Any], Condition]
    Group = Callable[[Any, str], "_Judged"]

ALWAYS: Final[dict[str, Any]] = {"all": []}
NEVER: Final[dict[str, Any]] = {"any": []}
_NOBODY: Final[dict[str, Any]] = {"$nor": [{}]}
_UNDECIDED: Final[dict[str, Any]] = {"any": {"$undecided": True}}  # no operator: neither true nor false
_GROUP: Final = "$savedGroup"
_LISTED: Final = ("$and", "$or", "$nor")
_BY_MEMBERS: Final = {"$inGroup": ("$in", "$nin"), "$notInGroup": ("$nin", "$in")}
_EXPANDED = 1000  # groups put in for one condition: each may name others twice
_INLINE = 50  # a saved group with more values is a segment, so that flags share it


def name_of(attribute: str) -> str:
    """Our name of an attribute: GrowthBook's `id` is the targeting key, and what is called like that has moved."""
    return {"id": TARGETING_KEY, TARGETING_KEY: MOVED}.get(attribute, attribute)


def path_of(attribute: str) -> list[str]:
    """A dotted path of an attribute."""
    first, *rest = attribute.split(".")
    return [name_of(first), *rest]


def all_of(conditions: list[Condition]) -> Condition | None:
    """One condition for all of them, None when there are none."""
    kept = [condition for condition in conditions if condition != ALWAYS]
    return kept[0] if len(kept) == 1 else {"all": kept} if kept else None


def _check_depth(depth: int, where: str) -> None:
    if depth > MAX_DEPTH:
        msg = f"{where}: its saved groups name each other more than {MAX_DEPTH} deep"
        raise Unsupported(msg)


class _Judged(NamedTuple):
    """Of a condition there: what holds here where it is true and where it is false. Undecided, it may be neither."""

    holds: dict[str, Any]
    fails: dict[str, Any]
    decided: bool

    @property
    def negated(self) -> _Judged:
        """The same of its negation."""
        return _Judged(self.fails, self.holds, self.decided)


def _decided(holds: Condition) -> _Judged:
    return _Judged(holds, {"not": holds}, decided=True)


def _every(parts: list[_Judged], holds: Condition) -> _Judged:
    """Of all parts together, of which it is said what holds."""
    if all(part.decided for part in parts):
        return _decided(holds)
    return _Judged(holds, {"any": [part.fails for part in parts]}, decided=False)


def _some(parts: list[_Judged]) -> _Judged:
    """Of any part; without one it holds."""
    holds = {"any": [part.holds for part in parts]} if parts else ALWAYS
    if all(part.decided for part in parts):
        return _decided(holds)
    return _Judged(holds, {"all": [part.fails for part in parts]}, decided=False)


class _Referred(NamedTuple):
    """What a `$savedGroup` names, as a condition; `listed` is one over the members of a list."""

    name: str
    condition: dict[str, Any]
    listed: bool


class Conditions:
    """Translates conditions of one payload, with its saved groups at hand."""

    def __init__(self, draft: Draft, groups: dict[str, Any]) -> None:
        self._draft = draft
        self._groups = groups
        self._segments: set[str] = set()
        self._problems: dict[str, str] = {}
        self._expansions = 0
        self._depth = 0  # of saved groups that are being made, each for the one before

    def over_attributes(self, raw: Any, where: str) -> Condition:
        """A condition over the context. Raises `Unsupported`."""
        self._expansions = 0
        return self._judged(raw, where).holds

    def _judged(self, raw: Any, where: str) -> _Judged:
        return self._tree(
            raw, where, lambda name, operand: self._attribute(path_of(name), operand, where), self._saved_group
        )

    def over_parent(self, flag: str, raw: Any, where: str) -> Condition:
        """A condition over `{"value": …}` of another flag. Raises `Unsupported`."""
        self._expansions = 0

        def leaf(name: str, operand: Any) -> Condition:
            first, *inside = name.split(".")
            wanted = self._resolved(operand, where)
            try:
                on_null = bool(prepare("satisfies", "growthbook", [wanted])(None))
            except ValueError as error:
                msg = f"{where}: {error}"
                raise Unsupported(msg) from None
            if first != "value":
                return ALWAYS if on_null else NEVER
            value = {"op": "satisfies", "dialect": "growthbook", "values": [wanted], "path": inside}
            return {"flag": flag, "value": value, "on_absent": on_null}

        def group(reference: Any, here: str) -> _Judged:
            return self._tree(self._expanded(reference, here, frozenset()), here, leaf, group)

        tree = self._tree(raw, where, leaf, group).holds
        # It is asked even when the tree looks at nothing, for the sake of cycles.
        return {"all": [{"flag": flag, "on_absent": True}, tree]} if not _names_a_flag(tree) else tree

    def _tree(self, raw: Any, where: str, leaf: Leaf, group: Group) -> _Judged:
        parts: list[_Judged] = []
        for word, operand in an_object(raw, where).items():
            here = f"{where}.{word}"
            if word in _LISTED:
                inner = [self._tree(part, here, leaf, group) for part in _list(operand, here)]
                either = _every(inner, {"all": [part.holds for part in inner]}) if word == "$and" else _some(inner)
                parts.append(either.negated if word == "$nor" else either)
            elif word == "$not":
                parts.append(self._tree(operand, here, leaf, group).negated)
            elif word == _GROUP:
                parts.append(group(operand, here))
            elif word == "$savedGroups":
                msg = f"{where}: $savedGroups is not known"
                raise Unsupported(msg)
            else:
                parts.append(self._leaf(word, operand, leaf))
        return _every(parts, all_of([part.holds for part in parts]) or ALWAYS)

    def _leaf(self, name: str, operand: Any, leaf: Leaf) -> _Judged:
        undecided = is_undecided_value(operand, self._groups)
        if is_operators(operand) and len(operand) > 1 and (undecided or _BY_MEMBERS.keys() & operand.keys()):
            parts = [self._leaf(name, {word: inner}, leaf) for word, inner in operand.items()]
            return _every(parts, {"all": [part.holds for part in parts]})
        holds = leaf(name, operand)
        return _Judged(holds, leaf(name, {"$not": operand}), decided=False) if undecided else _decided(holds)

    def _attribute(self, path: list[str], operand: Any, where: str) -> Condition:
        wanted = self._resolved(operand, where)
        if isinstance(operand, dict) and operand.keys() in ({"$inGroup"}, {"$notInGroup"}):
            (group,) = operand.values()
            (values,) = wanted.values()
            if isinstance(values, list) and len(values) > _INLINE:
                member = {"segment": self._segment_of_values(group, values, path)}
                return member if "$inGroup" in operand else {"not": member}
        if any(step == "length" or step.isdigit() for step in path[1:]):  # it may lead into a list
            inside = {".".join(path[1:]): wanted}
            return {"attr": path[:1], "op": "satisfies", "dialect": "growthbook_tree", "values": [inside]}
        return _native(path, wanted) or _satisfies(path, wanted)

    def _resolved(self, operand: Any, where: str, seen: frozenset[str] = frozenset()) -> Any:
        """The operand with the members of saved groups in place of their names.

        A group that has none, not being a list, stays: under that name it holds for nobody. If its type is not known, it
        gets a name that is not known either.
        """
        if isinstance(operand, list):
            return [self._resolved(each, where, seen) for each in operand]
        if not is_operators(operand):
            return operand
        made: dict[str, Any] = {}
        for word, inner in operand.items():
            if word in _BY_MEMBERS and isinstance(inner, str) and is_new_type(self._groups.get(inner)):
                made["$undecided"] = inner
            elif word not in _BY_MEMBERS or self._members(inner) is None:
                on_fields = word == "$elemMatch" and isinstance(inner, dict) and asks_fields(inner)
                made[word] = self._inside(inner, where, seen) if on_fields else self._resolved(inner, where, seen)
        for word in (each for each in operand if each in _BY_MEMBERS):
            (ours, opposite), members = _BY_MEMBERS[word], self._members(operand[word])
            if members is None:
                continue
            if ours not in made:
                made[ours] = members
            elif "$not" not in made:  # beside an operator of the same kind it stands as the opposite's opposite
                made["$not"] = {opposite: members}
            else:
                msg = f"{where} has {word}, {ours} and $not under one path"
                raise Unsupported(msg)
        return made

    def _inside(self, raw: Any, where: str, seen: frozenset[str]) -> Any:
        """A condition over an element's fields, with what saved groups say in place of their names."""
        if not isinstance(raw, dict):
            return raw
        made: dict[str, Any] = {}
        for word, inner in raw.items():
            if word in _LISTED and isinstance(inner, list):
                made[word] = [self._inside(part, where, seen) for part in inner]
            elif word == "$not":
                made[word] = self._inside(inner, where, seen)
            elif word != _GROUP:
                made[word] = self._resolved(inner, where, seen)
        return {"$and": [made, self._expanded(raw[_GROUP], where, seen)]} if _GROUP in raw else made

    def _expanded(self, reference: Any, where: str, seen: frozenset[str]) -> dict[str, Any]:
        """What a `$savedGroup` asks, in full and in GrowthBook's words."""
        referred = self._referred(reference)
        if referred is None and self._is_new_type(reference):
            return _UNDECIDED
        if referred is None or referred.name in seen:
            return _NOBODY
        self._expansions += 1
        if self._expansions > _EXPANDED:
            msg = f"{where}: its saved groups name each other more than {_EXPANDED:,} times"
            raise Unsupported(msg)
        _check_depth(len(seen), where)
        expanded: dict[str, Any] = self._inside(referred.condition, where, seen | {referred.name})
        return expanded

    def _members(self, group: Any) -> list[Any] | None:
        """The members of a list, none of a list that there is not; None of what is no list."""
        entry = self._groups.get(group, []) if isinstance(group, str) else None
        values = entry.get("values") if isinstance(entry, dict) and entry.get("type") == "list" else entry
        return values if isinstance(values, list) else None

    def _referred(self, reference: Any) -> _Referred | None:
        """A typed reference: to a list over an attribute, or to a condition. None when it holds for nobody."""
        asked = reference if isinstance(reference, dict) else {}
        group, named = asked.get("id"), asked.get("attributeKey", "")
        entry = self._groups.get(group) if isinstance(group, str) else None
        if not isinstance(entry, dict) or not isinstance(group, str) or not isinstance(named, str):
            return None
        if entry.get("type") == "list":
            attribute = asked.get("attributeKey", entry.get("attributeKey"))
            if isinstance(attribute, str) and isinstance(entry.get("values"), list):
                return _Referred(group, {attribute: {"$inGroup": group}}, listed=True)
        condition = entry.get("condition")
        if entry.get("type") == "condition" and isinstance(condition, dict):
            return _Referred(group, condition, listed=False)
        return None

    def _is_new_type(self, reference: Any) -> bool:
        asked = reference if isinstance(reference, dict) else {}
        group, named = asked.get("id"), asked.get("attributeKey", "")
        return isinstance(group, str) and isinstance(named, str) and is_new_type(self._groups.get(group))

    def _saved_group(self, reference: Any, where: str) -> _Judged:
        """A reference in a condition over the context: a group that is a condition becomes a segment, if it is decided."""
        if is_undecided({_GROUP: reference}, self._groups):
            return self._judged(self._expanded(reference, where, frozenset()), where)
        referred = self._referred(reference)
        if referred is None:
            return _decided(NEVER)
        if referred.listed:
            return self._judged(referred.condition, where)
        group = referred.name
        if group not in self._segments:
            self._segments.add(group)
            inside = place("savedGroups", group)
            self._depth += 1
            try:
                _check_depth(self._depth, where)
                when = self.over_attributes(referred.condition, inside)
                unknown = unknown_fields(self._groups[group], GROUP, "savedGroups", group)
                self._draft.add_segment(group, {"when": when}, where=inside, why=unknown)
                if self._draft.name("segment", group) not in self._draft.segments:
                    self._problems[group] = f"the saved group {group!r} was refused"
            except Unsupported as problem:
                self._problems[group] = str(problem)
                self._draft.refuse_segment(group, str(problem), where=inside)
            finally:
                self._depth -= 1
        if group in self._problems:
            raise Unsupported(self._problems[group])
        return _decided({"segment": self._draft.name("segment", group), "on_absent": False, "on_cycle": False})

    def _segment_of_values(self, group: str, values: list[Any], path: list[str]) -> str:
        name = f"{group}.{'.'.join(path)}"
        if name not in self._segments:
            self._segments.add(name)
            when = _native(path, {"$in": values}) or _satisfies(path, {"$in": values})
            unknown = unknown_fields(self._groups[group], GROUP, "savedGroups", group)
            self._draft.add_segment(name, {"when": when}, where=place("savedGroups", group), why=unknown)
        if self._draft.name("segment", name) not in self._draft.segments:
            msg = f"the saved group {group!r} is too long for one segment"
            raise Unsupported(msg)
        return self._draft.name("segment", name)


def _satisfies(path: list[str], wanted: Any) -> Condition:
    return {"attr": path, "op": "satisfies", "dialect": "growthbook", "values": [wanted]}


def _native(path: list[str], wanted: Any) -> Condition | None:
    """`$in` and `$nin` of scalars: our own `in` means the same, lists and missing attributes included, and is faster."""
    if not isinstance(wanted, dict) or wanted.keys() not in ({"$in"}, {"$nin"}):
        return None
    (word, values), *_ = wanted.items()
    if not isinstance(values, list) or not all(isinstance(value, (str, int, float)) for value in values):
        return None
    found = {"attr": path, "op": "in", "values": values}
    return found if word == "$in" else {**found, "negate": True, "on_missing": True}


def _list(raw: Any, where: str) -> list[Any]:
    if raw is None:
        msg = f"{where} is null, not a list of conditions"
        raise Unsupported(msg)
    return a_list(raw, where)


def _names_a_flag(condition: Condition) -> bool:
    if "flag" in condition:
        return True
    inner: list[Condition] = condition.get("all") or condition.get("any") or []
    return any(map(_names_a_flag, [condition["not"]] if "not" in condition else inner))
