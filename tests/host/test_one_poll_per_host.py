"""The processes of one host cost about as many requests as one, whatever happens to the one that asks."""

from __future__ import annotations

import os
import time
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
WINDOW = 6.0


def requests_within(server: FaultServer, seconds: float) -> int:
    before = len(server.manifest_requests)
    time.sleep(seconds)  # other processes' time
    return len(server.manifest_requests) - before


@pytest.mark.slow
def test_32_processes_ask_about_as_often_as_one(server: FaultServer, peer: Any, until: Any, capsys: Any) -> None:
    peers = [peer()]
    until(lambda: peers[0].greeting == "v1")
    of_one = requests_within(server, WINDOW)
    peers += [peer() for _ in range(PROCESSES - 1)]
    until(lambda: all(one.greeting == "v1" for one in peers))
    of_all = requests_within(server, WINDOW)
    with capsys.disabled():
        print(f"\nrequests in {WINDOW:g} s: one process {of_one}, {PROCESSES} processes {of_all}")  # noqa: T201 - the figure
    assert of_one >= 3
    assert of_all >= 3, "somebody must ask"
    assert of_all <= 2 * WINDOW + 2, f"32 alone would ask about {PROCESSES * of_one} times"
    server.publish([flag("greeting", "v2")])
    until(lambda: all(one.greeting == "v2" for one in peers))
    server.fault("http_500")
    until(lambda: all(one.says()["failures"] for one in peers))
    failing = requests_within(server, WINDOW)
    assert failing <= 4 * WINDOW, "a backend that is ill is not asked by each of them"
    server.well()
    server.publish([flag("greeting", "v3")])
    until(lambda: all(one.greeting == "v3" for one in peers))


def caught(server: FaultServer) -> bool:
    return any(request.fault == "hang" for request in list(server.requests))


@pytest.mark.parametrize("fate", ["killed", "stopped", "forked and killed"])
def test_the_others_go_on_when_the_process_that_asks_is(server: FaultServer, peer: Any, until: Any, fate: str) -> None:
    holder, other = peer(), peer()
    until(lambda: holder.greeting == other.greeting == "v1")
    other.stop()  # so that it is the holder who asks next
    server.fault("hang")
    until(lambda: caught(server))
    if fate == "forked and killed":
        holder.says("fork")
    if fate == "stopped":
        holder.stop()
    else:
        holder.kill()
    server.well()
    server.publish([flag("greeting", "v2")])
    other.go_on()
    until(lambda: other.greeting == "v2", seconds=20.0)
    if fate == "stopped":
        holder.go_on()
        until(lambda: holder.greeting == "v2")


def test_a_process_with_a_revoked_key_spoils_nothing_for_the_others(server: FaultServer, peer: Any, until: Any) -> None:
    good = [peer(), peer()]
    until(lambda: all(one.greeting == "v1" for one in good))
    revoked = peer(sdk_key="bf_server_revoked")
    until(lambda: [one for one in server.manifest_requests if "revoked" in one.headers.get("authorization", "")])
    assert revoked.greeting == "v1", "it serves what this user's disk holds"
    server.publish([flag("greeting", "v2")])
    until(lambda: all(one.greeting == "v2" for one in good))
    assert [one.says()["failures"] for one in good] == [0, 0]


def test_folders_that_are_not_shared_are_polled_for_one_by_one(
    server: FaultServer, peer: Any, until: Any, tmp_path: Path
) -> None:
    peers = [peer(tmp_path / f"own-{number}") for number in range(3)]
    until(lambda: all(one.greeting == "v1" for one in peers))
    server.publish([flag("greeting", "v2")])
    until(lambda: all(one.greeting == "v2" for one in peers))
    assert all(one.says()["polls"] >= 2 for one in peers)


def test_a_folder_that_cannot_be_written_is_polled_without(server: FaultServer, peer: Any, until: Any) -> None:
    peers = [peer("/proc/nowhere") for _ in range(2)]
    until(lambda: all(one.greeting == "v1" for one in peers))
    server.publish([flag("greeting", "v2")])
    until(lambda: all(one.greeting == "v2" for one in peers))
