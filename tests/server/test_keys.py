from __future__ import annotations

import re

import pytest

from buildflags_sdk.server.access import bearer, issue, recognise
from buildflags_sdk.server.keys import KINDS, hash_key, make_key, parse_key


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_says_its_kind_and_has_a_checksum(kind):
    key = make_key(kind)
    assert re.fullmatch(rf"bf_{kind}_[0-9A-Za-z]{{32}}_[0-9A-Za-z]{{6}}", key)
    shape = parse_key(key)
    assert shape is not None
    assert shape.kind == kind
    assert key.startswith(shape.hint)
    assert len(shape.hint) == len(f"bf_{kind}_") + 4


def test_no_two_keys_are_equal():
    assert len({make_key("server") for _ in range(100)}) == 100


def test_a_key_with_one_letter_changed_is_none():
    key = make_key("server")
    for at in range(len(key)):
        other = "a" if key[at] != "a" else "b"
        assert parse_key(key[:at] + other + key[at + 1 :]) is None


@pytest.mark.parametrize("text", ["", "bf_server_", "secret", "bf_root_" + "a" * 32 + "_aaaaaa"])
def test_what_has_no_keys_shape_is_none(text):
    assert parse_key(text) is None


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="server, browser, management"):
        make_key("root")


def test_the_store_holds_the_hash_and_never_the_key(store, tmp_path):
    issued = issue("acme", "server", now=0.0)
    store.transact(issued.writes)
    secret = issued.key.split("_")[2]
    rows = [
        store.get(*place) for place in ((f"KEY#{hash_key(issued.key)}", "META"), ("WORKSPACE#acme", f"KEY#{issued.id}"))
    ]
    assert all(rows)
    assert all(secret not in str(row) for row in rows)


def test_a_key_is_recognised_until_it_expires(store):
    issued = issue("acme", "server", now=0.0, environments=("staging",), expires_at=100.0)
    store.transact(issued.writes)
    grant = recognise(store, issued.key, 99.9)
    assert grant is not None
    assert grant.covers("acme", "staging")
    assert not grant.covers("acme", "production")
    assert not grant.covers("other", "staging")
    assert recognise(store, issued.key, 100.0) is None


@pytest.mark.parametrize(
    ("header", "key"),
    [("Bearer k", "k"), ("bearer  k ", "k"), ("Basic k", None), ("Bearer", None), ("Bearer ", None), ("", None)],
)
def test_the_key_is_read_out_of_the_authorization_header(header, key):
    assert bearer(header) == key
