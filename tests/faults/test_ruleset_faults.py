"""Rulesets that are valid and special, and entries that cost nobody but themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import Client, ErrorCode
from buildflags_sdk.testing import FaultServer, ManualClock
from buildflags_sdk.testing.faults.rulesets import EXTRA, FAR_FUTURE

from .stage import PATIENCE, Evaluating, Stage, lines_of, next_poll, said, until, version

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("name", ["broken_flag", "unknown_operator", "unknown_field", "rule_cycle", "missing_segment"])
def test_one_bad_entry_is_named_and_costs_the_others_nothing(
    stage: Stage, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    client = stage.started()
    stage.fault(name)
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
    context = {"targetingKey": "u", "country": "DE"}
    for _ in range(50):
        assert client.is_enabled(EXTRA, context, default=True) is True
    details = client.get_details(EXTRA, True, context)
    assert (details.value, details.decided, details.error_code) == (True, False, ErrorCode.PARSE_ERROR)
    assert details.error_message
    assert client.is_enabled("steady")
    if name not in ("rule_cycle", "missing_segment"):  # those can only be known by following them
        assert set(client.status().broken) == {EXTRA}
    assert len(lines_of(caplog)) <= 1, "one line per key and revision, none per evaluation"
    stage.server.well()
    until(lambda: client.keys().isdisjoint({EXTRA}))


def test_newer_schema_version(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    client = stage.started()
    stage.fault("newer_schema_version")
    until(lambda: client.status().failures >= 3)
    assert said(client) == "v1"
    (line,) = lines_of(caplog)
    assert "format" in line
    assert "it reads 1" in line


def test_stale_edge(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    client = stage.started()
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
    with Evaluating(client) as evaluating:
        stage.fault("stale_edge")
        until(lambda: client.status().step_backs >= 4)
    assert evaluating.answers == ["v2"], "it does not flap"
    assert client.status().failures == 0
    assert lines_of(caplog) == []
    stage.server.well()
    stage.server.publish(version(3))
    until(lambda: said(client) == "v3")


class Timed:
    """A client whose clock is moved by hand, on a real server."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.server = FaultServer(version(1))
        self.client = Client(**self.server.options(), cache_dir=None, clock=self.clock)
        assert self.client.start(wait=PATIENCE)
        self.passed = 0.0

    def until_next_poll(self) -> None:
        """Move the clock to the next poll, and wait for its end."""
        self.passed += next_poll(self.client, self.clock)


@pytest.fixture
def timed() -> Iterator[Timed]:
    timed = Timed()
    yield timed
    timed.client.close()
    timed.server.close()


def test_far_future_version(timed: Timed) -> None:
    timed.server.fault("far_future_version")
    timed.until_next_poll()
    assert timed.client.status().revision == FAR_FUTURE
    assert said(timed.client) == "v1"
    timed.server.well()
    timed.server.publish(version(2))
    timed.passed = 0.0
    while said(timed.client) != "v2":
        timed.until_next_poll()
        assert timed.passed < 600, "it was poisoned"
    assert timed.passed >= 60, "one answer is no agreement"
    timed.server.publish(version(3))
    timed.until_next_poll()
    assert said(timed.client) == "v3"


def test_a_dead_edge_does_not_undo_a_publication_for_a_minute(timed: Timed) -> None:
    timed.server.publish(version(2))
    timed.until_next_poll()
    timed.server.fault("stale_edge")
    for _ in range(8):
        timed.until_next_poll()
        assert said(timed.client) == "v2"


def test_rollback_published(stage: Stage) -> None:
    client = stage.started()
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
    stage.fault("rollback_published")
    until(lambda: said(client) == "v1")
    assert client.status().revision == 3
    assert client.status().step_backs == 0


def test_empty_but_valid_ruleset(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    client = stage.started()
    stage.fault("empty_but_valid_ruleset")
    until(lambda: client.keys() == frozenset())
    details: Any = client.get_details("greeting", "default")
    assert (details.value, details.error_code, details.decided) == ("default", ErrorCode.FLAG_NOT_FOUND, False)
    assert lines_of(caplog) == []
    stage.server.well()
    until(lambda: said(client) == "v1")
