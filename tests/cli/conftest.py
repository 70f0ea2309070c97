"""A real backend for the commands: the application over a store in memory, served on a free port, with the sample in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from click.testing import CliRunner, Result

from buildflags_sdk.cli._sample import ENVIRONMENTS, WORKSPACE
from buildflags_sdk.cli.app import buildflags
from buildflags_sdk.cli.dev import Keys, sample_keys
from buildflags_sdk.server import DEVELOPMENT, Settings, SqliteStore, create_app
from buildflags_sdk.server.hosts.uvicorn import running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Backend(NamedTuple):
    """Where it is and what opens it."""

    url: str
    keys: Keys

    @property
    def environ(self) -> dict[str, str]:
        return {
            "BUILDFLAGS_URL": self.url,
            "BUILDFLAGS_SDK_KEY": self.keys.sdk[ENVIRONMENTS[0]],
            "BUILDFLAGS_MANAGEMENT_KEY": self.keys.management,
            "BUILDFLAGS_WORKSPACE": WORKSPACE,
            "BUILDFLAGS_ENVIRONMENT": ENVIRONMENTS[0],
        }


@pytest.fixture
def backend() -> Iterator[Backend]:
    store = SqliteStore(":memory:")
    keys = sample_keys(store)
    with running_server(create_app(store, settings=Settings(delivery=DEVELOPMENT))) as url:
        yield Backend(url, keys)
    store.close()


@pytest.fixture
def run(backend, tmp_path) -> Callable[..., Result]:
    """Runs a command against the backend; keyword arguments replace variables of its environment."""

    def command(*args: str, stdin: str | None = None, **variables: str) -> Result:
        environ = {**backend.environ, "BUILDFLAGS_CACHE_DIR": str(tmp_path / "cache"), **variables}
        return CliRunner().invoke(buildflags, args, env=environ, input=stdin)

    return command
