"""The fields that an importer reads or knowingly passes over: any other is named in the report, so that nothing is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .draft import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Shape = Mapping[str, Any] | list[Any] | None
    """Fields by name and what is in them: None for anything, `[shape]` for a list, the name `*` for any name."""

_NAMED = 6


def unknown_fields(raw: Any, shape: Shape, *steps: str | int) -> str:
    """What a finding says of the fields that `shape` does not have, by their places in the export; empty when it has all.

    >>> unknown_fields({"key": "f", "rules": [{"id": "r", "until": 5}]}, {"key": None, "rules": [{"id": None}]}, "flags", "f")
    'fields that are not known were left out: $.flags.f.rules[0].until'
    """
    found = [place(*steps, *inside) for inside in _unknown(raw, shape)]
    if not found:
        return ""
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"fields that are not known were left out: {', '.join(found[:_NAMED])}{more}"


def _unknown(raw: Any, shape: Shape) -> Iterator[tuple[str | int, ...]]:
    if shape is None:
        return
    if isinstance(shape, list):
        for at, item in enumerate(raw if isinstance(raw, list) else ()):
            yield from ((at, *inside) for inside in _unknown(item, shape[0]))
    elif isinstance(raw, dict):
        for name, value in raw.items():
            if name not in shape and "*" not in shape:
                yield (name,)
            else:
                yield from ((name, *inside) for inside in _unknown(value, shape.get(name, shape.get("*"))))
