"""What becomes of a connection, directly and through a proxy, and what is said of it: never the key. Real sockets."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import pytest
import respx

from buildflags_sdk._transport.http import HttpTransport
from buildflags_sdk.errors import ConnectionFailed, TransportError

from .conftest import KEY, ask, once


def test_a_kept_connection_dropped_unannounced_is_replaced_within_the_same_exchange(
    server: Any, transport: HttpTransport
) -> None:
    def script(connection: Any) -> None:
        connection.request()
        connection.answer(b"first")
        connection.request()  # and hang up without a word

    server.serve(script)
    assert [ask(transport).body for _ in range(3)] == [b"first"] * 3
    assert server.connections == 3


def test_a_new_connection_that_breaks_is_not_tried_again(server: Any, transport: HttpTransport) -> None:
    server.serve(lambda connection: connection.request())
    with pytest.raises(ConnectionFailed):
        ask(transport)
    assert server.connections == 1


def test_a_connection_left_alone_across_a_freeze_is_not_used_again(server: Any) -> None:
    server.serve(once(b"{}"))
    wall = [1000.0]
    transport = HttpTransport(server.url, KEY, wall=lambda: wall[0])
    ask(transport)
    ask(transport)
    assert server.connections == 1
    wall[0] += 3600.0  # thawed: the monotonic clock stood still
    ask(transport)
    assert server.connections == 2
    transport.close()


def test_many_threads_share_a_few_connections(server: Any, transport: HttpTransport) -> None:
    server.serve(once(b"{}"))
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(transport).status)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 20
    assert server.connections <= 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_uses_a_connection_of_its_own_and_closing_there_leaves_the_parents_alone(
    server: Any, transport: HttpTransport
) -> None:
    server.serve(once(b"{}"))
    ask(transport)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if ask(transport).status == 200 else 2
            transport.close()
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert ask(transport).status == 200
    assert server.connections == 2


# What is said, and to whom.


def test_no_error_and_no_repr_holds_the_key_or_a_pages_path(server: Any) -> None:
    server.stop()
    transport = HttpTransport(server.url, KEY)
    with pytest.raises(TransportError) as caught:
        ask(transport, "/p/Vq3secret/hash")
    shown = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r} {transport!r}"
    assert KEY not in shown
    assert "secret" not in shown


def test_a_key_that_no_header_can_carry_is_not_in_the_error(server: Any) -> None:
    server.serve(once(b"{}"))
    transport = HttpTransport(server.url, "bf_sdk_\nsecret")
    with pytest.raises(TransportError) as caught:
        ask(transport)
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    transport.close()


def test_no_log_line_is_written_for_a_request(
    server: Any, transport: HttpTransport, caplog: pytest.LogCaptureFixture
) -> None:
    server.serve(once(b"{}"))
    with caplog.at_level(logging.INFO):
        ask(transport)
    assert caplog.records == []


def test_debug_lines_of_the_connection_hold_no_key(
    server: Any, transport: HttpTransport, caplog: pytest.LogCaptureFixture
) -> None:
    server.serve(once(b"{}"))
    with caplog.at_level(logging.DEBUG):
        ask(transport)
    assert KEY not in caplog.text


@respx.mock
def test_httpx_mocks_reach_the_transport() -> None:
    route = respx.get("https://flags.example/m").respond(200, content=b"{}", headers={"etag": '"x"'})
    transport = HttpTransport("https://flags.example", KEY)
    assert ask(transport).headers["etag"] == '"x"'
    assert route.calls.last.request.headers["authorization"] == f"Bearer {KEY}"


# Proxies.


def test_the_environments_proxy_is_used(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.serve(once(b"proxied"))
    monkeypatch.setenv("http_proxy", server.url)
    transport = HttpTransport("http://flags.example", KEY)
    assert ask(transport).body == b"proxied"
    assert server.requests[0].startswith("GET http://flags.example/m HTTP/1.1")
    transport.close()


def test_a_host_that_needs_no_proxy_gets_none(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.serve(once(b"direct"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    transport = HttpTransport(server.url, KEY)
    assert ask(transport).body == b"direct"
    transport.close()


def test_the_environment_can_be_left_out(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server.serve(once(b"direct"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    transport = HttpTransport(server.url, KEY, trust_env=False)
    assert ask(transport).body == b"direct"
    transport.close()


def test_https_through_a_proxy_asks_it_for_a_tunnel_and_shows_it_no_key(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve(once(b"", "403 Forbidden"))
    monkeypatch.setenv("https_proxy", server.url)
    transport = HttpTransport("https://flags.example", KEY)
    with pytest.raises(ConnectionFailed):
        ask(transport)
    assert server.requests[0].startswith("CONNECT flags.example:443 ")
    assert KEY not in server.requests[0]
    transport.close()


def test_a_socks_proxy_is_said_not_to_be_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://user:password@127.0.0.1:1")
    transport = HttpTransport("http://flags.example", KEY)
    with pytest.raises(ConnectionFailed, match=r"socks5://127\.0\.0\.1 is of a kind that is not supported"):
        ask(transport)
