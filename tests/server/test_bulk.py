from __future__ import annotations

import json

import pytest

from buildflags_sdk._wire.page import index_page
from buildflags_sdk.errors import RulesetError
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.publish import read_page
from buildflags_sdk.server.sample import FLAGS, SEGMENTS, provision_sample

FLAG = {"type": "boolean", "variants": {"on": True, "off": False}, "fallthrough": {"variant": "on"}}


def flags(count, **more):
    return ({"key": f"f{number}", **FLAG, **more} for number in range(count))


def live(site):
    manifest = json.loads(site.manifest().content)
    secret = manifest["pages_at"].split("/")[2]
    pages = [read_page(site.store, secret, name) for name in dict.fromkeys(manifest["pages"])]
    return {key: json.loads(line) for page in pages for _, key, line in index_page(page)}


def test_a_bulk_load_is_one_revision(site):
    before = json.loads(site.manifest().content)["revision"]
    published = load_bulk(site.store, "acme", "production", flags(3000), now=site.now)
    assert published.revision == before + 1
    assert live(site).keys() == {f"f{number}" for number in range(3000)}


def test_a_repeated_load_changes_nothing_and_loses_nothing(site):
    load_bulk(site.store, "acme", "production", flags(500), now=site.now)
    assert not load_bulk(site.store, "acme", "production", flags(200), now=site.now).changed
    assert len(live(site)) == 500
    assert site.get("/flags/f0").json()["version"] == 2, "a change made from version 1 is now noticed"
    assert len(site.get("/flags?created_after=2026-01-01T00:00:00Z&limit=100").json()["items"]) == 100


def test_a_bad_flag_stops_the_load_before_anything_is_live(site):
    before = site.manifest().content
    with pytest.raises(RulesetError, match="flag 'bad'"):
        load_bulk(site.store, "acme", "production", [*flags(10), {"key": "bad", **FLAG, "off": "nope"}], now=site.now)
    assert site.manifest().content == before


def test_loaded_segments_are_live_in_every_environment(site):
    load_bulk(site.store, "acme", "production", (), SEGMENTS, now=site.now)
    for environment in ("production", "staging"):
        assert '"segment":"staff"' in json.loads(site.manifest(environment).content)["inline"]


def test_the_sample_is_a_workspace_that_can_be_read(store, now):
    keys = provision_sample(store, now=now)
    pointer = store.get("WORKSPACE#demo", "ENV#development")
    body = json.loads(store.get("WORKSPACE#demo#ENV#development", pointer["manifest"])["body"])
    assert len(body["inline"].splitlines()) == len(FLAGS) + len(SEGMENTS)
    assert keys.server.keys() == {"development", "production"}
