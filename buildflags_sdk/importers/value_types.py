"""The type of a flag whose system declares none: what its values have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_KINDS: dict[type, str] = {
    bool: "boolean",
    str: "string",
    int: "integer",
    float: "float",
    dict: "object",
    list: "object",
}


def common_type(values: Iterable[Any]) -> str | None:
    """The flag type that all values fit, `float` for integers among floats; None when there is none. Null fits each.

    >>> common_type([1, 2.5, None]), common_type([True, 1]), common_type([])
    ('float', None, 'boolean')
    """
    kinds = {_KINDS[type(value)] for value in values if value is not None}
    if kinds == {"integer", "float"}:
        return "float"
    return next(iter(kinds), "boolean") if len(kinds) < 2 else None


def mixes_numbers(values: Iterable[Any]) -> bool:
    """Tell whether integers stand among floats, so that they are read as floats here."""
    return {int, float} <= {type(value) for value in values}


def variant_body(value: Any) -> Any:
    """A value as a variant: an object in the long form, anything else bare."""
    return {"value": value} if isinstance(value, dict) else value
