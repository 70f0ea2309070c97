"""Overrides of one client: layers of answers over its ruleset, seen by every thread and loop that uses the client.

Layers may be taken off in any order. One immutable mapping is replaced at each change, so that readers need no lock.
"""

from __future__ import annotations

import difflib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .errors import UnknownFlagError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping


class OverrideLayer:
    """The overrides of one view. `known()` gives the keys that may be named, or None while that is not known."""

    def __init__(self, known: Callable[[], Iterable[str] | None], changed: Callable[[], None]) -> None:
        self._known = known
        self._changed = changed
        self._lock = threading.Lock()
        self._layers: dict[object, Mapping[str, Any]] = {}
        self.values: Mapping[str, Any] = {}

    def lay(self, values: Mapping[str, Any], *, check: bool = True) -> object:
        """Lay answers on top. Returns the token that takes them off.

        Raises:
            UnknownFlagError: a key that the ruleset does not have, unless `check` is false.
        """
        if check:
            check_keys(values, self._known())
        token = object()
        with self._lock:
            self._layers[token] = dict(values)
            self._merge()
        self._changed()
        return token

    def take_off(self, token: object) -> None:
        """Take a layer off, wherever it lies. Twice is once."""
        with self._lock:
            self._layers.pop(token, None)
            self._merge()
        self._changed()

    @contextmanager
    def laid(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Lay answers on top for the length of a `with` block."""
        token = self.lay(values)
        try:
            yield
        finally:
            self.take_off(token)

    def _merge(self) -> None:
        merged: dict[str, Any] = {}
        for layer in self._layers.values():
            merged.update(layer)
        self.values = merged


def check_keys(values: Mapping[str, Any], known: Iterable[str] | None) -> None:
    """Refuse keys that are not known.

    Raises:
        UnknownFlagError: the first of them, with the nearest known keys.
    """
    if known is None:
        return
    known = frozenset(known)
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=3)
            hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
            msg = f"there is no flag {key!r} in the ruleset{hint}"
            raise UnknownFlagError(msg)
