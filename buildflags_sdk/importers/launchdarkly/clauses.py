"""LaunchDarkly's clauses as conditions: kind and attribute to a path, operator and values to a row, negation as it means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import prepare
from buildflags_sdk._evaluation.regex import is_pattern
from buildflags_sdk.importers.draft import Unsupported

from .contexts import USER, attribute_path
from .fields import boolean, items, text

if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, Any]

OPERATORS: Final[dict[str, tuple[str, str]]] = {
    "in": ("in", "strict"),
    "startsWith": ("starts_with", "strict"),
    "endsWith": ("ends_with", "strict"),
    "contains": ("contains", "strict"),
    "matches": ("matches", "strict"),
    "lessThan": ("lt", "strict"),
    "lessThanOrEqual": ("lte", "strict"),
    "greaterThan": ("gt", "strict"),
    "greaterThanOrEqual": ("gte", "strict"),
    "before": ("before", "epoch_ms"),
    "after": ("after", "epoch_ms"),
    "semVerEqual": ("semver_eq", "filled"),
    "semVerLessThan": ("semver_lt", "filled"),
    "semVerGreaterThan": ("semver_gt", "filled"),
}
SEGMENT_MATCH: Final = "segmentMatch"
_NEVER: Final[tuple[str, str, list[Any]]] = ("in", "strict", [])
_NULL_AMONG: Final = ("element_match", "strict", [{"op": "exists", "negate": True}])
_BAD_ESCAPE = re.compile(r"~(?![01])")
_NOBODY: Final[Json] = {"any": []}
_UNSET: Final = object()


class Malformed(Exception):
    """What LaunchDarkly answers MALFORMED_FLAG for, when an evaluation reaches it."""


def all_of(*conditions: Json | None) -> Json | None:
    """Each of the conditions; None is no condition, and what none leaves."""
    kept = [condition for condition in conditions if condition is not None]
    return kept[0] if len(kept) == 1 else {"all": kept} if kept else None


def any_of(conditions: list[Json]) -> Json:
    """One of the conditions."""
    return conditions[0] if len(conditions) == 1 else {"any": conditions}


def kind_present(kind: str) -> Json:
    """There is a context of that kind."""
    return {"attr": attribute_path(kind, ["key"]), "op": "exists"}


def key_in(kind: str, keys: list[str]) -> Json:
    """The context of that kind has one of the keys."""
    return {"attr": attribute_path(kind, ["key"]), "op": "in", "values": keys}


def reference(raw: Json, field: str, kind_field: str, where: str) -> tuple[str, list[str]]:
    """Kind and steps of an attribute reference: a path when a kind stands beside it, else a plain name.

    Raises:
        Malformed: it is empty, or a path with an empty step or an unknown escape.
        Unsupported: it buckets by the kind.
    """
    given, kind = text(raw, field, where) or "", text(raw, kind_field, where)
    if field == "bucketBy" and given in ("kind", "/kind"):
        msg = f"{where} buckets by the kind, which is the same for everybody of it"
        raise Unsupported(msg)
    if not given or (kind and given == "/"):
        msg = f"{where} names no attribute"
        raise Malformed(msg)
    if not kind or not given.startswith("/"):
        return kind or USER, [given]
    steps = given[1:].split("/")
    if "" in steps or _BAD_ESCAPE.search(given):
        msg = f"{where}.{field}: {shown(given)} is no reference to an attribute"
        raise Malformed(msg)
    return kind, [step.replace("~1", "/").replace("~0", "~") for step in steps]


def clause_condition(raw: Json, where: str, in_segment: Callable[[str], Json]) -> Json:
    """A clause of a rule. `in_segment` gives the condition of being in a segment.

    Raises:
        Unsupported: it has the wrong shape, or a pattern that cannot be matched here.
    """
    operator, values = text(raw, "op", where) or "", items(raw, "values", where)
    negate = boolean(raw, "negate", where)
    if operator == SEGMENT_MATCH:
        named = any_of([in_segment(key) for key in values if isinstance(key, str)] or [_NOBODY])
        return {"not": named} if negate else named
    try:
        kind, steps = reference(raw, "attribute", "contextKind", where)
    except Malformed as error:
        present = kind_present(text(raw, "contextKind", where) or USER)
        return {"all": [present, {"error": str(error)}]}
    rows = _rows(operator, values, where)
    if steps == ["kind"]:
        return _asked(["kind"], rows, negate=negate, absent_as=USER)
    if steps[0] == "kind":
        return _NOBODY
    path = attribute_path(kind, steps)
    if steps == ["anonymous"]:  # every context there has it
        return {"all": [kind_present(kind), _asked(path, rows, negate=negate, absent_as=False)]}
    return _asked(path, rows, negate=negate)


def _asked(path: list[str], rows: list[tuple[str, str, list[Any]]], *, negate: bool, absent_as: Any = _UNSET) -> Json:
    """Any of the rows about one attribute; negated, none of them. `absent_as` stands in for it where it is absent."""
    conditions: list[Json] = []
    for op, dialect, values in rows:
        condition: Json = {"attr": path, "op": op, "values": values}
        if dialect != "strict":
            condition["dialect"] = dialect
        if negate:
            condition["negate"] = True
        if absent_as is not _UNSET and bool(prepare(op, dialect, values)(absent_as)) is not negate:
            condition["on_missing"] = True
        conditions.append(condition)
    if len(conditions) == 1:
        return conditions[0]
    return {"all": conditions} if negate else {"any": conditions}


def _rows(operator: str, values: list[Any], where: str) -> list[tuple[str, str, list[Any]]]:
    """The operator and the values that it can take; the others match nothing, and an unknown operator takes none."""
    op, dialect = OPERATORS.get(operator, ("", ""))
    if op == "in":
        return _equalities(values)
    kept = [value for value in values if op and _takes(op, dialect, value, where)]
    return [(op, dialect, kept)] if kept else [_NEVER]


def _equalities(values: list[Any]) -> list[tuple[str, str, list[Any]]]:
    """Equality with what is no list; a list, or null, can only be an element of a list."""
    plain = [value for value in values if value is not None and not isinstance(value, list)]
    lists = [value for value in values if isinstance(value, list)]
    rows: list[tuple[str, str, list[Any]]] = [("in", "strict", plain)] if plain else []
    if lists:
        rows.append(("intersects", "strict", lists))
    if None in values:
        rows.append(_NULL_AMONG)
    return rows or [_NEVER]


def _takes(op: str, dialect: str, value: Any, where: str) -> bool:
    try:
        prepare(op, dialect, [value])
    except ValueError as error:
        if op == "matches" and isinstance(value, str) and is_pattern(value):
            msg = f"{where}: {error}"
            raise Unsupported(msg) from None
        return False
    return True
