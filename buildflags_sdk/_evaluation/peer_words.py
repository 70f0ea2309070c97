"""How the authors of an imported definition call its attributes and operators. Only explanations read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .condition_model import Attribute, ValueTest

    Path = Sequence[str]
    Said = tuple[str, str]
    """An operator, and its opposite."""

_ORDERINGS = ("lt", "lte", "gt", "gte")
_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "=", "neq": "!="}
_ONE_VALUE = frozenset(("eq", "neq", *_ORDERINGS, "before", "after", "on", "matches", "not_matches", "equals"))


def _same(word: str) -> Said:
    return word, f"not {word}"


def _dotted(path: Path) -> str:
    return ".".join(path)


class _Vocabulary(NamedTuple):
    """One system's words. `operators` by row and dialect, or by row alone; `one_value` for rows that wrap up a single one."""

    operators: Mapping[tuple[str, str] | str, Said]
    attribute: Callable[[Path], str] = _dotted
    one_value: bool = False
    operand: Callable[[str, Sequence[Any]], str] | None = None


def _moved(key: str, moved: str = "attribute.targetingKey") -> Callable[[Path], str]:
    """Names as they are, but for the subject's key and the attribute that had to make room for it."""
    names = {"targetingKey": key, moved: "targetingKey"}
    return lambda path: _dotted((names.get(path[0], path[0]), *path[1:]))


# --------------------------------------------------------------------------------------------------------- LaunchDarkly


def _launchdarkly_attribute(path: Path) -> str:
    """The kind and what is asked of it."""
    if path[0] == "kinds" and len(path) > 2:
        return _dotted(path[1:])
    if path[0] == "kind":
        return "kind"
    return _dotted(("user", "key", *path[1:]) if path[0] == "targetingKey" else ("user", *path))


_LAUNCHDARKLY: dict[tuple[str, str] | str, Said] = {
    "in": ("is one of", "is not one of"),
    "intersects": ("is one of", "is not one of"),
    "starts_with": ("starts with", "does not start with"),
    "ends_with": ("ends with", "does not end with"),
    "contains": ("contains", "does not contain"),
    "matches": ("matches regex", "does not match regex"),
    "exists": ("exists", "does not exist"),
    "before": _same("before"),
    "after": _same("after"),
    **{row: _same(_SIGNS[row]) for row in _ORDERINGS},
    **{f"semver_{row}": _same(f"semver {_SIGNS[row]}") for row in ("eq", "lt", "gt")},
}

# -------------------------------------------------------------------------------------------------------------- Unleash

_UNLEASH: dict[tuple[str, str] | str, Said] = {
    "in": ("IN", "NOT_IN"),
    "exists": ("is set", "is not set"),
    "cidr": _same("IN_CIDR"),
    "matches": _same("REGEX"),
    ("matches", "text_ignore_case"): _same("REGEX (case-insensitive)"),
    "after": _same("DATE_AFTER"),
    "before": _same("DATE_BEFORE"),
    **{(row, "text"): _same(f"STR_{row.upper()}") for row in ("starts_with", "ends_with", "contains")},
    **{
        (row, "text_lower"): _same(f"STR_{row.upper()} (case-insensitive)")
        for row in ("starts_with", "ends_with", "contains")
    },
    **{row: _same(f"NUM_{row.upper()}") for row in ("eq", *_ORDERINGS)},
    **{f"semver_{row}": _same(f"SEMVER_{row.upper()}") for row in ("eq", *_ORDERINGS)},
}

# ----------------------------------------------------------------------------------------------------------- GrowthBook

_GROWTHBOOK: dict[tuple[str, str] | str, Said] = {
    "in": ("$in", "$nin"),
    "satisfies": ("", "not"),
    "exists": ("$exists", "not $exists"),
}


def _growthbook_operand(row: str, values: Sequence[Any]) -> str:
    """The operand as the condition has it; of `satisfies` with its operators, an `$eq` for what has none."""
    if row != "satisfies":
        return _json(list(values))
    (wanted,) = values
    if isinstance(wanted, dict) and len(wanted) == 1:
        ((word, operand),) = wanted.items()
        return f"{word} {_json(operand)}"
    return _json(wanted) if isinstance(wanted, dict) else f"$eq {_json(wanted)}"


# ----------------------------------------------------------------------------------------------------------------- Eppo

_EPPO: dict[tuple[str, str] | str, Said] = {
    "in": ("ONE_OF", "NOT_ONE_OF"),
    "matches": ("MATCHES", "NOT_MATCHES"),
    "exists": ("IS_NULL false", "IS_NULL true"),
    **{row: _same(row.upper()) for row in _ORDERINGS},
}

# ------------------------------------------------------------------------------------------------------------ Flagsmith

_FLAGSMITH: dict[tuple[str, str] | str, Said] = {
    "equals": _same("EQUAL"),
    "not_equals": _same("NOT_EQUAL"),
    "gt": _same("GREATER_THAN"),
    "gte": _same("GREATER_THAN_INCLUSIVE"),
    "lt": _same("LESS_THAN"),
    "lte": _same("LESS_THAN_INCLUSIVE"),
    "contains": _same("CONTAINS"),
    "not_contains": _same("NOT_CONTAINS"),
    "matches": _same("REGEX"),
    "modulo": _same("MODULO"),
    "in": _same("IN"),
    "exists": ("IS_SET", "IS_NOT_SET"),
}

