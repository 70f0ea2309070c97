"""The ambient scope: one context variable that holds context, overrides and pinned tables, or None.

Until the process opens its first scope no context variable is read; that moment is told once to whoever asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

T = TypeVar("T")


class Nothing:
    """What a scope has read last before it has read anything: no view's table."""

    __slots__ = ()
    pin: object = object()


NOTHING: Final = Nothing()


class Scope:
    """What holds inside. Immutable but for what the first read of each environment fills.

    `pins` maps a view's pin to the table that it reads for as long as the scope lasts. `last` is the table read last:
    evaluations look there first (a look-up in `pins` would cost 20 ns, comparing `last.pin` costs 8). Where `overrides`
    (those of `override_flags`) hold, `last` stays empty.
    """

    __slots__ = ("context", "last", "left", "outer", "overrides", "pins")

    def __init__(
        self,
        context: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        pins: dict[object, Any] | None = None,
        outer: Scope | None = None,
    ) -> None:
        self.context = context
        self.overrides = overrides
        self.pins = {} if pins is None else pins
        self.outer = outer
        self.left = False
        self.last: Any = NOTHING


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


class Opened(Generic[T]):
    """A scope that is open while its `with` block runs. `pin()` makes what the block is given.

    It is left without a token: frameworks enter and leave in different contexts (a generator closed late, a thread that
    runs a copy) and in any order, and each must find what is still open there, nothing else.
    """

    __slots__ = ("_make", "_pin", "_scope")

    def __init__(self, make: Callable[[Scope | None], Scope], pin: Callable[[], T]) -> None:
        self._make = make
        self._pin = pin
        self._scope: Scope | None = None

    def __enter__(self) -> T:
        global _opened  # noqa: PLW0603 - whether the process has opened a scope is a fact of the process
        scope = self._scope = self._make(_ambient.get())
        _ambient.set(scope)
        if not _opened:
            _opened = True
            for tell in _when_first:
                tell()
        try:
            return self._pin()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        scope, self._scope = self._scope, None
        if scope is None:
            return
        if _ambient.get() is not scope:
            scope.left = True
            return
        outer = scope.outer
        while outer is not None and outer.left:
            outer = outer.outer
        _ambient.set(outer)


def opened_with(context: Mapping[str, Any] | None, pin: Callable[[], T]) -> Opened[T]:
    """A new scope with more context. It pins anew, so that a request inside a long-lived scope sees today's ruleset."""

    def make(outer: Scope | None) -> Scope:
        if outer is None:
            return Scope(context)
        return Scope(merge(outer.context, context), outer.overrides, None, outer)

    return Opened(make, pin)


def overridden_with(values: Mapping[str, Any]) -> Opened[None]:
    """The same scope with more overrides; what is pinned stays pinned, and without a pin nothing is."""

    def make(outer: Scope | None) -> Scope:
        if outer is None:
            return Scope(None, dict(values), _Unpinned())
        return Scope(outer.context, {**(outer.overrides or {}), **values}, outer.pins, outer)

    return Opened(make, lambda: None)


def merge(outer: Mapping[str, Any] | None, inner: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Contexts in OpenFeature's order, the last wins. Nothing is copied when only one is given.

    Whatever was given, nothing is raised here: contexts that cannot be merged raise where an evaluation reads them.
    """
    if outer is None or (isinstance(outer, dict) and not outer):
        return inner
    if inner is None or (isinstance(inner, dict) and not inner):
        return outer
    try:
        return {**outer, **inner}
    except Exception as error:  # noqa: BLE001 - a caller's own mapping may raise anything; an evaluation tells it
        return unreadable(error, inner, outer)


class InvalidContext(TypeError):
    """Raised to an evaluating method, which catches it: its context cannot be read."""


class Unreadable(Mapping[str, Any]):
    """Stands for a context that cannot be made. Whatever is read of it raises `InvalidContext`."""

    __slots__ = ("_said",)

    def __init__(self, said: str) -> None:
        self._said = said

    def _refuse(self, *_args: object) -> NoReturn:
        raise InvalidContext(self._said)

    __getitem__ = __iter__ = __len__ = __contains__ = _refuse


def unreadable(error: Exception, *given: object) -> Unreadable:
    """What stands for the contexts whose reading raised `error`."""
    if isinstance(error, InvalidContext):
        return Unreadable(str(error))
    wrong = next((each for each in given if not isinstance(each, Mapping)), None)
    return Unreadable(
        f"the context cannot be read: {type(error).__name__}: {error}" if wrong is None else no_mapping(wrong)
    )


def no_mapping(given: object) -> str:
    """What to say of a context that is none."""
    name = type(given).__name__
    return f"the context is a {name}; give a mapping such as {{'targetingKey': 'user-7'}} or an EvaluationContext"


class _Unpinned(dict[object, Any]):
    """The pins of a scope that only overrides: it keeps none, so that swaps are seen inside."""

    def setdefault(self, _pin: object, default: Any = None) -> Any:
        return default
