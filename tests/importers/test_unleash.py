"""Unleash's client API: what each construct becomes, what is refused by name, and bytes that are no response of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import Decision, ErrorCode
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import Imported, Standing, unleash

EVERYBODY = {"name": "default"}


def feature(name: str = "f", **more: Any) -> dict[str, Any]:
    return {"name": name, "enabled": True, "strategies": [EVERYBODY], **more}


def read(*features: dict[str, Any], **more: Any) -> Imported:
    return unleash.read(json.dumps({"version": 2, "features": list(features), **more}).encode())


def decide(imported: Imported, context: dict[str, Any] | None = None, key: str = "f", *, dice: float = 0.5) -> Decision:
    flags = {name: json.dumps(entry).encode() for name, entry in imported.flags.items()}
    segments = {name: json.dumps(entry).encode() for name, entry in imported.segments.items()}
    world = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: dice)
    subject = imported.attributes.apply(unleash.flattened(context or {}))
    return Snapshot.from_lines(flags, segments).decide(key, subject, world)


def only(imported: Imported, key: str = "f") -> Any:
    (finding,) = (each for each in imported.report.findings if each.source_key == key)
    return finding


def constrained(constraint: dict[str, Any], context: dict[str, Any] | None = None) -> bool | None:
    whole = {"contextName": "plan", "operator": "IN", "values": [], **constraint}
    strategy = {**EVERYBODY, "constraints": [whole]}
    return decide(read(feature(strategies=[strategy])), {"properties": context or {}}).on


def weighed(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name, "weight": 500, "payload": {"type": "json", "value": f'"{name}"'}, **more} for name in names]


def test_a_flag_without_strategies_is_on_and_a_switched_off_one_is_off():
    assert decide(read(feature(strategies=[]))).value is True
    assert decide(read(feature(enabled=False))).value is False


def test_an_inverted_operator_holds_for_a_missing_attribute_as_not_in_does():
    assert constrained({"values": ["pro"], "inverted": True}) is True
    assert constrained({"operator": "NOT_IN", "values": ["pro"]}) is True
    assert constrained({"operator": "NOT_IN", "values": ["pro"], "inverted": True}) is False
    assert constrained({"values": ["pro"]}, {"plan": "pro"}) is True


def test_numbers_are_read_as_the_engine_reads_them():
    above = {"operator": "NUM_GT", "value": " 5 "}
    assert constrained(above, {"plan": "5.5"}) is True
    assert constrained(above, {"plan": 6}) is True
    assert constrained(above, {"plan": " 6"}) is False


def test_the_current_time_is_the_evaluations_unless_the_context_says_another():
    later: dict[str, Any] = {
        "name": "default",
        "constraints": [{"contextName": "currentTime", "operator": "DATE_AFTER"}],
    }
    later["constraints"][0]["value"] = "2020-01-01T00:00:00Z"
    imported = read(feature(strategies=[later]))
    assert decide(imported).on is True
    assert decide(imported, {"currentTime": "2019-01-01T00:00:00Z"}).on is False


@pytest.mark.parametrize(
    "constraint",
    [
        {"operator": "NO_SUCH", "values": ["x"]},
        {"operator": "NUM_GT", "value": "many"},
        {"operator": "NUM_GT", "value": "inf", "inverted": True},
        {"operator": "DATE_AFTER", "value": "yesterday"},
        {"operator": "SEMVER_EQ", "value": "1.0.x", "inverted": True},
        {"operator": "STR_CONTAINS", "values": [], "inverted": True},
    ],
)
def test_what_unleash_cannot_compile_turns_the_whole_flag_off_and_is_reported(constraint):
    spoilt = {**EVERYBODY, "constraints": [{"contextName": "plan", **constraint}]}
    imported = read(feature(strategies=[EVERYBODY, spoilt]))
    assert decide(imported).value is False
    assert only(imported).standing == Standing.APPROXIMATED
    assert "$.features[0].strategies[1].constraints[0]" in only(imported).why


def test_a_bad_pattern_matches_nothing_and_spoils_nothing():
    assert constrained({"operator": "REGEX", "value": "(pro"}, {"plan": "(pro"}) is False
    assert constrained({"operator": "REGEX", "value": "(?=p)", "inverted": True}, {"plan": "p"}) is True


def test_a_pattern_that_could_backtrack_without_end_is_run_in_bounded_time_or_refused():
    strategy = {**EVERYBODY, "constraints": [{"contextName": "plan", "operator": "REGEX", "value": "^(a+)+$"}]}
    imported = read(feature(strategies=[strategy]))
    decision = decide(imported, {"properties": {"plan": "a" * 5_000 + "b"}})
    assert decision.on is False or decision.error_code == ErrorCode.PARSE_ERROR
    assert "re2" in only(imported).why if "broken" in imported.flags["f"] else only(imported).why == ""


def test_segments_are_kept_and_one_that_is_absent_turns_the_flag_off():
    pro = {"id": 7, "name": "pro", "constraints": [{"contextName": "plan", "operator": "IN", "values": ["pro"]}]}
    known, gone = ({**EVERYBODY, "segments": [number]} for number in (7, 8))
    imported = read(feature(strategies=[known]), feature("g", strategies=[gone]), segments=[pro])
    assert decide(imported, {"properties": {"plan": "pro"}}).on is True
    assert decide(imported, {"properties": {"plan": "free"}}).on is False
    assert decide(imported, key="g").on is False
    assert "there is no segment 8" in only(imported, "g").why


def test_a_custom_strategy_is_refused_by_name_and_so_is_the_flag_that_depends_on_it():
    own = feature("own", strategies=[{"name": "byMoonPhase", "parameters": {}}])
    imported = read(feature(dependencies=[{"feature": "own"}]), own)
    assert only(imported, "own").standing == only(imported).standing == Standing.REFUSED
    assert "'byMoonPhase'" in only(imported, "own").why
    assert "'own'" in only(imported).why
    assert decide(imported).error_code == ErrorCode.PARSE_ERROR


def test_the_first_strategy_that_holds_gives_its_own_variants_or_the_flags():
    first = {**EVERYBODY, "constraints": [{"contextName": "plan", "operator": "IN", "values": ["pro"]}]}
    first["variants"] = [{"name": "gold", "weight": 1}]
    imported = read(feature(strategies=[first, EVERYBODY], variants=weighed("plain")[:1]))
    assert decide(imported, {"properties": {"plan": "pro"}}).variant == "gold"
    assert decide(imported).variant == "plain"
    assert decide(imported).value == '"plain"'


def test_an_override_wins_over_the_weights_and_is_not_drawn_for_twice():
    variants = weighed("a", "b")
    variants[1]["overrides"] = [{"contextName": "userId", "values": ["u1"]}]
    half = {"name": "flexibleRollout", "parameters": {"rollout": "50", "stickiness": "random"}}
    imported = read(feature(strategies=[half], variants=variants))
    assert decide(imported, {"userId": "u1"}, dice=0.4).variant == "b"
    assert decide(imported, {"userId": "u1"}, dice=0.6).on is False
    assert only(imported).standing == Standing.EXACT


def test_payload_types_and_names_come_back_in_unleashs_words():
    imported = read(feature(variants=weighed("a")))
    found = unleash.result_of(decide(imported), imported.flags["f"])
    assert found == unleash.UnleashVariant("a", {"type": "json", "value": '"a"'}, enabled=True, feature_enabled=True)
    off = unleash.result_of(decide(read(feature(enabled=False))), imported.flags["f"])
    assert off == unleash.UnleashVariant("disabled", None, enabled=False, feature_enabled=False)


def test_two_variants_of_one_name_and_different_payloads_stay_two():
    apart = [{**EVERYBODY, "variants": weighed("a")}, {**EVERYBODY, "variants": [{"name": "a", "weight": 1}]}]
    imported = read(feature(strategies=apart, variants=weighed("disabled", "enabled")))
    assert {"a", "a'", "disabled", "enabled", "disabled'", "enabled'"} == imported.flags["f"]["variants"].keys()
    assert only(imported).standing == Standing.APPROXIMATED


@pytest.mark.parametrize(
    ("dependencies", "on"),
    [
        ([{"feature": "p"}], True),
        ([{"feature": "p", "enabled": False}], False),
        ([{"feature": "p", "variants": ["b"]}], False),
        ([{"feature": "p", "variants": ["a"]}], True),
        ([{"feature": "gone"}], False),
        ([{"feature": "gone", "enabled": False}], False),
        ([{"feature": "f"}], False),
        ([{"feature": "child"}], False),
    ],
)
def test_parents_are_as_demanded_have_no_parents_and_are_no_cycle(dependencies, on):
    child = feature("child", dependencies=[{"feature": "p"}])
    imported = read(feature(dependencies=dependencies), feature("p", variants=weighed("a")), child)
    assert decide(imported).on is on


def test_an_attribute_with_our_own_name_is_no_targeting_key():
    strategy = {**EVERYBODY, "constraints": [{"contextName": "targetingKey", "operator": "IN", "values": ["x"]}]}
    imported = read(feature(strategies=[strategy]))
    assert decide(imported, {"userId": "u", "properties": {"targetingKey": "x"}}).on is True
    assert decide(imported, {"userId": "x"}).on is False


def test_a_flag_whose_name_is_no_key_here_gets_one_and_is_found_by_the_report():
    imported = read(feature("ünï cödé"), feature("f"))
    key = only(imported, "ünï cödé").key
    assert decide(imported, key=key).on is True
    assert imported.flags[key]["meta"]["imported"]["key"] == "ünï cödé"


def test_delta_events_are_applied_in_order():
    segment = {"id": 1, "constraints": [{"contextName": "plan", "operator": "IN", "values": ["pro"]}]}
    events = [
        {"eventId": 1, "type": "hydration", "features": [feature("a"), feature("b")], "segments": []},
        {"eventId": 2, "type": "segment-updated", "segment": segment},
        {"eventId": 3, "type": "feature-updated", "feature": feature("b", strategies=[{**EVERYBODY, "segments": [1]}])},
        {"eventId": 4, "type": "feature-removed", "featureName": "a", "project": "default"},
    ]
    imported = unleash.read(json.dumps({"events": events}).encode())
    assert imported.flags.keys() == {"b"}
    assert decide(imported, {"properties": {"plan": "pro"}}, "b").on is True
    gone = [*events, {"eventId": 5, "type": "segment-removed", "segmentId": 1}]
    assert decide(unleash.read(json.dumps({"events": gone}).encode()), {"properties": {"plan": "pro"}}, "b").on is False


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"enabled": "yes"}, "enabled is 'yes'"),
        ({"strategies": {}}, "not a list"),
        (
            {"strategies": [{**EVERYBODY, "constraints": [{"contextName": "a", "operator": "IN", "values": [5]}]}]},
            "is 5",
        ),
        ({"variants": [{"name": "a", "weight": "500"}]}, "weight is '500'"),
        ({"variants": [{"name": "a", "weight": 1, "payload": {"type": "number", "value": 5}}]}, "value is 5"),
        ({"strategies": [{"name": "userWithId", "parameters": {"userIds": ["a"]}}]}, "userIds is ['a']"),
        ({"strategies": [{"name": "userWithId", "parameters": {"userIds": "x" * 70_000}}]}, "over the limit"),
    ],
)
def test_a_flag_of_the_wrong_shape_is_refused_alone(broken, said):
    imported = read(feature(**broken), feature("whole"))
    assert only(imported).standing == Standing.REFUSED
    assert said in only(imported).why
    assert decide(imported).error_code == ErrorCode.PARSE_ERROR
    assert decide(imported, key="whole").on is True


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"version":2,"features":[{"name":"f"', "cut off"),
        (b'{"version":2,"features":[],"features":[]}', "twice"),
        (b'{"version":3,"features":[]}', "not 3"),
        (b'{"features":[]}', "not None"),
        (b'{"version":2}', "no features"),
        (b'{"featureStrategies":[],"tags":[]}', "admin API"),
        (b'{"version":2,"features":[{"enabled":true}]}', "no name of a feature"),
        (b'{"version":2,"features":[],"segments":[{"id":"1"}]}', "no number of a segment"),
        (b'{"events":[{"type":"shrug"}]}', "'shrug'"),
        (b"[]", "is a JSON object"),
    ],
)
def test_bytes_that_are_no_response_say_what_to_give_instead(data, said):
    with pytest.raises(FlagFileError, match=said.replace("(", r"\(")):
        unleash.read(data)
