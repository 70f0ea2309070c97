"""What an answer over HTTP may be, and where redirects lead. Real sockets."""

from __future__ import annotations

import gzip
import os
from typing import Any

import httpx
import pytest

from buildflags_sdk._transport.http import HttpTransport
from buildflags_sdk.errors import AnswerRefused, ConnectionFailed

from .conftest import KEY, ask, once

JSON = {"content_type": "application/json"}


def test_an_answer_has_its_status_its_headers_in_lower_case_and_its_body(server: Any, transport: HttpTransport) -> None:
    server.serve(once(b"{}", ETag='W/"x"', **JSON))
    answer = ask(transport, headers={"If-None-Match": 'W/"y"'})
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"{}", 'W/"x"')


def test_a_request_says_who_asks_and_that_gzip_is_all_it_reads(server: Any, transport: HttpTransport) -> None:
    server.serve(once(b"{}"))
    ask(transport, headers={"If-None-Match": 'W/"y"'})
    request = server.requests[0].lower()
    assert request.startswith("get /m http/1.1\r\n")
    assert "\r\naccept-encoding: gzip\r\n" in request
    assert f"\r\nauthorization: bearer {KEY}\r\n" in request
    assert '\r\nif-none-match: w/"y"\r\n' in request
    assert "\r\nuser-agent: buildflags-sdk/" in request
    assert " python/3." in request
    assert request.count("\r\nhost: ") == 1


def test_an_unauthorized_request_carries_no_key(server: Any, transport: HttpTransport) -> None:
    server.serve(once(b"page"))
    ask(transport, "/p/secret/hash", authorized=False)
    assert "authorization" not in server.requests[0].lower()


def test_a_request_that_brings_its_own_key_keeps_it(server: Any, transport: HttpTransport) -> None:
    server.serve(once(b"{}"))
    ask(transport, headers={"authorization": "Bearer other"})
    assert "Bearer other" in server.requests[0]
    assert KEY not in server.requests[0]


def test_the_path_of_the_address_comes_before_every_request(server: Any) -> None:
    server.serve(once(b"{}"))
    transport = HttpTransport(f"{server.url}/flags/", KEY)
    ask(transport, "/p/x")
    assert server.requests[0].startswith("GET /flags/p/x ")
    transport.close()


def test_gzip_is_inflated(server: Any, transport: HttpTransport) -> None:
    server.serve(once(gzip.compress(b'{"a":1}'), content_encoding="gzip"))
    assert ask(transport).body == b'{"a":1}'


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"{}", {"content_encoding": "gzip"}, "said to be gzip and is not"),
        (gzip.compress(b"{}")[:-4], {"content_encoding": "gzip"}, "ends early"),
        (gzip.compress(b"{}") + b"more", {"content_encoding": "gzip"}, "goes on after the end"),
        (gzip.compress(b"{}") * 2, {"content_encoding": "gzip"}, "goes on after the end"),
        (b"", {"content_encoding": "gzip"}, "ends early"),
        (gzip.compress(b"\0" * 1001), {"content_encoding": "gzip"}, "over the limit of 1000 bytes"),
        (gzip.compress(bytes(200 << 20), 9), {"content_encoding": "gzip"}, "over the limit"),
        (b"x" * 1001, {}, "over the limit of 1000 bytes"),
        (b"x" * 10_000, {}, "10000 bytes is announced"),
        (b"{}", {"content_encoding": "br"}, "encoded as 'br'"),
        (b"{}", {"content_encoding": "gzip, gzip"}, "encoded as 'gzip, gzip'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_that_is_not_what_it_should_be_is_refused(
    server: Any, transport: HttpTransport, body: bytes, headers: dict[str, str], says: str
) -> None:
    server.serve(once(body, **headers))
    with pytest.raises(AnswerRefused, match=says):
        ask(transport)


