"""Real sockets: whatever the other side does with its bytes, an exchange ends on time."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpcore
import pytest

from buildflags_sdk._transport import Request
from buildflags_sdk._transport.http import HttpTransport
from buildflags_sdk._transport.network import Budget, Names, Network
from buildflags_sdk.errors import ConnectionFailed, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

DEADLINE = 0.4
GRACE = 10.0
"""Seconds for a busy machine: what hangs or drips here would do so for half a minute, or says by its end that nobody was late."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def ask(transport: HttpTransport, deadline: float = DEADLINE) -> bytes:
    return transport.exchange(Request("/m", {}, deadline, 1_000_000)).body


def hang(connection: Any) -> None:
    connection.request()
    connection.hang()


def drip_headers(connection: Any) -> None:
    connection.request()
    connection.drip(HEAD + b"x-padding: " + b"x" * 10_000)


def drip_body(connection: Any) -> None:
    connection.request()
    connection.send(HEAD + b"content-length: 10000\r\n\r\n")
    connection.drip(b"x" * 10_000)


def drip_gzip(connection: Any) -> None:
    connection.request()
    body = gzip.compress(bytes(range(256)) * 40)
    connection.send(HEAD + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body))
    connection.drip(body)


def drip_chunks(connection: Any) -> None:
    connection.request()
    connection.send(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    connection.drip(b"1\r\nx\r\n" * 2_000)


def drip_informational(connection: Any) -> None:
    connection.request()
    connection.drip(b"HTTP/1.1 102 Processing\r\n\r\n" * 1_000, 0.005)


@pytest.mark.parametrize("script", [hang, drip_headers, drip_body, drip_gzip, drip_chunks, drip_informational])
def test_an_exchange_ends_at_its_deadline_whatever_drips(
    server: Any, stopwatch: Any, script: Callable[[Any], None]
) -> None:
    server.serve(script)
    transport = HttpTransport(server.url, "k")
    with stopwatch, pytest.raises(DeadlineExceeded, match=r"0\.4 s"):
        ask(transport)
    assert DEADLINE - 0.05 <= stopwatch.seconds < DEADLINE + GRACE
    transport.close()


def test_a_connection_that_nobody_accepts_ends_at_the_deadline(stopwatch: Any) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    transport = HttpTransport(f"http://127.0.0.1:{listener.getsockname()[1]}", "k")
    with stopwatch, pytest.raises((DeadlineExceeded, ConnectionFailed)):
        ask(transport)
    assert stopwatch.seconds < DEADLINE + GRACE
    for used in (*fillers, listener):
        used.close()
    transport.close()


def test_a_tls_handshake_that_never_goes_on_ends_at_the_deadline(server: Any, stopwatch: Any) -> None:
    server.serve(lambda connection: connection.hang())
    transport = HttpTransport(server.url.replace("http:", "https:"), "k")
    with pytest.raises(DeadlineExceeded):  # loads the certificates, which takes its own time
        ask(transport)
    with stopwatch, pytest.raises(DeadlineExceeded):
        ask(transport)
    assert stopwatch.seconds < DEADLINE + GRACE
    transport.close()


def test_a_look_up_that_hangs_ends_at_the_deadline_and_is_joined_by_the_next(
    stopwatch: Any,
) -> None:
    release, begun = threading.Event(), []

    def look_up(*args: Any) -> list[Any]:
        begun.append(args)
        release.wait(60)
        return [(2, 1, 6, "", ("127.0.0.1", 1))]

    names = Names(look_up)
    with stopwatch:
        for _ in range(3):
            with pytest.raises(httpcore.ConnectTimeout, match=r"no address of flags\.example in time"):
                names.addresses("flags.example", 443, 0.05)
    assert stopwatch.seconds < GRACE
    assert len(begun) == 1
    release.set()
    assert names.addresses("flags.example", 443, 60.0) == ["127.0.0.1"]


def test_a_look_up_that_has_answered_leaves_no_thread() -> None:
    """A host that freezes the process right afterwards finds nothing of it under way."""

    def end_slowly(frame: Any, event: str, _value: Any) -> None:
        if event == "return" and frame.f_code.co_name == "_work":
            threading.Event().wait(0.05)

    names = Names(lambda *_: [(2, 1, 6, "", ("127.0.0.1", 1))])
    threading.setprofile(end_slowly)
    try:
        assert names.addresses("flags.example", 443, 60.0) == ["127.0.0.1"]
        assert [thread for thread in threading.enumerate() if thread.name == "buildflags-names"] == []
    finally:
        threading.setprofile(None)


def test_a_name_that_does_not_exist_is_a_failed_connection_that_says_so() -> None:
    def look_up(*_: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(httpcore.ConnectError, match=r"no address of nowhere\.example: .*not known"):
        Names(look_up).addresses("nowhere.example", 443, 60.0)


def test_a_dead_first_address_leaves_time_for_the_second(server: Any) -> None:
    server.serve(lambda connection: (connection.request(), connection.answer(b"ok")))
    entries = [(2, 1, 6, "", (host, 0)) for host in ("127.0.0.3", "127.0.0.1")]
    budget = Budget()
    budget.until = time.monotonic() + 60.0
    network = Network(budget, time.monotonic, lambda *_: entries)
    stream = network.connect_tcp("flags.example", server.port)
    stream.write(b"GET / HTTP/1.1\r\n\r\n")
    assert stream.read(1000).endswith(b"ok")
    stream.close()


def test_closing_ends_an_exchange_that_hangs(server: Any, stopwatch: Any) -> None:
    server.serve(hang)
    transport = HttpTransport(server.url, "k")
    failed: list[Exception] = []

    def exchange() -> None:
        try:
            ask(transport, 60.0)
        except ConnectionFailed as error:
            failed.append(error)

    thread = threading.Thread(target=exchange)
    thread.start()
    while not server.requests:
        server.stopping.wait(0.01)
    with stopwatch:
        transport.close()
        transport.close()
        thread.join(30)
    assert failed
    assert stopwatch.seconds < GRACE
    with pytest.raises(ConnectionFailed, match="was closed"):
        ask(transport)
