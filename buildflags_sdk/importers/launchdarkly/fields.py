"""Fields of LaunchDarkly's objects, each of its one type. What has another is refused by its place."""

from __future__ import annotations

from typing import Any, TypeVar

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported

T = TypeVar("T")
Json = dict[str, Any]


def text(raw: Json, name: str, where: str) -> str | None:
    """A text, or None where it is absent or null."""
    return _of(raw, name, where, str, "a text")


def boolean(raw: Json, name: str, where: str) -> bool:
    """A boolean; absent or null is false."""
    return _of(raw, name, where, bool, "a boolean") or False


def integer(raw: Json, name: str, where: str) -> int | None:
    """An integer, or None where it is absent or null."""
    value = _of(raw, name, where, int, "an integer")
    if isinstance(value, bool):
        msg = f"{where}.{name} is {shown(value)}, not an integer"
        raise Unsupported(msg)
    return value


def items(raw: Json, name: str, where: str) -> list[Any]:
    """A list; absent or null is empty."""
    return _of(raw, name, where, list, "a list") or []


def objects(raw: Json, name: str, where: str) -> list[tuple[Json, str]]:
    """A list of objects, each with its place."""
    found = [(each, f"{where}.{name}[{at}]") for at, each in enumerate(items(raw, name, where))]
    for each, place in found:
        if not isinstance(each, dict):
            msg = f"{place} is {shown(each)}, not an object"
            raise Unsupported(msg)
    return found


def texts(raw: Json, name: str, where: str) -> list[str]:
    """A list of texts; absent or null is empty."""
    found = items(raw, name, where)
    for at, each in enumerate(found):
        if not isinstance(each, str):
            msg = f"{where}.{name}[{at}] is {shown(each)}, not a text"
            raise Unsupported(msg)
    return found


def _of(raw: Json, name: str, where: str, wanted: type[T], what: str) -> T | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, wanted):
        msg = f"{where}.{name} is {shown(value)}, not {what}"
        raise Unsupported(msg)
    return value
