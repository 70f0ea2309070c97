"""uWSGI, which forks in C: past the interpreter's hooks unless told otherwise, and then tells whoever asked it to."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from .hosting import BIN, NEVER, WORKERS, Host, until, version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from buildflags_sdk.testing import FaultServer

    from .conftest import Hosting

pytestmark = pytest.mark.skipif(not (BIN / "uwsgi").exists(), reason="uWSGI (pyuwsgi) is not installed")

KINDS = {
    "client made at import": ("at import", []),
    "client made at import, the interpreter's hooks called": ("at import", ["--py-call-uwsgi-fork-hooks"]),
    "client made at import by each worker": ("at import", ["--lazy-apps"]),
    "client made in a worker": ("in a worker", []),
}

where_a_worker_may_end = pytest.mark.parametrize("start", list(KINDS)[1:3], indirect=True)
"""A worker of the first kind that is forked while the master's thread runs would never get the interpreter: uWSGI's own."""


@pytest.fixture
def uwsgi(host: Hosting) -> Callable[..., Host]:
    """Starts uWSGI with some workers."""

    def start(application: str, *more: str, **settings: Any) -> Host:
        return host(
            [
                *(str(BIN / "uwsgi"), "--module", f"tests.prefork.{application}:application", "--need-app"),
                *("--http-socket", "fd://{descriptor}", "--processes", str(WORKERS), "--disable-logging"),
                *("--enable-threads", "--die-on-term", "--worker-reload-mercy", "600"),
                *more,
            ],
            **settings,
        )

    return start


@pytest.fixture(params=KINDS)
def start(request: pytest.FixtureRequest, uwsgi: Callable[..., Host]) -> Callable[..., Host]:
    made, more = KINDS[request.param]
    return lambda *further, **settings: uwsgi("app_wsgi", "--master", *more, *further, made=made, **settings)


def test_every_worker_that_only_evaluates_sees_what_is_published_after_the_fork(
    start: Callable[..., Host], backend: FaultServer, request: pytest.FixtureRequest
) -> None:
    host = start()
    host.all_say("v1")
    backend.publish(version(2))
    host.all_say("v2")
    hazard = request.node.callspec.params["start"] == "client made at import"
    assert host.log.count("set py-call-uwsgi-fork-hooks or lazy-apps") == hazard


@pytest.mark.parametrize("start", list(KINDS)[:2], indirect=True)
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


@where_a_worker_may_end
def test_what_replaces_a_killed_worker_refreshes_too(start: Callable[..., Host], backend: FaultServer) -> None:
    host = start()
    host.all_say("v1")
    killed = host.kill_one()
    backend.publish(version(2))
    host.all_say("v2")
    assert killed not in host.pids()


@where_a_worker_may_end
def test_workers_after_a_reload_refresh_too(start: Callable[..., Host], backend: FaultServer, tmp_path: Path) -> None:
    """Of the workers: at SIGHUP the master of the wheel starts its Python anew, and does not find its environment."""
    touched = tmp_path / "touched"
    touched.touch()
    host = start("--touch-workers-reload", str(touched))
    host.all_say("v1")
    before = host.pids()
    os.utime(touched, (2**31, 2**31))  # uWSGI looks for a later time, in whole seconds
    until(lambda: before.isdisjoint(host.pids()), about=lambda: host.log)
    backend.publish(version(2))
    host.all_say("v2")


def test_workers_without_a_master_see_it(uwsgi: Callable[..., Host], backend: FaultServer) -> None:
    """The process that made the client is a worker itself, and goes on as it is."""
    host = uwsgi("app_wsgi", made="at import")
    host.all_say("v1")
    backend.publish(version(2))
    host.all_say("v2")
    assert {len(said["threads"]) for said in host.workers().values()} == {2}, "one refreshes, one serves"


def test_other_functions_that_uwsgi_calls_after_a_fork_are_called_too(
    uwsgi: Callable[..., Host], backend: FaultServer
) -> None:
    host = uwsgi("app_postfork", "--master")
    host.all_say("v1")
    backend.publish(version(2))
    host.all_say("v2")
    assert [sorted(said["called"]) for said in host.workers().values()] == [["by hand", "decorated"]] * WORKERS


@pytest.mark.parametrize("application", ["app_wsgi", "app_flask"])
def test_a_scope_of_a_request_sees_it(uwsgi: Callable[..., Host], backend: FaultServer, application: str) -> None:
    host = uwsgi(application, "--master", made="at import")
    path = "/scope" if application == "app_wsgi" else "/"
    host.all_say("v1", path)
    backend.publish(version(2))
    host.all_say("v2", path)
