"""A server that misbehaves, clients whose settings are scaled down to tenths of seconds, and what to measure of them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from buildflags_sdk import Client, Polling
from buildflags_sdk.testing import FaultServer, flag

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

ROOT = Path(__file__).parents[2]

FAST = Polling(
    interval=0.2,
    minimum=0.05,
    maximum=60.0,
    deadline=1.0,
    auth_retry=0.4,
    retry_after_cap=0.4,
    backoff_first=0.1,
)

KNOBS: dict[str, dict[str, Any]] = {
    "slow_3s": {"seconds": 0.2},
    "drip": {"seconds": 0.05},
    "drip_headers": {"seconds": 0.05},
    "gzip_bomb": {"mebibytes": 32},
    "huge_body": {"mebibytes": 16},
}
"""What faults are told, to fit the scale."""

PATIENCE = 30.0
"""Seconds after which what must happen by itself counts as never happening, on a machine however busy."""

SLACK = 5.0
"""Seconds by which a busy machine may be late. The figures themselves are in the matrix."""


def version(number: int) -> list[Any]:
    """The ruleset `v1`, `v2`, …: what the flag `greeting` says."""
    return [flag("greeting", f"v{number}"), flag("steady", True)]


def said(client: Any) -> str:
    """What the flag says."""
    value: str = client.get_value("greeting", "default")
    return value


def until(holds: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Wait for other threads or processes to get somewhere; gives the seconds it took."""
    began = time.monotonic()
    while not holds():
        took = time.monotonic() - began
        assert took < seconds, "it did not come to pass"
        threading.Event().wait(0.01)
    return time.monotonic() - began


def lines_of(caplog: pytest.LogCaptureFixture, at_least: int = logging.INFO) -> list[str]:
    """What the library logged."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith("buildflags_sdk") and record.levelno >= at_least
    ]


class Stage:
    """A server and the clients made for it."""

    def __init__(self, folder: Path, **server: Any) -> None:
        self.folder = folder
        self.server = FaultServer(version(1), **server)
        self._clients: list[Any] = []

    def client(self, kind: Any = Client, **more: Any) -> Any:
        """A client that was not started."""
        options = {"polling": FAST, "cache_dir": None, **self.server.options(), **more}
        client = kind(**options)
        self._clients.append(client)
        return client

    def started(self, **more: Any) -> Any:
        """A client that has the ruleset."""
        client = self.client(**more)
        client.start(wait=PATIENCE)
        until(lambda: said(client) == "v1")
        return client

    def fault(self, name: str) -> None:
        """Let the server misbehave, to scale."""
        self.server.fault(name, **KNOBS.get(name, {}))

    def until_caught(self, name: str = "hang") -> None:
        """Let the server misbehave, and wait until a request is caught in it."""
        self.fault(name)
        until(lambda: any(request.fault == name for request in list(self.server.requests)))

    def close(self) -> None:
        """End everything."""
        for client in self._clients:
            client._close()
        self.server.close()


class Evaluating:
    """A thread that evaluates all the time a block lasts, and notes each change of the answer and whatever is raised."""

    def __init__(self, client: Any, pause: float = 0.001) -> None:
        self._client = client
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.count = 0
        self.slowest = 0.0
        self.answers: list[str] = []
        self.raised: list[BaseException] = []

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                began = time.perf_counter()
                answer = said(self._client)
                self._client.is_enabled("steady")
                self.slowest = max(self.slowest, time.perf_counter() - began)
                self.count += 1
                if not self.answers or self.answers[-1] != answer:
                    self.answers.append(answer)
                self._stop.wait(self._pause)
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.raised.append(error)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.count or self.raised)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)


def in_child(work: Callable[[], Any]) -> Any:
    """Run `work` in a forked child, and give what it returned (JSON); AssertionError with what it raised."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        child = os.fork()
    if child == 0:
        told = b"null"
        try:
            told = json.dumps([True, work()]).encode()
        except BaseException as error:  # noqa: BLE001 - told to the parent, which fails with it
            told = json.dumps([False, f"{type(error).__name__}: {error}"]).encode()
        finally:
            os.write(write, told)
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        went, result = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert went, result
    return result


PROGRAM = """
import json, os, signal, sys, threading, time
from buildflags_sdk import AsyncClient, Client, Polling
options = json.loads(sys.argv[1])
options["polling"] = Polling(*options["polling"])
client = Client(**options)
def said():
    return client.get_value("greeting", "default")
def scoped():
    with client.scope():
        return said()
def until(holds, seconds=30.0):
    began = time.monotonic()
    while not holds() and time.monotonic() - began < seconds:
        time.sleep(0.01)
    return holds()
client.start(wait=0)
print(json.dumps(until(lambda: client.status().source == "network", float(sys.argv[2]))), flush=True)
for line in sys.stdin:
    kind, _, code = line.strip().partition(" ")
    print(json.dumps(eval(code) if kind == "eval" else exec(code)), flush=True)
"""


class Program:
    """A process of its own with a started client, which does as it is told line by line."""

    def __init__(self, stage: Stage, wait: float = PATIENCE, **more: Any) -> None:
        options = {"cache_dir": None, "polling": list(FAST), **stage.server.options(), **more}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PROGRAM, json.dumps(options), str(wait)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.ready = self._answer()

    def evaluate(self, code: str) -> Any:
        """What an expression comes to there."""
        return self._tell(f"eval {code}")

    def run(self, code: str) -> None:
        """Run a statement there."""
        self._tell(f"exec {code}")

    def tell(self, code: str) -> None:
        """Give a statement, and do not wait for its end."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"exec {code}\n")
        self.process.stdin.flush()

    def ended(self, seconds: float = PATIENCE) -> tuple[float, int, str]:
        """Wait for the end: the seconds it took, the exit status, and what was written to stderr."""
        began = time.monotonic()
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        status = self.process.wait(seconds)
        took = time.monotonic() - began
        assert self.process.stderr is not None
        assert self.process.stdout is not None
        with self.process.stderr, self.process.stdout:
            return took, status, self.process.stderr.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _tell(self, line: str) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read() if self.process.stderr is not None else "it ended"
        return json.loads(line)
