"""Client, AsyncClient, Environment and Pinned: what an application holds. They compose the rooms; they decide nothing.

Constructing does no I/O (but for `from_file`), `start` waits at most as long as told, evaluating never waits, and
`close` returns promptly.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Literal, Self

from ._config import (
    BUDGET_SECONDS,
    CLOSE_SECONDS,
    DEFAULT_CACHE,
    START_WAIT_SECONDS,
    Limits,
    Polling,
    SdkKey,
    Settings,
    checked,
    chosen_mode,
    public_keys,
    seconds_to_wait,
)
from ._root import Root, given_snapshot
from ._runtime.given import GivenFlags
from ._snapshot import Snapshot, build_now
from ._views import Environment as Environment
from ._views import Pinned as Pinned
from ._wire.manifest import decode_manifest
from .errors import ConfigurationError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType

    from ._evaluation.world import World
    from ._reports import Change, Readiness
    from ._runtime.clock import Clock
    from ._runtime.latch import Latch
    from ._transport import Transport


LOOP_LOOK_AGAIN_SECONDS = 0.5
CLOSE_LOOKS = 50


class _Configured(Root):
    """How both clients are made."""

    def __init__(  # noqa: PLR0913 - each is a thing a user decides; intervals and limits are grouped
        self,
        url: str,
        *,
        sdk_key: str,
        workspace: str,
        environment: str,
        cache_dir: Path | str | None = DEFAULT_CACHE,
        bootstrap: Path | str | None = None,
        max_staleness: float | None = None,
        polling: Polling = Polling(),  # noqa: B008 - a frozen value
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        signing_keys: Iterable[str] | str | None = None,
        mode: Literal["auto", "thread", "lambda"] = "auto",
        transport: Transport | None = None,
        clock: Clock | None = None,
        world: World | None = None,
    ) -> None:
        """Make a client of one environment. No I/O, no thread: both begin with `start()` or `with`.

        Args:
            url: where the backend is, such as "https://flags.example.com".
            sdk_key: the environment's SDK key. Never logged, shown or written to disk.
            workspace: the workspace's key.
            environment: the environment's key, such as "production".
            cache_dir: folder of the disk copy, shared by all processes of the host; None turns it off.
            bootstrap: a file that `buildflags pull` made, read when neither network nor disk has a ruleset.
            max_staleness: seconds after which callers get their defaults instead of an unconfirmed ruleset; None: never.
            polling: intervals, deadlines and caps, in seconds.
            limits: sizes that are read at most.
            signing_keys: public keys (`bf_public_…`), of which one must have signed whatever is served, from the network,
                the disk copy or the bootstrap file. Needs the extra `signing`. None: signatures are not looked at.
            mode: "thread" refreshes in the background. "lambda" keeps no thread: it refreshes in `start`, `refresh` and
                `refresh_if_due`, for hosts that freeze the process in between. "auto" is "lambda" on AWS Lambda.
            transport: what exchanges requests for answers; HTTP over httpx by default.
            clock: where time is read; the machine's clocks by default.
            world: what rules may ask of the outside: time, dice, memberships, sticky assignments.

        Raises:
            ConfigurationError: a value cannot work; the message says which and what to give.
        """
        settings = checked(
            Settings(
                url=url,
                sdk_key=SdkKey(sdk_key),
                workspace=workspace,
                environment=environment,
                cache_dir=cache_dir,
                bootstrap=bootstrap,
                max_staleness=max_staleness,
                polling=polling,
                limits=limits,
                signing_keys=public_keys(signing_keys),
                mode=chosen_mode(mode, os.environ),
            )
        )
        self._open(settings, transport=transport, clock=clock, world=world)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **more: Any) -> Self:
        """Make a client from `BUILDFLAGS_URL`, `_SDK_KEY`, `_WORKSPACE`, `_ENVIRONMENT`, and if set `_CACHE_DIR`, `_BOOTSTRAP`.

        `BUILDFLAGS_SIGNING_KEYS` pins public keys, with commas or blanks between them. An argument beats its variable.

        Raises:
            ConfigurationError: a variable is missing; the message names all that are.
        """
        values = os.environ if environ is None else environ
        missing = [
            name
            for name in ("url", "sdk_key", "workspace", "environment")
            if not more.get(name) and not values.get(f"BUILDFLAGS_{name.upper()}")
        ]
        if missing:
            names = ", ".join(f"BUILDFLAGS_{name.upper()}" for name in missing)
            msg = f"{names} not set: set them, or give {', '.join(missing)} as arguments (`buildflags dev` prints all four)"
            raise ConfigurationError(msg)
        for name in ("url", "sdk_key", "workspace", "environment", "cache_dir", "bootstrap", "signing_keys"):
            value = values.get(f"BUILDFLAGS_{name.upper()}")
            if value and more.get(name) is None:
                more[name] = value
        more["mode"] = chosen_mode(more.get("mode", "auto"), values)
        return cls(**more)

    @classmethod
    def from_file(
        cls,
        path: Path | str,
        *,
        world: World | None = None,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        signing_keys: Iterable[str] | str | None = None,
    ) -> Self:
        """Make an offline client from a file that `buildflags pull` wrote, or from a flags file for people.

        Reads at once and serves without `start()`. One broken flag breaks that flag only (`status().broken` names it).
        With `signing_keys`, only a bundle that one of them signed will do.

        Raises:
            FlagFileError: the file cannot be read as a whole.
            SignatureError: signing keys are given, and none of them signed it.
        """
        from ._storage.files import FlagsFile, read_file  # noqa: PLC0415 - only for clients of a file

        found = read_file(path, limits)
        if keys := public_keys(signing_keys):
            from ._wire.signing import Pins  # noqa: PLC0415 - loads cryptography

            if isinstance(found, FlagsFile):
                msg = f"{path} is a flags file for people, which carries no signature; use what `buildflags pull` wrote"
                raise SignatureError(msg)
            Pins(keys).check(found.manifest_body, found.signature)
        if isinstance(found, FlagsFile):
            snapshot = Snapshot.from_lines(found.flags, found.segments)
            return cls._given(
                GivenFlags(snapshot, workspace="file", environment=os.fspath(path), broken=found.broken), world
            )
        manifest = decode_manifest(found.manifest_body, workspace=None, environment=None, limits=limits)
        snapshot = build_now(manifest, found.pages, None, limits)
        return cls._given(GivenFlags(snapshot, workspace=manifest.workspace, environment=manifest.environment), world)

    @classmethod
    def from_flags(
        cls,
        flags: Mapping[str, Any],
        *,
        segments: Mapping[str, Any] | None = None,
        world: World | None = None,
    ) -> Self:
        """Make an offline client from plain values; rules by `FlagDefinition`. Serves without `start()`.

        >>> from buildflags_sdk import Client
        >>> client = Client.from_flags({"new-checkout": True, "theme": {"colour": "teal"}})
        >>> client.get_value("theme", {})
        {'colour': 'teal'}
        """
        snapshot = given_snapshot(flags, segments or {})
        return cls._given(GivenFlags(snapshot, workspace="given", environment="given"), world)

    @classmethod
    def _given(cls, feed: GivenFlags, world: World | None) -> Self:
        client = cls.__new__(cls)
        client._open_given(feed, world)
        return client


class Client(_Configured):
    """Feature flags of one environment, decided locally. Use it as a context manager, or call `start` and `close`.

    ```python
    with Client("https://flags.example.com", sdk_key=key, workspace="acme", environment="production") as client:
        if client.is_enabled("new-checkout", {"targetingKey": user.id, "country": "DE"}):
            ...
    ```

    It is safe to use from any thread, and after a fork.
    """

    def start(self, wait: float = START_WAIT_SECONDS) -> Readiness:
        """Start refreshing and wait for the backend's ruleset at most `wait` seconds (0: do not wait; `inf`: any time).

        A second call waits again and starts nothing twice.

        Raises:
            ClosedError: the client was closed.
            ConfigurationError: `wait` is no number.
        """
        return self._start(seconds_to_wait("wait", wait))

    def refresh(self, wait: float = START_WAIT_SECONDS) -> Readiness:
        """Ask the backend now instead of at the next poll, and wait for its answer at most `wait` seconds."""
        return self._refresh(seconds_to_wait("wait", wait))

    def refresh_if_due(self, budget: float = BUDGET_SECONDS) -> Readiness:
        """On AWS Lambda, refresh if a poll is due, in about `budget` seconds at most; call it at an invocation's edge.

        What the budget cuts off counts as a failed poll: the next one then waits, and flags are served meanwhile. In
        "thread" mode the background thread does this, and the call returns at once.
        """
        return self._refresh_if_due(seconds_to_wait("budget", budget))

    def close(self) -> None:
        """Stop refreshing. Returns promptly, whatever the network does; evaluations go on with the last ruleset."""
        self._close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Configured):
    """The same client for asyncio. Evaluating methods are plain `def`; only start, refresh and close are awaited.

    ```python
    async with AsyncClient("https://flags.example.com", sdk_key=key, workspace="acme", environment="dev") as client:
        client.is_enabled("new-checkout", {"targetingKey": user.id})
    ```

    Refreshing runs on the same background thread as `Client`'s, so it dies with no loop, stalls none, and the client may
    be used from any loop and thread.
    """

    async def start(self, wait: float = START_WAIT_SECONDS) -> Readiness:
        """As `Client.start`; the loop goes on meanwhile."""
        seconds = seconds_to_wait("wait", wait)
        self._begin()
        return await self._waited(self._first_answer, seconds)

    async def refresh(self, wait: float = START_WAIT_SECONDS) -> Readiness:
        """Ask the backend now, and wait for its answer at most `wait` seconds."""
        seconds = seconds_to_wait("wait", wait)
        return await self._waited(self._request_refresh(), seconds)

    async def refresh_if_due(self, budget: float = BUDGET_SECONDS) -> Readiness:
        """As `Client.refresh_if_due`; the loop goes on meanwhile."""
        seconds = seconds_to_wait("budget", budget)
        self._begin()
        return await self._waited(None, seconds)

    async def close(self) -> None:
        """Stop refreshing. Returns promptly, whatever the network does; the loop goes on meanwhile."""
        import asyncio  # noqa: PLC0415 - loaded by whoever awaits this

        self._close(0.0)
        for _ in range(CLOSE_LOOKS):
            if self._engine is None or self._engine.ended:
                return
            await asyncio.sleep(CLOSE_SECONDS / CLOSE_LOOKS)

    def on_change(
        self,
        listener: Callable[[Change], None] | Callable[[Change], Awaitable[None]],
        keys: Iterable[str] | None = None,
    ) -> Callable[[], None]:
        """As `Client.on_change`; a coroutine function runs on the loop that is running now."""
        import asyncio  # noqa: PLC0415 - loaded by whoever has a coroutine function
        import inspect  # noqa: PLC0415

        if not inspect.iscoroutinefunction(listener):
            return super().on_change(listener, keys)
        from concurrent.futures import CancelledError, wait  # noqa: PLC0415

        loop = asyncio.get_running_loop()

        def on_loop(change: Change) -> None:
            if not loop.is_running():
                return  # it ended, and its listeners with it
            future = asyncio.run_coroutine_threadsafe(listener(change), loop)
            while loop.is_running() and not wait([future], LOOP_LOOK_AGAIN_SECONDS).done:
                pass  # a loop that stops before it has run the coroutine tells nobody
            if future.done():
                with contextlib.suppress(CancelledError):
                    future.result()

        return super().on_change(on_loop, keys)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _waited(self, latch: Latch | None, seconds: float) -> Readiness:
        import asyncio  # noqa: PLC0415 - loaded by whoever awaits this

        if self._engine is not None and self._engine.inline:
            await asyncio.to_thread(self._engine.run, seconds)
            return self._readiness()
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def open_it() -> None:
            if not done.done():
                done.set_result(None)

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there any more
                loop.call_soon_threadsafe(open_it)

        if latch is not None:
            latch.when_open(tell)
            await asyncio.wait([done], timeout=seconds)
        return self._readiness()
