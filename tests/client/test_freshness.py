"""Changes arrive, listeners hear of them, and status tells how it stands."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from buildflags_sdk import Client, Freshness, Source
from buildflags_sdk._evaluation.world import PureWorld

from .conftest import Backend, boolean

if TYPE_CHECKING:
    import pytest

    from buildflags_sdk import Change


NO_WORLD = PureWorld(lambda: 0.0, lambda: 0.5)


def test_a_toggle_in_the_backend_arrives_by_itself(client: Client, backend: Backend) -> None:
    arrived = threading.Event()
    client.on_change(lambda _change: arrived.set(), keys=["new-checkout"])
    backend.set(boolean("new-checkout", on=False))
    assert arrived.wait(60)
    assert not client.is_enabled("new-checkout")


def test_listeners_hear_only_of_the_keys_they_asked_for(client: Client, backend: Backend) -> None:
    heard: list[Change] = []
    other = threading.Event()
    client.on_change(heard.append, keys=["new-checkout"])
    client.on_change(lambda _change: other.set(), keys=["banner"])
    backend.set(boolean("banner", on=True))
    client.refresh(wait=60)
    assert other.wait(60)
    assert heard == []


def test_an_unsubscribed_listener_hears_nothing(client: Client, backend: Backend) -> None:
    heard: list[Change] = []
    done = threading.Event()
    client.on_change(heard.append)()
    client.on_change(lambda _change: done.set())
    backend.set(boolean("new-checkout", on=False))
    client.refresh(wait=60)
    assert done.wait(60)
    assert heard == []


def test_a_listener_that_raises_is_logged_once_and_called_again(
    client: Client, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    calls = threading.Semaphore(0)

    def listener(_change: Change) -> None:
        calls.release()
        msg = "a listener's own mistake"
        raise ValueError(msg)

    client.on_change(listener)
    for on in (False, True):
        backend.set(boolean("new-checkout", on=on))
        client.refresh(wait=60)
        assert calls.acquire(timeout=60)
    client.close()
    assert sum("a listener's own mistake" in record.getMessage() for record in caplog.records) == 1


def test_a_slow_listener_gets_the_union_of_what_it_missed(client: Client, backend: Backend) -> None:
    going, heard, done = threading.Event(), [], threading.Event()

    def listener(change: Change) -> None:
        heard.append(change)
        if len(heard) == 1:
            going.wait(60)
        elif "c" in change.keys:
            done.set()

    client.on_change(listener)
    for key in ("a", "b", "c"):
        backend.set(boolean(key, on=True))
        client.refresh(wait=60)
    going.set()
    assert done.wait(60)
    assert frozenset().union(*(change.keys for change in heard)) == {"a", "b", "c"}
    assert [(change.old_revision, change.new_revision) for change in heard] == sorted(
        (change.old_revision, change.new_revision) for change in heard
    )
    assert len(heard) <= 3


def test_closing_inside_a_listener_does_not_join_itself(client: Client, backend: Backend) -> None:
    closed = threading.Event()

    def listener(_change: Change) -> None:
        client.close()
        closed.set()

    client.on_change(listener)
    backend.set(boolean("new-checkout", on=False))
    client.refresh(wait=60)
    assert closed.wait(60)


def test_status_tells_revision_age_and_counts(client: Client) -> None:
    client.refresh(wait=60)
    status = client.status()
    assert (status.workspace, status.environment, status.flags) == ("acme", "production", 1)
    assert (status.source, status.freshness, status.last_error) == (Source.NETWORK, Freshness.FRESH, None)
    assert status.age is not None
    assert status.polls >= 2
    assert status.not_modified >= 1
    assert status.swaps == 1
    assert status.broken == {}


def test_another_environment_is_a_view_with_a_key_of_its_own(client: Client, backend: Backend) -> None:
    backend.set(boolean("new-checkout", on=False), environment="staging")
    staging = client.in_environment("staging", sdk_key=backend.keys.server["staging"])
    arrived = threading.Event()
    staging.on_change(lambda _change: arrived.set())
    assert staging.is_enabled("new-checkout", default=True) or staging.status().revision is not None
    assert arrived.wait(60)
    assert not staging.is_enabled("new-checkout", default=True)
    assert client.is_enabled("new-checkout")
    assert client.in_environment("staging") is staging


def test_one_broken_flag_breaks_one_flag(backend: Backend) -> None:
    from buildflags_sdk import ErrorCode
    from buildflags_sdk._root import given_snapshot
    from buildflags_sdk._snapshot import Snapshot

    good = given_snapshot({"good": True}, {}).line("good")
    assert good is not None
    snapshot = Snapshot.from_lines({"good": good, "bad": b'{"key":"bad","type":"boolean","surprise":1}'}, {})
    decision = snapshot.decide("bad", {}, NO_WORLD)
    assert decision.error_code is ErrorCode.PARSE_ERROR
    assert snapshot.decide("good", {}, NO_WORLD).value is True
    assert "bad" in snapshot.broken()
