"""A client on a local backend and a clock moved by hand: the parts that tests are given fit together."""

from __future__ import annotations

import threading

import pytest

from buildflags_sdk import Change, Client, override_flags
from buildflags_sdk.testing import LocalBackend, ManualClock, flag


@pytest.mark.parametrize("bits", [None, 1], ids=["inline", "pages"])
def test_a_published_change_arrives_when_the_clock_is_moved_to_the_next_poll(bits: int | None) -> None:
    backend = LocalBackend([flag("new-checkout", False), flag("page-size", 20)], bits=bits)
    clock = ManualClock()
    changed = threading.Event()
    seen: list[Change] = []

    def note(change: Change) -> None:
        seen.append(change)
        changed.set()

    with Client(
        "https://flags.example.com",
        sdk_key="bf_server_0123456789abcdef",
        workspace="acme",
        environment="production",
        cache_dir=None,
        transport=backend,
        clock=clock,
    ) as client:
        assert not client.is_enabled("new-checkout")
        clock.until_waited_on()
        client.on_change(note, keys=["new-checkout"])
        with override_flags({"page-size": 7}, everywhere=True):
            backend.publish([flag("new-checkout", True), flag("page-size", 20)])
            clock.advance(client.status().next_refresh_in or 0)

            assert changed.wait(60)
            assert client.is_enabled("new-checkout")
            assert client.get_value("page-size", 0) == 7
        assert client.get_value("page-size", 0) == 20

    assert [(change.keys, change.new_revision) for change in seen] == [(frozenset({"new-checkout"}), 2)]
    assert not backend.closed  # whoever gives a transport closes it
