"""Overrides: layers of answers laid over rulesets, seen by every thread and loop. Per view, or for every view there is.

Layers may be taken off in any order, by whoever holds their token. One mapping is replaced at each change, so that
readers need no lock.
"""

from __future__ import annotations

import weakref
from _thread import allocate_lock  # `threading` would cost a first answer a millisecond, and one lock is all we need
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .errors import UnknownFlagError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

_changing: Final = allocate_lock()


class Laying(NamedTuple):
    """Answers by key. The keys in `loose` are Python names: `new_checkout` means `new-checkout` where that is known."""

    values: Mapping[str, Any]
    loose: Collection[str] = ()

    def spelt(self, known: Collection[str] | None) -> dict[str, Any]:
        """The answers under the keys that a ruleset has; with those not known, under both likely spellings."""
        if not self.loose:
            return dict(self.values)
        return {
            spelling: value
            for key, value in self.values.items()
            for spelling in (spellings(key, known) if key in self.loose else (key,))
        }


class OverrideLayer:
    """The overrides of one view: its own and those that reach every view; of two, the one laid later wins.

    `known()` gives the keys that may be named, or None while that is not known; `changed()` is called after each change.
    Methods of the view are held weakly, so that a view dies with its last user.
    """

    __slots__ = ("__weakref__", "_changed", "_known", "_laid", "values")

    def __init__(self, known: Callable[[], Iterable[str] | None], changed: Callable[[], None]) -> None:
        self._known = _weak(known)
        self._changed = _weak(changed)
        self._laid: dict[object, Mapping[str, Any]] = {}
        self.values: Mapping[str, Any] = {}
        EVERYWHERE.join(self)

    @property
    def known(self) -> frozenset[str] | None:
        """The keys that may be named; None while that is not known, and for a ruleset without any flag."""
        tell = self._known()
        keys = None if tell is None else tell()
        return frozenset(keys) if keys else None

    def lay(self, values: Mapping[str, Any], *, check: bool = True) -> object:
        """Lay answers on top. Returns the token that takes them off.

        Raises:
            UnknownFlagError: a key that the ruleset does not have, unless `check` is false.
        """
        if check:
            check_keys(values, self.known)
        token = object()
        self.put(token, values)
        return token

    def take_off(self, token: object) -> None:
        """Take a layer off, wherever it lies. Twice is once."""
        self.put(token, None)

    @contextmanager
    def laid(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Lay answers on top for the length of a `with` block."""
        token = self.lay(values)
        try:
            yield
        finally:
            self.take_off(token)

    def put(self, token: object, values: Mapping[str, Any] | None) -> None:
        """Lay answers on top under a token, or (None) take that token's off; then tell the view."""
        with _changing:
            self._laid.pop(token, None)
            if values is not None:
                self._laid[token] = {key: plain(value) for key, value in values.items()}
            merged: dict[str, Any] = {}
            for layer in self._laid.values():
                merged.update(layer)
            self.values = merged
        tell = self._changed()
        if tell is not None:
            tell()


class Everywhere:
    """Overrides that reach every view alive in the process, and every view made while they lie."""

    __slots__ = ("_laid", "_layers", "_met")

    def __init__(self) -> None:
        self._laid: dict[object, Laying] = {}
        self._met: dict[object, set[str]] = {}
        self._layers: weakref.WeakSet[OverrideLayer] = weakref.WeakSet()

    def lay(self, laying: Laying) -> object:
        """Lay answers over every view. Returns the token that takes them off. Checks no key; see `strangers`."""
        token = object()
        with _changing:
            self._laid[token] = laying
            self._met[token] = set()
        for layer in self._members():
            layer.put(token, laying.spelt(layer.known))
        return token

    def take_off(self, token: object) -> None:
        """Take answers off every view. Twice is once."""
        with _changing:
            self._laid.pop(token, None)
            self._met.pop(token, None)
        for layer in self._members():
            layer.put(token, None)

    def strangers(self, token: object) -> list[str]:
        """One message for each key laid under a token that no view knows, nor any view knew that was made meanwhile."""
        laying, met = self._laid[token], self._met[token]
        unmet = {key: value for key, value in laying.values.items() if key not in met}
        return strangers(Laying(unmet, laying.loose), self.known())

    def known(self) -> frozenset[str] | None:
        """The keys that any view knows; None when there is no view, or one that may yet come to know more."""
        known = [layer.known for layer in self._members()]
        if not known or None in known:
            return None
        return frozenset().union(*[keys for keys in known if keys is not None])

    def join(self, layer: OverrideLayer) -> None:
        """Lay what lies everywhere over a new view, which reads its layer once it is made."""
        with _changing:
            self._layers.add(layer)
            laid = list(self._laid.items())
        if not laid:
            return
        known = layer.known
        merged: dict[str, Any] = {}
        for token, laying in laid:
            layer._laid[token] = {key: plain(value) for key, value in laying.spelt(known).items()}  # noqa: SLF001 - this file's
            merged.update(layer._laid[token])  # noqa: SLF001
            if known is not None:
                self._met[token].update(key for key in laying.values if _is_known(key, laying, known))
        layer.values = merged

    def _members(self) -> list[OverrideLayer]:
        with _changing:
            return list(self._layers)


EVERYWHERE: Final = Everywhere()


def strangers(laying: Laying, known: Collection[str] | None) -> list[str]:
    """One message for each key that is not known, with the nearest that are; none while nothing is known."""
    if known is None:
        return []
    return [_stranger(key, known) for key in laying.values if not _is_known(key, laying, known)]


def check_keys(values: Mapping[str, Any], known: Collection[str] | None) -> None:
    """Refuse keys that are not known.

    Raises:
        UnknownFlagError: one of them is not; the message names all, with the nearest known keys.
    """
    messages = strangers(Laying(values), known)
    if messages:
        raise UnknownFlagError("; ".join(messages))


def spellings(name: str, known: Collection[str] | None) -> tuple[str, ...]:
    """The known keys that a Python name may mean: itself, or those that differ from it in dashes only.

    >>> spellings("new_checkout", {"new-checkout", "old-checkout"})
    ('new-checkout',)
    >>> spellings("new_checkout", None)
    ('new_checkout', 'new-checkout')
    """
    if known is None:
        return tuple(dict.fromkeys((name, name.replace("_", "-"))))
    if name in known:
        return (name,)
    return tuple(sorted(key for key in known if key.replace("-", "_") == name)) or (name,)


def plain(value: Any) -> Any:
    """An override's value as a ruleset would hold it: a pydantic instance as its dict, a tuple as a list."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) and not hasattr(value, "_fields") else value


def _is_known(key: str, laying: Laying, known: Collection[str]) -> bool:
    return key in known or (key in laying.loose and spellings(key, known)[0] in known)


def _stranger(key: str, known: Collection[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for a mistake

    near = get_close_matches(key, known, n=3) or get_close_matches(key.replace("_", "-"), known, n=3)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"there is no flag {key!r} in the ruleset{hint}"


def _weak(call: Callable[[], Any]) -> Callable[[], Callable[[], Any] | None]:
    return weakref.WeakMethod(call) if hasattr(call, "__self__") else lambda: call
