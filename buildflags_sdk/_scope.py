"""The ambient scope: one context variable that holds context, overrides and pinned tables, or None.

Until the process opens its first scope no context variable is read; that moment is told once to whoever asked.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token
    from types import TracebackType

T = TypeVar("T")


class Scope:
    """What holds inside. Immutable but for `pins`, which the first read of each environment fills.

    `pins` maps a feed's pin to the table that the scope reads; `overrides` are those of `override_flags`.
    """

    __slots__ = ("context", "overrides", "pins")

    def __init__(
        self,
        context: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        pins: dict[str, Any] | None = None,
    ) -> None:
        self.context = context
        self.overrides = overrides
        self.pins = {} if pins is None else pins


_ambient: Final[ContextVar[Scope | None]] = ContextVar("buildflags_scope", default=None)
_opened = False
_when_first: Final[list[Callable[[], None]]] = []

current: Final = _ambient.get
"""The scope of this thread or task, or None: `ContextVar.get` itself, since evaluations call it."""


def was_opened() -> bool:
    """Whether this process has ever opened a scope."""
    return _opened


def when_first_opened(tell: Callable[[], None]) -> None:
    """Call `tell` when the process opens its first scope."""
    _when_first.append(tell)


class Opened:
    """A scope that is open while its `with` block runs. `pin()` makes what the block is given.

    Leaving puts back what was there before, whichever task or thread leaves: a scope left elsewhere than it was entered
    (a generator that a framework closes late) is simply gone there.
    """

    __slots__ = ("_before", "_pin", "_scope", "_token")

    def __init__(self, make: Callable[[Scope | None], Scope], pin: Callable[[], Any]) -> None:
        self._scope = make
        self._pin = pin
        self._token: Token[Scope | None] | None = None

    def __enter__(self) -> Any:
        global _opened  # noqa: PLW0603 - whether the process has opened a scope is a fact of the process
        self._token = _ambient.set(self._scope(_ambient.get()))
        if not _opened:
            _opened = True
            for tell in _when_first:
                tell()
        return self._pin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        token, self._token = self._token, None
        if token is None:
            return
        try:
            _ambient.reset(token)
        except ValueError:  # entered in another context: what it set there ends with that context
            before = token.old_value
            _ambient.set(before if isinstance(before, Scope) else None)


def opened_with(context: Mapping[str, Any] | None, pin: Callable[[], T]) -> Opened:
    """A new scope with more context. It pins anew, so that a request inside a long-lived scope sees today's ruleset."""

    def make(outer: Scope | None) -> Scope:
        if outer is None:
            return Scope(context)
        return Scope(merge(outer.context, context), outer.overrides)

    return Opened(make, pin)


def overridden_with(values: Mapping[str, Any]) -> Opened:
    """The same scope with more overrides; what is pinned stays pinned."""

    def make(outer: Scope | None) -> Scope:
        if outer is None:
            return Scope(None, dict(values), _Unpinned())
        return Scope(outer.context, {**(outer.overrides or {}), **values}, outer.pins)

    return Opened(make, lambda: None)


def merge(outer: Mapping[str, Any] | None, inner: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Contexts in OpenFeature's order, the last wins. Nothing is copied when only one is given."""
    if not outer:
        return inner
    if not inner:
        return outer
    return {**outer, **inner}


class _Unpinned(dict[str, Any]):
    """The pins of a scope that only overrides: it keeps none, so that swaps are seen inside."""

    def setdefault(self, _key: str, default: Any = None) -> Any:
        return default
