"""Unleash's constraints as conditions. A constraint that cannot be compiled there turns its whole flag off, as here."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object
from buildflags_sdk.importers.patterns import RustEngine
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY

USER: Final = "userId"
NEVER: Final[dict[str, Any]] = {"any": []}
ALWAYS: Final[dict[str, Any]] = {"all": []}
_ENGINE: Final = RustEngine("Unleash's engine")


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
    """An operator over texts here; `several` values or one, `ignoring_case` the dialect for `caseInsensitive`."""

    op: str
    dialect: str
    several: bool = True
    negated: bool = False
    ignoring_case: str = ""


_OPERATORS: Final[dict[str, _Row]] = {
    "IN": _Row("in", "text"),
    "NOT_IN": _Row("in", "text", negated=True),
    "STR_STARTS_WITH": _Row("starts_with", "text", ignoring_case="text_lower"),
    "STR_ENDS_WITH": _Row("ends_with", "text", ignoring_case="text_lower"),
    "STR_CONTAINS": _Row("contains", "text", ignoring_case="text_lower"),
    "IN_CIDR": _Row("cidr", "unleash"),
    "REGEX": _Row("matches", "text", several=False, ignoring_case="text_ignore_case"),
}
_COMPARISONS: Final[dict[str, str]] = {
    **{f"{kind}_{word.upper()}": word for kind in ("NUM", "SEMVER") for word in ("eq", "gt", "gte", "lt", "lte")},
    "DATE_AFTER": "gt",
    "DATE_BEFORE": "lt",
}
_MOMENTS: Final = {"gt": "after", "lt": "before"}
_NUMBER = re.compile(r"[+-]?\d+\.?\d*(?:[eE][+-]?\d+)?", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_STRAY_QUOTE = re.compile(r'(?<!\\)"')


def conditions_of(raw: Any, where: str, names: Names, notes: list[str]) -> list[dict[str, Any]]:
    """The conditions of a list of constraints, all of which must hold; `notes` gets what they mean differently here.

    Raises:
        NeverOn: Unleash compiles one of them to a flag that is off.
        Unsupported: one of them has a shape that no Unleash server sends.
    """
    return [_condition(each, f"{where}[{at}]", names, notes) for at, each in enumerate(a_list(raw, where))]


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


def closed(values: list[str], where: str) -> list[str]:
    """Texts that Unleash's engine puts between quotes: a backslash at the end makes its rule unreadable. Raises `NeverOn`."""
    for value in values:
        if value.endswith("\\"):
            msg = f"{where} holds {shown(value)}, whose last backslash Unleash's engine takes for one before a quote"
            raise NeverOn(msg)
    return values


def unquoted(value: str, where: str) -> str:
    """A text that the engine puts between quotes as it is. Raises `NeverOn` where that ends it too early or not at all."""
    if _STRAY_QUOTE.search(value):
        msg = f"{where} is {shown(value)}, whose quote ends the text in Unleash's engine"
        raise NeverOn(msg)
    return closed([value], where)[0]


def _condition(raw: Any, where: str, names: Names, notes: list[str]) -> dict[str, Any]:
    constraint = an_object(raw, where)
    field, word = text(constraint, "contextName", where), text(constraint, "operator", where)
    negate = switch(constraint, "inverted", where, default=False)
    ignore_case = switch(constraint, "caseInsensitive", where, default=False)
    several = texts(constraint.get("values"), f"{where}.values")
    one = text(constraint, "value", where, "")
    path = names.path(unquoted(field, f"{where}.contextName"))
    if word.startswith("SEMVER") and one.startswith("v"):
        return NEVER  # which the engine writes into its rule for such a version, inverted or not
    if word in _COMPARISONS:
        compared = _comparison(_COMPARISONS[word], one.strip(" \t"), f"{where}.value")
        if compared["op"] in ("before", "after") and field == "currentTime":
            return {"attr": path, **compared, "dialect": "unleash", "negate": negate}
        return {"attr": path, **compared, "negate": negate, "on_missing": negate}
    row = _OPERATORS.get(word)
    if row is None:
        msg = f"{where}: there is no operator {shown(word)}"
        raise NeverOn(msg)
    place = f"{where}.{'values' if row.several else 'value'}"
    values = closed(several if row.several else [one], place)
    negate = negate is not row.negated
    if row.op == "matches":
        if not _ENGINE.takes(one, place, ignore_case=ignore_case):
            return ALWAYS if negate else NEVER
        notes.extend(filter(None, [_ENGINE.note(one, place)]))
    if row.op not in ("in", "matches") and not values:
        msg = f"{place} is empty"
        raise NeverOn(msg)
    if field == "currentTime" and row.op != "in":
        notes.append(
            f"{where} asks the text of currentTime: Unleash writes the present one where the context gives none"
        )
    dialect = row.ignoring_case if ignore_case and row.ignoring_case else row.dialect
    _must_compare(row.op, dialect, values, place)
    return {
        "attr": path, "op": row.op, "values": values, "dialect": dialect, "negate": negate, "on_missing": negate,
    }  # fmt: skip


def _comparison(symbol: str, value: str, where: str) -> dict[str, Any]:
    """A comparison with one value. What it looks like decides how it is compared, whatever the operator is called."""
    if _MOMENT.fullmatch(value):
        compared = _must_compare(_MOMENTS.get(symbol, "after"), "chrono", [value], where)
        if symbol not in _MOMENTS:
            msg = f"{where} is {shown(value)}, a moment, which is compared here by before and after alone"
            raise Unsupported(msg)
        return compared
    if _NUMBER.fullmatch(value):
        return _must_compare(symbol, "unleash", [value], where)
    return _must_compare(f"semver_{symbol}", "strict", [value], where)


def _must_compare(op: str, dialect: str, values: list[str], where: str) -> dict[str, Any]:
    """The operator with its values, if Unleash can compile them. Raises `NeverOn`."""
    try:
        prepare(op, dialect, values)
    except Unpreparable:
        msg = f"{where} is {shown(values[0])}, which {op} cannot compare with"
        raise NeverOn(msg) from None
    return {"op": op, "values": values, "dialect": dialect}
