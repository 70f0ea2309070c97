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
from buildflags_sdk._wire.bundle import encode_bundle
from buildflags_sdk.testing import FaultServer, flag

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from buildflags_sdk.testing import ManualClock

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
"""Seconds within which what waits for nothing has ended, where whatever it could wait for takes half a minute or more."""

HELD_UP = 0.25
"""Seconds by which a machine holds up a thread now and then, but not five times in a row: see `quickest`."""

PATIENT = FAST._replace(deadline=60.0)
"""Polling with a deadline that no test waits for: whoever waits for an exchange is noticed."""

PACES = {
    **dict.fromkeys(("http_401", "http_403", "http_404"), FAST.auth_retry),
    **dict.fromkeys(("http_429_retry_5", "http_429_retry_3600", "retry_after_http_date"), FAST.retry_after_cap),
}
"""Seconds between two polls under faults that set a pace of their own; elsewhere it is the interval."""

COSTS = {
    **dict.fromkeys(("redirect_loop", "https_to_http_redirect"), 1 + 3),
    "redirect_same_host": 1 + 1,
    **dict.fromkeys(("wrong_hash", "page_not_there_yet"), 1 + 2),
}
"""Requests that one poll may take, where that is more than one: three redirects are followed, and there are two pages."""

SLOW_TO_FAIL = ("hang", "drip", "drip_headers", "connect_blackhole")
"""Faults under which an exchange ends at its deadline."""


def longest_wait(name: str) -> float:
    """Seconds: the longest that a client with a ruleset may plan to wait for its next poll. Documented, without slack."""
    return PACES.get(name, FAST.interval) * (1 + FAST.jitter)


def most_polls(name: str, seconds: float) -> float:
    """How many polls there may be while a fault lasts: one finds it, one more comes soon, then they keep their pace."""
    return 2 + seconds / PACES.get(name, FAST.interval)


def most_requests(name: str, seconds: float) -> float:
    """How many requests these polls may be."""
    return most_polls(name, seconds) * COSTS.get(name, 1)


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


def says(client: Any, text: str) -> bool:
    """Wait until the flag says something."""
    return until(lambda: said(client) == text) >= 0.0


def quickest(work: Callable[[], object], enough: float) -> float:
    """Do it until it took no longer than `enough` seconds, five times at most; gives the seconds of the quickest.

    A busy machine holds up one or the other; what waits too long by itself does so each time.
    """
    took = []
    for _ in range(5):
        began = time.monotonic()
        work()
        took.append(time.monotonic() - began)
        if took[-1] <= enough:
            break
    return min(took)


def next_poll(client: Any, clock: ManualClock) -> float:
    """Move a clock to the client's next poll, and wait for its end; gives the seconds by which it was moved."""
    clock.until_waited_on(PATIENCE)
    status = client.status()
    wait: float = status.next_refresh_in or 0.0
    clock.advance(wait + 0.001)
    until(lambda: client.status().polls > status.polls)
    clock.until_waited_on(PATIENCE)
    return wait


class Watched:
    """A client's status, looked at again and again: `longest` is the longest wait for the next poll that it ever planned."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.longest = 0.0

    def status(self) -> Any:
        """How it stands now."""
        began = time.monotonic()
        status = self._client.status()
        spent = time.monotonic() - began  # held up in there, it counts from before the plan was made
        self.longest = max(self.longest, (status.next_refresh_in or 0.0) - spent)
        return status


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

    def cured(self, number: int) -> int:
        """Let the server be well and publish that version; gives the count of requests by then."""
        self.server.well()
        self.server.publish(version(number))
        return len(self.server.requests)

    def pulled(self, file: str = "pulled.flags") -> Path:
        """A bootstrap file of what is published now, as `buildflags pull` writes it."""
        document, path = self.server._document, self.folder / file
        body = encode_bundle(
            manifest_body=document.manifest,
            pages=document.pages,
            etag=document.etag,
            signature=document.signature,
            saved_at=time.time(),
            url=self.server.url,
        )
        path.write_bytes(body)
        return path

    def asked_in_vain(self, since: int) -> int:
        """How many requests since that count came from a client that had not got what was published last.

        The one that got it is among them; those of a client that has it say so, however late a test looks.
        """
        has = self.server._document.etag
        return sum(request.headers.get("if-none-match") != has for request in list(self.server.requests)[since:])

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
        self._slowest_of_round = 0.0
        self.answers: list[str] = []
        self.raised: list[BaseException] = []

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                began = time.perf_counter()
                answer = said(self._client)
                self._client.is_enabled("steady")
                took = time.perf_counter() - began
                self.slowest = max(self.slowest, took)
                self._slowest_of_round = max(self._slowest_of_round, took)
                self.count += 1
                if not self.answers or self.answers[-1] != answer:
                    self.answers.append(answer)
                self._stop.wait(self._pause)
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.raised.append(error)

    def rounds(self, count: int, seconds: float) -> list[float]:
        """Let so many rounds of evaluations pass, and give the seconds of the slowest of each."""
        slowest = []
        for _ in range(count):
            self._slowest_of_round = 0.0
            time.sleep(seconds)
            slowest.append(self._slowest_of_round)
        return slowest

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
