"""Publishing with any number of others at work: nothing saved is ever lost, nothing is published twice over."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from buildflags_sdk.server import SqliteStore
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.editing import Desk, MadeFrom, create_flag, set_rules
from buildflags_sdk.server.provision import provision
from buildflags_sdk.server.publish import ATTEMPTS, PublishError, UnknownEnvironmentError, pending_count, publish
from buildflags_sdk.server.records import environment_pk, page_pk
from buildflags_sdk.server.stores import Delete

BOOLEAN = {"type": "boolean", "variants": {"on": True, "off": False}, "meta": None}
PK = environment_pk("acme", "production")


def rules(variant):
    return {"enabled": True, "off": "off", "rules": [], "fallthrough": {"variant": variant}}


def desk(store, now):
    return Desk(store, "acme", "tester", None, now)


def live(store):
    """What clients read: each flag's fallthrough, from the current manifest."""
    pointer = store.get("WORKSPACE#acme", "ENV#production")
    manifest = json.loads(store.get(PK, pointer["manifest"])["body"])
    entries = [json.loads(line) for line in manifest["inline"].splitlines()]
    return {entry["key"]: entry["fallthrough"]["variant"] for entry in entries}


class Interrupted:
    """A store in which something else happens just before the n-th operation of one publisher."""

    def __init__(self, store, at, interruption):
        self._store, self._at, self._interruption = store, at, interruption
        self.operations = []

    def __getattr__(self, name):
        operation = getattr(self._store, name)
        if name not in ("get", "get_many", "query", "transact", "put_many"):
            return operation

        def counted(*arguments, **options):
            if len(self.operations) == self._at:
                self._interruption()
            self.operations.append((name, arguments, options))
            return operation(*arguments, **options)

        return counted


@pytest.fixture
def ready(store, now):
    """Two flags, both off and live; then `a` is turned on, and saved only."""
    provision(store, "acme", ["production"], now=now)
    for key in ("a", "b"):
        create_flag(desk(store, now), key, BOOLEAN, {"production": rules("off")})
    publish(store, "acme", "production", now=now)
    set_rules(desk(store, now), "a", "production", rules("on"), MadeFrom(1))
    return store


def test_what_is_saved_is_live_after_publishing(ready, now):
    assert live(ready) == {"a": "off", "b": "off"}
    before = ready.get("WORKSPACE#acme", "ENV#production")
    published = publish(ready, "acme", "production", now=now)
    assert published.changed
    assert (published.epoch, published.revision) == (before["epoch"], before["revision"] + 1)
    assert live(ready) == {"a": "on", "b": "off"}
    assert pending_count(ready, "acme", "production") == 0


def test_publishing_again_makes_no_revision(ready, now):
    first = publish(ready, "acme", "production", now=now)
    assert publish(ready, "acme", "production", now=now) == first._replace(changed=False)


def test_a_change_and_its_reverse_make_no_revision_and_leave_nothing_pending(ready, now):
    set_rules(desk(ready, now), "a", "production", rules("off"), MadeFrom(2))
    before = ready.get("WORKSPACE#acme", "ENV#production")
    assert not publish(ready, "acme", "production", now=now).changed
    assert ready.get("WORKSPACE#acme", "ENV#production") == before
    assert pending_count(ready, "acme", "production") == 0


def test_the_pointer_is_read_before_the_pending_items_and_those_before_their_rows(ready, now):
    watched = Interrupted(ready, -1, lambda: None)
    publish(watched, "acme", "production", now=now)
    reads = [
        arguments if name == "get" else (name, *arguments)
        for name, arguments, _ in watched.operations
        if name in ("get", "query", "get_many")
    ]
    pointer = reads.index(("WORKSPACE#acme", "ENV#production"))
    pending = reads.index(("query", PK))
    rows = reads.index(("get_many", [(PK, "RULES#a")]))
    assert pointer < pending < rows
    last_pages = max(at for at, (name, _, _) in enumerate(watched.operations) if name == "put_many")
    moved = max(at for at, (name, _, _) in enumerate(watched.operations) if name == "transact")
    assert last_pages < moved


