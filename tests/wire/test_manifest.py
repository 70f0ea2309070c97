"""The manifest: what is read from it, and all that is refused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from buildflags_sdk._wire.limits import Limits
from buildflags_sdk._wire.manifest import INLINE_LIMIT, decode_manifest, encode_manifest, etag_of
from buildflags_sdk._wire.page import EMPTY_PAGE, page_name
from buildflags_sdk.errors import FormatVersionError, ManifestError

A, B = page_name(b"a"), page_name(b"b")
GOOD: dict[str, Any] = {
    "format": 1,
    "workspace": "acme",
    "environment": "production",
    "epoch": 1795424400,
    "revision": 42,
    "published_at": "2026-11-23T09:00:00Z",
    "pages_at": "/p/Vq3xYz/",
    "pages": [A, B],
}


def decode(body, **limits):
    return decode_manifest(body, workspace="acme", environment="production", limits=Limits(**limits))


def changed(**fields):
    return json.dumps({name: value for name, value in {**GOOD, **fields}.items() if value is not ...}).encode()


def test_a_manifest_is_read():
    body = changed()
    manifest = decode(body)
    assert manifest.order == (1795424400, 42)
    assert (manifest.workspace, manifest.environment, manifest.pages_at) == ("acme", "production", "/p/Vq3xYz/")
    assert manifest.pages == (A, B)
    assert manifest.inline is None
    assert manifest.raw == body


def test_encoding_gives_canonical_bytes_that_decode_to_the_same():
    fields = {name: value for name, value in GOOD.items() if name != "format"}
    body = encode_manifest(**fields)
    assert body == json.dumps(GOOD, separators=(",", ":")).encode()
    assert decode(body).pages == (A, B)


def test_a_small_ruleset_travels_inline():
    fields = {name: value for name, value in GOOD.items() if name not in ("format", "pages")}
    manifest = decode(encode_manifest(**fields, inline='{"key":"ä"}\n'))
    assert manifest.inline == '{"key":"ä"}\n'
    assert manifest.pages == manifest.wanted == ()
    with pytest.raises(ManifestError, match="inline"):
        encode_manifest(**fields, inline="ä" * (INLINE_LIMIT // 2 + 1))


def test_a_well_formed_manifest_without_entries_is_an_empty_environment():
    assert decode(changed(pages=[])).pages == ()
    assert decode(changed(pages=..., inline="")).inline == ""


def test_fields_that_are_not_known_are_left_alone():
    assert decode(changed(shiny={"new": [1]})).revision == 42


def test_empty_pages_may_repeat_and_are_never_wanted():
    manifest = decode(changed(pages=[EMPTY_PAGE, A, EMPTY_PAGE, B]))
    assert len(manifest.pages) == 4
    assert manifest.wanted == (A, B)


@pytest.mark.parametrize(
    "fields",
    [
        {"workspace": "other"},
        {"environment": "staging"},
        {"workspace": ...},
        {"environment": 7},
        {"format": ...},
        {"format": "1"},
        {"format": True},
        {"epoch": ...},
        {"epoch": -1},
        {"epoch": 1.5},
        {"epoch": 2**63},
        {"revision": "42"},
        {"revision": None},
        {"revision": True},
        {"published_at": None},
        {"pages": ...},
        {"pages": None},
        {"pages": {}},
        {"pages": [A, A]},
        {"pages": [A[:-1]]},
        {"pages": [A + "="]},
        {"pages": [A[:-1] + "/"]},
        {"pages": [7]},
        {"inline": ""},
        {"pages": ..., "inline": None},
        {"pages": ..., "inline": ["a"]},
    ],
    ids=str,
)
def test_a_field_that_is_missing_or_wrong_refuses_the_manifest(fields):
    with pytest.raises(ManifestError):
        decode(changed(**fields))


@pytest.mark.parametrize(
    "path",
    [
        ...,
        "",
        "/",
        "p/x/",
        "/p/x",
        "//evil.example/",
        "//evil.example/p/",
        "https://evil.example/p/",
        "/p/../secret/",
        "/../",
        "/p/./x/",
        "/p//x/",
        "/p/x/\n",
        "/p/\r\nHost: evil/",
        "/p/%2e%2e/",
        "/p/x/?a=/",
        "/p/x/#/",
        "/p\\x/",
        "/p/x@evil.example/",
        "/pä/",
        "/p/\x00/",
    ],
    ids=repr,
)
def test_pages_that_could_lead_anywhere_else_are_refused(path):
    with pytest.raises(ManifestError, match="pages_at"):
        decode(changed(pages_at=path))


@pytest.mark.parametrize("path", ["/p/Vq3/", "/base/p/a_b-c.d~e/", "/...a/"])
def test_plain_paths_on_the_same_host_are_taken(path):
    assert decode(changed(pages_at=path)).pages_at == path


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b"<html></html>",
        b'"x"',
        changed()[:-1],
        changed().replace(b'"epoch": 1795424400', b'"epoch": NaN'),
        changed().replace(b'"revision": 42', b'"revision": 42, "revision": 43'),
        changed(extra=7).replace(b'"extra": 7', b'"extra": ' + b"[" * 32 + b"]" * 32),
        b'{"format":' * 100_000,
    ],
    ids=lambda body: repr(body[-30:]),
)
def test_bodies_of_the_wrong_shape_are_refused(body):
    with pytest.raises(ManifestError):
        decode(body)


def test_a_manifest_over_its_limit_is_refused_before_it_is_read():
    with pytest.raises(ManifestError, match="limit"):
        decode(b"x" * 1001, manifest_bytes=1000)


def test_an_inline_ruleset_over_the_pages_limit_is_refused():
    body = changed(pages=..., inline="é" * 51)
    assert decode(body, page_bytes=102).inline
    with pytest.raises(ManifestError, match="limit"):
        decode(body, page_bytes=101)


@pytest.mark.parametrize("version", [0, 2, 99])
def test_an_unknown_format_names_those_that_are_understood(version):
    with pytest.raises(FormatVersionError, match=re.escape("understood: 1")):
        decode(changed(format=version))


def test_a_bundles_manifest_is_read_whatever_it_is_of():
    assert decode_manifest(changed(), workspace=None, environment=None).workspace == "acme"


def test_the_entity_tag_is_weak_and_covers_bytes_and_signatures():
    tags = {etag_of(b"{}", None), etag_of(b"{} ", None), etag_of(b"{}", "k=1"), etag_of(b"{}", "k=2")}
    assert len(tags) == 4
    assert all(re.fullmatch(r'W/"[A-Za-z0-9_-]{43}"', tag) for tag in tags)
    assert etag_of(b"{}", None) == etag_of(b"{}", None)
