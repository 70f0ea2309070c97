"""Flagsmith's operators: the trait's type decides how the condition's text is cast, and what cannot be cast never holds."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from .row import Operator, Rows, Unpreparable, only, shown
from .versions import strict_version
from .wording import python_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Compare = Callable[[Any, Any], bool]

_SEMVER = ":semver"
_DIGITS = frozenset("0123456789")
_INTEGER = re.compile(r"-?[0-9]+")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


def _text_of(value: Any) -> str:
    if not isinstance(value, str):  # its engines disagree about a number there, or break off
        msg = f"a Flagsmith condition holds text, not {shown(value)}"
        raise Unpreparable(msg)
    return value


def trait(value: Any) -> Any:
    """The trait's value; text that looks like a number is one, and a list or object is Python's text of it."""
    if value.__class__ is str and value[-1:] not in _DIGITS:
        return value
    if not isinstance(value, (str, int, float)):
        return python_text(value)
    if isinstance(value, str):
        try:
            if _INTEGER.fullmatch(value):
                return int(value)
            if _DECIMAL.fullmatch(value):
                return float(value)
        except ValueError:  # more digits than Python agrees to read
            pass
    return value


def trait_text(value: Any) -> str | None:
    """The trait as its hash and its list of texts see it: `007` is `7`, true is `True`."""
    return python_text(trait(value))


def _cast(text: str, found: Any) -> Any:
    """The condition's text in the trait's type; None when it cannot be."""
    if isinstance(found, bool):
        return text not in ("False", "false")
    try:
        if isinstance(found, int):
            return int(text)
        if isinstance(found, float):
            return float(text)
    except ValueError:
        return None
    return text if isinstance(found, str) else None


def _prepare_compare(compare: Compare) -> Callable[[list[Any]], Callable[[Any], bool]]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        text = _text_of(only(values))
        if text.endswith(_SEMVER):
            return _versions(compare, text.removesuffix(_SEMVER))

        def test(attribute: Any) -> bool:
            found = trait(attribute)
            wanted = _cast(text, found)
            return wanted is not None and compare(found, wanted)

        return test

    return prepare


def _versions(compare: Compare, text: str) -> Callable[[Any], bool]:
    bound = strict_version(text)

    def test(attribute: Any) -> bool:
        if isinstance(attribute, bool):  # the condition's text is neither False nor false
            return compare(attribute, True)
        version = strict_version(attribute)
        return version is not None and bound is not None and compare(version, bound)

    return test


def _prepare_contains(*, negated: bool) -> Callable[[list[Any]], Callable[[Any], bool]]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        part = _text_of(only(values))
        if part.endswith(_SEMVER) and not negated:
            return _version_has(part.removesuffix(_SEMVER))

        def test(attribute: Any) -> bool:
            found = trait(attribute)
            return isinstance(found, str) and (part in found) is not negated

        return test

    return prepare


def _version_has(part: str) -> Callable[[Any], bool]:
    """A version holds its pre-release and its build as texts; its numbers are none."""

    def test(attribute: Any) -> bool:
        found = trait(attribute)
        if strict_version(found) is None:
            return False
        version, _, build = found.partition("+")
        return part != "" and part in (version.partition("-")[2], build)

    return test


def _prepare_regex(values: list[Any]) -> Callable[[Any], bool]:
    from ..regex import prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import

    found = prepare_pattern(_text_of(only(values)), at_start=True)
    return lambda attribute: found(trait_text(attribute) or "")


def _prepare_in(values: list[Any]) -> Callable[[Any], bool]:
    """A list, the JSON text of one, or texts between commas; integers by their digits, bools and floats never."""
    value = only(values)
    if isinstance(value, str):
        value = _listed(value)
    if not isinstance(value, list):
        msg = f"a list of texts, or one text, not {shown(value)}"
        raise Unpreparable(msg)
    wanted = frozenset(map(python_text, value))

    def test(attribute: Any) -> bool:
        found = trait(attribute)
        if isinstance(found, (bool, float)):
            return False
        return isinstance(found, (str, int)) and python_text(found) in wanted

    return test


def _listed(text: str) -> list[Any]:
    if text.startswith("["):
        import json  # noqa: PLC0415 - only this operator pays for the import

        try:
            parsed: list[Any] = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return parsed
    return text.split(",")


def _prepare_modulo(values: list[Any]) -> Callable[[Any], bool]:
    """`divisor|remainder`, in floats."""
    divisor, _, remainder = _text_of(only(values)).partition("|")
    try:
        by, wanted = float(divisor), float(remainder)
    except ValueError:
        return lambda _: False

    def test(attribute: Any) -> bool:
        found = trait(attribute)
        if not isinstance(found, (int, float)) or by == 0:
            return False
        try:
            return bool(found % by == wanted)
        except OverflowError:  # an integer beyond any float
            return False

    return test


def _of_identity_key(row: Operator) -> Operator:
    """The row over the identity key that Flagsmith composes: the second value, then the attribute."""

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        if len(values) != 2 or not isinstance(values[1], str):
            msg = f"this operator takes a value and what stands before the attribute, not {shown(values)}"
            raise Unpreparable(msg)
        holds, before = row.prepare(values[:1]), values[1]

        def test(attribute: Any) -> bool:
            text = python_text(attribute)
            return text is not None and bool(holds(before + text))

        return test

    return Operator(prepare, f"{row.operand}; then the text before the attribute")


_OF_TRAITS: Rows = {
    (op, "flagsmith"): Operator(_prepare_compare(compare), "one text, a version if it ends in `:semver`")
    for op, compare in (
        ("equals", operator.eq),
        ("not_equals", operator.ne),
        ("lt", operator.lt),
        ("lte", operator.le),
        ("gt", operator.gt),
        ("gte", operator.ge),
    )
} | {
    ("contains", "flagsmith"): Operator(_prepare_contains(negated=False), "one text"),
    ("not_contains", "flagsmith"): Operator(_prepare_contains(negated=True), "one text"),
    ("matches", "flagsmith"): Operator(_prepare_regex, "one pattern, from the start"),
    ("in", "flagsmith"): Operator(_prepare_in, "one list of texts, its JSON, or texts between commas"),
    ("modulo", "flagsmith"): Operator(_prepare_modulo, "one text `divisor|remainder`"),
}
ROWS: Rows = {**_OF_TRAITS, **{(op, "flagsmith_key"): _of_identity_key(row) for (op, _), row in _OF_TRAITS.items()}}
