"""What both clients are made of: a view of their environment, on an engine that refreshes it or on flags given once."""

from __future__ import annotations

import os
import time
import weakref
from typing import TYPE_CHECKING, Any

from ._config import CLOSE_SECONDS, DEFAULT_CACHE, SdkKey, check_key, check_name
from ._evaluation.details import Source
from ._evaluation.world import PureWorld
from ._reports import Readiness
from ._runtime.given import GivenFlags
from ._views import Environment, View
from .errors import ClosedError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._config import Settings
    from ._evaluation.world import World
    from ._runtime.clock import Clock
    from ._runtime.engine import Engine
    from ._runtime.latch import Latch
    from ._snapshot import Snapshot
    from ._transport import Transport


def _dice() -> float:
    from random import random  # noqa: PLC0415 - 1.2 ms of a cold start, for rules that ask for chance

    return random()  # noqa: S311 - which variant somebody sees is no secret


class Root(View):
    """A client's own view, with what starts and ends it."""

    _engine: Engine | None

    def _open(
        self, settings: Settings, *, transport: Transport | None, clock: Clock | None, world: World | None
    ) -> None:
        from ._runtime.clock import SystemClock  # noqa: PLC0415 - offline clients need none of this
        from ._runtime.engine import Engine  # noqa: PLC0415
        from ._runtime.forks import watch  # noqa: PLC0415
        from ._transport.url import parse_base_url  # noqa: PLC0415

        parse_base_url(settings.url)
        clock = clock or SystemClock()
        self._engine = engine = Engine(
            settings, clock=clock, transport=transport, directory=lambda: cache_directory(settings.cache_dir)
        )
        if world is None:
            world = PureWorld(lambda: clock.moment().wall, _dice)
        self._environments: weakref.WeakValueDictionary[str, Environment] = weakref.WeakValueDictionary()
        super().__init__(engine.main, world, settings.max_staleness)
        watch(self)
        weakref.finalize(self, engine.abandon).atexit = False

    def _open_given(self, feed: GivenFlags, world: World | None) -> None:
        self._engine = None
        super().__init__(feed, world or PureWorld(time.time, _dice), None)

    # -- starting and ending -------------------------------------------------------------------------------------------

    def in_environment(self, name: str, *, sdk_key: str | None = None) -> Environment:
        """A view of another environment of the workspace. It shares this client's transport and refresher.

        It is refreshed while somebody holds it. Its key is this client's, unless one is given. Before its first ruleset
        it answers with defaults (PROVIDER_NOT_READY).

        Raises:
            ConfigurationError: the name is no valid key, or the client has no backend.
        """
        engine = self._engine
        if engine is None:
            msg = "flags from a file or by hand have one environment; make a client with a URL to view others"
            raise ConfigurationError(msg)
        check_name("environment", name)
        if sdk_key is not None:
            check_key(sdk_key)
        view = self._environments.get(name)
        if view is None:
            key = engine.settings.sdk_key if sdk_key is None else SdkKey(sdk_key)
            feed = engine.environment(engine.settings._replace(environment=name, sdk_key=key, bootstrap=None))
            view = Environment(feed, self._world, self._max_staleness)
            self._environments[name] = view
        return view

    def _begin(self) -> None:
        engine = self._engine
        if engine is None:
            return
        if engine.closed:
            msg = "the client was closed; make a new one"
            raise ClosedError(msg)
        engine.begin()
        self._go_away_too(engine)

    @property
    def _first_answer(self) -> Latch | None:
        return None if self._engine is None else self._engine.main.first_answer

    def _start(self, wait: float) -> Readiness:
        self._begin()
        latch = self._first_answer
        if latch is not None and not self._ran(wait):
            latch.wait(wait)
        return self._readiness()

    def _ran(self, seconds: float) -> bool:
        """Refresh here and now what is due, if that is how this client refreshes."""
        engine = self._engine
        if engine is None or not engine.inline:
            return False
        engine.run(seconds)
        return True

    def _request_refresh(self) -> Latch | None:
        self._begin()
        engine = self._engine
        if engine is None:
            return None
        latch = engine.main.request()
        engine.wake()
        return latch

    def _refresh(self, wait: float) -> Readiness:
        latch = self._request_refresh()
        if latch is not None and not self._ran(wait):
            latch.wait(wait)
        return self._readiness()

    def _refresh_if_due(self, budget: float) -> Readiness:
        self._begin()
        self._ran(budget)
        return self._readiness()

    def _readiness(self) -> Readiness:
        feed = self._feed
        if not feed.ready:
            error = feed.status().last_error or "the backend has not answered yet"
            return Readiness(Source.DEFAULT, None, error)
        snapshot = feed.table.snapshot
        return Readiness(feed.standing_of(snapshot).source, snapshot.revision, feed.status().last_error)

    def _close(self, seconds: float = CLOSE_SECONDS) -> None:
        if self._engine is not None:
            from ._runtime.forks import forget  # noqa: PLC0415 - loaded since the client was made

            forget(self)
            self._engine.close(seconds)
        elif isinstance(self._feed, GivenFlags):
            self._feed.closed = True

    # -- forks ---------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Bring the background thread to rest; called by the interpreter before a fork."""
        if self._engine is not None:
            self._engine.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on; called by the interpreter after a fork."""
        if self._engine is not None:
            self._engine.after_fork_in_parent()
            self._go_away_too(self._engine)

    def after_fork_in_child(self) -> None:
        """Let the first call in the child start what the fork ended; called by the interpreter after a fork."""
        if self._engine is not None:
            self._engine.after_fork_in_child()
            self._go_away_too(self._engine)

    def _go_away_too(self, engine: Engine) -> None:
        """Let the next call of any view start what the engine could not, or may not yet."""
        if engine.away:
            for view in (self, *self._environments.values()):
                view.go_away()

    def __repr__(self) -> str:
        feed = self._feed
        state = f"revision {feed.table.snapshot.revision}" if feed.ready else "no ruleset yet"
        return f"<{type(self).__name__} of {feed.name}, {state}>"


def given_snapshot(flags: Mapping[str, Any], segments: Mapping[str, Any]) -> Snapshot:
    """A snapshot of plain values, and of definitions where rules are wanted.

    Raises:
        ConfigurationError: a value is neither JSON nor a definition.
    """
    from ._snapshot import Snapshot  # noqa: PLC0415 - with the compiler

    return Snapshot.from_lines(
        {key: _given_line(key, value) for key, value in flags.items()},
        {key: _given_segment(key, value) for key, value in segments.items()},
    )


def _given_line(key: str, value: Any) -> bytes:
    from ._wire.canonical import encode  # noqa: PLC0415

    if hasattr(value, "model_fields_set") and hasattr(value, "variants"):
        from ._evaluation.model import flag_line  # noqa: PLC0415 - loaded by whoever made the definition

        return flag_line(value.model_copy(update={"key": key}))
    kind = _type_of(key, value)
    try:
        return encode(
            {
                "key": key,
                "type": kind,
                "variants": {"on": value} if kind != "object" else {"on": {"value": value, "on": True}},
                "enabled": True,
                "off": None,
                "rules": [],
                "fallthrough": {"variant": "on"},
                "meta": {},
            }
        )
    except (TypeError, ValueError) as error:
        msg = f"flag {key!r}: {error}"
        raise ConfigurationError(msg) from None


def _given_segment(key: str, value: Any) -> bytes:
    from ._evaluation.model import parse_segment, segment_line  # noqa: PLC0415 - only for segments given by hand

    definition = value if hasattr(value, "model_fields_set") else parse_segment({"segment": key, **value})
    return segment_line(definition)


def _type_of(key: str, value: Any) -> str:
    for kind, name in (
        (bool, "boolean"),
        (str, "string"),
        (int, "integer"),
        (float, "float"),
        (dict, "object"),
        (list, "object"),
    ):
        if isinstance(value, kind):
            return name
    msg = f"flag {key!r} has a value of type {type(value).__name__}; give a JSON value, or a FlagDefinition for rules"
    raise ConfigurationError(msg)


def cache_directory(given: Any) -> str | None:
    """The folder of the disk copy, or None when it is turned off or there is none that can be used."""
    if given is None:
        return None
    if given != DEFAULT_CACHE:
        return str(os.fspath(given))
    import sys  # noqa: PLC0415
    import tempfile  # noqa: PLC0415 - costs 10 ms, and only this asks

    from ._storage.paths import candidate_directories, usable_directory  # noqa: PLC0415

    candidates = candidate_directories(
        os.environ,
        platform=sys.platform,
        home=os.environ.get("HOME") or os.environ.get("USERPROFILE"),
        temporary=tempfile.gettempdir(),
        user=str(os.geteuid()) if hasattr(os, "geteuid") else os.environ.get("USERNAME", "user"),
    )
    return usable_directory(candidates) or candidates[0]
