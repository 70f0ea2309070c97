"""Flagsmith's operators: the trait's type decides how the condition's text is cast, and what cannot be cast never holds."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from .row import Operator, Rows, Unpreparable, is_number, only, shown, texts
from .versions import strict_version
from .wording import integer_text, plain_text, python_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Compare = Callable[[Any, Any], bool]

_SEMVER = ":semver"


def _text_of(value: Any) -> str:
    text = plain_text(value)
    if text is None:
        msg = f"a Flagsmith condition holds text, not {shown(value)}"
        raise Unpreparable(msg)
    return text


def _trait(value: Any) -> Any:
    """The trait's value; text that looks like a number is one."""
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return value


def _cast(text: str, trait: Any) -> Any:
    """The condition's text in the trait's type; None when it cannot be."""
    if isinstance(trait, bool):
        return text not in ("False", "false")
    try:
        if isinstance(trait, int):
            return int(text)
        if isinstance(trait, float):
            return float(text)
    except ValueError:
        return None
    return text if isinstance(trait, str) else None


def _prepare_compare(compare: Compare) -> Callable[[list[Any]], Callable[[Any], bool]]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        text = _text_of(only(values))
        if text.endswith(_SEMVER):
            return _versions(compare, text.removesuffix(_SEMVER))

        def test(attribute: Any) -> bool:
            trait = _trait(attribute)
            wanted = _cast(text, trait)
            return wanted is not None and compare(trait, wanted)

        return test

    return prepare


def _versions(compare: Compare, text: str) -> Callable[[Any], bool]:
    bound = strict_version(text)

    def test(attribute: Any) -> bool:
        version = strict_version(attribute)
        return version is not None and bound is not None and compare(version, bound)

    return test


def _prepare_contains(*, negated: bool) -> Callable[[list[Any]], Callable[[Any], bool]]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        part = _text_of(only(values))
        return lambda attribute: isinstance(attribute, str) and (part in attribute) is not negated

    return prepare


def _prepare_regex(values: list[Any]) -> Callable[[Any], bool]:
    from ..regex import prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import

    found = prepare_pattern(_text_of(only(values)), at_start=True)
    return lambda attribute: found(python_text(attribute) or "")


def _prepare_in(values: list[Any]) -> Callable[[Any], bool]:
    """A list, the JSON text of one, or texts between commas; integers by their digits, bools and floats never."""
    value = only(values)
    if isinstance(value, str):
        import json  # noqa: PLC0415 - only this operator pays for the import

        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = None
        value = parsed if isinstance(parsed, list) else value.split(",")
    if not isinstance(value, list):
        msg = f"a list of texts, or one text, not {shown(value)}"
        raise Unpreparable(msg)
    wanted = frozenset(_text_of(element) if is_number(element) else element for element in value)
    texts(wanted)

    def test(attribute: Any) -> bool:
        if isinstance(attribute, int) and not isinstance(attribute, bool):
            return integer_text(attribute) in wanted
        return isinstance(attribute, str) and attribute in wanted

    return test


def _prepare_modulo(values: list[Any]) -> Callable[[Any], bool]:
    """`divisor|remainder`, in floats."""
    divisor, _, remainder = _text_of(only(values)).partition("|")
    try:
        by, wanted = float(divisor), float(remainder)
    except ValueError:
        return lambda _: False

    def test(attribute: Any) -> bool:
        trait = _trait(attribute)
        if not is_number(trait) or by == 0:
            return False
        try:
            return bool(trait % by == wanted)
        except OverflowError:  # an integer beyond any float
            return False

    return test


ROWS: Rows = {
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
