"""After a backup was put back, nothing is published under a revision that clients have seen with other contents."""

from __future__ import annotations

import json
import shutil

import pytest

from buildflags_sdk.server import SqliteStore, create_app
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.provision import provision
from buildflags_sdk.server.publish import publish
from buildflags_sdk.server.restore import RestoredStoreError, restore

FLAG = {"key": "a", "type": "boolean", "variants": {"on": True, "off": False}, "fallthrough": {"variant": "on"}}


def manifest(store):
    pointer = store.get("WORKSPACE#acme", "ENV#production")
    return json.loads(store.get("WORKSPACE#acme#ENV#production", pointer["manifest"])["body"])


@pytest.fixture
def restored(tmp_path, now):
    """A database that went on after a backup, and was then replaced by it."""
    path, backup = tmp_path / "flags.db", tmp_path / "backup.db"
    store = SqliteStore(path)
    provision(store, "acme", ["production"], now=now)
    store.close()
    shutil.copy(path, backup)
    store = SqliteStore(path)
    load_bulk(store, "acme", "production", [FLAG], now=now)
    store.close()
    shutil.copy(backup, path)
    store = SqliteStore(path)
    yield store
    store.close()


def test_a_restored_store_refuses_to_publish_and_says_what_to_do(restored, now):
    create_app(restored, now=now)
    with pytest.raises(RestoredStoreError, match="buildflags restore"):
        publish(restored, "acme", "production", now=now)


def test_restoring_publishes_every_environment_under_a_new_epoch(restored, now):
    before = manifest(restored)
    now.at += 10
    assert restore(restored, now=now) == [("acme", "production")]
    after = manifest(restored)
    assert after["epoch"] == max(before["epoch"] + 1, int(now.at))
    assert after["inline"] == before["inline"]
    load_bulk(restored, "acme", "production", [FLAG], now=now)
    assert manifest(restored)["epoch"] == after["epoch"]


def test_the_epoch_grows_even_if_the_clock_went_back(restored, now):
    before = manifest(restored)
    now.at -= 10_000
    restore(restored, now=now)
    assert manifest(restored)["epoch"] == before["epoch"] + 1


def test_a_file_moved_without_its_companion_counts_as_restored(tmp_path, now):
    store = SqliteStore(tmp_path / "flags.db")
    provision(store, "acme", ["production"], now=now)
    store.close()
    shutil.copy(tmp_path / "flags.db", tmp_path / "elsewhere.db")
    moved = SqliteStore(tmp_path / "elsewhere.db")
    with pytest.raises(RestoredStoreError):
        publish(moved, "acme", "production", now=now)
    moved.close()


def test_a_file_that_was_only_closed_and_opened_goes_on(tmp_path, now):
    store = SqliteStore(tmp_path / "flags.db")
    provision(store, "acme", ["production"], now=now)
    store.close()
    again = SqliteStore(tmp_path / "flags.db")
    assert load_bulk(again, "acme", "production", [FLAG], now=now).changed
    again.close()


def test_a_restored_backend_saves_and_says_that_it_is_not_live(site):
    site.store.put_many([{"PK": "STORE", "SK": "META", "written_for": "another table"}])
    answer = site.flag()
    assert answer.status_code == 201
    assert answer.json()["live"] == {"production": False, "staging": False}
    assert "buildflags restore" in answer.json()["not_live"]["production"]
    assert site.get("/health", key=None).json()["publishing"] is False
    assert site.post("/environments/production/publish").status_code == 503
    restore(site.store, now=site.now)
    assert site.post("/environments/production/publish").json()["live"] == {"production": True}
