"""Faults between client and server that a server alone cannot make: names, certificates, proxies."""

from __future__ import annotations

import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from .stage import PATIENCE, Evaluating, Stage, lines_of, said, until, version

if TYPE_CHECKING:
    from pathlib import Path

OPENSSL = shutil.which("openssl")


def test_dns_failure(stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    real = socket.getaddrinfo
    broken: list[bool] = []

    def look_up(host: Any, *args: Any, **more: Any) -> Any:
        if host == "flags.example" and broken:
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return real("127.0.0.1" if host == "flags.example" else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    stage.fault("idle_close")  # so that each exchange looks the name up
    client = stage.started(url=f"http://flags.example:{stage.server.port}")
    broken.append(True)
    stage.server.publish(version(2))
    with Evaluating(client) as evaluating:
        until(lambda: client.status().failures >= 4)
        assert evaluating.answers == ["v1"]
        broken.clear()
        until(lambda: said(client) == "v2")
    assert evaluating.raised == []
    assert len(lines_of(caplog)) == 2


def test_dns_hangs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    real, release = socket.getaddrinfo, threading.Event()
    release.set()

    def look_up(host: Any, *args: Any, **more: Any) -> Any:
        if host == "flags.example":
            release.wait(PATIENCE)
        return real("127.0.0.1" if host == "flags.example" else host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    stage.fault("idle_close")
    client = stage.started(url=f"http://flags.example:{stage.server.port}")
    release.clear()
    stage.server.publish(version(2))
    until(lambda: client.status().failures >= 2)
    names = [thread for thread in threading.enumerate() if thread.name == "buildflags-names"]
    assert len(names) <= 1, "the next exchange joins the look-up under way"
    assert said(client) == "v1"
    release.set()
    until(lambda: said(client) == "v2")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Two certificates for 127.0.0.1, each of which vouches only for itself."""
    if OPENSSL is None:
        pytest.skip("needs the openssl command to make a certificate")
    made = {}
    for name in ("trusted", "stranger"):
        folder = tmp_path_factory.mktemp(name)
        chain, key = folder / "chain.pem", folder / "key.pem"
        subject = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        subprocess.run(
            [OPENSSL, *kind, *subject, "-keyout", str(key), "-out", str(chain)], check=True, capture_output=True
        )
        made[name] = (chain, key)
    return made


@pytest.fixture
def tls(certificates: dict[str, tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates["trusted"][0]))
    stage = Stage(tmp_path, certificate=certificates["trusted"])
    yield stage
    stage.close()


def test_tls_failure(tls: Stage, caplog: pytest.LogCaptureFixture) -> None:
    client = tls.started()
    tls.fault("tls_failure")
    tls.server.publish(version(2))
    with Evaluating(client) as evaluating:
        until(lambda: client.status().failures >= 4)
        assert evaluating.answers == ["v1"]
        tls.server.well()
        until(lambda: said(client) == "v2")
    assert evaluating.raised == []
    assert len(lines_of(caplog)) <= 2


def test_a_certificate_that_nobody_vouches_for_is_refused_and_sees_no_key(
    certificates: dict[str, tuple[Path, Path]], tls: Stage
) -> None:
    stranger = Stage(tls.folder, certificate=certificates["stranger"])
    client = stranger.client()
    client.start(wait=0.1)
    until(lambda: client.status().failures >= 2)
    assert "CERTIFICATE_VERIFY_FAILED" in client.status().last_error
    assert said(client) == "default"
    assert stranger.server.requests == []
    stranger.close()


def test_https_to_http_redirect(tls: Stage) -> None:
    client = tls.started()
    plain = Stage(tls.folder)
    tls.server.fault("redirect_other_host", to=plain.server.url)
    tls.server.publish(version(2))
    until(lambda: client.status().failures >= 2)
    assert "not followed" in client.status().last_error
    tls.fault("https_to_http_redirect")
    until(lambda: client.status().failures >= 4)
    assert said(client) == "v1"
    assert plain.server.requests == [], "the key was not sent without TLS"
    tls.server.well()
    until(lambda: said(client) == "v2")
    plain.close()


@pytest.mark.parametrize("fault", ["hang", "drip", "truncated_body", "idle_close"])
def test_inside_tls_it_is_the_same(tls: Stage, fault: str) -> None:
    client = tls.started()
    tls.fault(fault)
    tls.server.publish(version(2))
    if fault == "idle_close":
        until(lambda: said(client) == "v2")
    else:
        until(lambda: client.status().failures >= 2)
        assert said(client) == "v1"
    tls.server.well()
    tls.server.publish(version(3))
    until(lambda: said(client) == "v3")


def test_proxy_env_honoured(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is its own proxy: it takes absolute addresses."""
    monkeypatch.setenv("HTTP_PROXY", stage.server.url)
    client = stage.started(url="http://flags.example")
    assert stage.server.requests[0].path.startswith("http://flags.example/v1/")
    stage.fault("refuse")
    stage.server.publish(version(2))
    until(lambda: client.status().failures >= 3)
    assert said(client) == "v1"
    stage.server.well()
    until(lambda: said(client) == "v2")


def test_proxy_env_ignored_where_no_proxy_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    stage.started()
    assert stage.server.requests[0].path.startswith("/v1/")
