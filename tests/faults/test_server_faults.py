"""Every fault of the server's table: after a good start, and before the first ruleset with each kind of copy at hand.

The last good answers go on, nothing is raised, it comes back by itself, requests stay within the backoff's budget, and
the log has one line for the fault and one for its end.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import Source
from buildflags_sdk._wire.bundle import encode_bundle
from buildflags_sdk.testing import manifest_for
from buildflags_sdk.testing.faults import FAULTS

from .stage import FAST, PATIENCE, SLACK, Evaluating, Stage, lines_of, said, until, version

if TYPE_CHECKING:
    from pathlib import Path

ELSEWHERE = {"far_future_version", "rollback_published", "stale_edge", "empty_but_valid_ruleset"}
"""Rulesets that are valid and special: each has a test of its own."""

UNNOTICED = {"http_304_unasked"}
"""After a good start it cannot be told from "nothing changed"."""

SLOW_TO_FAIL = {"hang", "drip", "drip_headers", "connect_blackhole"}
PACED = {
    **dict.fromkeys(("http_401", "http_403", "http_404"), FAST.auth_retry),
    **dict.fromkeys(("http_429_retry_5", "http_429_retry_3600", "retry_after_http_date"), FAST.retry_after_cap),
}
"""Faults that set their own pace of asking again, in seconds."""


def recovery_bound(name: str) -> float:
    """Seconds after a fault's end by which the client must be back: the documented cap, and what a busy machine adds."""
    return PACED.get(name, FAST.interval) * (1 + FAST.jitter) + FAST.deadline + SLACK


def budget(name: str, seconds: float) -> float:
    """How often the backend may be asked in so many seconds of failing. Half the backoff's ceiling is the mean wait."""
    if name in PACED:
        return 2 + seconds / PACED[name]
    return 8 + seconds * 4 / FAST.interval


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ELSEWHERE])
def test_a_fault_after_a_good_start(stage: Stage, caplog: pytest.LogCaptureFixture, name: str) -> None:
    client = stage.started()
    row = FAULTS[name]
    with Evaluating(client) as evaluating:
        before, began = client.status(), time.monotonic()
        stage.fault(name)
        stage.server.publish(version(2))
        if row.client == "takes":
            until(lambda: evaluating.answers[-1] == "v2")
        elif name in UNNOTICED:
            until(lambda: client.status().polls >= before.polls + 3)
        else:
            until(lambda: client.status().failures >= (2 if name in SLOW_TO_FAIL or name in PACED else 3))
        lasted = time.monotonic() - began
        during = client.status()
        heard = list(evaluating.answers)
        lines = lines_of(caplog)

        stage.server.well()
        stage.server.publish(version(3))
        took = until(lambda: said(client) == "v3")

    assert evaluating.raised == []
    assert heard == (["v1", "v2"] if row.client == "takes" else ["v1"])
    assert [answer for answer in evaluating.answers if answer == "default"] == []
    assert len(lines) <= 1, lines
    assert len(lines_of(caplog)) <= len(lines) * 2, lines_of(caplog)
    assert during.polls - before.polls <= budget(name, lasted)
    assert took <= recovery_bound(name)
    assert client.status().failures == 0


def bootstrap_file(path: Path) -> Path:
    """What `buildflags pull` writes of `v1`."""
    body, pages = manifest_for(version(1), revision=1)
    path.write_bytes(
        encode_bundle(
            manifest_body=body, pages=pages, etag=None, signature=None, saved_at=time.time(), url="https://example.com"
        )
    )
    return path


def source_of(client: Any) -> Source:
    """Where its ruleset came from. A 304 to the disk copy's ETag makes it the network's."""
    source: Source = client.status().source
    return source


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ELSEWHERE])
def test_a_fault_before_the_first_ruleset(stage: Stage, caplog: pytest.LogCaptureFixture, name: str) -> None:
    disk = stage.folder / "disk"
    stage.started(cache_dir=disk).close()
    shutil.copytree(disk, stage.folder / "disk too")
    pulled = bootstrap_file(stage.folder / "pulled.flags")
    copies: list[tuple[dict[str, Any], Source]] = [
        ({}, Source.DEFAULT),
        ({"cache_dir": disk}, Source.DISK),
        ({"bootstrap": pulled}, Source.BOOTSTRAP),
        ({"cache_dir": stage.folder / "disk too", "bootstrap": pulled}, Source.DISK),
    ]
    stage.fault(name)
    stage.server.publish(version(2))
    clients = []
    for options, _source in copies:
        client = stage.client(**options)
        began = time.monotonic()
        client.start(wait=0.1)
        assert time.monotonic() - began < 0.1 + SLACK, "start waits as long as told"
        clients.append(client)

    if FAULTS[name].client == "takes":
        until(lambda: [said(client) for client in clients] == ["v2"] * 4)
    else:
        until(lambda: all(client.status().polls >= 1 for client in clients))
        until(
            lambda: all(
                source_of(client) in (source, Source.NETWORK)
                for client, (_, source) in zip(clients, copies, strict=True)
            )
        )
        for client, (_options, source) in zip(clients, copies, strict=True):
            details = client.get_details("greeting", "default")
            assert details.value == ("default" if source is Source.DEFAULT else "v1")
            assert details.decided is (source is not Source.DEFAULT)
    lines = lines_of(caplog)
    assert len(lines) <= len(clients), lines

    stage.server.well()
    stage.server.publish(version(3))
    began = time.monotonic()
    until(lambda: all(said(client) == "v3" for client in clients), PATIENCE)
    assert time.monotonic() - began <= recovery_bound(name)
    assert len(lines_of(caplog)) <= 2 * len(clients), lines_of(caplog)
