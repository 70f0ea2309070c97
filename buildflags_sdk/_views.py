"""The views of a client: what is bound to one environment's delivery, what is pinned, and what all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from . import _scope
from ._evaluation.details import Freshness
from ._living import Living
from ._overrides import OverrideLayer
from ._reading import NO_CONTEXT, Reading
from ._tables import OverlayTable, expired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from ._evaluation.world import World
    from ._reports import Change, Status
    from ._runtime.dispatcher import Dispatcher
    from ._snapshot import Snapshot, Table
    from ._standing import Standing

TOLD_AT_MOST: Final = 1000
"""Reports of one client that are remembered, so that they are told once; past that they are dropped."""

NO_PIN: Final = object()
"""The pin of a view that must not take a scope's table as it is."""

_readers: Final[Living[View]] = Living()
"""All live views, to be told when the process opens its first scope, and by overrides that reach every client."""


class Feeding(Protocol):
    """What a view is bound to: a feed that refreshes, or flags given once."""

    @property
    def name(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def table(self) -> Table: ...
    @property
    def ready(self) -> bool: ...
    @property
    def dispatcher(self) -> Dispatcher: ...
    def come_back(self) -> bool: ...
    def attach(self, told: Callable[[], None]) -> None: ...
    def standing_of(self, snapshot: Snapshot) -> Standing: ...
    def status(self) -> Status: ...


class View(Reading):
    """A view of one environment: it always reads the newest ruleset, or the one that the current scope pinned."""

    def __init__(self, feed: Feeding, world: World, max_staleness: float | None) -> None:
        self._context = NO_CONTEXT
        self._world = world
        self._models = {}
        self._max_staleness = max_staleness
        self._feed = feed
        self._told: set[tuple[str, str, int]] = set()
        self._own_pin = object()
        self._layer = OverrideLayer(self._known_keys, self._rebind)
        self._live: Table = feed.table
        self._away = False
        self._table, self._pin = None, NO_PIN
        _readers.add(self)
        feed.attach(self._swapped)
        self._rebind()

    # -- reading -------------------------------------------------------------------------------------------------------

    def pinned(self, context: Mapping[str, Any] | None = None, *, max_staleness: float | None = None) -> Pinned:
        """A view of one revision and one context: the same answers however often it is asked.

        `max_staleness`, in seconds, gives callers their defaults once that revision is unconfirmed for longer.
        """
        scope = _scope.current()
        table = self._table if self._table is not None else self._find(scope)
        if scope is not None:
            context = _scope.merge(scope.context, context)
        return Pinned(self, table, NO_CONTEXT if context is None else context, max_staleness or self._max_staleness)

    def scope(self, context: Mapping[str, Any] | None = None) -> AbstractContextManager[Pinned]:
        """Open an ambient scope: what this thread or task reads inside has this context, and one revision.

        Scopes nest; inner contexts win. Integrations open one per request.
        """
        self._come_back()
        return _scope.opened_with(context, self.pinned)

    def with_attributes(self, mapping: AttributeNames) -> Renamed:
        """The same flags for callers that give contexts in another system's names (an import states its mapping).

        >>> from buildflags_sdk import Client
        >>> from buildflags_sdk.importers import AttributeMapping
        >>> flags = Client.from_flags({"x": True}).with_attributes(AttributeMapping("userId", {}))
        >>> flags.is_enabled("x", {"userId": "user-7"})
        True
        """
        return Renamed(self, mapping)

    def override(self, values: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Lay answers over the ruleset while the context manager is open, for every thread and loop that uses this client.

        Raises:
            UnknownFlagError: a key that the ruleset does not have.
        """
        return self._layer.laid(values)

    def _route(self, context: Mapping[str, Any] | None) -> tuple[Table, Mapping[str, Any] | None]:
        scope = _scope.current()
        table = self._find(scope)
        if scope is not None:
            context = _scope.merge(scope.context, context)
        if self._max_staleness is not None and self._is_expired(table):
            table = expired(table.snapshot)
        return table, context

    def _find(self, scope: _scope.Scope | None) -> Table:
        """The table to read: the newest one, or the one that the scope pinned at its first read."""
        if self._away:
            self._come_back()
        if scope is None:
            return self._live
        pinned: Table = scope.pins.setdefault(self._own_pin, self._feed.table)
        values = self._layer.values
        if scope.overrides:
            values = {**values, **scope.overrides}
        if values:
            return OverlayTable(pinned, values)
        if scope.overrides is None:
            scope.last = pinned
        return pinned

    def _is_expired(self, table: Table) -> bool:
        return self._standing_of(table).freshness(self._max_staleness) is Freshness.EXPIRED

    def _standing_of(self, table: Table) -> Standing:
        return self._feed.standing_of(table.snapshot)

    def _report(self, key: str, code: str, message: str) -> None:
        told = (key, code, self._live.snapshot.revision)
        if told in self._told or len(self._told) > TOLD_AT_MOST:
            return
        self._told.add(told)
        import logging  # noqa: PLC0415 - only when there is something to say

        logging.getLogger("buildflags_sdk.client").warning(message, extra={"flag_key": key, "error_code": code})

    # -- how it stands -------------------------------------------------------------------------------------------------

    def on_change(self, listener: Callable[[Change], Any], keys: Iterable[str] | None = None) -> Callable[[], None]:
        """Call `listener(Change(keys, old_revision, new_revision))` after each swap that changes one of `keys` (or any).

        It is called on a thread of its own, in order, never two at once; the first ruleset changes all keys. Returns the
        unsubscriber. A listener that raises is logged once and called again.
        """
        return self._feed.dispatcher.subscribe(listener, None if keys is None else frozenset(keys))

    def status(self) -> Status:
        """How this environment stands: one frozen record."""
        return self._feed.status()

    def keys(self) -> frozenset[str]:
        """The keys of all flags of the ruleset in service."""
        return frozenset(self._live.snapshot.keys())

    # -- being told ----------------------------------------------------------------------------------------------------

    def _swapped(self) -> None:
        self._models = {}
        self._told = {told for told in self._told if told[2] == self._feed.table.snapshot.revision}
        self._rebind()

    def _rebind(self) -> None:
        table = self._feed.table
        values = self._layer.values
        self._live = OverlayTable(table, values) if values else table
        special = self._away or self._max_staleness is not None or _scope.was_opened()
        self._table = None if special else self._live
        table.pin = self._own_pin
        self._pin = NO_PIN if self._away or self._max_staleness is not None or values else self._own_pin

    def _known_keys(self) -> Iterable[str] | None:
        """The keys that an override may name; None while that is not known."""
        return self._feed.table.snapshot.keys() if self._feed.ready else None

    def _come_back(self) -> None:
        """Wake up in a forked child: its first call, an evaluation too, starts what the fork ended."""
        self._away = False  # first: whoever comes in meanwhile has nothing to do
        self._away = not self._feed.come_back()
        self._rebind()

    def go_away(self) -> None:
        """Note that the next call has to start what a fork ended, or what the system gave no thread for."""
        self._away = True
        self._table, self._pin = None, NO_PIN


class Environment(View):
    """A view of another environment of the same client. It shares the client's transport and refresher.

    It has no `close` of its own: it is refreshed while somebody holds it, and forgotten a while after.
    """

    @property
    def name(self) -> str:
        """The environment's key."""
        return self._feed.environment


class AttributeNames(Protocol):
    """Makes a context in our names out of one in another system's."""

    def apply(self, context: Mapping[str, Any]) -> Mapping[str, Any]: ...


class Renamed(Reading):
    """A view whose contexts come in another system's names. Costs the renaming at each evaluation."""

    def __init__(self, view: View, mapping: AttributeNames) -> None:
        self._view = view
        self._mapping = mapping
        self._world = view._world
        self._context = NO_CONTEXT
        self._max_staleness = view._max_staleness
        self._table = None
        self._pin = NO_PIN

    @property
    def _models(self) -> dict[Any, Any]:  # type: ignore[override]
        return self._view._models

    def _route(self, context: Mapping[str, Any] | None) -> tuple[Table, Mapping[str, Any] | None]:
        if context is not None:
            try:
                context = self._mapping.apply(context)
            except Exception as error:  # noqa: BLE001 - a caller's own mapping may raise anything; the evaluation tells it
                context = _scope.unreadable(error, context)
        return self._view._route(context)

    def _standing_of(self, table: Table) -> Standing:
        return self._view._standing_of(table)

    def _report(self, key: str, code: str, message: str) -> None:
        self._view._report(key, code, message)


class Pinned(Reading):
    """A view of one revision and one context. Cheap to make; reads like a client."""

    def __init__(self, view: View, table: Table, context: Mapping[str, Any], max_staleness: float | None) -> None:
        self._view = view
        self._world = view._world
        self._models = view._models
        self._context = context
        self._pinned = table
        self._pin = NO_PIN
        self._max_staleness = max_staleness
        self._table = table if max_staleness is None else None

    @property
    def revision(self) -> int:
        """The revision that this view reads."""
        return self._pinned.snapshot.revision

    @property
    def context(self) -> Mapping[str, Any]:
        """The evaluation context that this view reads with."""
        return self._context

    def pinned(self, context: Mapping[str, Any] | None = None) -> Pinned:
        """The same revision with more context."""
        merged = _scope.merge(self._context, context)
        return Pinned(self._view, self._pinned, NO_CONTEXT if merged is None else merged, self._max_staleness)

    def keys(self) -> frozenset[str]:
        """The keys of all flags of that revision."""
        return frozenset(self._pinned.snapshot.keys())

    def _route(self, context: Mapping[str, Any] | None) -> tuple[Table, Mapping[str, Any] | None]:
        table = self._pinned
        if self._standing_of(table).freshness(self._max_staleness) is Freshness.EXPIRED:
            table = expired(table.snapshot)
        return table, context

    def _standing_of(self, table: Table) -> Standing:
        return self._view._standing_of(table)

    def _report(self, key: str, code: str, message: str) -> None:
        self._view._report(key, code, message)


def live_views() -> Iterator[View]:
    """All views alive in this process."""
    yield from _readers


def _a_scope_was_opened() -> None:
    for view in live_views():
        view._rebind()


_scope.when_first_opened(_a_scope_was_opened)
