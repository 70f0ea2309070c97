"""Many threads, many clients, many evaluations: one request at a time, spread out, and a quiet log."""

from __future__ import annotations

import logging
import threading
import time
from statistics import pstdev

from buildflags_sdk import Polling
from buildflags_sdk.testing import ManualClock

from .stage import PATIENCE, PATIENT, Stage, lines_of, most_requests, next_poll, said, until, version


def test_stampede_20_threads(stage: Stage) -> None:
    """Twenty threads that start, evaluate and refresh one client of a slow backend: one request is in flight."""
    stage.server.fault("slow_3s", seconds=0.15)
    client = stage.client()
    gate, answers, raised = threading.Barrier(20), [], []

    def work() -> None:
        try:
            gate.wait(PATIENCE)
            client.start(wait=PATIENCE)
            answers.extend([said(client) for _ in range(50)])
            client.refresh(wait=PATIENCE)
            answers.append(said(client))
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert raised == []
    assert set(answers) == {"v1"}
    assert stage.server.most_at_once == 1
    assert len(stage.server.requests) <= 8, "twenty refreshes share the few that were under way"


def test_log_lines_bounded(stage: Stage, caplog) -> None:
    client = stage.started()
    for name in ("http_500", "invalid_json", "refuse", "http_401"):
        caplog.clear()
        stage.fault(name)
        until(lambda: client.status().failures >= 3)
        for _ in range(500):
            said(client)
        assert len(lines_of(caplog)) == 1, name
        assert all(record.exc_info is None for record in caplog.records), "a line, and no traceback"
        caplog.clear()
        stage.server.well()
        until(lambda: client.status().failures == 0)
        assert len(lines_of(caplog)) == 1, name
        assert lines_of(caplog, logging.WARNING) == [], "that it works again is no warning"


def test_a_fault_that_changes_its_kind_is_said_once_per_kind(stage: Stage, caplog) -> None:
    client = stage.started()
    for name in ("http_500", "refuse", "html_200") * 2:
        stage.fault(name)
        failures = client.status().failures
        until(lambda failures=failures: client.status().failures >= failures + 2)  # type: ignore[misc]
    assert len(lines_of(caplog)) == 3


def test_requests_bounded(stage: Stage) -> None:
    clients = [stage.started(polling=PATIENT) for _ in range(6)]
    asked, began = len(stage.server.requests), time.monotonic()
    stage.fault("http_500")
    until(lambda: all(client.status().failures >= 12 for client in clients))
    asked = len(stage.server.requests) - asked
    assert asked <= len(clients) * most_requests("http_500", time.monotonic() - began)


def test_clients_that_fail_together_do_not_go_on_in_step(stage: Stage) -> None:
    """On clocks that stand still, what is planned can be told exactly: from 60 to 72 seconds, spread."""
    plans = []
    stage.server.fault("http_500")
    for _ in range(8):
        clock = ManualClock()
        client = stage.client(clock=clock, polling=Polling())
        client.start(wait=PATIENCE)
        while client.status().failures < 8:  # without a ruleset it comes to the pace of polls by and by
            next_poll(client, clock)
        plans.append(client.status().next_refresh_in)
    assert min(plans) >= 60.0
    assert max(plans) <= 72.0
    assert pstdev(plans) > 1.0


def test_many_clients_one_process(stage: Stage) -> None:
    before = threading.active_count()
    clients = [stage.started() for _ in range(30)]
    refreshers = [thread for thread in threading.enumerate() if thread.name.startswith("buildflags-acme")]
    assert len(refreshers) == 30
    stage.until_caught("hang")
    assert [said(client) for client in clients] == ["v1"] * 30
    stage.server.well()
    stage.server.publish(version(2))
    until(lambda: all(said(client) == "v2" for client in clients))
    for client in clients:
        client.close()
    until(lambda: threading.active_count() <= before + 2)
