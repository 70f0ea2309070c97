"""gunicorn with uvicorn's workers on uvloop, and an AsyncClient: its refresh belongs to no loop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from .hosting import NEVER, WORKERS, Host, until, version

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk.testing import FaultServer

    from .conftest import Hosting

for package in ("gunicorn", "uvicorn_worker", "uvloop"):
    pytest.importorskip(package, reason=f"{package} is not installed")

KINDS = {
    "loaded by each worker, client started by its lifespan": ("in a worker", []),
    "preloaded, client started by its lifespan": ("in a worker", ["--preload"]),
    "preloaded, client started at import on a loop that has ended": ("at import", ["--preload"]),
}


@pytest.fixture(params=KINDS)
def start(request: pytest.FixtureRequest, gunicorn: Hosting) -> Callable[..., Host]:
    made, more = KINDS[request.param]
    return lambda **settings: gunicorn("app_asgi", "uvicorn_worker.UvicornWorker", *more, made=made, **settings)


def test_every_worker_sees_what_is_published_after_the_fork_and_so_does_one_that_replaces_it(
    start: Callable[..., Host], backend: FaultServer
) -> None:
    host = start()
    host.all_say("v1")
    assert {said["loop"].split(".")[0] for said in host.workers().values()} == {"uvloop"}
    backend.publish(version(2))
    host.all_say("v2")
    host.kill_one()
    backend.publish(version(3))
    host.all_say("v3")


@pytest.mark.parametrize("start", [kind for kind in KINDS if "preloaded, client started by" not in kind], indirect=True)
def test_workers_answer_and_stop_gracefully_while_the_backend_hangs(
    start: Callable[..., Host], backend: FaultServer
) -> None:
    host = start(deadline=NEVER)
    host.all_say("v1")
    backend.fault("hang")
    until(lambda: sum(request.fault == "hang" for request in list(backend.requests)) >= WORKERS)
    host.all_say("v1")
    host.signal(signal.SIGTERM)
    assert host.ended() == 0
