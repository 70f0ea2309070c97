"""ConfigCat's comparators. Whatever cannot be read does not hold whichever the polarity, so each negation is a row."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from .hashed import FORMS, utf8
from .row import Operator, Rows, Unpreparable, only, shown, texts
from .versions import strict_version
from .wording import configcat_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[Any], Any]
    Form = Callable[[list[Any]], Callable[[Any], bool]]


def _text(attribute: Any) -> str | None:
    """The attribute's text; an empty one counts as missing."""
    return attribute or None if attribute.__class__ is str else configcat_text(attribute) or None


def _bytes(attribute: Any) -> bytes | None:
    text = _text(attribute)
    return None if text is None else utf8(text)


def _list(attribute: Any) -> list[str] | None:
    """A list of texts, or the JSON text of one."""
    if isinstance(attribute, str):
        import json  # noqa: PLC0415 - only array comparators pay for the import

        try:
            attribute = json.loads(attribute)
        except (ValueError, RecursionError):
            return None
    if not isinstance(attribute, list) or not all(isinstance(element, str) for element in attribute):
        return None
    return attribute


def configcat_number(value: Any) -> float | None:
    """A number, or text that spells one for Python's `float`, with a decimal comma too. Infinity counts, NaN is itself.

    True is 1, as in ConfigCat's Python SDK.
    """
    if isinstance(value, str):
        try:
            return float(value.replace(",", "."))
        except ValueError:
            return None
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None


def _moment(value: Any) -> float | None:
    """Seconds since 1970: a number, its text, or a datetime (UTC unless it says otherwise)."""
    from datetime import datetime  # noqa: PLC0415 - only date comparators pay for the import

    number = configcat_number(configcat_text(value) if isinstance(value, datetime) else value)
    return None if number is None or number != number else number  # noqa: PLR0124 - NaN alone differs from itself


def _version(value: Any) -> Any:
    return strict_version(value.strip()) if isinstance(value, str) else None


def _one_of_texts(values: list[Any]) -> Callable[[Any], bool]:
    return frozenset(texts(values)).__contains__


def _contains(values: list[Any]) -> Callable[[Any], bool]:
    parts = texts(values)
    return lambda text: any(part in text for part in parts)


def _affix(method: Callable[[str, Any], bool]) -> Form:
    def form(values: list[Any]) -> Callable[[Any], bool]:
        affixes = tuple(texts(values))
        return lambda text: method(text, affixes)

    return form


def _holds_one(values: list[Any]) -> Callable[[Any], bool]:
    wanted = frozenset(texts(values))
    return lambda elements: not wanted.isdisjoint(elements)


def _holds_one_hashed(values: list[Any]) -> Callable[[Any], bool]:
    one_of = FORMS["in"](values)

    def holds(elements: Any) -> bool:
        encoded = [utf8(element) for element in elements]
        return any(text is not None and one_of(text) for text in encoded)

    return holds


def _compared(read: Read, compare: Callable[[Any, Any], bool], what: str) -> Form:
    def form(values: list[Any]) -> Callable[[Any], bool]:
        bound = read(only(values))
        if bound is None:
            msg = f"not a {what}: {shown(values[0])}"
            raise Unpreparable(msg)
        return lambda value: compare(value, bound)

    return form


def _row(read: Read, form: Form, *, negated: bool = False) -> Callable[[list[Any]], Callable[[Any], bool]]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        holds = form(values)

        def test(attribute: Any) -> bool:
            value = read(attribute)
            return value is not None and holds(value) is not negated

        return test

    return prepare


def _version_row(
    compare: Callable[[Any, Any], bool] | None, *, negated: bool = False
) -> Callable[[list[Any]], Callable[[Any], bool]]:
    """A version among the values that does not parse makes the condition hold for nobody; empty ones are skipped."""

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        taken = [text.strip() for text in texts(values if compare is None else [only(values)])]
        bounds = [_version(text) for text in taken if text or compare is not None]
        if None in bounds:
            return lambda _: False

        def test(attribute: Any) -> bool:
            version = _version(attribute)
            if version is None:
                return False
            return (version in bounds if compare is None else compare(version, bounds[0])) is not negated

        return test

    return prepare


ROWS: Rows = {}
_read: Read
for _op, _negation, _read, _form, _operand in (
    ("in", "not_in", _text, _one_of_texts, "texts"),
    ("contains", "not_contains", _text, _contains, "texts"),
    ("starts_with", "not_starts_with", _text, _affix(str.startswith), "texts"),
    ("ends_with", "not_ends_with", _text, _affix(str.endswith), "texts"),
    ("intersects", "not_intersects", _list, _holds_one, "texts; the attribute is a list or its JSON"),
):
    ROWS[_op, "configcat"] = Operator(_row(_read, _form), _operand)
    ROWS[_negation, "configcat"] = Operator(_row(_read, _form, negated=True), _operand)
for _op, _read, _form in (
    ("in", _bytes, FORMS["in"]),
    ("starts_with", _bytes, FORMS["starts_with"]),
    ("ends_with", _bytes, FORMS["ends_with"]),
    ("intersects", _list, _holds_one_hashed),
):
    _operand = 'one {"salt":text,"hashes":[hex…]}'
    ROWS[_op, "configcat_hashed"] = Operator(_row(_read, _form), _operand)
    ROWS[f"not_{_op}", "configcat_hashed"] = Operator(_row(_read, _form, negated=True), _operand)
for _op, _compare in (
    ("lt", operator.lt),
    ("lte", operator.le),
    ("gt", operator.gt),
    ("gte", operator.ge),
    ("eq", operator.eq),
    ("neq", operator.ne),
):
    ROWS[_op, "configcat"] = Operator(
        _row(configcat_number, _compared(configcat_number, _compare, "number")), "one number"
    )
    if _op not in ("eq", "neq"):
        ROWS[f"semver_{_op}", "configcat"] = Operator(_version_row(_compare), "one version")
ROWS["semver_in", "configcat"] = Operator(_version_row(None), "versions")
ROWS["not_semver_in", "configcat"] = Operator(_version_row(None, negated=True), "versions")
ROWS["before", "configcat"] = Operator(
    _row(_moment, _compared(_moment, operator.lt, "moment")), "one number of seconds"
)
ROWS["after", "configcat"] = Operator(_row(_moment, _compared(_moment, operator.gt, "moment")), "one number of seconds")