def operations_of_one_publish(now):
    store = SqliteStore(":memory:")
    provision(store, "acme", ["production"], now=now)
    create_flag(desk(store, now), "a", BOOLEAN, {"production": rules("off")})
    watched = Interrupted(store, -1, lambda: None)
    publish(watched, "acme", "production", now=now)
    store.close()
    return len(watched.operations)


@pytest.mark.parametrize("other", ["writes", "publishes", "writes and publishes", "writes another", "rebuilds"])
def test_whatever_happens_between_two_steps_no_update_is_lost(store, now, other):
    provision(store, "acme", ["production"], now=now)
    for key in ("a", "b"):
        create_flag(desk(store, now), key, BOOLEAN, {"production": rules("off")})
    publish(store, "acme", "production", now=now)
    versions = {"a": 1, "b": 1}
    truth = {"a": "off", "b": "off"}

    def write(key):
        truth[key] = "on" if truth[key] == "off" else "off"
        set_rules(desk(store, now), key, "production", rules(truth[key]), MadeFrom(versions[key]))
        versions[key] += 1

    def interrupt():
        if other.startswith("writes"):
            write("b" if other == "writes another" else "a")
        if "publishes" in other:
            publish(store, "acme", "production", now=now)
        if other == "rebuilds":
            write("a")
            versions["b"] += 1
            truth["b"] = "on"
            load_bulk(store, "acme", "production", [{"key": "b", **BOOLEAN, **rules("on")}], now=now)

    revisions = []
    for at in range(operations_of_one_publish(now) + 1):
        write("a")
        interrupted = Interrupted(store, at, interrupt)
        revisions.append(publish(interrupted, "acme", "production", now=now).revision)
        publish(store, "acme", "production", now=now)
        assert live(store) == truth, f"lost before operation {at}"
        assert pending_count(store, "acme", "production") == 0
    assert revisions == sorted(revisions)


class ReadsInTheWrongOrder:
    """What a publisher would see that reads the pending items and rows first, and does not mind that they are gone."""

    def __init__(self, store, between):
        self._store, self._between = store, between
        self._early: Any = None

    def __getattr__(self, name):
        return getattr(self._store, name)

    def get(self, pk, sk):
        if (pk, sk) == ("WORKSPACE#acme", "ENV#production") and self._early is None:
            pending = self._store.query(PK, prefix="PENDING#", limit=90)
            rows = self._store.get_many([(PK, "RULES#a")])
            self._early = pending, rows
            self._between()
        return self._store.get(pk, sk)

    def query(self, pk, **options):
        return self._early[0]

    def get_many(self, keys):
        return self._early[1]

    def transact(self, writes):
        self._store.transact([write._replace(expect=None) if isinstance(write, Delete) else write for write in writes])


def test_the_wrong_read_order_would_lose_an_update(ready, now):
    def somebody_else():
        set_rules(desk(ready, now), "a", "production", rules("off"), MadeFrom(2))
        set_rules(desk(ready, now), "b", "production", rules("on"), MadeFrom(1))
        publish(ready, "acme", "production", now=now)

    publish(ReadsInTheWrongOrder(ready, somebody_else), "acme", "production", now=now)
    publish(ready, "acme", "production", now=now)
    assert live(ready)["a"] == "on", "the order no longer matters: say so in publish.py"


def test_a_lost_race_starts_again_from_the_new_pointer(ready, now):
    def somebody_else():
        set_rules(desk(ready, now), "b", "production", rules("on"), MadeFrom(1))
        publish(ready, "acme", "production", now=now)

    watched = Interrupted(ready, -1, lambda: None)
    publish(watched, "acme", "production", now=now)
    moving = max(at for at, (name, _, _) in enumerate(watched.operations) if name == "transact")
    set_rules(desk(ready, now), "a", "production", rules("off"), MadeFrom(2))
    before = ready.get("WORKSPACE#acme", "ENV#production")["revision"]
    publish(Interrupted(ready, moving, somebody_else), "acme", "production", now=now)
    assert live(ready) == {"a": "off", "b": "on"}
    assert ready.get("WORKSPACE#acme", "ENV#production")["revision"] == before + 1, "both in the faster one's revision"


