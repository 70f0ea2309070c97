"""Overrides for tests: for what a test calls itself, or for every client of the process. They never outlive the test."""

from __future__ import annotations

import functools
import inspect
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from buildflags_sdk import _scope
from buildflags_sdk._overrides import EVERYWHERE, Laying, plain, strangers
from buildflags_sdk.errors import UnknownFlagError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from buildflags_sdk.client import Client

    Unknown = Literal["error", "warn", "ignore"]

D = TypeVar("D", bound="Callable[..., Any] | type")


class override_flags:  # noqa: N801 - it reads as an act: with override_flags(...), @override_flags(...)
    """Answer some flags as told, for the length of a `with` block, a function, a coroutine, or a class's `test*` methods.

    Only the thread or task that enters sees it, and what that starts; `everywhere=True` reaches every client of the
    process, on every thread and loop, an in-process server's too, and clients made meanwhile.

    Args:
        values: answers by flag key; what is no bool is the flag's value (any JSON value).
        everywhere: for every thread and loop, instead of this one.
        unknown: what a key does that no client has: raise `UnknownFlagError`, warn, or nothing. While no client has its
            ruleset, nothing can be unknown.
        **flags: answers by name; `new_checkout` means `new-checkout` where there is a flag of that name.

    >>> from buildflags_sdk import Client
    >>> client = Client.from_flags({"new-checkout": False})
    >>> with override_flags(new_checkout=True):
    ...     client.is_enabled("new-checkout")
    True
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        /,
        *,
        everywhere: bool = False,
        unknown: Unknown = "error",
        **flags: Any,
    ) -> None:
        self._laying = Laying({**(values or {}), **flags}, frozenset(flags))
        self._everywhere = everywhere
        self._unknown = unknown
        self._open: list[AbstractContextManager[None]] = []

    def __enter__(self) -> None:
        opened = self._opened()
        opened.__enter__()
        self._open.append(opened)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.pop().__exit__(None, None, None)

    def __call__(self, decorated: D) -> D:
        """Decorate a function, a coroutine function, or a class."""
        if isinstance(decorated, type):
            self._over_tests_of(decorated)
            return decorated
        if inspect.isgeneratorfunction(decorated) or inspect.isasyncgenfunction(decorated):
            msg = f"{decorated.__qualname__} is a generator: what it yields to would not see the overrides; use the `buildflags` fixture inside it"
            raise TypeError(msg)
        wrapped: D = self._over(decorated)
        return wrapped

    def _over(self, function: Any) -> Any:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with self._opened():
                    return await function(*args, **kwargs)

            return awaited

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with self._opened():
                return function(*args, **kwargs)

        return called

    def _over_tests_of(self, cls: type) -> None:
        for name in dir(cls):
            if not name.startswith("test"):
                continue
            found = inspect.getattr_static(cls, name)
            if isinstance(found, staticmethod | classmethod):
                setattr(cls, name, type(found)(self._over(found.__func__)))
            elif inspect.isfunction(found):
                setattr(cls, name, self._over(found))

    def _opened(self) -> AbstractContextManager[None]:
        known = EVERYWHERE.known()
        report(strangers(self._laying, known), self._unknown)
        if self._everywhere:
            return _everywhere(self._laying)
        return _scope.overridden_with({key: plain(value) for key, value in self._laying.spelt(known).items()})


class FlagOverrides:
    """What the `buildflags` fixture gives: overrides that every client of the process sees until the test ends.

    `unknown` says what a key does that no client has; "error" raises at once in `set` and `override`.
    """

    def __init__(self, unknown: Unknown = "error") -> None:
        self._unknown = unknown
        self._tokens: list[object] = []
        self._unchecked: list[object] = []
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """A client without network or file, for code that takes one. It answers what this test overrides."""
        if self._client is None:
            from buildflags_sdk.client import Client  # noqa: PLC0415 - most tests have one of their own

            self._client = Client.from_flags({})
        return self._client

    def set(self, key: str, value: Any = True) -> None:
        """Answer one flag as told until the test ends, or until `reset`.

        Raises:
            UnknownFlagError: no client has such a flag.
        """
        self.lay(Laying({key: value}))

    def override(self, values: Mapping[str, Any] | None = None, /, **flags: Any) -> AbstractContextManager[None]:
        """Answer some flags as told for the length of a `with` block; arguments as for `override_flags`."""
        return override_flags(values, everywhere=True, unknown=self._unknown, **flags)

    def reset(self) -> None:
        """Take off all that was set, the marks' included."""
        while self._tokens:
            EVERYWHERE.take_off(self._tokens.pop())
        self._unchecked.clear()

    def mark(self, values: Mapping[str, Any] | None = None, /, **flags: Any) -> None:
        """Answer as a mark says. Its keys are checked by `finish`, when the test's own clients have been made."""
        token = EVERYWHERE.lay(Laying({**(values or {}), **flags}, frozenset(flags)))
        self._tokens.append(token)
        self._unchecked.append(token)

    def lay(self, laying: Laying) -> None:
        """Lay answers over every client, their keys checked now."""
        report(strangers(laying, EVERYWHERE.known()), self._unknown)
        self._tokens.append(EVERYWHERE.lay(laying))

    def finish(self) -> None:
        """Take everything off, then check the keys of marks.

        Raises:
            UnknownFlagError: a mark names a flag that no client has.
        """
        messages = self._unmet()
        self.reset()
        report(messages, self._unknown)

    def _unmet(self) -> list[str]:
        return [message for token in self._unchecked for message in EVERYWHERE.strangers(token)]


@contextmanager
def _everywhere(laying: Laying) -> Iterator[None]:
    token = EVERYWHERE.lay(laying)
    try:
        yield
    finally:
        EVERYWHERE.take_off(token)


def report(messages: list[str], unknown: Unknown) -> None:
    """Do with messages about unknown keys what was asked for.

    Raises:
        UnknownFlagError: there are some, and `unknown` is "error".
    """
    if not messages or unknown == "ignore":
        return
    message = "; ".join(messages)
    if unknown == "error":
        raise UnknownFlagError(message)
    warnings.warn(message, stacklevel=4)
