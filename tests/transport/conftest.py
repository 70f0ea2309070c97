"""A tiny server on a real socket: each connection is served by a thread that runs the test's own script."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import pytest

from buildflags_sdk._transport import Answer, Request
from buildflags_sdk._transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "bf_sdk_9f8e7d6c5b4a"


def ask(transport: HttpTransport, path: str = "/m", max_bytes: int = 1000, **request: Any) -> Answer:
    """One exchange, with time enough for a busy machine."""
    return transport.exchange(
        Request(path, request.pop("headers", {}), request.pop("deadline", 30.0), max_bytes, **request)
    )


def once(body: bytes, status: str = "200 OK", **headers: str) -> Callable[[Connection], None]:
    """A script that answers each request in the same way."""

    def script(connection: Connection) -> None:
        while connection.request():
            connection.answer(body, status, **headers)

    return script


class Connection:
    """One accepted connection, for scripts to read requests from and to write to."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self.server = server
        self.socket = connection

    def request(self) -> str:
        """The next request's head; empty when the client has gone."""
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = self.socket.recv(65536)
            if not chunk:
                return ""
            head += chunk
        text = head.decode("latin-1")
        self.server.requests.append(text)
        return text

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def answer(self, body: bytes = b"{}", status: str = "200 OK", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def drip(self, data: bytes, pause: float = 0.02) -> None:
        """Send byte after byte until the client hangs up or the server stops."""
        for index in range(len(data)):
            if self.server.stopping.wait(pause):
                return
            self.send(data[index : index + 1])

    def hang(self) -> None:
        self.server.stopping.wait(30)


class Server:
    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests: list[str] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def serve(self, script: Callable[[Connection], object]) -> None:
        def one(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                script(Connection(self, connection))

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = self.listener.accept()
                    self.connections += 1
                    thread = threading.Thread(target=one, args=(connection,), daemon=True)
                    thread.start()
                    self._threads.append(thread)

        threading.Thread(target=accept, daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self._threads:
            thread.join(2)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def transport(server: Server) -> Iterator[HttpTransport]:
    """A transport to that server, with `KEY`."""
    made = HttpTransport(server.url, KEY)
    yield made
    made.close()


class Stopwatch:
    """How long a block took, in real seconds."""

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._began


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
