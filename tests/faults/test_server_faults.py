"""Every fault of the server's table: after a good start, and before the first ruleset with each kind of copy at hand.

The last good answers go on, nothing is raised, it comes back by itself, requests stay within the backoff's budget, and
the log has one line for the fault and one for its end.
"""

from __future__ import annotations

import shutil
import time
from typing import Any

import pytest

from buildflags_sdk import Source
from buildflags_sdk.testing.faults import FAULTS

from .stage import (
    FAST,
    PACES,
    PATIENT,
    SLOW_TO_FAIL,
    Evaluating,
    Stage,
    Watched,
    lines_of,
    longest_wait,
    most_polls,
    most_requests,
    said,
    until,
    version,
)

ELSEWHERE = {"far_future_version", "rollback_published", "stale_edge", "empty_but_valid_ruleset"}
ELSEWHERE |= {name for name, row in FAULTS.items() if row.signed}
"""Rulesets that are valid and special, and signatures: each has a test of its own."""

UNNOTICED = {"http_304_unasked"}
"""After a good start it cannot be told from "nothing changed"."""


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ELSEWHERE])
def test_a_fault_after_a_good_start(stage: Stage, caplog: pytest.LogCaptureFixture, name: str) -> None:
    slow = name in SLOW_TO_FAIL
    client = stage.started(polling=FAST if slow else PATIENT)
    row, watched = FAULTS[name], Watched(client)
    with Evaluating(client) as evaluating:
        before, asked, began = client.status(), len(stage.server.requests), time.monotonic()
        stage.fault(name)
        stage.server.publish(version(2))
        if row.client == "takes":
            until(lambda: evaluating.answers[-1] == "v2")
        elif name in UNNOTICED:
            until(lambda: watched.status().polls >= before.polls + 3)
        else:
            until(lambda: watched.status().failures >= (2 if slow or name in PACES else 3))
        polls, asked = watched.status().polls - before.polls, len(stage.server.requests) - asked
        lasted = time.monotonic() - began
        heard = list(evaluating.answers)
        lines = lines_of(caplog)

        since = stage.cured(3)
        until(lambda: watched.status() and said(client) == "v3")

    assert evaluating.raised == []
    assert heard == (["v1", "v2"] if row.client == "takes" else ["v1"])
    assert [answer for answer in evaluating.answers if answer == "default"] == []
    assert len(lines) <= 1, lines
    assert len(lines_of(caplog)) <= len(lines) * 2, lines_of(caplog)
    assert polls <= most_polls(name, lasted)
    assert asked <= most_requests(name, lasted)
    assert watched.longest <= longest_wait(name), "the next poll is planned as the documents say"
    assert stage.asked_in_vain(since) <= (2 if slow else 1), "the next poll after the fault's end brings it back"
    assert client.status().failures == 0


@pytest.mark.parametrize("name", SLOW_TO_FAIL)
def test_no_evaluation_waits_for_an_exchange_that_hangs(stage: Stage, name: str) -> None:
    """The exchange could take a minute: it is still under way when all evaluations are over."""
    client = stage.started(polling=PATIENT)
    stage.fault(name)
    stage.server.publish(version(2))
    until(lambda: client.status().refreshing)
    polls = client.status().polls
    for _ in range(1000):
        assert said(client) == "v1"
        assert client.get_details("steady", False).value is True
    assert client.status().refreshing
    assert client.status().polls == polls


def source_of(client: Any) -> Source:
    """Where its ruleset came from. A 304 to the disk copy's ETag makes it the network's."""
    source: Source = client.status().source
    return source


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ELSEWHERE])
def test_a_fault_before_the_first_ruleset(stage: Stage, caplog: pytest.LogCaptureFixture, name: str) -> None:
    disk = stage.folder / "disk"
    stage.started(cache_dir=disk).close()
    shutil.copytree(disk, stage.folder / "disk too")
    pulled = stage.pulled()
    copies: list[tuple[dict[str, Any], Source]] = [
        ({}, Source.DEFAULT),
        ({"cache_dir": disk}, Source.DISK),
        ({"bootstrap": pulled}, Source.BOOTSTRAP),
        ({"cache_dir": stage.folder / "disk too", "bootstrap": pulled}, Source.DISK),
    ]
    stage.fault(name)
    stage.server.publish(version(2))
    clients = [
        stage.client(polling=FAST if name in SLOW_TO_FAIL else PATIENT, **options) for options, _source in copies
    ]
    watched = [Watched(client) for client in clients]
    for client in clients:
        client.start(wait=0.1)

    if FAULTS[name].client == "takes":
        until(lambda: [said(client) for client in clients] == ["v2"] * 4)
    else:
        until(lambda: all(each.status().polls >= 1 for each in watched))
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

    since = stage.cured(3)
    until(lambda: all(each.status() for each in watched) and all(said(client) == "v3" for client in clients))
    assert max(each.longest for each in watched) <= longest_wait(name)
    assert stage.asked_in_vain(since) <= len(clients) * (2 if name in SLOW_TO_FAIL else 1)
    assert len(lines_of(caplog)) <= 2 * len(clients), lines_of(caplog)
