"""A weak set that may be read while other threads add to it, and while a fork happens. It keeps nothing alive."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")


class Living(Generic[T]):
    """The members still alive, each once.

    `weakref.WeakSet` raises "changed size during iteration" when another thread adds; a lock around it could be held by a
    thread that a fork leaves behind. Copying a set is one step of the interpreter, so that neither is needed here.
    """

    __slots__ = ("_members",)

    def __init__(self) -> None:
        self._members: set[weakref.ref[T]] = set()

    def add(self, member: T) -> None:
        """Hold a member weakly."""
        self._members.add(weakref.ref(member, self._members.discard))

    def discard(self, member: T) -> None:
        """Let go of a member, if it is one."""
        self._members.discard(weakref.ref(member))

    def clear(self) -> None:
        """Let go of all."""
        self._members.clear()

    def __iter__(self) -> Iterator[T]:
        for reference in self._members.copy():
            member = reference()
            if member is not None:
                yield member
