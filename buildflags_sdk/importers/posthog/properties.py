"""PostHog's property filters as conditions, as release 7.42 of its Python SDK judges them, its third truth value included.

A property that is not given leaves a filter undecided: PostHog's SDK asks the server then. Everything else follows the
rows of dialect `posthog`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk._evaluation.regex import is_pattern
from buildflags_sdk.importers.draft import Unsupported
from buildflags_sdk.importers.patterns import python_note
from buildflags_sdk.importers.report import TARGETING_KEY

DISTINCT_ID: Final = "distinct_id"
GROUPS: Final = "groups"
GROUP_PROPERTIES: Final = "group_properties"
_RESERVED: Final = (TARGETING_KEY, GROUPS, GROUP_PROPERTIES)


class _Row(NamedTuple):
    op: str
    negated: bool = False


_OPERATORS: Final[dict[str, _Row]] = {
    "exact": _Row("in"),
    "is_not": _Row("in", negated=True),
    "icontains": _Row("contains"),
    "not_icontains": _Row("contains", negated=True),
    "starts_with": _Row("starts_with"),
    "not_starts_with": _Row("starts_with", negated=True),
    "ends_with": _Row("ends_with"),
    "not_ends_with": _Row("ends_with", negated=True),
    "regex": _Row("matches"),
    "not_regex": _Row("not_matches"),
    "is_date_before": _Row("before"),
    "is_date_after": _Row("after"),
    **{word: _Row(word) for word in ("gt", "gte", "lt", "lte")},
    **{f"semver_{word}": _Row(f"semver_{word}") for word in ("eq", "neq", "gt", "gte", "lt", "lte")},
    **{f"semver_{word}": _Row(f"semver_{word}") for word in ("tilde", "caret", "wildcard")},
}


class Subject:
    """Whose properties a filter reads: a person's, or those of the group of one type that the person is in."""

    def __init__(self, group_type: str | None = None) -> None:
        self.group_type = group_type
        self.renames: dict[str, str] = {}

    @property
    def key_path(self) -> list[str]:
        """Where the distinct id or the group's key is."""
        return [TARGETING_KEY] if self.group_type is None else [GROUPS, self.group_type]

    def path(self, name: str) -> list[str]:
        """Where a property is."""
        if self.group_type is not None:
            return self.key_path if name == "$group_key" else [GROUP_PROPERTIES, self.group_type, name]
        if name == DISTINCT_ID:
            return self.key_path
        if name in _RESERVED:
            self.renames[name] = f"person.{name}"
        return [self.renames.get(name, name)]


def undecidable(what: str) -> dict[str, Any]:
    """A condition that nothing here can judge: membership of a list that only PostHog's server has."""
    return {"member_of": f"posthog:{what}", "on_missing": "undecided"}


def in_order(conditions: list[dict[str, Any]]) -> dict[str, Any]:
    """All of them, as the SDK asks them: whichever does not hold or is undecided first settles it."""
    return conditions[0] if len(conditions) == 1 else {"all": conditions, "in_order": True}


def property_condition(raw: dict[str, Any], where: str, subject: Subject, notes: list[str]) -> dict[str, Any]:
    """One filter over a property. Raises `Unsupported` for a shape or a pattern that has no equal here."""
    key, operator, value = raw.get("key"), raw.get("operator") or "exact", raw.get("value")
    if not isinstance(key, str) or not key:
        msg = f"{where}.key is {shown(key)}, not the name of a property"
        raise Unsupported(msg)
    path = subject.path(key)
    if operator == "is_set":
        return {"attr": path, "op": "exists", "on_missing": "undecided", "on_null": False}
    row = _OPERATORS.get(operator) if isinstance(operator, str) else None
    if row is None:
        return undecidable(f"operator {shown(operator)}")
    values = value if row.op == "in" and isinstance(value, list) else [value]
    try:
        prepare(row.op, "posthog", values)
    except Unpreparable as error:
        msg = f"{where}.value: {error}"
        raise Unsupported(msg) from None
    if row.op in ("matches", "not_matches") and is_pattern(str(value)):
        notes.extend(filter(None, [python_note(str(value))]))
    condition = {"attr": path, "op": row.op, "values": values, "dialect": "posthog"}
    null = operator == "is_not" and "none" not in {str(each).casefold() for each in values}
    return {
        **condition,
        **({"negate": True} if row.negated else {}),
        "on_missing": "undecided",
        "on_null": null,
    }
