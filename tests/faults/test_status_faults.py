"""Answers with a status that needs more than "keep what is there": keys, Retry-After, 304s, redirects."""

from __future__ import annotations

import shutil
import time

from buildflags_sdk import Source
from buildflags_sdk.testing import FaultServer

from .stage import (
    COSTS,
    FAST,
    PATIENT,
    Stage,
    Watched,
    lines_of,
    longest_wait,
    most_polls,
    said,
    until,
    version,
)


def test_http_401_then_key_fixed(stage: Stage, caplog) -> None:
    client = stage.started(polling=PATIENT)
    watched, right = Watched(client), stage.server.sdk_key
    stage.server.sdk_key = "bf_server_another"
    stage.server.publish(version(2))
    until(lambda: watched.status().failures >= 2)
    assert said(client) == "v1"
    lines = lines_of(caplog)
    assert len(lines) == 1
    assert "check the key" in lines[0]
    assert right not in lines[0]
    stage.server.sdk_key = right
    since = len(stage.server.requests)
    until(lambda: watched.status() and said(client) == "v2")
    assert watched.longest <= longest_wait("http_401")
    assert stage.asked_in_vain(since) <= 1


def test_retry_after_is_capped_and_the_next_request_comes_no_sooner(stage: Stage) -> None:
    client = stage.started(polling=PATIENT)
    watched, asked, began = Watched(client), len(stage.server.requests), time.monotonic()
    stage.fault("http_429_retry_3600")
    until(lambda: watched.status().failures >= 4)
    assert len(stage.server.requests) - asked <= most_polls("http_429_retry_3600", time.monotonic() - began)
    assert watched.longest <= longest_wait("http_429_retry_3600")
    assert client.status().last_error is not None


def test_a_refresh_by_hand_does_not_go_around_retry_after(stage: Stage) -> None:
    polling = FAST._replace(retry_after_cap=60.0)
    client = stage.started(polling=polling)
    stage.fault("http_429_retry_3600")
    until(lambda: client.status().failures == 1)
    asked = len(stage.server.requests)
    for _ in range(5):
        client.refresh(wait=0.05)
    assert len(stage.server.requests) == asked
    assert client.status().next_refresh_in > 30


def test_http_304_unasked_at_start(stage: Stage, caplog) -> None:
    stage.fault("http_304_unasked")
    client = stage.client()
    assert not client.start(wait=0.3)
    until(lambda: client.status().failures >= 3)
    assert said(client) == "default"
    assert len(lines_of(caplog)) == 1
    stage.server.well()
    until(lambda: said(client) == "v1")


def test_http_304_after_cache_lost(stage: Stage) -> None:
    """An edge that answers 304 to everybody, and a client whose disk copy went away with its folder."""
    disk = stage.folder / "disk"
    stage.started(cache_dir=disk).close()
    shutil.rmtree(disk)
    stage.fault("http_304_unasked")
    client = stage.client(cache_dir=disk)
    client.start(wait=0.1)
    until(lambda: client.status().failures >= 2)
    assert all("if-none-match" not in request.headers for request in stage.server.requests if request.fault)
    stage.server.well()
    until(lambda: said(client) == "v1")


def test_http_304_unasked_in_steady_state_counts_as_nothing_changed(stage: Stage) -> None:
    client = stage.started()
    until(lambda: "if-none-match" in stage.server.requests[-1].headers)
    stage.fault("http_304_unasked")
    until(lambda: client.status().not_modified >= 3)
    assert client.status().failures == 0
    assert said(client) == "v1"


def test_redirect_other_host(stage: Stage, caplog) -> None:
    client = stage.started()
    with FaultServer(version(9)) as other:
        stage.server.fault("redirect_other_host", to=other.url)
        stage.server.publish(version(2))
        until(lambda: client.status().failures >= 4)
        assert other.requests == [], "it was not followed, and the key was not sent"
    assert said(client) == "v1"
    assert len(lines_of(caplog)) == 1
    stage.server.well()
    until(lambda: said(client) == "v2")


def test_redirect_same_host(stage: Stage) -> None:
    client = stage.started()
    stage.fault("redirect_same_host")
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
    moved = next(request for request in stage.server.requests if request.path.startswith("/moved"))
    assert "authorization" in moved.headers
    assert client.status().source is Source.NETWORK


def test_redirect_loop(stage: Stage) -> None:
    client = stage.started()
    stage.fault("redirect_loop")
    until(lambda: client.status().failures >= 2)
    asked = sum(request.fault is not None for request in list(stage.server.requests))
    assert asked <= COSTS["redirect_loop"] * (client.status().failures + 1), "three redirects are followed, not more"
    assert said(client) == "v1"