@pytest.mark.parametrize("dies_before", range(12))
def test_what_a_dead_publisher_left_is_folded_in_by_the_next(ready, now, dies_before):
    class Dead(Exception):
        pass

    def die():
        raise Dead

    try:
        publish(Interrupted(ready, dies_before, die), "acme", "production", now=now)
    except Dead:
        assert live(ready) == {"a": "off", "b": "off"}
    publish(ready, "acme", "production", now=now)
    assert live(ready) == {"a": "on", "b": "off"}


def test_a_publisher_that_always_loses_gives_up_and_says_so(ready, now):
    versions = count(1)

    class Busy(Interrupted):
        def __getattr__(self, name):
            if name == "transact":
                set_rules(desk(ready, now), "b", "production", rules("on"), MadeFrom(next(versions)))
                publish(ready, "acme", "production", now=now)
                set_rules(desk(ready, now), "b", "production", rules("off"), MadeFrom(next(versions)))
            return super().__getattr__(name)

    with pytest.raises(PublishError, match=f"saved, not live.*{ATTEMPTS}"):
        publish(Busy(ready, -1, lambda: None), "acme", "production", now=now)
    publish(ready, "acme", "production", now=now)
    assert live(ready) == {"a": "on", "b": "off"}


def test_more_pending_items_than_a_transaction_holds_are_published_in_rounds(store, now):
    provision(store, "acme", ["production"], now=now)
    for number in range(200):
        create_flag(desk(store, now), f"f{number}", BOOLEAN, {"production": rules("on")})
    publish(store, "acme", "production", now=now)
    assert len(live(store)) == 200
    assert pending_count(store, "acme", "production") == 0


def test_time_that_stands_still_still_orders_the_history(ready, now):
    publish(ready, "acme", "production", now=now)
    times = [item["published_ms"] for item in ready.query(PK, prefix="MANIFEST#").items]
    assert len(times) >= 3
    assert times == sorted(set(times))


def test_the_pages_of_two_environments_are_never_shared(store, now):
    keys = provision(store, "acme", ["production", "staging"], now=now)
    assert keys.server.keys() == {"production", "staging"}
    flags = [{"key": f"f{number}", **BOOLEAN, **rules("on"), "meta": {"about": "x" * 500}} for number in range(200)]
    secrets = []
    for environment in ("production", "staging"):
        load_bulk(store, "acme", environment, flags, now=now)
        pointer = store.get("WORKSPACE#acme", f"ENV#{environment}")
        manifest = json.loads(store.get(environment_pk("acme", environment), pointer["manifest"])["body"])
        secrets.append(pointer["secret"])
        assert all(store.get(page_pk(pointer["secret"], name), "META") for name in manifest["pages"])
    assert secrets[0] != secrets[1]


def test_an_unknown_environment_is_named(store, now):
    provision(store, "acme", ["production"], now=now)
    with pytest.raises(UnknownEnvironmentError, match="'stagin' in workspace 'acme'"):
        publish(store, "acme", "stagin", now=now)


def test_pages_are_written_again_even_if_present(store, now):
    provision(store, "acme", ["production"], now=now)
    flags = [{"key": f"f{number}", **BOOLEAN, **rules("on"), "meta": {"about": "x" * 500}} for number in range(200)]
    load_bulk(store, "acme", "production", flags, now=now)
    pointer = store.get("WORKSPACE#acme", "ENV#production")
    first = json.loads(store.get(PK, pointer["manifest"])["body"])["pages"]
    changed = [{**flags[0], "fallthrough": {"variant": "off"}}]
    now.at += 1000
    load_bulk(store, "acme", "production", changed, now=now)
    now.at += 1000
    load_bulk(store, "acme", "production", flags[:1], now=now)
    pointer = store.get("WORKSPACE#acme", "ENV#production")
    assert json.loads(store.get(PK, pointer["manifest"])["body"])["pages"] == first
    assert store.get(page_pk(pointer["secret"], first[0]), "META")["named_at"] == int(now.at)
