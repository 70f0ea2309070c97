"""OpenFeature's test flags: each construct, each refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import openfeature

FLAG = {"variants": {"in": "INSIDE", "out": "OUTSIDE"}, "defaultVariant": "out"}


def decide(flag: dict[str, Any], context: dict[str, Any] | None = None) -> Decision:
    imported = openfeature.read(json.dumps({"f": {**FLAG, **flag}}).encode())
    world = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
    return Snapshot.from_lines({"f": json.dumps(imported.flags["f"]).encode()}, {}).decide("f", context or {}, world)


@pytest.mark.parametrize(
    ("conditions", "context", "matches"),
    [
        ("email == 'a@b.c'", {"email": "a@b.c"}, True),
        ("email == 'a@b.c'", {"email": "x"}, False),
        ("email == 'a@b.c'", {}, False),
        ("email != 'a@b.c'", {}, True),
        ("age > 10 && age <= 20", {"age": 20}, True),
        ("age > 10 && age <= 20", {"age": 10}, False),
        ("age >= 1.5 && age < 2", {"age": 1.75}, True),
        ("age === 5", {"age": 5}, True),
        ("age !== 5", {"age": 5}, False),
        ("!customer && age > -1", {"age": 0}, True),
        ("!customer", {"customer": False}, True),
        ("!customer", {"customer": "yes"}, False),
        ("customer", {"customer": 1}, True),
        ("customer", {"customer": ""}, False),
    ],
)
def test_an_expression_of_comparisons_is_kept(conditions, context, matches):
    decision = decide({"contextEvaluator": f"{conditions} ? 'in' : ''"}, context)

    assert (decision.value, decision.reason) == (
        ("INSIDE", Reason.TARGETING_MATCH) if matches else ("OUTSIDE", Reason.DEFAULT)
    )


def test_without_an_expression_a_flag_is_static_and_a_disabled_one_the_callers_default():
    assert decide({}).reason == Reason.STATIC
    assert decide({"disabled": True}).value is CALLER_DEFAULT
    assert decide({"defaultVariant": None}).reason == Reason.DEFAULT


def test_metadata_is_kept():
    imported = openfeature.read(json.dumps({"f": {**FLAG, "flagMetadata": {"team": "a"}}}).encode())

    assert imported.flags["f"]["meta"]["team"] == "a"


def test_metadata_called_as_what_an_import_notes_keeps_its_value_under_another_name():
    imported = openfeature.read(json.dumps({"f": {**FLAG, "flagMetadata": {"imported": "2024"}}}).encode())

    assert imported.flags["f"]["meta"]["openfeature.imported"] == "2024"
    assert "openfeature.imported" in imported.report.findings[0].why


def test_a_field_that_is_not_known_is_named_by_its_place_and_changes_nothing():
    known = {**FLAG, "disabled": False, "contextEvaluator": "customer ? 'in' : ''", "flagMetadata": {}}
    imported = openfeature.read(json.dumps({"f": {**known, "rollout": 5}}).encode())

    assert imported.report.findings[0].why == "fields that are not known were left out: $.f.rollout"
    assert decide({**known, "rollout": 5}, {"customer": True}).same_as(decide(known, {"customer": True}))


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ({"contextEvaluator": "call(email) ? 'in' : ''"}, "call"),
        ({"contextEvaluator": "email ? 'in' : 'out'"}, "form"),
        ({"contextEvaluator": "name > 'x' ? 'in' : ''"}, "text"),
        ({"contextEvaluator": "email ? 'gone' : ''"}, "gone"),
        ({"contextEvaluator": 5}, "form"),
        ({"variants": {"in": 1, "out": "x"}}, "one type"),
        ({"variants": {}}, "variants"),
        ({"defaultVariant": "gone"}, "gone"),
        ({"defaultVariant": 5}, "fallthrough"),
        ({"flagMetadata": [1]}, "flagMetadata"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(flag, said):
    imported = openfeature.read(json.dumps({"f": {**FLAG, **flag}}).encode())

    assert said in imported.report.findings[0].why
    assert decide(flag).error_code == ErrorCode.PARSE_ERROR


@pytest.mark.parametrize(
    ("source", "said"),
    [(b"[1]", "JSON object"), (b'{"flags": {}}', "variants"), (b'{"f": {"variants"', "cut off"), (b"", "empty")],
)
def test_bytes_that_are_no_such_file_are_refused(source, said):
    with pytest.raises(FlagFileError, match=said):
        openfeature.read(source)