# ------------------------------------------------------------------------------------------------------------ ConfigCat

_CONFIGCAT_WORDS = {
    "in": "IS ONE OF",
    "not_in": "IS NOT ONE OF",
    "contains": "CONTAINS ANY OF",
    "not_contains": "NOT CONTAINS ANY OF",
    "semver_in": "IS ONE OF",
    "not_semver_in": "IS NOT ONE OF",
    "starts_with": "STARTS WITH ANY OF",
    "not_starts_with": "NOT STARTS WITH ANY OF",
    "ends_with": "ENDS WITH ANY OF",
    "not_ends_with": "NOT ENDS WITH ANY OF",
    "intersects": "ARRAY CONTAINS ANY OF",
    "not_intersects": "ARRAY NOT CONTAINS ANY OF",
    "before": "BEFORE",
    "after": "AFTER",
    "equals": "EQUALS",
    **_SIGNS,
    **{f"semver_{row}": _SIGNS[row] for row in _ORDERINGS},
}
_CONFIGCAT: dict[tuple[str, str] | str, Said] = {row: (word, f"NOT {word}") for row, word in _CONFIGCAT_WORDS.items()}


def _configcat_operand(row: str, values: Sequence[Any]) -> str:
    """Hashes are counted: nobody recognises one."""
    hashed = values[0] if len(values) == 1 and isinstance(values[0], dict) else None
    if hashed is None:
        return repr(values[0]) if len(values) == 1 and "OF" not in _CONFIGCAT_WORDS[row] else repr(list(values))
    count = len(hashed["hashes"])
    return f"({count} hashed value{'' if count == 1 else 's'})"


# -------------------------------------------------------------------------------------------------------------- PostHog


def _posthog_attribute(path: Path) -> str:
    """A person's property, or a group's: its type, then the property."""
    if path[0] == "group_properties" and len(path) > 2:
        return _dotted(path[1:])
    if path[0] == "groups" and len(path) == 2:
        return f"{path[1]}.$group_key"
    return {"targetingKey": "distinct_id"}.get(path[0], _dotted(path).removeprefix("person."))


_POSTHOG: dict[tuple[str, str] | str, Said] = {
    "in": ("exact", "is_not"),
    "contains": ("icontains", "not_icontains"),
    "starts_with": ("starts_with", "not_starts_with"),
    "ends_with": ("ends_with", "not_ends_with"),
    "matches": ("regex", "not_regex"),
    "not_matches": ("not_regex", "regex"),
    "before": _same("is_date_before"),
    "after": _same("is_date_after"),
    "exists": ("is_set", "is_not_set"),
    **{row: _same(row) for row in _ORDERINGS},
    **{f"semver_{row}": _same(f"semver_{row}") for row in ("eq", "neq", *_ORDERINGS, "tilde", "caret", "wildcard")},
}

# -------------------------------------------------------------------------------------------------------------- Statsig


def _statsig_attribute(path: Path) -> str:
    """The user's field, or the unit's id."""
    if path[0] in ("custom", "customIDs") and len(path) > 1:
        return _dotted(path[1:])
    return _dotted(("userID", *path[1:]) if path[0] == "targetingKey" else path)


_STATSIG: dict[tuple[str, str] | str, Said] = {
    ("in", "statsig"): ("any", "none"),
    ("in", "statsig_case"): ("any_case_sensitive", "none_case_sensitive"),
    ("in", "statsig_id_list"): ("in_segment_list", "not_in_segment_list"),
    "starts_with": _same("str_starts_with_any"),
    "ends_with": _same("str_ends_with_any"),
    "contains": ("str_contains_any", "str_contains_none"),
    "matches": _same("str_matches"),
    "intersects": ("array_contains_any", "array_contains_none"),
    "contains_all": ("array_contains_all", "not_array_contains_all"),
    "equals": ("eq", "neq"),
    "before": _same("before"),
    "after": _same("after"),
    "on": _same("on"),
    "exists": ("is set", "is not set"),
    **{row: _same(row) for row in _ORDERINGS},
    **{f"semver_{row}": _same(f"version_{row}") for row in ("eq", "neq", *_ORDERINGS)},
}

# ----------------------------------------------------------------------------------------------------------- Powertools

