"""`starts_with`, `ends_with`, `contains`, `matches`: what a text begins with, ends with, holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .equality import TEXT_DIALECTS, text_only
from .row import Operator, Rows, Unpreparable, of_any_element, shown, texts
from .wording import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Prepare = Callable[[list[Any]], Callable[[Any], bool]]


def _prepare_affix(method: Callable[[str, Any], bool]) -> Prepare:
    """`str.startswith` and `str.endswith` take a tuple: any of the values in one call."""

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        affixes = tuple(texts(values))

        def test(attribute: Any) -> bool:
            if attribute.__class__ is str:
                return method(attribute, affixes)
            if attribute.__class__ is list or attribute.__class__ is tuple:
                return any(method(element, affixes) for element in attribute if isinstance(element, str))
            return isinstance(attribute, str) and method(attribute, affixes)

        return test

    return prepare


def _prepare_contains(values: list[Any]) -> Callable[[Any], bool]:
    parts = texts(values)
    if len(parts) != 1:
        return of_any_element(lambda thing: isinstance(thing, str) and any(part in thing for part in parts))
    (part,) = parts

    def test(attribute: Any) -> bool:
        if attribute.__class__ is str:
            return part in attribute
        if attribute.__class__ is list or attribute.__class__ is tuple:
            return any(part in element for element in attribute if isinstance(element, str))
        return isinstance(attribute, str) and part in attribute

    return test


def _folded(
    read: Callable[[Any], str | None], fold: Callable[[str], str], holds: Callable[[str, tuple[str, ...]], bool]
) -> Prepare:
    """A row whose sides are first read as text and put in one case."""

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = []
        for value in values:
            text = read(value)
            if text is None:
                msg = f"this operator compares text, not {shown(value)}"
                raise Unpreparable(msg)
            wanted.append(fold(text))
        parts = tuple(wanted)

        def of_one(thing: Any) -> bool:
            text = read(thing)
            return text is not None and holds(fold(text), parts)

        return of_any_element(of_one)

    return prepare


def holds_part(text: str, parts: tuple[str, ...]) -> bool:
    """Tell whether a text holds one of the parts."""
    return any(part in text for part in parts)


def prepare_matches(read: Callable[[Any], str | None], *, ignore_case: bool = False, at_start: bool = False) -> Prepare:
    """Patterns of the RE2 dialect; the attribute must hold a match, or begin with one."""

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        from ..regex import prepare_pattern  # noqa: PLC0415, TID252 - only patterns pay for the import

        patterns = [prepare_pattern(text, ignore_case=ignore_case, at_start=at_start) for text in texts(values)]

        def of_one(thing: Any) -> bool:
            text = read(thing)
            return text is not None and any(found(text) for found in patterns)

        return of_any_element(of_one)

    return prepare


_AFFIXES: dict[str, Callable[[str, Any], bool]] = {"starts_with": str.startswith, "ends_with": str.endswith}

ROWS: Rows = {
    ("starts_with", "strict"): Operator(_prepare_affix(str.startswith), "texts"),
    ("ends_with", "strict"): Operator(_prepare_affix(str.endswith), "texts"),
    ("contains", "strict"): Operator(_prepare_contains, "texts"),
    ("matches", "strict"): Operator(prepare_matches(text_only), "patterns, searched for"),
    ("matches", "ignore_case"): Operator(prepare_matches(text_only, ignore_case=True), "patterns, searched for"),
    ("matches", "at_start"): Operator(prepare_matches(text_only, at_start=True), "patterns, from the start"),
    ("matches", "text"): Operator(prepare_matches(plain_text), "patterns, searched for"),
    ("matches", "text_ignore_case"): Operator(prepare_matches(plain_text, ignore_case=True), "patterns, searched for"),
}
for _dialect, (_read, _fold) in TEXT_DIALECTS.items():
    for _op, _method in (*_AFFIXES.items(), ("contains", holds_part)):
        ROWS[_op, _dialect] = Operator(_folded(_read, _fold, _method), "texts")
