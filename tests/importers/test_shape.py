"""Fields that an importer does not know are named by their places, at every level."""

from __future__ import annotations

from typing import Any

from buildflags_sdk.importers.shape import unknown_fields

RULE: dict[str, Any] = {"id": None}
RULE["rules"] = [RULE]
SHAPE = {"key": None, "rules": [RULE], "variants": {"*": {"value": None}}}


def test_what_is_known_is_not_named() -> None:
    raw = {"key": {"any": 1}, "rules": [{"id": 1, "rules": [{"id": 2}]}], "variants": {"a": {"value": {"x": 1}}}}
    assert unknown_fields(raw, SHAPE, "flags", "f") == ""


def test_what_is_not_is_named_wherever_it_stands() -> None:
    raw = {"new": 1, "rules": [{}, {"rules": [{"odd one": 2}]}], "variants": {"a": {"name": "A"}}}
    assert unknown_fields(raw, SHAPE, "f") == (
        'fields that are not known were left out: $.f.new, $.f.rules[1].rules[0]["odd one"], $.f.variants.a.name'
    )


def test_many_are_counted() -> None:
    assert unknown_fields({f"x{number}": 1 for number in range(9)}, {}).endswith("$.x5 and 3 more")


def test_another_form_than_the_shape_is_left_to_the_reader() -> None:
    assert unknown_fields({"rules": 5, "variants": ["a"]}, SHAPE) == ""
