"""A stand-in for Lambda's Runtime API, and a function in a real runtime interface client (awslambdaric) beside it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.testing import FaultServer, flag

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 60.0

HOST = "flags.example"
"""A name of the backend that only a function's own resolver knows; its look-ups hang while the file `stuck` is there."""

HANDLER = """
import pathlib, socket, threading, time
import httpx  # what is slow to load on a busy machine, so that the waits below are for the backend
from buildflags_sdk import Client
from buildflags_sdk.integrations.aws_lambda import lambda_handler

real, stuck = socket.getaddrinfo, pathlib.Path({stuck!r})

def look_up(host, *args, **more):
    if host == {host!r}:
        while stuck.exists():
            time.sleep(0.01)
        host = "127.0.0.1"
    return real(host, *args, **more)

socket.getaddrinfo = look_up  # the system's resolver, as far as this process knows

client = Client.from_env(bootstrap={bootstrap!r}, cache_dir=None)
client.start(wait={wait})

@lambda_handler(client, budget={budget}, after={after})
def handler(event, context):
    found = client.get_details("greeting", "default")
    return {{
        "greeting": found.value,
        "freshness": found.freshness,
        "threads": [thread.name for thread in threading.enumerate()],
    }}
"""


class RuntimeApi(ThreadingHTTPServer):
    """What the runtime asks for its next event and answers to."""

    daemon_threads = True

    def __init__(self) -> None:
        self.events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        super().__init__(("127.0.0.1", 0), RuntimeRequest)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class RuntimeRequest(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body in two small writes cost 44 ms otherwise
    wbufsize = -1

    def do_GET(self) -> None:
        event = self.server.events.get()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "request-1",
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 10) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:1:function:shop",
            "Content-Type": "application/json",
        }
        self._answer(200, json.dumps(event).encode(), headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.put((self.path.rpartition("/")[2], json.loads(body)))
        self._answer(202, b"{}", {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Function:
    """A function's process."""

    def __init__(self, folder: Path, backend: FaultServer, **how: Any) -> None:
        self.stuck = folder / "stuck"
        options = {
            "bootstrap": None,
            "wait": 5.0,
            "budget": 5.0,
            "after": False,
            "host": HOST,
            "url": backend.url,
            **how,
        }
        options["stuck"] = str(self.stuck)
        (folder / "shop.py").write_text(HANDLER.format(**options))
        self._api = RuntimeApi()
        environ = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
        environ |= {
            "AWS_LAMBDA_RUNTIME_API": self._api.place,
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
            "BUILDFLAGS_URL": options["url"],
            "BUILDFLAGS_SDK_KEY": backend.sdk_key,
            "BUILDFLAGS_WORKSPACE": backend.workspace,
            "BUILDFLAGS_ENVIRONMENT": backend.environment,
            "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "shop.handler"], cwd=folder, env=environ, stderr=subprocess.DEVNULL
        )

    def invoke(self) -> tuple[dict[str, Any], float]:
        """One invocation: what the handler returned, and the seconds it took."""
        began = time.monotonic()
        self.begin()
        return self.answer(), time.monotonic() - began

    def begin(self) -> None:
        """Begin an invocation."""
        self._api.events.put({"user": "ada"})

    def answer(self) -> dict[str, Any]:
        """What the handler of an invocation that was begun returned."""
        kind, answer = self._api.answers.get(timeout=PATIENCE)
        assert kind == "response", answer
        told: dict[str, Any] = answer
        return told

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()
        self._api.events.put(None)
        self._api.shutdown()
        self._api.server_close()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A backend that asks for a poll every second."""
    with FaultServer([flag("greeting", "v1")], poll=1) as server:
        yield server


@pytest.fixture
def function(tmp_path: Path, server: FaultServer) -> Iterator[Any]:
    """Starts functions on that backend."""
    pytest.importorskip("awslambdaric")
    started: list[Function] = []

    def start(**how: Any) -> Function:
        started.append(Function(tmp_path, server, **how))
        return started[-1]

    yield start
    for one in started:
        one.end()
