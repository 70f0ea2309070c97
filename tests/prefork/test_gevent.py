"""gunicorn's gevent workers: everything that blocks was replaced under the client, and its thread is a greenlet."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from buildflags_sdk.testing import FaultServer

from .hosting import NEVER, WORKERS, Host, until, version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Hosting

for package in ("gunicorn", "gevent"):
    pytest.importorskip(package, reason=f"{package} is not installed")

OPENSSL = shutil.which("openssl")

KINDS = {
    "loaded by each worker, client made at import": ("at import", []),
    "preloaded before the worker patches it": ("at import", ["--preload"]),
    "preloaded before the worker patches it, client made in a worker": ("in a worker", ["--preload"]),
    "patched first, then preloaded": ("at import", ["--preload", "--config", "python:tests.prefork.patched"]),
}


late_and_early = pytest.mark.parametrize("start", [list(KINDS)[1], list(KINDS)[3]], indirect=True)


@pytest.fixture(params=KINDS)
def start(request: pytest.FixtureRequest, gunicorn: Hosting) -> Callable[..., Host]:
    made, more = KINDS[request.param]
    return lambda **settings: gunicorn("app_wsgi", "gevent", *more, made=made, **settings)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A backend that speaks TLS and is to be asked by name."""
    if OPENSSL is None:
        pytest.skip("needs the openssl command to make a certificate")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([OPENSSL, *kind, *subject, "-keyout", key, "-out", chain], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    with FaultServer(version(1), certificate=(chain, key)) as server:
        yield server


def test_every_worker_sees_what_is_published_after_the_fork_and_so_does_one_that_replaces_it(
    start: Callable[..., Host], backend: FaultServer
) -> None:
    host = start()
    host.all_say("v1")
    assert {said["greenlets"] for said in host.workers().values()} == {True}
    backend.publish(version(2))
    host.all_say("v2")
    host.kill_one()
    backend.publish(version(3))
    host.all_say("v3")


@late_and_early
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


@late_and_early
def test_names_are_looked_up_and_tls_is_spoken_by_greenlets_too(start: Callable[..., Host], tls: FaultServer) -> None:
    host = start(url=f"https://localhost:{tls.port}")
    host.all_say("v1")
    tls.publish(version(2))
    host.all_say("v2")
