"""Real processes on one machine, each with a client, that share a folder and a backend on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.testing import FaultServer, flag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from buildflags_sdk.testing.faults import Recorded

PATIENCE = 60.0
PROCESSES = 32

PROGRAM = """
import json, os, sys, time
from buildflags_sdk import Client, Polling

options = json.loads(sys.argv[1])
client = Client(**options, polling=Polling(**json.loads(sys.argv[2])))
client.start(wait=0)
for line in sys.stdin:
    if line.strip() == "fork" and os.fork() == 0:
        time.sleep(120)
        os._exit(0)
    status = client.status()
    said = {"greeting": client.get_value("greeting", "default"), "polls": status.polls, "failures": status.failures,
            "error": status.last_error, "freshness": status.freshness, "http": "httpx" in sys.modules,
            "refreshing": status.refreshing, "disk_error": status.disk_error}
    print(json.dumps(said), flush=True)
"""


class Peer:
    """One process. It polls every second, and gives an exchange as long."""

    def __init__(self, server: FaultServer, cache_dir: Path | str, **more: Any) -> None:
        options = {**server.options(), "cache_dir": os.fspath(cache_dir), **more}
        polling = {"interval": 1.0, "deadline": 1.5, "auth_retry": 1.0, "backoff_first": 0.2}
        environ = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, json.dumps(options), json.dumps(polling)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
            start_new_session=True,  # its own children end with it
        )

    def says(self, line: str = "") -> dict[str, Any]:
        """How it stands; `fork` makes it fork first."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    @property
    def greeting(self) -> str:
        return str(self.says()["greeting"])

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """kill -9 of this process alone."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Of this process and of those that it forked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def wait_until(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for other processes to get somewhere."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


class Crowd:
    """All the processes of one host, and how often one process alone asks within a window."""

    def __init__(self, server: FaultServer, folder: Path) -> None:
        self.server = server
        self.window = 6.0
        self._folder = folder
        self._version = 1
        self.peers = [self.start()]
        self.arrives("v1")
        self.of_one = self.requests()
        server.fault("http_500")
        wait_until(lambda: self.peers[0].says()["failures"])
        self.of_one_failing = self.requests()
        self.whole()

    def start(self, **more: Any) -> Peer:
        """One process more, which the crowd does not count among its own."""
        return Peer(self.server, **{"cache_dir": self._folder, **more})

    def whole(self) -> None:
        """A healthy backend, and all processes alive and well."""
        self.server.well()
        self.peers = [peer for peer in self.peers if peer.is_alive]
        self.peers += [self.start() for _ in range(PROCESSES - len(self.peers))]
        self.arrives(self.publish())

    def publish(self) -> str:
        """A new ruleset; gives what its flag says."""
        self._version += 1
        self.server.publish([flag("greeting", f"v{self._version}")])
        return f"v{self._version}"

    def arrives(self, version: str) -> None:
        """All who live and run get there."""
        wait_until(lambda: all(peer.greeting == version for peer in self.peers))

    def requests(self) -> int:
        """How many requests for the manifest come in within the window."""
        return len(self.requests_in_detail())

    def requests_in_detail(self) -> list[Recorded]:
        """Those requests."""
        before = len(self.server.manifest_requests)
        time.sleep(self.window)  # other processes' time
        return list(self.server.manifest_requests)[before:]

    def holder(self) -> Peer:
        """The process that asks for all, caught in the act."""
        self.server.fault("hang")
        found: list[Peer] = []

        def asks() -> bool:
            found[:] = [peer for peer in self.peers if peer.says()["refreshing"]]
            return len(found) == 1

        wait_until(asks)
        return found[0]

    def end(self) -> None:
        """Of all."""
        for peer in self.peers:
            peer.end()


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Processes enough for a host, started once: that is what takes long."""
    with FaultServer([flag("greeting", "v1")]) as server:
        crowd = Crowd(server, tmp_path_factory.mktemp("host") / "shared")
        yield crowd
        crowd.end()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A backend that leaves the pace to its clients."""
    with FaultServer([flag("greeting", "v1")]) as server:
        yield server


@pytest.fixture
def peer(server: FaultServer, tmp_path: Path) -> Iterator[Callable[..., Peer]]:
    """Starts processes that share a folder, unless told another one."""
    started: list[Peer] = []

    def start(cache_dir: Path | str = tmp_path / "shared", **more: Any) -> Peer:
        started.append(Peer(server, cache_dir, **more))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for other processes to get somewhere."""
    return wait_until