_POWERTOOLS_WORDS = {
    "equals": "EQUALS",
    "not_equals": "NOT_EQUALS",
    "gt": "KEY_GREATER_THAN_VALUE",
    "gte": "KEY_GREATER_THAN_OR_EQUAL_VALUE",
    "lt": "KEY_LESS_THAN_VALUE",
    "lte": "KEY_LESS_THAN_OR_EQUAL_VALUE",
    "starts_with": "STARTSWITH",
    "ends_with": "ENDSWITH",
    "in": "KEY_IN_VALUE",
    "not_in": "KEY_NOT_IN_VALUE",
    "contains": "VALUE_IN_KEY",
    "not_contains": "VALUE_NOT_IN_KEY",
    "all_in": "ALL_IN_VALUE",
    "intersects": "ANY_IN_VALUE",
    "not_intersects": "NONE_IN_VALUE",
    "modulo_range": "MODULO_RANGE",
    "time_of_day": "SCHEDULE_BETWEEN_TIME_RANGE",
    "moment_between": "SCHEDULE_BETWEEN_DATETIME_RANGE",
    "day_of_week": "SCHEDULE_BETWEEN_DAYS_OF_WEEK",
}
_POWERTOOLS: dict[tuple[str, str] | str, Said] = {
    (row, "powertools"): _same(word) for row, word in _POWERTOOLS_WORDS.items()
}

# --------------------------------------------------------------------------------------------------------- django-waffle

_WAFFLE_NAMES = {"targetingKey": "user", "groups": "user.groups", "language": "language", "username": "user"}


def _waffle_attribute(path: Path) -> str:
    return _WAFFLE_NAMES.get(path[0], f"user.{_dotted(path)}")


_VOCABULARIES: dict[str, _Vocabulary] = {
    "launchdarkly": _Vocabulary(_LAUNCHDARKLY, _launchdarkly_attribute),
    "unleash": _Vocabulary(_UNLEASH, _moved("userId")),
    "growthbook": _Vocabulary(_GROWTHBOOK, _moved("id"), operand=_growthbook_operand),
    "eppo": _Vocabulary(_EPPO, _moved("subjectKey")),
    "flagsmith": _Vocabulary(_FLAGSMITH, _moved("identifier"), one_value=True),
    "configcat": _Vocabulary(_CONFIGCAT, _moved("Identifier"), operand=_configcat_operand),
    "posthog": _Vocabulary(_POSTHOG, _posthog_attribute),
    "statsig": _Vocabulary(_STATSIG, _statsig_attribute),
    "aws appconfig": _Vocabulary(_POWERTOOLS, one_value=True),
    "waffle": _Vocabulary({"in": ("in", "not in")}, _waffle_attribute),
}
_OURS = _Vocabulary({})


class Words:
    """The words of one definition's authors: those of the system that it was imported from, else ours.

    >>> words = Words({"imported": {"system": "launchdarkly", "key": "f"}})
    >>> words.attribute(["kinds", "org", "size"])
    'org.size'
    """

    def __init__(self, meta: Mapping[str, Any] | None) -> None:
        self._meta = meta or {}
        origin = self._meta.get("imported")
        self._origin: Mapping[str, Any] = origin if isinstance(origin, dict) else {}
        self._vocabulary = _VOCABULARIES.get(str(self._origin.get("system")).casefold(), _OURS)

    def attribute(self, path: Path) -> str:
        """What stands at a path."""
        return self._vocabulary.attribute(path)

    def name(self, key: str) -> str:
        """The definition itself: the name that its authors gave it, else its key there, else its key here."""
        said = (self._meta.get("name") if self._origin else None, self._origin.get("key"))
        return next((name for name in said if isinstance(name, str) and name), key)

    def rule(self, rule_id: str | None) -> str | None:
        """A rule, by the name that its authors gave it beside its id; None when they gave none."""
        names = self._origin.get("rules")
        named = names.get(rule_id) if isinstance(names, dict) else None
        return named if isinstance(named, str) and named and named != rule_id else None

    def asked(self, condition: Attribute) -> str:
        """What a condition asks of its attribute."""
        attribute = self.attribute(condition.attr)
        if condition.op == "in" and not condition.values and condition.on_missing is True:
            return f"{attribute} is missing"
        said = self._said(condition)
        if said is None:
            return f"{'not ' * condition.negate}{attribute} {_in_our_words(condition)}"
        return f"{attribute} {said}"

    def required(self, value: ValueTest) -> str:
        """What is asked of another flag's value."""
        at = "".join(f".{step}" for step in value.path)
        said = self._said(value) or f"{'not ' * value.negate}{_in_our_words(value)}"
        return f"value{at} {said}"

    def _said(self, test: Attribute | ValueTest) -> str | None:
        vocabulary = self._vocabulary
        words = vocabulary.operators.get((test.op, test.dialect)) or vocabulary.operators.get(test.op)
        if words is None:
            return None
        operand = "" if test.op == "exists" else self._operand(test.op, test.values)
        return " ".join(part for part in (words[test.negate], operand) if part)

    def _operand(self, row: str, values: Sequence[Any]) -> str:
        if self._vocabulary.operand is not None:
            return self._vocabulary.operand(row, values)
        single = self._vocabulary.one_value or row in _ONE_VALUE or row.startswith("semver_")
        return repr(values[0]) if single and len(values) == 1 else repr(list(values))


def _in_our_words(test: Attribute | ValueTest) -> str:
    dialect = "" if test.dialect == "strict" else f" ({test.dialect})"
    return f"{test.op} {list(test.values)}{dialect}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
