"""The compiler's own strictness: what a field may hold, said with its place. It refuses exactly what the model refuses."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, Final

from .lines import Refused, shown, within_floats

if TYPE_CHECKING:
    from collections.abc import Collection

REQUIRED: Final = object()


def fields(raw: Any, allowed: frozenset[str], place: str) -> dict[str, Any]:
    """`raw` itself, when it is an object without unknown fields."""
    if raw.__class__ is not dict:
        msg = f"{place}: an object is needed, not {shown(raw)}"
        raise Refused(msg)
    if not raw.keys() <= allowed:
        msg = f"{place}: unknown field {shown(min(raw.keys() - allowed))}"
        raise Refused(msg)
    checked: dict[str, Any] = raw
    return checked


def text(raw: dict[str, Any], name: str, place: str, default: Any = REQUIRED, *, empty: bool = False) -> Any:
    """A text field, or its default when absent."""
    value = raw.get(name, default)
    if value.__class__ is str and (value or empty):
        return value
    return _default(raw, name, default, value, place, "text")


def optional_text(raw: dict[str, Any], name: str, place: str, *, empty: bool = True) -> str | None:
    """A text field that may be null or absent."""
    return None if raw.get(name) is None else text(raw, name, place, empty=empty)


def switch(raw: dict[str, Any], name: str, place: str, *, default: bool) -> bool:
    """A true or false field, or its default when absent."""
    value = raw.get(name, default)
    return value if value is True or value is False else _default(raw, name, REQUIRED, value, place, "true or false")


def optional_switch(raw: dict[str, Any], name: str, place: str) -> bool | None:
    """A true or false field that may be null or absent."""
    return None if raw.get(name) is None else switch(raw, name, place, default=False)


def word(raw: dict[str, Any], name: str, place: str, words: Collection[Any], default: Any) -> Any:
    """A field that holds one of a few words (or true or false, where they are among the words)."""
    value = raw.get(name, default)
    if value.__class__ is str or value.__class__ is bool:
        for each in words:
            if each == value:
                return each  # the one of the table, so that a ruleset keeps no text of its own for it
    return _default(raw, name, REQUIRED, value, place, "one of " + ", ".join(map(repr, words)))


def optional_word(raw: dict[str, Any], name: str, place: str, words: Collection[Any]) -> Any:
    """As `word`, for a field that may be null or absent."""
    return None if raw.get(name) is None else word(raw, name, place, words, None)


def number(raw: dict[str, Any], name: str, place: str, default: Any = REQUIRED) -> Any:
    """A number that is no bool, or the default when absent."""
    value = raw.get(name, default)
    if value.__class__ is int or value.__class__ is float:
        return within_floats(value)
    return _default(raw, name, default, value, place, "a number")


def rows(raw: dict[str, Any], name: str, place: str, default: Any = REQUIRED) -> Any:
    """A list field, or its default when absent."""
    value = raw.get(name, default)
    if value.__class__ is list:
        return value
    return _default(raw, name, default, value, place, "a list")


def texts(raw: dict[str, Any], name: str, place: str, default: Any = REQUIRED, *, some: bool = False) -> Any:
    """A list of texts as a tuple, or the default when absent."""
    value = raw.get(name, default)
    if value.__class__ is list and (value or not some) and all(item.__class__ is str for item in value):
        return tuple(value)
    return _default(raw, name, default, value, place, "a list of texts")


def path(raw: dict[str, Any], name: str, place: str, default: Any = REQUIRED) -> tuple[str, ...]:
    """A path: one key for each step; interned, as the keys of contexts are: 4 ns less for each look-up."""
    return tuple(map(intern, texts(raw, name, place, default, some=True)))


def _default(raw: dict[str, Any], name: str, default: Any, value: Any, place: str, wanted: str) -> Any:
    if name not in raw and default is not REQUIRED:
        return default
    what = f"not {shown(value)}" if name in raw else "and it is missing"
    msg = f"{place}.{name}: {wanted} is needed, {what}"
    raise Refused(msg)
