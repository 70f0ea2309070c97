"""An import in the making: valid keys, checked entries, and a finding for each."""

from __future__ import annotations

import json

import pytest

from buildflags_sdk._evaluation.model import parse_flag
from buildflags_sdk._wire.names import is_name
from buildflags_sdk.importers.draft import Draft, place
from buildflags_sdk.importers.report import AttributeMapping, Standing

ENTRY = {"type": "boolean", "variants": {"on": True}, "fallthrough": {"variant": "on"}}
MAPPING = AttributeMapping("userId", {})


def test_a_key_that_is_valid_here_stays_and_another_becomes_readable():
    draft = Draft("peer")
    draft.reserve("flag", ["my flag", "my-flag", "ünï", "x" * 200])

    names = [draft.name("flag", key) for key in ("my-flag", "my flag", "ünï", "x" * 200)]
    assert names[0] == "my-flag"
    assert names[1].startswith("my-flag-")
    assert all(map(is_name, names))
    assert len(set(names)) == 4


def test_an_entry_that_the_model_refuses_is_a_refused_flag_and_not_dropped():
    draft = Draft("peer")
    draft.add_flag("f", {**ENTRY, "fallthrough": {"variant": "gone"}}, where="$.f")
    done = draft.done(MAPPING)

    assert "not imported from peer" in str(parse_flag(done.flags["f"]).broken)
    assert done.report.findings[0].standing is Standing.REFUSED
    assert "gone" in done.report.findings[0].why


def test_an_entry_larger_than_a_line_may_be_is_refused_with_its_size():
    draft = Draft("peer")
    draft.add_flag(
        "f", {"type": "string", "variants": {"a": "x" * 70_000}, "fallthrough": {"variant": "a"}}, where="$.f"
    )

    assert "65,536" in draft.done(MAPPING).report.findings[0].why


def test_half_of_a_surrogate_pair_is_refused():
    draft = Draft("peer")
    draft.add_flag("f", {"type": "string", "variants": {"a": "\ud800"}, "fallthrough": {"variant": "a"}}, where="$.f")

    assert draft.done(MAPPING).report.refused == 1


def test_a_refused_segment_is_absent_and_reported():
    draft = Draft("peer")
    draft.add_segment("s", {"when": {"unheard": 1}}, where="$.s")
    done = draft.done(MAPPING)

    assert done.segments == {}
    assert [(finding.kind, finding.standing) for finding in done.report.findings] == [("segment", Standing.REFUSED)]


def test_the_report_counts_lists_and_escapes():
    draft = Draft("peer", "7")
    draft.add_flag("exact", ENTRY, where="$.a")
    draft.add_flag("almost", ENTRY, where="$.b", why="<b>otherwise</b>")
    draft.refuse_flag("not", "cannot", where="$.c")
    report = draft.done(MAPPING).report

    assert (report.exact, report.approximated, report.refused) == (1, 1, 1)
    assert json.loads(json.dumps(report.as_dict()))["findings"][2]["standing"] == "refused"
    assert "&lt;b&gt;otherwise" in report.html()
    assert "<b>otherwise" not in report.html()


def test_the_origin_stands_in_the_entry():
    draft = Draft("peer")
    draft.add_flag("my flag", {**ENTRY, "meta": {"owner": "ann"}}, where="$.x")
    (entry,) = draft.done(MAPPING).flags.values()

    assert entry["meta"] == {"owner": "ann", "imported": {"system": "peer", "key": "my flag", "where": "$.x"}}


def test_a_mapping_renames_and_names_the_key():
    mapping = AttributeMapping("id", {"targetingKey": "their targetingKey"})

    assert mapping.apply({"id": "u", "targetingKey": 5}) == {"id": "u", "their targetingKey": 5, "targetingKey": "u"}


@pytest.mark.parametrize(("steps", "path"), [(("a", 0), "$.a[0]"), (("a b",), '$["a b"]')])
def test_a_place_is_a_json_path(steps, path):
    assert place(*steps) == path
