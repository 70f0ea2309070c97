"""The fields of a config JSON: those that are read here, and those that decide nothing, there as here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from buildflags_sdk.importers.shape import Shape

_VALUE: Final[Shape] = {"b": None, "s": None, "i": None, "d": None}
_SERVED: Final[dict[str, Shape]] = {"v": _VALUE, "i": None}
_OPTION: Final[Shape] = {"p": None, **_SERVED}
_ON_USER: Final[Shape] = {"a": None, "c": None, "s": None, "d": None, "l": None}
_CONDITION: Final[Shape] = {"u": _ON_USER, "s": {"s": None, "c": None}, "p": {"f": None, "c": None, "v": _VALUE}}

SETTING: Final[Shape] = {
    "t": None,
    "a": None,
    "r": [{"c": [_CONDITION], "s": _SERVED, "p": [_OPTION]}],
    "p": [_OPTION],
    **_SERVED,
}
SEGMENT: Final[Shape] = {"n": None, "r": [_ON_USER]}
