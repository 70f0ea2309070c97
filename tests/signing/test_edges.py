"""Edges that disagree, lag or lie, and a store that was put back from a backup: over sockets, hours in simulated time."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import Freshness
from buildflags_sdk.server import SqliteStore
from buildflags_sdk.server.provision import provision
from buildflags_sdk.server.restore import RestoredStoreError, restore

if TYPE_CHECKING:
    from pathlib import Path


def says_again(backend: Any, recorded: dict[str, Any], age: int | None = None) -> None:
    """Let the edge answer what it once heard, `age` seconds ago as it says."""

    def meddle(answer: dict[str, Any]) -> None:
        answer.update(status=recorded["status"], body=recorded["body"], headers=dict(recorded["headers"]))
        if age is not None:
            answer["headers"]["age"] = str(age)

    backend.meddle = meddle


@pytest.fixture
def told(make_backend: Any, read: Any) -> Any:
    """A backend that said "before" and then "after", what it answered before, and a reader that knows both."""
    backend = make_backend()
    backend.say("before")
    with backend.served() as url:
        reader = read(url, backend)
        before = backend.seen[-1]
        backend.say("after")
        assert reader.polls(2).says == "after"
        yield backend, before, reader


def test_edges_that_disagree_for_an_hour_do_not_make_a_reader_flap(told: Any) -> None:
    backend, before, reader = told
    said = set()
    for turn in range(360):
        if turn % 2:
            says_again(backend, before)
        else:
            backend.meddle = None
        said.add(reader.polls(1, seconds=10.0).says)
    assert said == {"after"}
    assert reader.client.status().step_backs > 100


def test_an_edge_that_lives_on_stale_if_error_undoes_nothing_and_says_how_old_it_is(told: Any) -> None:
    backend, before, reader = told
    says_again(backend, before, age=7200)
    assert reader.polls(100, seconds=60.0).says == "after"
    assert reader.client.get_details("greeting", "").freshness is Freshness.STALE
    backend.meddle = None
    reader.polls(1)
    assert reader.client.get_details("greeting", "").freshness is Freshness.FRESH


def test_a_reader_that_starts_on_a_stale_edge_serves_it_as_stale_and_asks_no_sooner(told: Any, read: Any) -> None:
    backend, before, reader = told
    says_again(backend, before, age=7200)
    late = read(reader.client._engine.settings.url, backend)
    details = late.client.get_details("greeting", "")
    assert (details.value, details.freshness) == ("before", Freshness.STALE)
    assert details.age >= 7200
    polls = late.client.status().polls
    assert late.polls(1, seconds=0.9).client.status().polls == polls
    backend.meddle = None
    assert late.polls(1).says == "after"


def test_one_bad_far_future_pair_freezes_nobody_for_long(told: Any) -> None:
    backend, _, reader = told

    def poison(answer: dict[str, Any]) -> None:
        manifest = json.loads(answer["body"])
        manifest.update(epoch=2**40, inline=manifest["inline"].replace("after", "poisoned"))
        answer["body"] = json.dumps(manifest).encode()

    backend.meddle = poison
    assert reader.polls(1).says == "poisoned"
    backend.meddle = None
    backend.say("well again")
    assert reader.polls(5).says == "poisoned", "one edge that disagrees is no reason yet"
    assert reader.polls(20).says == "well again"


def test_a_store_put_back_from_a_backup_publishes_under_a_new_epoch(
    make_backend: Any, read: Any, tmp_path: Path
) -> None:
    path, backup = tmp_path / "flags.db", tmp_path / "backup.db"
    store = SqliteStore(path)
    keys = provision(store, "acme", ["production"])
    live = make_backend(store=store)
    live.keys = keys
    live.say("in the backup")
    with store._using() as connection:
        connection.execute("VACUUM INTO ?", (str(backup),))
    live.say("lost")
    with live.served() as url:
        reader = read(url, live)
        epoch = reader.client.status().epoch
        assert reader.says == "lost"
        store.close()
        for leftover in tmp_path.glob("flags.db-*"):
            leftover.unlink()
        shutil.copy(backup, path)
        again = make_backend(store=SqliteStore(path))
        live._app = again._app
        with pytest.raises(RestoredStoreError, match="buildflags restore"):
            again.say("too early")
        assert reader.polls(2).says == "lost"
        restore(again.store)
        again.say("after the restore")
        assert reader.polls(2).says == "after the restore"
        assert reader.client.status().epoch > epoch
        again.store.close()


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_wall_clock_that_jumps_by_a_day_neither_stops_nor_expires_anything(told: Any, read: Any, jump: float) -> None:
    backend, _, reader = told
    careful = read(reader.client._engine.settings.url, backend, max_staleness=3600.0)
    careful.clock.set_wall(careful.clock.moment().wall + jump)
    assert careful.says == "after"
    backend.say("news")
    assert careful.polls(2).says == "news"
    assert careful.client.get_details("greeting", "").freshness is Freshness.FRESH


def test_a_laptop_that_slept_the_night_serves_at_once_and_is_fresh_at_its_first_poll(told: Any) -> None:
    backend, _, reader = told
    backend.say("news of the night")
    reader.clock.freeze(8 * 3600.0)
    details = reader.client.get_details("greeting", "")
    assert (details.value, details.freshness) == ("after", Freshness.STALE)
    assert details.age >= 8 * 3600.0
    assert reader.polls(1, seconds=0.0).says == "news of the night"
