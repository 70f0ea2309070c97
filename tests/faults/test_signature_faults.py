"""Manifests whose signature does not hold, and a client that pins the key they should be signed with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import ConfigurationError, Source
from buildflags_sdk._wire.bundle import encode_bundle
from buildflags_sdk.testing import FaultServer, manifest_for

from .measuring import SIGNING_KEY
from .stage import PATIENCE, Evaluating, Stage, lines_of, said, until, version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("cryptography")


@pytest.fixture
def signed(tmp_path: Path, stage: Stage) -> Iterator[Stage]:
    """A stage whose server signs, and whose clients pin its key. (`stage` sets up the log.)"""
    del stage
    signed = Stage(tmp_path, signing_key=SIGNING_KEY)
    yield signed
    signed.close()


def last_good_answers_go_on(stage: Stage, caplog: pytest.LogCaptureFixture, fault: str, failures: int) -> None:
    """`v1` all the time the fault lasts, one line in the log, and `v3` by itself afterwards."""
    client = stage.started()
    assert client.status().source is Source.NETWORK
    with Evaluating(client) as evaluating:
        stage.fault(fault)
        stage.server.publish(version(2))
        until(lambda: client.status().failures >= failures)
        assert evaluating.answers == ["v1"]
        (line,) = lines_of(caplog)
        assert "not signed by a key that is pinned here" in line
        stage.server.publish(version(3))
        stage.server.well()
        until(lambda: said(client) == "v3" and evaluating.answers[-1] == "v3")
    assert evaluating.raised == []
    assert evaluating.answers == ["v1", "v3"]
    until(lambda: len(lines_of(caplog)) == 2)


def test_wrong_signature(signed: Stage, caplog: pytest.LogCaptureFixture) -> None:
    last_good_answers_go_on(signed, caplog, "wrong_signature", failures=4)  # each kind of it, and the first again


def test_unsigned(signed: Stage, caplog: pytest.LogCaptureFixture) -> None:
    last_good_answers_go_on(signed, caplog, "unsigned", failures=3)


@pytest.mark.parametrize("fault", ["wrong_signature", "unsigned"])
def test_nothing_that_is_not_signed_is_a_first_ruleset(signed: Stage, fault: str) -> None:
    """Neither from the network nor from a bootstrap file; the disk copy with its signature will do."""
    disk, pulled = signed.folder / "disk", signed.folder / "pulled.flags"
    signed.started(cache_dir=disk).close()
    body, pages = manifest_for(version(7))
    pulled.write_bytes(
        encode_bundle(
            manifest_body=body, pages=pages, etag=None, signature=None, saved_at=time.time(), url="https://example.com"
        )
    )
    signed.fault(fault)
    signed.server.publish(version(2))
    nothing, file, copy = clients = [
        signed.client(),
        signed.client(bootstrap=pulled),
        signed.client(cache_dir=disk),
    ]
    for client in clients:
        client.start(wait=0)
    until(lambda: all(client.status().failures >= 3 for client in clients))
    assert [said(nothing), said(file), said(copy)] == ["default", "default", "v1"]
    signed.server.well()
    until(lambda: [said(client) for client in clients] == ["v2"] * 3)


@pytest.mark.parametrize("fault", ["wrong_signature", "unsigned"])
def test_who_pins_no_key_does_not_look_at_signatures(signed: Stage, fault: str) -> None:
    client = signed.client(signing_keys=None)
    signed.fault(fault)
    assert client.start(wait=PATIENCE)
    assert said(client) == "v1"


@pytest.mark.parametrize("fault", ["wrong_signature", "unsigned"])
def test_a_server_that_does_not_sign_refuses_to_spoil_signatures(fault: str) -> None:
    with FaultServer() as server, pytest.raises(ValueError, match="signing_key="):
        server.fault(fault)


def test_a_signing_key_that_is_none_is_refused_and_not_shown() -> None:
    secret: Any = "bf_signing_nonsense"
    with pytest.raises(ConfigurationError, match="no signing key") as refused:
        FaultServer(signing_key=secret)
    assert "nonsense" not in str(refused.value)
