"""Starting: where the first ruleset comes from, and that nobody waits longer than told."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import (
    AsyncClient,
    Client,
    ClosedError,
    ConnectionFailed,
    ErrorCode,
    Freshness,
    Polling,
    Reason,
    Source,
)
from buildflags_sdk._wire.bundle import encode_bundle

from .conftest import FAST, Backend, boolean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from buildflags_sdk._transport import Answer, Request


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


def _bundle_of(client: Client, path: Path) -> Path:
    snapshot = client._feed.table.snapshot
    body = encode_bundle(
        manifest_body=snapshot.manifest.raw,
        pages=snapshot.pages,
        etag=None,
        signature=None,
        saved_at=time.time(),
        url="http://127.0.0.1",
    )
    path.write_bytes(body)
    return path


def test_a_client_is_ready_from_the_network(backend: Backend) -> None:
    revision = backend.set(boolean("new-checkout", on=True))
    with Client(**backend.options()) as client:
        readiness = client.start(wait=10)
        details = client.get_details("new-checkout", False)
        assert (readiness.source, readiness.revision, bool(readiness)) == (Source.NETWORK, revision, True)
        assert client.is_enabled("new-checkout")
        assert (details.value, details.reason, details.decided) == (True, Reason.STATIC, True)
        assert (details.source, details.freshness, details.revision) == (Source.NETWORK, Freshness.FRESH, revision)


def test_constructing_does_no_io_and_starts_no_thread(deaf_port: int, tmp_path: Path) -> None:
    import threading

    before = threading.active_count()
    client = Client(
        f"http://127.0.0.1:{deaf_port}", sdk_key="k", workspace="acme", environment="dev", cache_dir=tmp_path / "cache"
    )
    assert threading.active_count() == before
    assert not (tmp_path / "cache").exists()
    assert client.is_enabled("anything", default=True)
    assert client.get_details("anything", 1).error_code is ErrorCode.PROVIDER_NOT_READY


def test_start_waits_at_most_as_long_as_told(deaf_port: int) -> None:
    client = Client(f"http://127.0.0.1:{deaf_port}", sdk_key="k", workspace="acme", environment="dev", cache_dir=None)
    began = time.monotonic()
    readiness = client.start(wait=0.1)
    took = time.monotonic() - began
    client.close()
    assert not readiness
    assert readiness.error
    assert took < 5, "the exchange's deadline is 10 s: start must not wait for it"


def test_a_new_process_starts_from_disk_while_the_backend_is_dead(
    client: Client, deaf_port: int, tmp_path: Path
) -> None:
    disk = tmp_path / "cache"
    options: dict[str, Any] = {
        "sdk_key": "k",
        "workspace": "acme",
        "environment": "production",
        "cache_dir": disk,
        "polling": FAST,
    }
    assert client._engine is not None
    url = client._engine.settings.url
    client.close()
    later = Client(url, **options, transport=_Dead())
    readiness = later.start(wait=1)
    details = later.get_details("new-checkout", False)
    later.close()
    assert readiness.source is Source.DISK
    assert (details.value, details.source) == (True, Source.DISK)
    assert disk.exists(), "closing a client deletes no disk copy"


def test_without_a_disk_copy_the_bootstrap_file_is_used(client: Client, tmp_path: Path) -> None:
    path = _bundle_of(client, tmp_path / "bootstrap.flags")
    other = Client(
        "http://127.0.0.1:9",
        sdk_key="k",
        workspace="acme",
        environment="production",
        cache_dir=None,
        bootstrap=path,
        transport=_Dead(),
    )
    readiness = other.start(wait=1)
    details = other.get_details("new-checkout", False)
    other.close()
    assert readiness.source is Source.BOOTSTRAP
    assert (details.value, details.source, details.decided) == (True, Source.BOOTSTRAP, True)


def test_with_nothing_at_all_the_default_is_the_answer_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(
        "http://127.0.0.1:9", sdk_key="k", workspace="acme", environment="production", cache_dir=None, transport=_Dead()
    )
    readiness = client.start(wait=1)
    details = client.get_details("new-checkout", "old")
    client.close()
    assert (readiness.ready, readiness.source) == (False, Source.DEFAULT)
    assert (details.value, details.source, details.decided, details.revision) == ("old", Source.DEFAULT, False, None)
    assert details.error_code is ErrorCode.PROVIDER_NOT_READY
    assert len([record for record in caplog.records if record.name.startswith("buildflags_sdk")]) == 1


def test_a_started_client_cannot_be_started_after_it_was_closed(backend: Backend) -> None:
    client = Client(**backend.options())
    client.start()
    client.close()
    client.close()
    with pytest.raises(ClosedError, match="make a new one"):
        client.start()
    assert not client.is_enabled("missing")


def test_a_file_serves_without_being_started(client: Client, tmp_path: Path) -> None:
    path = _bundle_of(client, tmp_path / "pulled.flags")
    offline = Client.from_file(path)
    assert offline.is_enabled("new-checkout")
    assert offline.start().source is Source.FILE
    assert offline.status().environment == "production"
    offline.close()


async def test_the_asyncio_client_starts_and_closes(backend: Backend) -> None:
    backend.set(boolean("new-checkout", on=True))
    async with AsyncClient(**backend.options()) as client:
        await client.start(wait=10)
        assert client.is_enabled("new-checkout")
        backend.set(boolean("new-checkout", on=False))
        readiness = await client.refresh(wait=10)
        assert readiness.source is Source.NETWORK
        assert not client.is_enabled("new-checkout")


async def test_the_asyncio_client_does_not_wait_longer_than_told(deaf_port: int) -> None:
    import asyncio

    client = AsyncClient(
        f"http://127.0.0.1:{deaf_port}", sdk_key="k", workspace="acme", environment="dev", cache_dir=None
    )
    readiness = await asyncio.wait_for(client.start(wait=0.1), timeout=8)
    assert not readiness
    await asyncio.wait_for(client.close(), timeout=8)


def test_one_asyncio_client_is_used_from_two_loops(backend: Backend) -> None:
    import asyncio

    backend.set(boolean("new-checkout", on=True))
    client = AsyncClient(**backend.options())
    assert asyncio.run(client.start(wait=10))
    backend.set(boolean("new-checkout", on=False))
    assert asyncio.run(client.refresh(wait=10))
    assert not client.is_enabled("new-checkout")
    asyncio.run(client.close())


def test_from_env_reads_four_variables(backend: Backend) -> None:
    backend.set(boolean("new-checkout", on=True))
    options = backend.options()
    environ = {f"BUILDFLAGS_{name.upper()}": options[name] for name in ("url", "sdk_key", "workspace", "environment")}
    with Client.from_env(environ, cache_dir=None, polling=Polling(interval=1)) as client:
        client.start(wait=10)
        assert client.is_enabled("new-checkout")


class _Dead:
    """A transport for a backend that is gone."""

    def exchange(self, request: Request) -> Answer:
        """Nobody answers."""
        msg = "nobody listens"
        raise ConnectionFailed(msg)

    def close(self) -> None:
        """Nothing to close."""
