"""The soak for a fifth of a minute; `make soak` runs it for half an hour."""

from __future__ import annotations

import random
import socket
import threading

import pytest

from tests.soak.proxy import MODES, FaultProxy
from tests.soak.run import Report, _growth, soak


@pytest.mark.e2e
@pytest.mark.slow
def test_nothing_is_lost_while_the_network_misbehaves() -> None:
    report = soak(12.0, lambda _: None)
    assert report.failures() == []
    assert report.evaluations > 1000
    assert report.log_lines < 40 * (sum(report.faults.values()) + 1)


def test_each_broken_promise_of_a_soak_is_told() -> None:
    good = Report(
        seconds=20.0, made=9, lost_races=1, counter=9, revisions=[12, 12], last_revision=12, first_revision=3,
        heard=[12, 12], values=[9, 9], faults={"hang": 1}, evaluations=100, slowest_ms=1.0, wrong=[], log_lines=4,
        growth_mib=0.5, noise_mib=4.0, threads=(20, 21), settled_in=1.0,
    )  # fmt: skip
    assert good.failures() == []
    changes = [
        {"counter": 8}, {"last_revision": 11}, {"revisions": [12, 11]}, {"values": [9, 8]}, {"heard": [12, None]},
        {"growth_mib": 4.5}, {"threads": (20, 40)}, {"faults": {}}, {"wrong": ["the counter ran back"]},
    ]  # fmt: skip
    for change in changes:
        assert good._replace(**change).failures() != [], change  # type: ignore[arg-type]


def test_a_leak_is_told_from_noise() -> None:
    dice = random.Random(3)
    flat = [100 + dice.uniform(-1, 1) for _ in range(600)]
    leaking = [value + place / 60 for place, value in enumerate(flat)]
    assert _growth(flat)[0] <= _growth(flat)[1]
    assert _growth(leaking)[0] > _growth(leaking)[1]


@pytest.mark.parametrize("mode", MODES)
def test_the_proxy_misbehaves_as_it_is_told(mode: str) -> None:
    text = b"a line of the server\n" * 40
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            end, _ = server.accept()
            with end:
                end.recv(100)
                end.sendall(text)

        threading.Thread(target=serve, daemon=True).start()
        proxy = FaultProxy(server.getsockname()[1], random.Random(1))
        try:
            proxy.become(mode)
            came = _ask(proxy.port)
        finally:
            proxy.close()
    assert (came == text) == (mode in ("well", "late"))


def _ask(port: int) -> bytes:
    """What comes until the end, or for half a second at a time."""
    came = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as end:
            end.sendall(b"?")
            end.settimeout(2.0)
            while len(came) < 10_000 and (data := end.recv(1000)):
                came += data
                if len(data) == 1 and len(came) > 3:
                    return came  # it drips: that is all there is to see
    except OSError:
        pass
    return came
