"""LaunchDarkly's rulesets: what is refused and why, what its contexts become, and what follows from hostile exports."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import ConfigurationError, FlagFileError
from buildflags_sdk.importers.launchdarkly import context_of, read, result_of
from buildflags_sdk.importers.report import Imported, Standing

ON = {"on": True, "variations": [True, False], "offVariation": 1, "fallthrough": {"variation": 1}}


def imported(flags: dict[str, Any], segments: dict[str, Any] | None = None) -> Imported:
    return read(json.dumps({"flags": flags, "segments": segments or {}}).encode())


def asking(clause: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**ON, "rules": [{"id": "r", "variation": 0, "clauses": [clause]}], **more}


def decide(made: Imported, key: str, context: dict[str, Any]) -> Decision:
    flags = {name: json.dumps(entry).encode() for name, entry in made.flags.items()}
    segments = {name: json.dumps(entry).encode() for name, entry in made.segments.items()}
    world = PureWorld(now=lambda: 0.0, random=lambda: 0.5)
    return Snapshot.from_lines(flags, segments).decide(key, made.attributes.apply(context), world)


def refusal(made: Imported, key: str) -> str:
    (finding,) = (each for each in made.report.findings if each.source_key == key and each.standing is Standing.REFUSED)
    assert "not imported from launchdarkly" in made.flags[finding.key]["broken"]
    return finding.why


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"items": [], "_links": {}}, "REST API"),
        ({"environments": {}}, "no export of LaunchDarkly"),
        ({"flags": []}, "object by key"),
        ({"flags": {"f": {"value": True, "version": 3}}}, "client-side payload"),
        ({"flags": {"f": ON}, "flagValues": {"f": 1}}, "in flags and in flagValues"),
        ([], "JSON object"),
    ],
)
def test_another_kind_of_export_is_refused_with_what_to_give(data, said):
    with pytest.raises(FlagFileError, match=said):
        read(json.dumps(data).encode())


def test_a_truncated_export_is_refused():
    whole = json.dumps({"flags": {"f": ON}}).encode()

    with pytest.raises(FlagFileError, match="cut off"):
        read(whole[:-5])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (5, "no object"),
        ({**ON, "on": "true"}, r"\.on is 'true', not a boolean"),
        ({**ON, "offVariation": "1"}, "offVariation is '1', not an integer"),
        ({**ON, "offVariation": True}, "not an integer"),
        (
            {**ON, "fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": "100000"}]}}},
            "weight is '100000'",
        ),
        ({**ON, "fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": -1}]}}}, "not negative"),
        ({**ON, "fallthrough": {"rollout": []}}, "no object"),
        ({**ON, "targets": [{"variation": 0, "values": [7]}]}, r"targets\[0\]\.values\[0\] is 7"),
        ({**ON, "targets": [{"values": ["a"]}]}, "needs a variation"),
        ({**ON, "rules": ["r"]}, r"rules\[0\] is 'r', not an object"),
        ({**ON, "prerequisites": [{"key": "p"}]}, "needs a key and a variation"),
        (asking({"attribute": "key", "op": "in", "values": "a"}), "values is 'a', not a list"),
        (asking({"attribute": "key", "op": "matches", "values": ["(?=a)b"]}), "clauses"),
        (asking({"attribute": "key", "op": "matches", "values": [r"(a)\1"]}), "clauses"),
    ],
)
def test_a_flag_that_cannot_be_read_is_refused_by_its_place_and_spoils_no_other(raw, said):
    made = imported({"bad": raw, "good": ON})

    assert re.search(said, refusal(made, "bad"))
    assert decide(made, "good", {"key": "u"}).value is False
    assert decide(made, "bad", {"key": "u"}).error_code is ErrorCode.PARSE_ERROR


def test_a_catastrophic_pattern_is_refused_or_runs_in_bounded_time():
    made = imported({"f": asking({"attribute": "plan", "op": "matches", "values": ["(a*)*(a*)*(a*)*(a*)*b$"]})})

    decision = decide(made, "f", {"key": "u", "custom": {"plan": "a" * 5_000}})
    assert decision.value is False or "pattern" in refusal(made, "f")


def test_a_pattern_that_no_engine_takes_matches_nothing():
    made = imported({"f": asking({"attribute": "key", "op": "matches", "values": ["[a"]})})

    assert decide(made, "f", {"key": "[a"}).value is False
    assert made.report.exact == 1


def test_prerequisites_that_form_a_cycle_are_malformed_flags_and_hang_nothing():
    flags = {
        key: {**ON, "prerequisites": [{"key": to, "variation": 0}]} for key, to in (("a", "b"), ("b", "a"), ("c", "a"))
    }
    made = imported(flags)

    for key in flags:
        decision = decide(made, key, {"key": "u"})
        assert result_of(decision, made.flags[key])["reason"] == {"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}


def test_a_prerequisite_that_buckets_by_what_is_no_reference_ends_the_flag_that_names_it():
    rollout = {"variations": [{"variation": 0, "weight": 100_000}], "bucketBy": "//", "contextKind": "user"}
    flags = {
        "b": {**ON, "fallthrough": {"rollout": rollout}},
        "a": {**ON, "prerequisites": [{"key": "b", "variation": 0}]},
    }
    made = imported(flags)

    for key in flags:
        decision = decide(made, key, {"key": "u"})
        assert result_of(decision, made.flags[key])["reason"] == {"kind": "ERROR", "errorKind": "MALFORMED_FLAG"}


def test_segments_that_form_a_cycle_are_malformed_flags_and_hang_nothing():
    ring = {
        key: {"rules": [{"clauses": [{"op": "segmentMatch", "values": [to]}]}]} for key, to in (("s", "t"), ("t", "s"))
    }
    made = imported({"f": asking({"op": "segmentMatch", "values": ["s"]})}, ring)

    assert decide(made, "f", {"key": "u"}).error_code is ErrorCode.PARSE_ERROR


def test_a_chain_longer_than_an_evaluation_may_be_is_refused_by_its_length():
    flags = {f"f{at}": {**ON, "prerequisites": [{"key": f"f{at + 1}", "variation": 1}]} for at in range(40)}
    made = imported({**flags, "f40": ON})

    assert "41 entries" in refusal(made, "f0")
    assert decide(made, "f39", {"key": "u"}).error_code is None


def test_a_prerequisite_whose_own_variation_does_not_exist_merely_fails():
    made = imported(
        {"p": {**ON, "fallthrough": {"variation": 9}}, "f": {**ON, "prerequisites": [{"key": "p", "variation": 0}]}}
    )

    reason = result_of(decide(made, "f", {"key": "u"}), made.flags["f"])["reason"]
    assert reason == {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": "p"}


def test_a_flag_that_names_what_is_refused_says_so_and_never_decides_quietly():
    made = imported(
        {
            "p": 5,
            "f": {**ON, "prerequisites": [{"key": "p", "variation": 0}]},
            "g": asking({"op": "segmentMatch", "values": ["s"]}),
        },
        {"s": {"included": "u"}},
    )

    standings = {finding.source_key: finding.standing for finding in made.report.findings}
    assert standings == {"s": "refused", "p": "refused", "f": "approximated", "g": "approximated"}
    assert decide(made, "f", {"key": "u"}).value is CALLER_DEFAULT
    assert decide(made, "g", {"key": "u"}).value is CALLER_DEFAULT


def test_attributes_named_like_ours_are_kept_apart():
    for name in ("targetingKey", "kinds"):
        made = imported({"f": asking({"attribute": name, "op": "in", "values": ["x"]})})
        assert decide(made, "f", {"kind": "user", "key": "u", name: "x"}).value is True
        assert decide(made, "f", {"kind": "user", "key": "x"}).value is False


def test_a_context_of_several_kinds_keeps_each():
    made = imported({"f": asking({"attribute": "/size", "contextKind": "org", "op": "greaterThan", "values": [5]})})

    assert (
        decide(made, "f", {"kind": "multi", "user": {"key": "u", "size": 1}, "org": {"key": "o", "size": 7}}).value
        is True
    )
    assert decide(made, "f", {"kind": "user", "key": "u", "size": 7}).value is False


def test_an_old_style_user_keeps_its_custom_attributes_and_its_built_in_ones():
    assert context_of({"key": "u", "email": "e", "custom": {"plan": "pro", "email": "other"}, "unheard": 1}) == {
        "kind": "user", "targetingKey": "u", "anonymous": False, "plan": "pro", "email": "e",
    }  # fmt: skip


@pytest.mark.parametrize(
    "context",
    [
        {}, {"kind": "user"}, {"kind": "user", "key": ""}, {"kind": "user", "key": 5}, {"kind": "kind", "key": "a"},
        {"kind": "multi"}, {"kind": "multi", "user": "u"}, {"kind": "or g", "key": "a"}, {"key": "u", "custom": []},
        {"kind": "user", "key": "u", "anonymous": "yes"}, {"kind": 5, "key": "u"},
    ],
)  # fmt: skip
def test_what_is_no_context_there_is_refused(context):
    with pytest.raises(ConfigurationError, match="LaunchDarkly"):
        context_of(context)


def test_a_context_without_kind_counts_as_a_user():
    made = imported({"f": asking({"attribute": "kind", "op": "in", "values": ["user"]})})
    flags = {name: json.dumps(entry).encode() for name, entry in made.flags.items()}
    world = PureWorld(now=lambda: 0.0, random=lambda: 0.5)

    assert Snapshot.from_lines(flags, {}).decide("f", {"targetingKey": "u"}, world).value is True


def test_flag_values_of_the_file_data_source_are_constants():
    made = read(b'{"flagValues": {"a": true, "b": "text", "c": {"x": [1]}, "d": null}}')

    assert [decide(made, key, {"key": "u"}).value for key in "abcd"] == [True, "text", {"x": [1]}, None]
    assert made.report.exact == 4


def test_the_streams_wrapping_is_read_and_tombstones_are_no_flags():
    data = {"path": "/", "data": {"flags": {"f": ON, "gone": {"deleted": True, "version": 3}}, "segments": {}}}
    made = read(json.dumps(data).encode())

    assert list(made.flags) == ["f"]


def test_a_big_segment_is_asked_of_the_source_of_lists_and_reported():
    made = imported(
        {"f": asking({"op": "segmentMatch", "values": ["big"]})}, {"big": {"unbounded": True, "generation": 2}}
    )

    assert [(each.standing, "big.g2" in each.why) for each in made.report.findings if each.kind == "segment"] == [
        (Standing.APPROXIMATED, True)
    ]
    assert decide(made, "f", {"key": "u"}).rule_id is None, "nobody knows: not in it, as without their store"


def test_keys_that_are_no_names_here_are_mapped_everywhere():
    made = imported({"-odd key": ON, "f": {**ON, "prerequisites": [{"key": "-odd key", "variation": 1}]}})
    (odd,) = (finding.key for finding in made.report.findings if finding.source_key == "-odd key")

    assert made.flags[odd]["meta"]["imported"]["key"] == "-odd key"
    assert decide(made, "f", {"key": "u"}).value is False
    assert decide(made, "f", {"key": "u"}).rule_id is None


@pytest.mark.parametrize(
    "second", ["", "target:0", "rule:0", "rule:2", "fallthrough", "first", "a:b", "first:2", "a:b:2", ":7", "7", "ü:²"]
)
def test_a_rules_id_is_told_as_it_stands_there(second):
    rules = [
        {"id": named, "variation": at % 2, "clauses": [{"attribute": "key", "op": "in", "values": [str(at)]}]}
        for at, named in enumerate(("first", "other", second))
    ]
    made = imported({"f": {**ON, "rules": rules}})

    for at, named in enumerate(("first", "other", second)):
        decision = decide(made, "f", {"key": str(at)})
        reason = {"kind": "RULE_MATCH", "ruleIndex": at, "ruleId": named}
        assert result_of(decision, made.flags["f"]) == {
            "value": at % 2 == 0, "variationIndex": at % 2, "reason": reason,
        }  # fmt: skip


def test_a_rule_without_an_id_is_named_after_its_place():
    rule = {"variation": 0, "clauses": [{"attribute": "key", "op": "in", "values": ["u"]}]}
    made = imported({"f": {**ON, "rules": [{**rule, "id": "r", "clauses": [{"op": "segmentMatch"}]}, rule]}})

    decision = decide(made, "f", {"key": "u"})
    assert decision.rule_id == "rule:1"
    assert result_of(decision, made.flags["f"])["reason"] == {"kind": "RULE_MATCH", "ruleIndex": 1, "ruleId": ""}
