"""How compiled code reads an attribute by its path: one step is one `get`, more steps walk through mappings only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING: Final = object()


def reader(path: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
    """A function from a context to the attribute, None when it is missing or null."""
    first, *rest = path
    if not rest:
        return lambda context: context.get(first)
    if len(rest) == 1:
        second = rest[0]

        def read_two(context: Mapping[str, Any]) -> Any:
            found = context.get(first)
            # The exact class first: asking an abstract class is several times slower.
            return found.get(second) if found.__class__ is dict or isinstance(found, Mapping) else None

        return read_two

    def read(context: Mapping[str, Any]) -> Any:
        found: Any = context
        for step in path:
            if not isinstance(found, Mapping):
                return None
            found = found.get(step)
        return found

    return read


def find(context: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The attribute, None when it is null, `NOTHING` when it is missing."""
    found: Any = context
    for step in path:
        if not isinstance(found, Mapping):
            return NOTHING
        found = found.get(step, NOTHING)
    return found


def key_text(key: Any) -> str | None:
    """A key as lists of keys hold it: text, or an integer's decimal text; anything else, and empty text, is no key."""
    if isinstance(key, str):
        return str.__str__(key) or None
    if isinstance(key, bool) or not isinstance(key, int):
        return None
    try:
        return int.__repr__(key)
    except ValueError:  # more digits than Python turns into text
        return None
