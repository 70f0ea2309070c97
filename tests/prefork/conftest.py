"""Each test gets a backend of its own, and hosts that end with it and must not have stumbled."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.testing import FaultServer

from .hosting import WORKERS, Host, version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Hosting = Callable[..., Host]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "tests/prefork/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)
            if sys.platform == "win32":
                item.add_marker(pytest.mark.skip(reason="nothing forks on Windows"))


@pytest.fixture
def backend() -> Iterator[FaultServer]:
    with FaultServer(version(1)) as server:
        yield server


@pytest.fixture
def host(backend: FaultServer, tmp_path: Path) -> Iterator[Hosting]:
    """Starts a host of a command line."""
    hosts: list[Host] = []

    def start(command: list[str], **settings: Any) -> Host:
        hosts.append(Host(command, tmp_path, backend, **settings))
        return hosts[-1]

    yield start
    for one in hosts:
        one.end()
    for one in hosts:
        assert "Traceback" not in one.log, one.log


@pytest.fixture
def gunicorn(host: Hosting) -> Hosting:
    """Starts gunicorn with some workers of a class. It never loses patience: what hangs is to be seen."""

    def start(application: str, worker: str, *more: str, **settings: Any) -> Host:
        return host(
            [
                *(
                    sys.executable,
                    "-m",
                    "gunicorn",
                    f"tests.prefork.{application}:application",
                    "--bind",
                    "fd://{descriptor}",
                ),
                *("--workers", str(WORKERS), "--worker-class", worker, "--timeout", "600", "--graceful-timeout", "600"),
                "--no-control-socket",
                *more,
            ],
            **settings,
        )

    return start
