"""Requests that never end: what is half sent, sent byte by byte, endlessly, or not read, is ended by the server."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.server import RateLimit, Settings, SqliteStore, create_app
from buildflags_sdk.server.hosts.uvicorn import HostLimits, running_server
from buildflags_sdk.server.keys import make_key
from buildflags_sdk.server.provision import provision

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = 0.2
"""The server's deadlines, in seconds."""
AT_LAST = 20.0
"""How long a test waits for what should come after `SOON`."""
BRIEF = HostLimits(head_seconds=SOON, answer_seconds=SOON)
"""Only for tests in which nothing has to come in time: a loaded machine may be slower than this."""
FLAGS = "/v1/workspaces/acme/flags"
MANIFEST = "/v1/workspaces/acme/environments/production/manifest"
HALF_A_HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\n"


class Site:
    """A backend with short deadlines."""

    def __init__(self, **settings: Any) -> None:
        self.store = SqliteStore(":memory:")
        self.keys = provision(self.store, "acme", ["production"])
        self.app = create_app(self.store, settings=Settings(**{"body_seconds": SOON, **settings}))

    def keys_by_name(self) -> dict[str, str | None]:
        return {
            "none": None,
            "made up": make_key("management"),
            "for reading": self.keys.server["production"],
            "good": self.keys.management,
        }


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.store.close()


@pytest.fixture
def port(site: Site) -> Iterator[int]:
    """A server that is brief about bodies, and patient otherwise."""
    with running_server(site.app) as url:
        yield _port(url)


@pytest.fixture
def brief_port(site: Site) -> Iterator[int]:
    with running_server(site.app, limits=BRIEF) as url:
        yield _port(url)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=AT_LAST)