def test_a_bomb_never_takes_more_memory_than_its_limit(server: Any, transport: HttpTransport) -> None:
    import tracemalloc

    bomb = gzip.compress(bytes(64 << 20), 9)
    server.serve(once(bomb, content_encoding="gzip"))
    ask(transport, max_bytes=1_000_000_000)
    tracemalloc.start()
    with pytest.raises(AnswerRefused):
        ask(transport, max_bytes=1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


def test_a_body_of_exactly_the_limit_is_taken(server: Any, transport: HttpTransport) -> None:
    server.serve(once(gzip.compress(os.urandom(1000)), content_encoding="gzip"))
    assert len(ask(transport).body) == 1000


def test_an_orderly_close_in_the_middle_of_a_body_is_a_broken_connection(server: Any, transport: HttpTransport) -> None:
    def script(connection: Any) -> None:
        connection.request()
        connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")

    server.serve(script)
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
        ask(transport)


def test_what_is_no_http_is_a_broken_connection(server: Any, transport: HttpTransport) -> None:
    server.serve(lambda connection: (connection.request(), connection.send(b"SSH-2.0-OpenSSH_9.6\r\n" * 9)))
    with pytest.raises(ConnectionFailed):
        ask(transport)


def test_a_refused_connection_is_said_with_its_host_and_port(server: Any, transport: HttpTransport) -> None:
    server.stop()
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{server.port}: .*refused"):
        ask(transport)


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found", "429 Too Many", "500 Oops", "204 No Content"])
def test_other_statuses_are_answers_without_a_body(server: Any, transport: HttpTransport, status: str) -> None:
    server.serve(once(b"" if status.startswith("204") else b"<html>", status, retry_after="7"))
    answer = ask(transport)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (int(status[:3]), b"", "7")


def test_a_304_keeps_the_connection(server: Any, transport: HttpTransport) -> None:
    server.serve(once(b"", "304 Not Modified", etag='"x"'))
    assert [ask(transport).status for _ in range(3)] == [304] * 3
    assert server.connections == 1


# Redirects.


def redirecting(to: str, status: str = "302 Found") -> Any:
    def script(connection: Any) -> None:
        while head := connection.request():
            if head.startswith("GET /m "):
                connection.answer(b"", status, location=to)
            else:
                connection.answer(b"there")

    return script


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_redirect_on_the_same_host_is_followed_with_the_key(
    server: Any, transport: HttpTransport, status: str
) -> None:
    server.serve(redirecting("/elsewhere", status))
    assert ask(transport).body == b"there"
    assert KEY in server.requests[1]


def test_a_redirect_to_another_host_is_not_followed_and_sees_no_key(server: Any, transport: HttpTransport) -> None:
    server.serve(redirecting(f"http://localhost:{server.port}/elsewhere"))
    with pytest.raises(AnswerRefused, match="localhost, which is not followed"):
        ask(transport)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:1/x",
        "//evil.example/x",
        "https://127.0.0.1:9/x",
        "http://127.0.0.1@evil.example/",
        "ftp://127.0.0.1/",
    ],
)
def test_a_redirect_to_another_port_scheme_or_user_part_is_not_followed(
    server: Any, transport: HttpTransport, to: str
) -> None:
    server.serve(redirecting(to))
    with pytest.raises(AnswerRefused, match="not followed"):
        ask(transport)
    assert len(server.requests) == 1


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    asked: list[httpx.URL] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(302, headers={"location": "http://flags.example/m"})

    transport = HttpTransport("https://flags.example", KEY, sender=httpx.MockTransport(handle))
    with pytest.raises(AnswerRefused, match=r"http://flags\.example, which is not followed"):
        ask(transport)
    assert len(asked) == 1


def test_a_redirect_from_http_to_https_on_the_same_host_is_followed() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "http":
            return httpx.Response(301, headers={"location": "https://flags.example/m"})
        return httpx.Response(200, content=request.headers["authorization"].encode())

    transport = HttpTransport("http://flags.example", KEY, sender=httpx.MockTransport(handle))
    assert ask(transport).body == f"Bearer {KEY}".encode()


def test_a_redirect_loop_ends(server: Any, transport: HttpTransport) -> None:
    server.serve(redirecting("/m"))
    with pytest.raises(AnswerRefused, match="more than 3 times"):
        ask(transport)
    assert len(server.requests) == 4


def test_a_redirect_without_a_target_is_an_answer(server: Any, transport: HttpTransport) -> None:
    server.serve(once(b"", "302 Found"))
    assert ask(transport).status == 302


@pytest.mark.parametrize("path", ["m", "", "https://evil.example/", "/ü", "/a b\n"])
def test_a_path_that_is_none_is_refused(transport: HttpTransport, path: str) -> None:
    with pytest.raises(AnswerRefused, match="no absolute path"):
        ask(transport, path)


@pytest.mark.parametrize("path", ["//evil.example/x", "/@evil.example/", "/..//evil.example"])
def test_no_path_leads_to_another_host(server: Any, transport: HttpTransport, path: str) -> None:
    server.serve(once(b"here"))
    assert ask(transport, path).body == b"here"


def test_the_http_library_is_loaded_by_the_first_exchange_and_not_before() -> None:
    import subprocess
    import sys

    program = (
        "import sys\n"
        "from buildflags_sdk._transport.http import HttpTransport\n"
        "HttpTransport('https://flags.example', 'k')\n"
        "print(sorted({'httpx', 'httpcore', 'ssl', 'asyncio', 'socket'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
