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

PATIENCE = 60.0

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
            "error": status.last_error, "freshness": status.freshness, "http": "httpx" in sys.modules}
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

    def wait(holds: Callable[[], object], seconds: float = PATIENCE) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.05)

    return wait