def head(key: str | None, path: str = FLAGS, *fields: str) -> bytes:
    given = ["Host: x", *fields, *([f"Authorization: Bearer {key}"] if key else [])]
    return "\r\n".join([f"POST {path} HTTP/1.1", *given, "", ""]).encode()


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the server closes; a socket that stays open fails the test with its timeout."""
    received = b""
    try:
        while more := connection.recv(65536):
            received += more
    except ConnectionError:
        pass
    return received


def drip_until_closed(connection: socket.socket, drop: bytes) -> bytes:
    """Send a little again and again, until the server closes."""
    connection.settimeout(SOON / 10)
    received = b""
    for _ in range(int(AT_LAST / (SOON / 10))):
        try:
            connection.sendall(drop)
            more = connection.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return received
        if not more:
            return received
        received += more
    pytest.fail("the connection stayed open")


@pytest.mark.e2e
class TestOverSockets:
    """What a server does with those who take their time."""

    @pytest.mark.parametrize("sent", [b"", b"G", HALF_A_HEAD], ids=["nothing", "a byte", "half a head"])
    def test_a_connection_whose_head_does_not_come_is_closed(self, brief_port: int, sent: bytes) -> None:
        with connect(brief_port) as connection:
            connection.sendall(sent)
            assert until_closed(connection) == b""

    def test_a_head_that_comes_line_by_line_without_end_is_not_waited_for(self, brief_port: int) -> None:
        with connect(brief_port) as connection:
            connection.sendall(HALF_A_HEAD)
            assert drip_until_closed(connection, b"a: b\r\n") == b""

    def test_the_head_of_a_later_request_has_no_more_time_than_the_first(self, site: Site) -> None:
        limits = HostLimits(head_seconds=1.0)
        with running_server(site.app, limits=limits) as url, connect(_port(url)) as connection:
            connection.sendall(HALF_A_HEAD + b"\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            connection.sendall(HALF_A_HEAD)
            answer = drip_until_closed(connection, b"a: b\r\n")
            assert b"HTTP/1.1" not in answer

    @pytest.mark.parametrize("key", ["none", "made up", "for reading", "good"])
    @pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
    @pytest.mark.parametrize("drop", [b"", b"1\r\nx\r\n"], ids=["half sent", "byte by byte"])
    def test_a_body_that_does_not_end_is_answered_and_the_connection_closed(
        self, site: Site, port: int, key: str, framing: str, drop: bytes
    ) -> None:
        with connect(port) as connection:
            connection.sendall(head(site.keys_by_name()[key], FLAGS, framing) + b"1\r\nx\r\n")
            answer = drip_until_closed(connection, drop) if drop else until_closed(connection)
        expected = {"none": 401, "made up": 403, "for reading": 403, "good": 408}[key]
        assert answer.startswith(b"HTTP/1.1 %d " % expected)
        assert b"\r\nconnection: close\r\n" in answer.lower()

    @pytest.mark.parametrize("path", [MANIFEST, "/health", "/p/x/y", "/nowhere"])
    def test_where_no_body_belongs_one_that_does_not_end_is_not_waited_for_either(self, port: int, path: str) -> None:
        with connect(port) as connection:
            connection.sendall(head(None, path, "Content-Length: 100000"))
            answer = drip_until_closed(connection, b"x")
        assert answer.startswith(b"HTTP/1.1 4")

    def test_who_sends_a_long_body_without_a_key_still_reads_why_it_was_refused(self) -> None:
        site = Site(body_seconds=AT_LAST)
        with running_server(site.app) as url, connect(_port(url)) as connection:
            connection.sendall(head(None, FLAGS, "Content-Length: 900000") + b"x" * 900_000)
            assert until_closed(connection).startswith(b"HTTP/1.1 401 ")
        site.store.close()

    def test_an_answer_that_is_not_read_is_cut_off(self) -> None:
        size = 64_000_000
        answered = threading.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * size})
            answered.set()

        with running_server(app, limits=BRIEF) as url, connect(_port(url)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answered.wait(AT_LAST)
            with connect(_port(url)) as other:  # closed for its own head, begun later, after the same time
                until_closed(other)
            assert len(until_closed(connection)) < size

    def test_over_the_limit_of_connections_requests_are_answered_503(self, site: Site) -> None:
        limits = HostLimits(connections=3)
        with running_server(site.app, limits=limits) as url:
            held = [connect(_port(url)) for _ in range(3)]
            for connection in held[:2]:
                connection.sendall(HALF_A_HEAD)
            held[2].sendall(HALF_A_HEAD + b"\r\n")
            assert held[2].recv(65536).startswith(b"HTTP/1.1 503 ")
            for connection in held:
                connection.close()

    def test_a_connection_goes_on_after_bodies_that_were_sent_whole(self) -> None:
        site = Site(body_seconds=AT_LAST)
        with running_server(site.app) as url, connect(_port(url)) as connection:
            for number in range(3):
                body = b'{"key":"f%d","type":"boolean","variants":{"on":true,"off":false}}' % number
                length = f"Content-Length: {len(body)}"
                connection.sendall(head(site.keys.management, FLAGS, length, "Content-Type: application/json") + body)
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                assert (answer.status, answer.getheader("connection")) == (201, None)
                answer.read()  # whole, in however many pieces it comes
        site.store.close()


class Exchange:
    """One request, given by hand: what the application did, in order."""

    def __init__(self, app: Any, key: str | None, path: str = FLAGS, chunks: int = 3, chunk: bytes = b"x") -> None:
        self.events: list[str] = []
        self.taken = 0
        self.headers: list[tuple[bytes, bytes]] = []
        left = chunks

        async def receive() -> dict[str, Any]:
            nonlocal left
            left -= 1
            self.events.append("receive")
            self.taken += len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": left > 0}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.headers = message["headers"]
            self.events.append(str(message.get("status", "end" if not message.get("more_body") else "body")))

        headers = [
            (b"transfer-encoding", b"chunked"),
            *([(b"authorization", b"Bearer " + key.encode())] if key else []),
        ]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "client": ("10.0.0.1", 1)}
        asyncio.run(app(scope, receive, send))


@pytest.mark.parametrize(("key", "status"), [("none", "401"), ("made up", "403"), ("for reading", "403")])
def test_without_a_management_key_the_answer_is_sent_before_the_body_is_read(site: Site, key: str, status: str) -> None:
    exchange = Exchange(site.app, site.keys_by_name()[key])
    assert exchange.events == [status, "body", "receive", "receive", "receive", "end"]


@pytest.mark.parametrize("path", [MANIFEST, "/p/x/y"])
def test_delivery_answers_before_a_body_is_read(site: Site, path: str) -> None:
    assert Exchange(site.app, None, path).events[:2] == ["405", "body"]


def test_who_asks_too_much_is_told_so_before_the_body_is_read() -> None:
    site = Site(rate=RateLimit(per_second=0.001, burst=1))
    assert Exchange(site.app, None).events[0] == "401"
    assert Exchange(site.app, None).events[:2] == ["429", "body"]
    site.store.close()


@pytest.mark.parametrize("key", ["none", "good"])
def test_of_an_endless_body_no_more_than_the_limit_is_taken(key: str) -> None:
    site = Site(body_bytes=10_000, body_seconds=AT_LAST)
    exchange = Exchange(site.app, site.keys_by_name()[key], chunks=10**9, chunk=b"x" * 1_000)
    assert exchange.events[-1] == "end"
    assert exchange.taken <= 2 * 10_000 + 1_000
    assert (b"connection", b"close") in exchange.headers
    site.store.close()
