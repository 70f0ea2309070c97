"""Transports without a network."""

from __future__ import annotations

import threading

import pytest

from buildflags_sdk import AnswerRefused, ConnectionFailed
from buildflags_sdk._transport import Answer, Request
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk._wire.page import page_name
from buildflags_sdk.testing import LocalBackend, ScriptedTransport, flag, manifest_answer, manifest_for

MANIFEST = "/v1/workspaces/acme/environments/production/manifest"


def asking(path: str = MANIFEST, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(path, named, deadline=10, max_bytes=1_000_000)


def test_a_script_is_followed_in_order_and_its_requests_are_kept() -> None:
    body, _ = manifest_for([], revision=3)
    refused = AnswerRefused("a redirect")
    transport = ScriptedTransport(
        [manifest_answer(body), refused, lambda request: Answer(404, {}, request.path.encode())]
    )

    assert transport.exchange(asking("/1")).body == body
    with pytest.raises(AnswerRefused) as raised:
        transport.exchange(asking("/2"))
    assert raised.value is refused
    assert transport.exchange(asking("/3")) == (404, {}, b"/3")
    assert [request.path for request in transport.requests] == ["/1", "/2", "/3"]


def test_after_its_end_a_script_is_a_backend_that_is_gone() -> None:
    transport = ScriptedTransport()

    with pytest.raises(ConnectionFailed):
        transport.exchange(asking())

    transport.add(Answer(304, {}, b""), Answer(503, {}, b""))
    assert transport.exchange(asking()).status == 503


def test_a_test_can_wait_for_a_request_from_another_thread() -> None:
    transport = ScriptedTransport([Answer(200, {}, b"")])
    threading.Thread(target=transport.exchange, args=(asking("/awaited"),), daemon=True).start()

    assert transport.until_requested(1).path == "/awaited"
    with pytest.raises(TimeoutError, match="1 requests"):
        transport.until_requested(2, timeout=0.01)


def test_a_local_backend_answers_304_to_its_own_etag_until_it_publishes() -> None:
    backend = LocalBackend([flag("new-checkout")])
    etag = backend.exchange(asking()).headers["etag"]

    unchanged = backend.exchange(asking(if_none_match=etag))
    backend.publish([flag("new-checkout", False)])
    changed = backend.exchange(asking(if_none_match=etag))

    assert (unchanged.status, unchanged.body) == (304, b"")
    assert changed.status == 200
    assert decode_manifest(changed.body, workspace="acme", environment="production").revision == 2


def test_a_local_backend_serves_the_pages_that_its_manifests_name_the_old_ones_too() -> None:
    backend = LocalBackend([flag("new-checkout")], bits=0)
    old = decode_manifest(backend.exchange(asking()).body, workspace="acme", environment="production")
    backend.publish([flag("new-checkout", False)])
    new = decode_manifest(backend.exchange(asking()).body, workspace="acme", environment="production")

    assert old.pages != new.pages
    for name in (*old.pages, *new.pages):
        assert page_name(backend.exchange(asking(f"/p/testing/{name}")).body) == name
    assert backend.exchange(asking("/p/testing/unheard-of")).status == 404


def test_a_local_backend_fails_and_recovers_as_told() -> None:
    backend = LocalBackend()

    backend.fail()
    with pytest.raises(ConnectionFailed):
        backend.exchange(asking())
    backend.fail(Answer(503, {"retry-after": "5"}, b""))
    assert backend.exchange(asking()).status == 503
    backend.recover()
    assert backend.exchange(asking()).status == 200
