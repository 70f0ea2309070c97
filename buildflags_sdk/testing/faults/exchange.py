"""One request that came in, and every way to answer it: well, late, in part, or not at all."""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .server import FaultServer

_REASONS = {200: "OK", 302: "Found", 304: "Not Modified", 307: "Temporary Redirect", 401: "Unauthorized"}
MOVED = "/moved"
"""What `redirect_same_host` puts before a path; it is served as if it were not there."""


class Recorded(NamedTuple):
    """A request that came in: when (monotonic seconds), what for, with which headers (lower case), under which fault."""

    at: float
    path: str
    headers: Mapping[str, str]
    fault: str | None

    @property
    def is_manifest(self) -> bool:
        """Whether it asked for the manifest; the others ask for pages."""
        return self.path.endswith("/manifest")


class Reply(NamedTuple):
    """An answer that has not been sent yet."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def head(self) -> bytes:
        """The status line and the headers, with the length of the body unless the headers say how it ends."""
        headers = {"content-length": str(len(self.body)), **self.headers}
        if self.status == 304 or "transfer-encoding" in headers or headers["content-length"] == "":
            del headers["content-length"]
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class Hangup(Exception):
    """Ends the connection."""


class Reset(Hangup):
    """Ends the connection rudely."""


class Exchange:
    """What a fault acts on. `number` counts the requests since the fault began, from 0."""

    def __init__(self, server: FaultServer, connection: socket.socket, recorded: Recorded, number: int) -> None:
        self.server = server
        self.connection = connection
        self.number = number
        self.recorded = recorded

    @property
    def path(self) -> str:
        """The path asked for, without a host (a proxy is asked with one) and without `MOVED`."""
        return urlsplit(self.recorded.path).path.removeprefix(MOVED)

    @property
    def is_manifest(self) -> bool:
        """Whether the manifest was asked for."""
        return self.recorded.is_manifest

    # What a healthy backend says.

    def good(self) -> Reply:
        """The right answer."""
        return self.server.answer(self, conditional=True)

    def full(self) -> Reply:
        """The right answer to the same request without `If-None-Match`: never a 304."""
        return self.server.answer(self, conditional=False)

    # Ways to send it.

    def send(self, reply: Reply) -> None:
        """Send all of it at once."""
        self.write(reply.head + reply.body)

    def write(self, data: bytes) -> None:
        """Send bytes; the connection ends when nobody takes them."""
        try:
            self.connection.sendall(data)
        except OSError:
            raise Hangup from None

    def stream(self, chunks: Iterable[bytes]) -> None:
        """Send chunk after chunk, until nobody takes them."""
        for chunk in chunks:
            self.write(chunk)
            self.pause(0.0)

    def drip(self, data: bytes, seconds: float) -> None:
        """Send one byte after another with a pause between them; the last ones come over and over."""
        while True:
            for at in range(len(data)):
                self.pause(seconds)
                self.write(data[at : at + 1])
            data = data[-1:]

    def hang(self) -> None:
        """Say nothing until the other side goes away."""
        while True:
            self.pause(60.0)

    def pause(self, seconds: float) -> None:
        """Wait, and notice when the other side goes away or the server stops."""
        until = time.monotonic() + seconds
        while True:
            if self.server.stopping.is_set():
                raise Hangup
            left = until - time.monotonic()
            readable, _, _ = select.select([self.connection], [], [], min(max(left, 0.0), 0.1))
            if readable:
                if self._is_gone():
                    raise Hangup
                time.sleep(0.01)  # another request lies there already
            if left <= 0.0:
                return

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Reset

    def end(self) -> None:
        """End the connection in good order."""
        raise Hangup

    def _is_gone(self) -> bool:
        """Whether what can be read is the end. TLS knows no peeking: what comes there now can only be its farewell."""
        try:
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except (OSError, ValueError):
            return True
