"""The bundle: a whole ruleset in one file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._wire.bundle import decode_bundle, encode_bundle
from buildflags_sdk._wire.canonical import encode
from buildflags_sdk._wire.limits import Limits
from buildflags_sdk._wire.page import encode_page, page_name
from buildflags_sdk.errors import FormatVersionError, RulesetError

PAGES = {page_name(body): body for body in (encode_page([encode({"key": key})]) for key in "abc")}
GIVEN: dict[str, Any] = {
    "manifest_body": b'{"format":1,"not":"looked at here"}',
    "pages": PAGES,
    "etag": 'W/"x"',
    "signature": None,
    "saved_at": 1795424400.5,
    "url": "https://flags.example",
}
BUNDLE = encode_bundle(**GIVEN)


def test_a_bundle_gives_back_exactly_what_was_put_in():
    assert decode_bundle(BUNDLE)._asdict() == GIVEN


def test_a_bundle_begins_with_a_line_that_people_can_read():
    assert BUNDLE.startswith(b'{"buildflags_bundle":1,"url":"https://flags.example",')


@settings(max_examples=200)
@given(st.integers(0, len(BUNDLE) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_lies_where_the_manifests_own_check_looks(position, difference):
    damaged = bytearray(BUNDLE)
    damaged[position] ^= difference
    header_and_manifest = len(BUNDLE) - sum(map(len, PAGES.values()))
    try:
        bundle = decode_bundle(bytes(damaged))
    except RulesetError:
        return
    assert position < header_and_manifest
    assert {name: page_name(body) for name, body in bundle.pages.items()} == {name: name for name in bundle.pages}


@given(st.integers(0, len(BUNDLE) - 1))
def test_a_bundle_cut_short_is_refused(length):
    with pytest.raises(RulesetError):
        decode_bundle(BUNDLE[:length])


def test_a_bundle_with_something_after_its_end_is_refused():
    with pytest.raises(RulesetError, match="pull it again"):
        decode_bundle(BUNDLE + b"x")


@pytest.mark.parametrize("version", [b"2", b"true", b"null", b'"1"'])
def test_a_bundle_of_another_version_says_which_are_understood(version):
    with pytest.raises(FormatVersionError, match="understood: 1"):
        decode_bundle(BUNDLE.replace(b'"buildflags_bundle":1', b'"buildflags_bundle":' + version, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"manifest_bytes":35', b'"manifest_bytes":-35'),
        (b'"manifest_bytes":35', b'"manifest_bytes":35.0'),
        (b'"saved_at":', b'"saved_at_":'),
        (b'"etag":"W/', b'"etag":["W/"],"x":"'),
        (b'"pages":[[', b'"pages":[7,['),
        (b'"signature":null', b'"signature":1'),
    ],
)
def test_a_header_with_a_wrong_field_is_refused(old, new):
    assert old in BUNDLE
    with pytest.raises(RulesetError):
        decode_bundle(BUNDLE.replace(old, new, 1))


def test_pages_over_the_limit_are_refused():
    with pytest.raises(RulesetError):
        decode_bundle(BUNDLE, Limits(page_bytes=5))
