"""Delivery as clients and edges see it: protocol.md, header by header."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from buildflags_sdk._wire.manifest import decode_manifest, etag_of
from buildflags_sdk._wire.page import verify_page
from buildflags_sdk.server.access import issue
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.delivery import names_tag, takes_gzip
from buildflags_sdk.server.settings import DEVELOPMENT, PRODUCTION

if TYPE_CHECKING:
    import httpx

FLAG = {"type": "boolean", "variants": {"on": True, "off": False}, "fallthrough": {"variant": "on"}}


@pytest.fixture
def large(site):
    """Production with a ruleset that needs pages."""
    flags = [{"key": f"f{number}", **FLAG, "meta": {"about": "x" * 400}} for number in range(300)]
    load_bulk(site.store, "acme", "production", flags, now=site.now)
    return site


def test_a_manifest_is_what_the_publisher_stored_byte_for_byte(site):
    site.flag()
    answer = site.manifest()
    pointer = site.store.get("WORKSPACE#acme", "ENV#production")
    stored = site.store.get("WORKSPACE#acme#ENV#production", pointer["manifest"])
    assert answer.status_code == 200
    assert answer.content == stored["body"]
    assert answer.headers["etag"] == stored["etag"] == etag_of(answer.content, None)
    decode_manifest(answer.content, workspace="acme", environment="production")


def test_the_headers_are_those_of_the_protocol(site):
    headers = site.manifest().headers
    assert headers["cache-control"] == "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"
    assert headers["buildflags-poll"] == "60"
    assert "Authorization" in headers["vary"]
    assert headers["content-type"] == "application/json"
    assert headers["x-content-type-options"] == "nosniff"


def test_development_settings_show_a_change_within_seconds():
    assert DEVELOPMENT.cache_control.startswith("public, max-age=1, stale-while-revalidate=1")
    assert DEVELOPMENT.poll == 2
    assert PRODUCTION.poll == 60


def test_a_known_etag_is_answered_304_with_the_same_headers(site):
    first = site.manifest()
    again = site.manifest(headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    for name in ("etag", "cache-control", "vary", "buildflags-poll"):
        assert again.headers[name] == first.headers[name]


def test_a_changed_flag_changes_the_etag(site):
    first = site.manifest()
    site.flag()
    assert site.manifest(headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('"x", W/"a"', True),
        ('W/"x","a"', True),
        ("*", True),
        (" * ", True),
        ('"b"', False),
        ("a", False),
        ("", False),
        ('W/"ab"', False),
        ('"x, W/"a', False),
    ],
)
def test_if_none_match_is_compared_weakly_and_may_be_a_list(sent, named):
    assert names_tag(sent, 'W/"a"') is named
    assert names_tag(sent, '"a"') is named


@pytest.mark.parametrize(
    ("sent", "takes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("", False),
    ],
)
def test_gzip_is_sent_only_to_those_who_take_it(sent, takes):
    assert takes_gzip(sent) is takes


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_pages_are_immutable_and_carry_no_key(large, encoding):
    manifest = json.loads(large.manifest().content)
    assert "inline" not in manifest
    for name in manifest["pages"]:
        answer = large.get(manifest["pages_at"] + name, key=None, headers={"Accept-Encoding": encoding})
        assert answer.status_code == 200
        assert answer.headers.get("content-encoding") == (encoding if encoding == "gzip" else None)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == "application/json"
        verify_page(name, answer.content)


def test_pages_are_sent_as_they_were_gzipped(large):
    manifest = json.loads(large.manifest().content)
    name = manifest["pages"][0]
    secret = manifest["pages_at"].split("/")[2]
    answer = large.get(manifest["pages_at"] + name, key=None)
    stored = large.store.get(f"PAGE#{secret}#{name}", "META")["body"]
    assert int(answer.headers["content-length"]) == len(stored)
    assert gzip.decompress(stored) == answer.content


def test_a_page_that_is_not_there_is_404_and_not_kept(large):
    manifest = json.loads(large.manifest().content)
    for path in (manifest["pages_at"] + "A" * 43, "/p/" + "A" * 22 + "/" + manifest["pages"][0], "/p/x/y", "/p/"):
        answer = large.get(path, key=None)
        assert answer.status_code == 404
        assert answer.headers["cache-control"] == "no-store"


def test_a_page_known_by_its_etag_is_304(large):
    manifest = json.loads(large.manifest().content)
    path = manifest["pages_at"] + manifest["pages"][0]
    etag = large.get(path, key=None).headers["etag"]
    assert large.get(path, key=None, headers={"If-None-Match": etag}).status_code == 304


def test_a_ruleset_of_32_kb_travels_inline_and_a_larger_one_does_not(site):
    inline = [{"key": f"f{number:02}", **FLAG, "meta": {"about": "x" * 900}} for number in range(30)]
    load_bulk(site.store, "acme", "production", inline, now=site.now)
    assert len(json.loads(site.manifest().content)["inline"].encode()) <= 32_768
    load_bulk(site.store, "acme", "production", [{**flag, "key": f"g{flag['key']}"} for flag in inline], now=site.now)
    assert "pages" in json.loads(site.manifest().content)


def refused(answer: httpx.Response) -> None:
    assert answer.status_code == 403
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["vary"] == "Authorization"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "bf_server_" in answer.json()["detail"]


def test_a_key_that_is_missing_unknown_or_of_no_keys_shape_gets_403_that_an_edge_keeps(site):
    unknown = issue("acme", "server", now=0.0).key
    for key in (None, unknown, "secret", unknown[:-1] + "!"):
        refused(site.manifest(key=key))


def test_a_revoked_key_and_an_expired_key_get_403(site):
    made = site.post("/keys", {"kind": "server", "expires_at": "2026-11-23T10:00:00Z"}).json()
    assert site.manifest(key=made["key"]).status_code == 200
    site.now.at += 3_600
    refused(site.manifest(key=made["key"]))
    other = site.post("/keys", {"kind": "server"}).json()
    assert site.manifest(key=other["key"]).status_code == 200
    site.delete(f"/keys/{other['id']}")
    refused(site.manifest(key=other["key"]))


def test_a_key_opens_only_its_own_environments_and_workspace(site):
    refused(site.manifest("staging", key=site.keys.server["production"]))
    refused(site.get("/v1/workspaces/other/environments/production/manifest", key=site.keys.server["production"]))


@pytest.mark.parametrize("kind", ["browser", "management"])
def test_no_other_kind_of_key_reads_a_manifest(site, kind):
    refused(site.manifest(key=site.post("/keys", {"kind": kind}).json()["key"]))


def test_an_environment_that_is_not_there_is_404_for_those_who_may_know(site):
    key = site.post("/keys", {"kind": "server"}).json()["key"]
    answer = site.manifest("nowhere", key=key)
    assert answer.status_code == 404
    assert "nowhere" in answer.json()["detail"]


def test_head_gives_the_headers_alone(site):
    path = "/environments/production/manifest"
    answer = site.ask("HEAD", path, key=site.keys.server["production"])
    assert answer.status_code == 200
    assert answer.content == b""
    assert "etag" in answer.headers


def test_delivery_is_only_read(site):
    answer = site.post("/environments/production/manifest", {})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_the_delivery_path_loads_neither_fastapi_nor_pydantic():
    """Its cold start is what customers' caches wait for."""
    program = (
        "import sys; from buildflags_sdk.server.delivery import create_delivery; "
        "from buildflags_sdk.server import SqliteStore; create_delivery(SqliteStore(':memory:')); "
        "print([name for name in ('fastapi', 'starlette', 'pydantic', 'httpx', 'uvicorn', 'asyncio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
