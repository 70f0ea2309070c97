"""Unleash's constraints as conditions. A constraint that cannot be compiled there turns its whole flag off, as here."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk._evaluation.regex import LONGEST_PATTERN, linear_pattern
from buildflags_sdk._evaluation.regex_dialect import translate
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY

USER: Final = "userId"
NEVER: Final[dict[str, Any]] = {"any": []}
ALWAYS: Final[dict[str, Any]] = {"all": []}


class NeverOn(Exception):
    """What Unleash cannot compile, so that the flag is off for everybody. The message says what."""


class Names:
    """Where a context field of Unleash is found here: the user is the targeting key, everything else keeps its name."""

    def __init__(self) -> None:
        self.renames: dict[str, str] = {}

    def path(self, field: str) -> list[str]:
        """The path of a field."""
        if field == TARGETING_KEY:
            self.renames[TARGETING_KEY] = MOVED
        return [{USER: TARGETING_KEY, TARGETING_KEY: MOVED}.get(field, field)]


class _Row(NamedTuple):
    """An operator of Unleash here; `several` values or one, `ignoring_case` the dialect for `caseInsensitive`."""

    op: str
    dialect: str
    several: bool = False
    negated: bool = False
    ignoring_case: str = ""


_OPERATORS: Final[dict[str, _Row]] = {
    "IN": _Row("in", "text", several=True),
    "NOT_IN": _Row("in", "text", several=True, negated=True),
    "STR_STARTS_WITH": _Row("starts_with", "text", several=True, ignoring_case="text_lower"),
    "STR_ENDS_WITH": _Row("ends_with", "text", several=True, ignoring_case="text_lower"),
    "STR_CONTAINS": _Row("contains", "text", several=True, ignoring_case="text_lower"),
    "IN_CIDR": _Row("cidr", "unleash", several=True),
    "REGEX": _Row("matches", "text", ignoring_case="text_ignore_case"),
    "DATE_AFTER": _Row("after", "chrono"),
    "DATE_BEFORE": _Row("before", "chrono"),
    **{f"NUM_{word.upper()}": _Row(word, "unleash") for word in ("eq", "gt", "gte", "lt", "lte")},
    **{f"SEMVER_{word.upper()}": _Row(f"semver_{word}", "strict") for word in ("eq", "gt", "gte", "lt", "lte")},
}
_BACKTRACKING_ONLY = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=|\(\?>")
_NUMBER = re.compile(r"[+-]?\d+\.?\d*(?:[eE][+-]?\d+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def conditions_of(raw: Any, where: str, names: Names) -> list[dict[str, Any]]:
    """The conditions of a list of constraints, all of which must hold.

    Raises:
        NeverOn: Unleash compiles one of them to a flag that is off.
        Unsupported: one of them has a shape that no Unleash server sends.
    """
    return [_condition(constraint, f"{where}[{at}]", names) for at, constraint in enumerate(a_list(raw, where))]


def texts(raw: Any, where: str) -> list[str]:
    """A list of texts; absent or null is empty. Raises `Unsupported`."""
    values = a_list(raw, where)
    for at, value in enumerate(values):
        if not isinstance(value, str):
            msg = f"{where}[{at}] is {shown(value)}, not a text"
            raise Unsupported(msg)
    return values


def text(raw: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    """A field that is a text. Raises `Unsupported`."""
    value = default if raw.get(name) is None else raw[name]
    if not isinstance(value, str):
        msg = f"{where}.{name} is {shown(value)}, not a text"
        raise Unsupported(msg)
    return value


def switch(raw: dict[str, Any], name: str, where: str, *, default: bool) -> bool:
    """A field that is true or false. Raises `Unsupported`."""
    value = default if raw.get(name) is None else raw[name]
    if not isinstance(value, bool):
        msg = f"{where}.{name} is {shown(value)}, neither true nor false"
        raise Unsupported(msg)
    return value


def _condition(raw: Any, where: str, names: Names) -> dict[str, Any]:
    constraint = an_object(raw, where)
    field, word = text(constraint, "contextName", where), text(constraint, "operator", where)
    negate = switch(constraint, "inverted", where, default=False)
    ignore_case = switch(constraint, "caseInsensitive", where, default=False)
    row = _OPERATORS.get(word)
    if row is None:
        msg = f"{where}: there is no operator {shown(word)}"
        raise NeverOn(msg)
    values = texts(constraint.get("values"), f"{where}.values")
    if not row.several:
        values = [text(constraint, "value", where, "")]
    dialect = row.ignoring_case if ignore_case and row.ignoring_case else row.dialect
    negate = negate is not row.negated
    if row.op == "matches" and not _is_pattern(values[0], where, ignore_case=ignore_case):
        return ALWAYS if negate else NEVER
    values = _usable(row, values, f"{where}.{'values' if row.several else 'value'}")
    condition = {"attr": names.path(field), "op": row.op, "values": values, "dialect": dialect, "negate": negate}
    if row.op in ("before", "after") and field == "currentTime":
        return {**condition, "dialect": "unleash"}
    return {**condition, "on_missing": negate}


def _usable(row: _Row, values: list[str], where: str) -> list[str]:
    """The values, if Unleash can compile them. Raises `NeverOn`."""
    if row.op in ("starts_with", "ends_with", "contains", "cidr") and not values:
        msg = f"{where} is empty"
        raise NeverOn(msg)
    if row.op != "matches" and not row.several:
        values = [values[0].strip()]
    usable = row.several or row.dialect not in ("unleash", "chrono")
    usable = usable or (_NUMBER if row.dialect == "unleash" else _MOMENT).fullmatch(values[0]) is not None
    try:
        prepare(row.op, row.dialect, values)
    except Unpreparable:
        usable = False
    if not usable:
        msg = f"{where} is {shown(values[0])}, which {row.op} cannot compare with"
        raise NeverOn(msg)
    return values


def _is_pattern(pattern: str, where: str, *, ignore_case: bool) -> bool:
    """Whether a pattern is of the RE2 dialect; Unleash lets any other match nothing. Raises `Unsupported`."""
    if len(pattern) > LONGEST_PATTERN:
        msg = f"{where}: a pattern of {len(pattern)} characters, over the limit of {LONGEST_PATTERN}"
        raise Unsupported(msg)
    try:
        if linear_pattern(pattern, ignore_case=ignore_case) is None:
            translate(pattern, ignore_case=ignore_case, at_start=False)
    except Unpreparable:
        if not _foreign(pattern):
            msg = f"{where}: only the re2 extra can tell whether {shown(pattern)} is a pattern; install it and import again"
            raise Unsupported(msg) from None
        return False
    return True


def _foreign(pattern: str) -> bool:
    """Whether a pattern that was refused is outside the RE2 dialect for sure, and not just too dangerous for `re`."""
    if linear_pattern("") is not None or _BACKTRACKING_ONLY.search(pattern):
        return True
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return True
    return False
