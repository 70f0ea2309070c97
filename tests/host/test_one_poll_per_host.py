"""The 32 processes of one host cost about as many requests as one, whatever happens to the one that asks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.testing import flag

if TYPE_CHECKING:
    from pathlib import Path

    from buildflags_sdk.testing import FaultServer

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and flock"),
]

PROCESSES = 32
SLACK = 3
"""Requests in a window by which a crowd may differ from one process: dice, and two that ask in the same instant."""


def told(capsys: Any, what: str, figures: str) -> None:
    with capsys.disabled():
        print(f"\nrequests within a window, {what}: {figures}")  # noqa: T201 - the figure


@pytest.mark.slow
def test_32_processes_ask_about_as_often_as_one(crowd: Any, capsys: Any) -> None:
    crowd.whole()
    of_all = crowd.requests()
    told(capsys, "all well", f"one process {crowd.of_one}, {len(crowd.peers)} processes {of_all}")
    assert crowd.of_one >= 3
    assert 3 <= of_all <= crowd.of_one + SLACK
    crowd.arrives(crowd.publish())


@pytest.mark.slow
def test_32_processes_ask_an_ill_backend_about_as_often_as_one(crowd: Any, until: Any, capsys: Any) -> None:
    crowd.whole()
    crowd.server.fault("http_500")
    until(lambda: all(peer.says()["failures"] for peer in crowd.peers))
    of_all = crowd.requests()
    told(capsys, "a backend that is ill", f"one process {crowd.of_one_failing}, {len(crowd.peers)} processes {of_all}")
    assert 3 <= of_all <= crowd.of_one_failing + SLACK
    crowd.server.well()
    crowd.arrives(crowd.publish())


@pytest.mark.slow
@pytest.mark.parametrize("fate", ["killed", "stopped", "forked and killed"])
def test_the_others_go_on_as_one_when_the_process_that_asks_is(crowd: Any, capsys: Any, fate: str) -> None:
    crowd.whole()
    holder = crowd.holder()
    if fate == "forked and killed":
        holder.says("fork")
    if fate == "stopped":
        holder.stop()
    else:
        holder.kill()
    crowd.peers.remove(holder)
    try:
        crowd.server.well()
        version = crowd.publish()
        of_all = crowd.requests()
        told(capsys, f"the one that asks is {fate}", f"one process {crowd.of_one}, the others {of_all}")
        crowd.arrives(version)
        assert 3 <= of_all <= crowd.of_one + SLACK
        assert [peer.says()["disk_error"] for peer in crowd.peers] == [None] * len(crowd.peers)
        if fate == "stopped":
            holder.go_on()
            crowd.peers.append(holder)
            crowd.arrives(version)
    finally:
        if holder not in crowd.peers:
            holder.end()


@pytest.mark.slow
def test_a_process_with_a_revoked_key_costs_its_own_requests_alone(crowd: Any, until: Any, capsys: Any) -> None:
    crowd.whole()
    served = crowd.peers[0].greeting
    revoked = crowd.start(sdk_key="bf_server_revoked")

    def its(requests: list[Any]) -> list[Any]:
        return [one for one in requests if "revoked" in one.headers.get("authorization", "")]

    try:
        until(lambda: its(crowd.server.manifest_requests))
        assert revoked.greeting == served, "it serves what this user's disk holds"
        requests = crowd.requests_in_detail()
        of_revoked = len(its(requests))
        of_all = len(requests) - of_revoked
        told(capsys, "one key revoked", f"one process {crowd.of_one}, the good {of_all}, the revoked {of_revoked}")
        assert 3 <= of_all <= crowd.of_one + SLACK
        assert of_revoked <= crowd.of_one + SLACK
        crowd.arrives(crowd.publish())
        assert {peer.says()["failures"] for peer in crowd.peers} == {0}
    finally:
        revoked.end()


@pytest.mark.slow
def test_a_process_with_a_folder_of_its_own_costs_what_one_costs(crowd: Any, tmp_path: Path, capsys: Any) -> None:
    crowd.whole()
    alone = crowd.start(cache_dir=tmp_path / "own")
    try:
        crowd.peers.append(alone)
        crowd.arrives(crowd.publish())
        of_all = crowd.requests()
        told(capsys, "one has a folder of its own", f"one process {crowd.of_one}, all {of_all}")
        assert crowd.of_one <= of_all <= 2 * crowd.of_one + SLACK
        crowd.arrives(crowd.publish())
    finally:
        crowd.peers.remove(alone)
        alone.end()


@pytest.mark.slow
def test_32_folders_that_are_not_shared_are_polled_for_one_by_one(
    server: FaultServer, peer: Any, until: Any, tmp_path: Path
) -> None:
    peers = [peer(tmp_path / f"own-{number}") for number in range(PROCESSES)]
    each_polls_for_itself(server, peers, until)


def test_a_folder_that_cannot_be_written_is_polled_without(server: FaultServer, peer: Any, until: Any) -> None:
    each_polls_for_itself(server, [peer("/proc/nowhere") for _ in range(2)], until)


def each_polls_for_itself(server: FaultServer, peers: list[Any], until: Any) -> None:
    until(lambda: all(one.greeting == "v1" for one in peers))
    before = len(server.manifest_requests)
    server.publish([flag("greeting", "v2")])
    until(lambda: all(one.greeting == "v2" for one in peers))
    assert len(server.manifest_requests) - before >= len(peers)
    assert all(one.says()["polls"] >= 2 for one in peers)
