"""Publishers whose clocks disagree by a day, in turn over one store: order is counted, not told by a clock."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from buildflags_sdk import Client, Polling
from buildflags_sdk._wire.manifest import Manifest, decode_manifest
from buildflags_sdk.server import DeliverySettings, Settings, SqliteStore, create_app
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.provision import provision
from buildflags_sdk.server.restore import restore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOON = 1_795_424_400.0
DAY = 86_400.0
KILL_SWITCH, OTHER = "kill-switch", "other"


class Publisher:
    """A process with a store of its own over the common file, and a clock that is wrong by some seconds."""

    def __init__(self, path: Path, wrong_by: float) -> None:
        self.store = SqliteStore(path)
        self.wrong_by = wrong_by
        self.at = NOON

    def now(self) -> float:
        self.at += 1.0
        return self.at + self.wrong_by

    def publish(self, key: str, *, on: bool) -> Manifest:
        load_bulk(self.store, "acme", "production", [flag(key, on=on)], now=self.now)
        return self.live()

    def live(self) -> Manifest:
        pointer = self.store.get("WORKSPACE#acme", "ENV#production")
        assert pointer is not None
        row = self.store.get("WORKSPACE#acme#ENV#production", str(pointer["manifest"]))
        assert row is not None
        assert isinstance(row["body"], bytes)
        return decode_manifest(row["body"], workspace="acme", environment="production")


def flag(key: str, *, on: bool) -> dict[str, Any]:
    variants = {"on": True, "off": False}
    fallthrough = {"variant": "on" if on else "off"}
    return {"key": key, "type": "boolean", "variants": variants, "enabled": True, "fallthrough": fallthrough}


def is_on(manifest: Manifest, key: str) -> bool:
    lines = [json.loads(line) for line in (manifest.inline or "").splitlines()]
    (said,) = [line["fallthrough"] for line in lines if line["key"] == key]
    return bool(said == {"variant": "on"})


@pytest.fixture
def publishers(tmp_path: Path) -> Iterator[Callable[..., list[Publisher]]]:
    """Make publishers over one file; the first one made the workspace."""
    with ExitStack() as closing:

        def make(*wrong_by: float, path: Path = tmp_path / "flags.db") -> list[Publisher]:
            made = [Publisher(path, seconds) for seconds in wrong_by]
            for publisher in made:
                closing.callback(publisher.store.close)
            if made[0].store.get("WORKSPACE#acme", "META") is None:
                provision(made[0].store, "acme", ["production"], now=made[0].now)
            return made

        yield make


@pytest.mark.parametrize("clocks", [(0.0, -DAY), (-DAY, 0.0), (0.0, DAY, -DAY)], ids=str)
def test_every_publish_is_the_next_revision_whatever_the_clock_says(
    publishers: Callable[..., list[Publisher]], clocks: tuple[float, ...]
) -> None:
    turns = cycle(made := publishers(*clocks))
    first = made[0].live()
    published = [first, *(next(turns).publish(OTHER, on=turn % 2 == 0) for turn in range(10))]
    assert [manifest.order for manifest in published] == [(first.epoch, first.revision + turn) for turn in range(11)]
    times = [manifest.published_at for manifest in published]
    assert times == sorted(times)


def test_a_kill_switch_is_not_undone_by_a_publisher_whose_clock_is_a_day_behind(
    publishers: Callable[..., list[Publisher]],
) -> None:
    ahead, behind = publishers(0.0, -DAY)
    ahead.publish(KILL_SWITCH, on=True)
    behind.publish(KILL_SWITCH, on=False)
    for turn in range(6):
        manifest = (ahead, behind)[turn % 2].publish(OTHER, on=turn % 2 == 0)
        assert not is_on(manifest, KILL_SWITCH)
        assert is_on(manifest, OTHER) == (turn % 2 == 0)


def test_what_the_publisher_ahead_switched_off_stays_off_as_the_one_behind_goes_on(
    publishers: Callable[..., list[Publisher]],
) -> None:
    ahead, behind = publishers(DAY, 0.0)
    behind.publish(KILL_SWITCH, on=True)
    off = ahead.publish(KILL_SWITCH, on=False)
    later = behind.publish(OTHER, on=True)
    assert later.order > off.order
    assert not is_on(later, KILL_SWITCH)


def test_history_by_time_stays_in_the_order_of_revisions(publishers: Callable[..., list[Publisher]]) -> None:
    turns = cycle(made := publishers(0.0, -DAY))
    for turn in range(6):
        next(turns).publish(OTHER, on=turn % 2 == 0)
    rows = made[0].store.query("WORKSPACE#acme#ENV#production", prefix="MANIFEST#").items
    times = [int(str(row["published_ms"])) for row in rows]
    assert all(earlier < later for earlier, later in pairwise(times))


def test_a_backup_restored_by_a_clock_a_day_behind_is_above_all_that_clients_have_seen(
    publishers: Callable[..., list[Publisher]], tmp_path: Path
) -> None:
    path, backup = tmp_path / "flags.db", tmp_path / "backup.db"
    (right,) = publishers(0.0)
    right.store.close()
    shutil.copy(path, backup)
    (right,) = publishers(0.0)
    seen = [right.publish(OTHER, on=turn % 2 == 0).order for turn in range(5)]
    right.store.close()
    shutil.copy(backup, path)
    (slow,) = publishers(-DAY)
    restore(slow.store, now=slow.now)
    assert slow.live().order > max(seen)
    assert slow.live().epoch == max(seen)[0] + 1
    (right,) = publishers(0.0)
    after = [publisher.publish(OTHER, on=turn == 0) for turn, publisher in enumerate((right, slow, right))]
    assert {manifest.epoch for manifest in after} == {slow.live().epoch}, "only a restore makes an epoch"


def test_restored_again_by_a_clock_that_is_right_it_is_above_what_was_restored_before(
    publishers: Callable[..., list[Publisher]], tmp_path: Path
) -> None:
    """The way out where a slow clock restored a backup from before an earlier restore."""
    path, backup = tmp_path / "flags.db", tmp_path / "backup.db"
    (right,) = publishers(0.0)
    right.store.close()
    shutil.copy(path, backup)
    (right,) = publishers(0.0)
    right.at += 3600.0
    restore(right.store, now=right.now)
    seen = right.live().order
    right.store.close()
    shutil.copy(backup, path)
    slow, right = publishers(-DAY, 0.0)
    restore(slow.store, now=slow.now)
    assert slow.live().order < seen, "a known limit: see the guide"
    right.at += 2 * 3600.0
    restore(right.store, now=right.now)
    assert right.live().order > seen


@pytest.mark.e2e
def test_readers_of_two_servers_whose_clocks_are_a_day_apart_see_revisions_rise_and_no_switch_undone(
    publishers: Callable[..., list[Publisher]], tmp_path: Path
) -> None:
    """Over sockets: each server writes in turn, and a client of each reads after every write."""
    made = publishers(0.0, -DAY)
    keys = provision(made[0].store, "real", ["production"], now=made[0].now)
    delivery = DeliverySettings(max_age=0, stale_while_revalidate=0, stale_if_error=60, poll=3600)
    manage = {"Authorization": f"Bearer {keys.management}"}
    with ExitStack() as stack:
        urls, readers = [], []
        for publisher in made:
            app = create_app(publisher.store, settings=Settings(delivery=delivery), now=publisher.now)
            urls.append(stack.enter_context(running_server(app)))
        http = stack.enter_context(httpx.Client(headers=manage, timeout=20.0))
        for url in urls:
            options: dict[str, Any] = {"workspace": "real", "environment": "production", "cache_dir": None}
            polling = Polling(interval=3600.0, minimum=0.01, maximum=3600.0, deadline=20.0)
            reader = Client(url, sdk_key=keys.server["production"], polling=polling, **options)
            readers.append(stack.enter_context(reader))
            assert reader.start(wait=20.0).source == "network"
        for key in (KILL_SWITCH, OTHER):
            described = {"key": key, "type": "boolean", "variants": {"on": True, "off": False}}
            http.post(f"{urls[0]}/v1/workspaces/real/flags", json=described).raise_for_status()
        writes = [(KILL_SWITCH, True), (KILL_SWITCH, False), *((OTHER, turn % 2 == 0) for turn in range(6))]
        wanted: dict[str, bool] = {}
        revisions: list[list[int]] = [[], []]
        for (key, on), url in zip(writes, cycle(urls), strict=False):
            rules = {"enabled": True, "off": "off", "rules": [], "fallthrough": {"variant": "on" if on else "off"}}
            place = f"{url}/v1/workspaces/real/flags/{key}/environments/production"
            http.put(place, json=rules, headers={"If-Match": "*"}).raise_for_status()
            wanted[key] = on
            for reader, seen in zip(readers, revisions, strict=True):
                reader.refresh(wait=20.0)
                seen.append(reader.pinned().revision)
                assert {name: reader.is_enabled(name) for name in wanted} == wanted
        assert revisions[0] == revisions[1]
        assert all(later == earlier + 1 for earlier, later in pairwise(revisions[0]))
