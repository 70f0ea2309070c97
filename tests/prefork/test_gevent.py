"""gunicorn's gevent workers: everything that blocks was replaced under the client, its thread is a greenlet."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from .hosting import NEVER, WORKERS, Host, until, version

if TYPE_CHECKING:
    from pathlib import Path

    from buildflags_sdk.testing import FaultServer

    from .conftest import Hosting

pytest.importorskip("gunicorn", reason="gunicorn is not installed")
pytest.importorskip("gevent", reason="gevent is not installed")

KINDS = {
    "loaded by each worker, client made at import": ("at import", []),
    "loaded by each worker, client made in a worker": ("in a worker", []),
    "preloaded, client made at import": ("at import", ["--preload"]),
    "preloaded, client made in a worker": ("in a worker", ["--preload"]),
    "patched, preloaded, client made at import": (
        "at import",
        ["--preload", "--config", "python:tests.prefork.patched"],
    ),
    "patched, preloaded, client made in a worker": (
        "in a worker",
        ["--preload", "--config", "python:tests.prefork.patched"],
    ),
}


@pytest.fixture(params=KINDS)
def start(request, gunicorn):
    made, more = KINDS[request.param]

    def start(**settings):
        return gunicorn("app_wsgi", "gevent", *more, made=made, **settings)

    return start


def test_every_worker_sees_what_is_published_after_the_fork(start, backend: FaultServer) -> None:
    host = start()
    host.all_say("v1")
    print(host.workers())
    for number in (2, 3):
        backend.publish(version(number))
        host.all_say(f"v{number}")
    print(host.log)


def test_workers_answer_and_stop_gracefully_while_the_backend_hangs(start, backend: FaultServer) -> None:
    host = start(deadline=NEVER)
    host.all_say("v1")
    pids = host.pids()
    backend.fault("hang")
    until(lambda: sum(request.fault == "hang" for request in list(backend.requests)) >= WORKERS)
    assert {said["said"] for said in host.workers().values()} == {"v1"}
    assert host.pids() == pids
    host.signal(signal.SIGTERM)
    assert host.ended() == 0
    print(host.log)
