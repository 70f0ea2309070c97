"""Factories make what the rest of the system takes."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk import Client, RulesetError
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk._wire.page import index_page, verify_page
from buildflags_sdk.testing import flag, lines, manifest_for, segment, snapshot_of


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "boolean"),
        (False, "boolean"),
        (3, "integer"),
        (0.5, "float"),
        ("a", "string"),
        ({"a": 1}, "object"),
        ([1], "object"),
    ],
)
def test_a_flag_of_one_value_serves_it_in_its_type(value: Any, kind: str) -> None:
    definition = flag("x", value)

    assert definition.type == kind
    assert Client.from_flags({"x": definition}).get_value("x", None) == value


def test_an_object_that_looks_like_a_long_variant_is_still_the_value() -> None:
    assert Client.from_flags({"x": flag("x", {"value": 1})}).get_value("x", None) == {"value": 1}


def test_rules_take_the_short_forms() -> None:
    rule = {"when": {"attr": "user.country", "op": "in", "values": ["DE"]}, "serve": "red"}
    definition = flag("button", "blue", variants={"blue": "#00f", "red": "#f00"}, rules=[rule])
    client = Client.from_flags({"button": definition})

    assert client.get_value("button", "", {"user": {"country": "DE"}}) == "#f00"
    assert client.get_value("button", "", {"user": {"country": "FR"}}) == "#00f"


def test_a_flag_that_is_not_enabled_serves_its_off_variant() -> None:
    client = Client.from_flags({"x": flag("x", "new", variants={"old": 1, "new": 2}, enabled=False, off="old")})

    assert client.get_value("x", 0) == 1


def test_segments_meet_the_rules_that_name_them() -> None:
    insiders = segment(
        "insiders", include=["user-7"], exclude=["user-8"], when={"attr": "staff", "op": "in", "values": ["yes"]}
    )
    rule = {"when": {"segment": "insiders"}, "serve": "on"}
    snapshot = snapshot_of(flag("x", "off", variants={"on": True, "off": False}, rules=[rule]), insiders)

    class NoWorld:
        """Rules without time, dice or memberships ask nothing."""

    assert snapshot.decide("x", {"targetingKey": "user-7"}, NoWorld()).value is True
    assert snapshot.decide("x", {"targetingKey": "user-8", "staff": "yes"}, NoWorld()).value is False
    assert snapshot.decide("x", {"targetingKey": "user-9", "staff": "yes"}, NoWorld()).value is True


def test_an_impossible_flag_is_refused_when_it_is_made() -> None:
    with pytest.raises(RulesetError, match="no-such-variant"):
        flag("x", "no-such-variant", variants={"old": 1})


def test_lines_take_raw_entries_as_they_stand_right_or_wrong() -> None:
    assert lines(b'{"key":"x","oops":1}', {"key": "y"}) == [b'{"key":"x","oops":1}', b'{"key":"y"}']


def test_a_small_ruleset_is_inline_and_a_large_one_in_pages() -> None:
    small, no_pages = manifest_for([flag("x")])
    large, pages = manifest_for([flag(f"flag-{at}") for at in range(1000)])

    assert no_pages == {}
    assert decode_manifest(small, workspace="acme", environment="production").inline is not None
    assert set(decode_manifest(large, workspace="acme", environment="production").wanted) == set(pages)
    for name, body in pages.items():
        verify_page(name, body)
    assert sum(len(list(index_page(body))) for body in pages.values()) == 1000


def test_pages_may_be_asked_for_by_their_number() -> None:
    body, _pages = manifest_for([flag("x"), flag("y")], bits=3, revision=9, epoch=5)
    manifest = decode_manifest(body, workspace="acme", environment="production")

    assert len(manifest.pages) == 8
    assert manifest.order == (5, 9)


def test_a_snapshot_has_the_revision_and_the_keys_it_was_asked_for() -> None:
    snapshot = snapshot_of(flag("x"), flag("y", 3), revision=12)

    assert snapshot.revision == 12
    assert set(snapshot.keys()) == {"x", "y"}
