"""gunicorn's sync and gthread workers, forked before the client is made and after."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .hosting import NEVER, WORKERS, Host, until, version

if TYPE_CHECKING:
    from pathlib import Path

    from buildflags_sdk.testing import FaultServer

    from .conftest import Hosting

pytest.importorskip("gunicorn", reason="gunicorn is not installed")


class Kind(NamedTuple):
    """A way to run gunicorn, and where the application makes its client."""

    worker: str
    preload: bool
    made: str

    def __str__(self) -> str:
        return f"{self.worker}, {'preloaded' if self.preload else 'loaded by each worker'}, client made {self.made}"

    def start(self, gunicorn: Hosting, **settings: object) -> Host:
        more = ["--preload"] if self.preload else []
        if self.worker == "gthread":
            more += ["--threads", "2"]
        return gunicorn("app_wsgi", self.worker, *more, made=self.made, **settings)


KINDS = [
    Kind("sync", preload=True, made="at import"),
    Kind("sync", preload=False, made="at import"),
    Kind("sync", preload=True, made="in a worker"),
    Kind("gthread", preload=True, made="at import"),
    Kind("gthread", preload=False, made="in a worker"),
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
preloaded_or_not = pytest.mark.parametrize("kind", KINDS[:2], ids=str)
with_threads = pytest.mark.parametrize("kind", KINDS[3:], ids=str)


@every_kind
def test_every_worker_sees_what_is_published_after_the_fork(
    gunicorn: Hosting, backend: FaultServer, kind: Kind
) -> None:
    host = kind.start(gunicorn)
    host.all_say("v1")
    backend.publish(version(2))
    host.all_say("v2")


@pytest.mark.parametrize("kind", [KINDS[0], *KINDS[3:]], ids=str)
def test_workers_answer_and_stop_gracefully_while_the_backend_hangs(
    gunicorn: Hosting, backend: FaultServer, kind: Kind
) -> None:
    host = kind.start(gunicorn, deadline=NEVER)
    host.all_say("v1")
    pids = host.pids()
    backend.fault("hang")
    clients = WORKERS + (kind.preload and kind.made == "at import")  # the master's own goes on too
    until(lambda: sum(request.fault == "hang" for request in list(backend.requests)) == clients)
    assert {said["said"] for said in host.workers().values()} == {"v1"}
    assert host.pids() == pids
    host.signal(signal.SIGTERM)
    assert host.ended() == 0


@preloaded_or_not
def test_what_replaces_a_killed_worker_refreshes_too(gunicorn: Hosting, backend: FaultServer, kind: Kind) -> None:
    host = kind.start(gunicorn)
    host.all_say("v1")
    killed = host.kill_one()
    backend.publish(version(2))
    host.all_say("v2")
    assert killed not in host.pids()


@preloaded_or_not
def test_workers_after_a_reload_refresh_too(gunicorn: Hosting, backend: FaultServer, kind: Kind) -> None:
    host = kind.start(gunicorn)
    host.all_say("v1")
    before = host.pids()
    host.signal(signal.SIGHUP)
    until(lambda: before.isdisjoint(host.pids()), about=lambda: host.log)
    backend.publish(version(2))
    host.all_say("v2")


@with_threads
def test_workers_that_share_a_folder_see_it_too(
    gunicorn: Hosting, backend: FaultServer, kind: Kind, tmp_path: Path
) -> None:
    host = kind.start(gunicorn, cache_dir=str(tmp_path / "shared"))
    host.all_say("v1")
    backend.publish(version(2))
    host.all_say("v2")
