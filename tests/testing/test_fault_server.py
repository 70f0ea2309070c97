"""The server that misbehaves: it serves as the protocol says, does what it is told, and tells what it saw."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING

import pytest

from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk._wire.page import verify_page
from buildflags_sdk.testing import FaultServer, flag
from buildflags_sdk.testing.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/v1/workspaces/acme/environments/production/manifest"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer([flag("new-checkout")]) as server:
        yield server


def ask(server: FaultServer, path: str = PATH, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request with the key, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={"authorization": f"Bearer {server.sdk_key}", **named})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_it_serves_the_manifest_its_etag_and_its_pages() -> None:
    with FaultServer([flag("a"), flag("b")], bits=1, poll=7) as server:
        status, headers, body = ask(server)
        manifest = decode_manifest(body, workspace="acme", environment="production")
        assert (status, manifest.revision, headers["buildflags-poll"]) == (200, 1, "7")
        assert ask(server, if_none_match=headers["etag"])[0] == 304
        for name in manifest.wanted:
            verify_page(name, ask(server, manifest.pages_at + name)[2])
        assert ask(server, authorization="Bearer another")[0] == 401
        assert ask(server, "/nowhere")[0] == 404


def test_it_records_what_it_was_asked_and_under_which_fault(server: FaultServer) -> None:
    began = time.monotonic()
    ask(server)
    server.fault("http_500")
    ask(server, if_none_match="x")
    one, two = server.requests
    assert (one.fault, two.fault, one.path, one.is_manifest) == (None, "http_500", PATH, True)
    assert two.headers["if-none-match"] == "x"
    assert began <= one.at <= two.at
    assert server.manifest_requests == [one, two]
    assert server.until_requested(2) is two
    with pytest.raises(TimeoutError, match="2 requests"):
        server.until_requested(3, timeout=0.01)


def test_an_unknown_fault_is_refused_with_those_there_are(server: FaultServer) -> None:
    with pytest.raises(ValueError, match=r"no fault 'hamg'; there are .*hang"):
        server.fault("hamg")


def test_a_knob_that_a_fault_does_not_have_is_refused_when_it_is_given(server: FaultServer) -> None:
    with pytest.raises(TypeError):
        server.fault("hang", seconds=3)
    with pytest.raises(TypeError):
        server.fault("broken_flag", seconds=3)
    server.fault("slow_3s", seconds=0.01)
    assert ask(server)[0] == 200


def test_every_row_says_what_it_does_and_does_one_thing() -> None:
    for name, row in FAULTS.items():
        assert name == row.name
        assert row.says
        assert row.group in ("Transport", "Status", "Body", "Ruleset")
        assert any((row.act, row.publish, row.greet, row.listening != "open")), f"{name} does nothing"


@pytest.mark.parametrize("name", ["refuse", "connect_blackhole", "tls_failure", "hang", "reset_mid_body"])
def test_after_the_fault_it_is_well_again_on_the_same_port(server: FaultServer, name: str) -> None:
    port = server.port
    for _ in range(3):
        server.fault(name)
        server.well()
        assert ask(server)[0] == 200
    assert server.port == port


def test_a_refused_connection_is_refused_at_once(server: FaultServer) -> None:
    for _ in range(5):
        server.fault("refuse")
        with pytest.raises(ConnectionRefusedError):
            ask(server)
        server.well()
        ask(server)


def test_what_hangs_goes_on_to_hang_after_the_fault(server: FaultServer) -> None:
    server.fault("hang")
    ended = threading.Event()

    def hang() -> None:
        with pytest.raises(ConnectionError):  # closed without a word
            ask(server)
        ended.set()

    thread = threading.Thread(target=hang)
    thread.start()
    server.until_requested(1)
    server.well()
    assert ask(server)[0] == 200
    assert not ended.is_set()
    server.close()
    thread.join(60)
    assert ended.is_set()


def test_a_bad_publication_is_followed_by_a_good_one(server: FaultServer) -> None:
    server.fault("broken_flag")
    _, _, spoilt = ask(server)
    server.well()
    _, _, repaired = ask(server)
    manifests = [decode_manifest(body, workspace="acme", environment="production") for body in (spoilt, repaired)]
    assert "faulty" in str(manifests[0].inline)
    assert "faulty" not in str(manifests[1].inline)
    assert manifests[0].order < manifests[1].order


def test_closing_twice_ends_every_connection() -> None:
    server = FaultServer([flag("a")])
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", PATH)
    connection.getresponse().read()
    server.close()
    server.close()
    with pytest.raises(OSError, match=r"refused|reset|Remote|Broken"):
        ask(server)
    connection.close()
