"""PostHog's local evaluation payload: what each construct becomes, what is refused, what stays undecided."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import Decision, ErrorCode
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import Imported, Standing, posthog

RED: dict[str, Any] = {"multivariate": {"variants": [{"key": "red", "rollout_percentage": 100}]}}


def flag(*groups: dict[str, Any], key: str = "f", **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        name: more.pop(name)
        for name in ("active", "bucketing_identifier", "ensure_experience_continuity")
        if name in more
    }
    return {"key": key, "active": True, "filters": {"groups": list(groups), **more}, **body}


def where(key: str = "plan", value: Any = "pro", operator: str = "exact", **more: Any) -> dict[str, Any]:
    return {"key": key, "value": value, "operator": operator, "type": "person", **more}


def group(*properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"properties": list(properties), **more}


def read(*flags: dict[str, Any], **more: Any) -> Imported:
    return posthog.read(json.dumps({"flags": list(flags), **more}).encode())


def decide(imported: Imported, context: dict[str, Any] | None = None, key: str = "f") -> Decision:
    flags = {name: json.dumps(entry).encode() for name, entry in imported.flags.items()}
    segments = {name: json.dumps(entry).encode() for name, entry in imported.segments.items()}
    world = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
    subject = imported.attributes.apply({"distinct_id": "u1", **(context or {})})
    return Snapshot.from_lines(flags, segments).decide(key, subject, world)


def answer(imported: Imported, context: dict[str, Any] | None = None, key: str = "f") -> Any:
    return posthog.result_of(decide(imported, context, key), imported.flags[key])


def only(imported: Imported, key: str = "f") -> Any:
    (finding,) = (each for each in imported.report.findings if each.source_key == key)
    return finding


def test_groups_are_tried_in_order_and_their_properties_must_all_hold():
    imported = read(flag(group(where(), where("age", 18, "gt")), group(where("email", "@acme.com", "ends_with"))))
    assert answer(imported, {"plan": "pro", "age": 20, "email": "x"}) is True
    assert answer(imported, {"plan": "pro", "age": 3, "email": "x"}) is False
    assert answer(imported, {"plan": "free", "email": "a@ACME.com"}) is True


def test_a_property_that_is_not_given_leaves_the_flag_undecided_unless_a_later_group_holds():
    imported = read(flag(group(where()), group(where("staff", True))))
    assert answer(imported, {"staff": True}) is True
    assert answer(imported, {"staff": False}) is None
    assert decide(imported, {"staff": False}).error_code is None


def test_the_first_property_that_does_not_hold_or_is_not_given_settles_its_group():
    imported = read(flag(group(where(), where("age", 18, "gt"))))
    assert answer(imported, {"plan": "free"}) is False
    assert answer(imported, {"age": 3}) is None


def test_a_group_missed_by_its_rollout_goes_on_or_ends_the_flag_with_early_exit():
    groups = group(where(), rollout_percentage=0), group()
    assert answer(read(flag(*groups)), {"plan": "pro"}) is True
    assert answer(read(flag(*groups, early_exit=True)), {"plan": "pro"}) is False
    assert answer(read(flag(*groups, early_exit=True)), {"plan": "free"}) is True


def test_a_group_may_name_its_variant_and_past_the_last_variant_is_plain_true():
    assert answer(read(flag(group(), **RED))) == "red"
    assert answer(read(flag(group(variant="gone"), **RED))) == "red"
    none: dict[str, Any] = {
        "multivariate": {
            "variants": [{"key": "red", "rollout_percentage": 0}, {"key": "true", "rollout_percentage": 0}]
        }
    }
    assert answer(read(flag(group(), **none))) is True
    assert answer(read(flag(group(variant="true"), **none))) == "true"
    assert answer(read(flag(**none))) is False


def test_payloads_are_a_flag_of_their_own():
    imported = read(flag(group(where()), **RED, payloads={"red": '{"size": 3}', "false": "0", "blue": "1"}))
    assert decide(imported, {"plan": "pro"}, "f.payload").value == {"size": 3}
    assert decide(imported, {"plan": "free"}, "f.payload").value == 0
    assert decide(imported, {}, "f.payload").decided is False


def test_flags_over_groups_read_the_group_and_are_off_without_one():
    imported = read(
        flag(group(where("plan", "pro"), rollout_percentage=100), aggregation_group_type_index=0),
        group_type_mapping={"0": "company"},
    )
    company = {"groups": {"company": "acme"}, "group_properties": {"company": {"plan": "pro"}}, "plan": "free"}
    assert answer(imported, company) is True
    assert answer(imported, {"plan": "pro"}) is False
    assert answer(imported, {"groups": {"company": "acme"}}) is None


def test_a_flag_by_device_is_undecided_without_one():
    imported = read(flag(group(rollout_percentage=100), bucketing_identifier="device_id"))
    assert answer(imported) is None
    assert answer(imported, {"$device_id": "d"}) is True


COHORTS = {
    "1": {"type": "OR", "values": [{"type": "AND", "values": [where()]}, where("staff", True, negation=True)]},
    "2": {"type": "AND", "values": [{"type": "cohort", "value": 1, "negation": True}]},
    "3": {"type": "OR", "values": [{"type": "cohort", "value": 4}, where()]},
    "5": {"type": "OR", "values": [{"type": "cohort", "value": 6}]},
    "6": {"type": "OR", "values": [{"type": "cohort", "value": 5}]},
    "7": {"type": "AND", "values": []},
}


def in_cohort(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "cohort", "key": "id", "value": number, **more}


@pytest.mark.parametrize(
    ("number", "more", "context", "expected"),
    [
        (1, {}, {"plan": "pro"}, True),
        (1, {}, {"plan": "free", "staff": False}, True),
        (1, {}, {"plan": "free", "staff": True}, False),
        (1, {}, {"plan": "free"}, None),
        (1, {"operator": "not_in"}, {"plan": "pro"}, False),
        (1, {"operator": "bogus"}, {"plan": "pro"}, None),
        (2, {}, {"plan": "pro"}, False),
        (3, {}, {"plan": "pro"}, None),
        (4, {}, {}, None),
        (5, {}, {}, None),
        (7, {}, {}, True),
    ],
)
def test_cohorts_nest_and_one_that_only_the_server_knows_leaves_the_flag_undecided(number, more, context, expected):
    imported = read(flag(group(in_cohort(number, **more))), cohorts=COHORTS)
    assert answer(imported, context) is expected


def test_a_later_group_does_not_decide_what_a_static_cohort_might_have():
    imported = read(flag(group(in_cohort(9), variant="red"), group(), **RED))
    assert answer(imported) is None
    assert "cohort 9" in only(imported).why
    assert only(imported).standing == Standing.APPROXIMATED


def test_every_cohort_is_in_the_report():
    findings = {each.source_key: each.standing for each in read(cohorts=COHORTS).report.findings}
    refused = {f"cohort-{number}" for number in (3, 5, 6)}
    assert {key for key, standing in findings.items() if standing == Standing.REFUSED} == refused
    assert findings.keys() == {f"cohort-{number}" for number in COHORTS}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (flag(ensure_experience_continuity=True), "experience continuity"),
        (flag(group(where(value="(?=p)", operator="regex"))), "(?=p)"),
        (flag(group(rollout_percentage="50")), "'50'"),
        (flag({"properties": {}}), "not a list"),
        (flag(group(), aggregation_group_type_index=4), "4"),
        (flag(group(), payloads={"true": "{"}), "no JSON"),
        (flag(group({"type": "person", "key": 5})), "is 5"),
        (flag(multivariate={"variants": [{"key": "a", "rollout_percentage": None}]}), "None"),
    ],
)
def test_what_has_no_equal_here_is_refused_by_name_and_alone(broken, said):
    imported = read(broken, flag(group(), key="whole"))
    assert only(imported).standing == Standing.REFUSED
    assert said in only(imported).why
    assert decide(imported).error_code == ErrorCode.PARSE_ERROR
    assert answer(imported, key="whole") is True


def test_a_pattern_that_could_backtrack_without_end_is_run_in_bounded_time_or_refused():
    imported = read(flag(group(where(value="^(a+)+$", operator="regex"))))
    decision = decide(imported, {"plan": "a" * 5_000 + "b"})
    assert decision.on is False or decision.error_code == ErrorCode.PARSE_ERROR


def test_versions_take_decimal_digits_of_any_script():
    asked = read(flag(group(where(value="1.2", operator="semver_eq"))))
    assert answer(asked, {"plan": "\u0661.\u0662"}) is True
    assert answer(asked, {"plan": "1.\u00b2"}) is not True, "a power is no digit of a number"


def test_what_is_no_pattern_at_all_holds_for_nobody():
    assert answer(read(flag(group(where(value="(", operator="regex")))), {"plan": "("}) is False
    assert answer(read(flag(group(where(value="(", operator="not_regex")))), {"plan": "x"}) is False
    assert answer(read(flag(group(where(value=r"\Qa\E", operator="regex")))), {"plan": "a"}) is False, "to Python none"


def test_properties_with_our_own_names_mean_the_persons():
    imported = read(flag(group(where("targetingKey", "x"), where("groups", "many"), where("distinct_id", "u1"))))
    assert answer(imported, {"targetingKey": "x", "groups": "many"}) is True
    assert imported.attributes.renames == {"targetingKey": "person.targetingKey", "groups": "person.groups"}


REAL: dict[str, Any] = {
    "flags": [
        {
            "id": 1, "team_id": 2, "name": "Checkout", "key": "f", "active": True, "deleted": False, "version": 3,
            "ensure_experience_continuity": False, "has_encrypted_payloads": False, "has_experiment": True,
            "evaluation_runtime": "all", "evaluation_tags": [], "evaluation_contexts": [], "bucketing_identifier": None,
            "filters": {
                "groups": [
                    {
                        "properties": [
                            where(label="Plan", cohort_name=None),
                            {"type": "cohort", "key": "id", "value": 1, "operator": "in", "negation": False},
                            {
                                "type": "flag", "key": "g", "value": True, "operator": "flag_evaluates_to",
                                "dependency_chain": ["g"],
                            },
                        ],
                        "rollout_percentage": 50, "variant": None, "aggregation_group_type_index": None,
                        "description": "Pro", "sort_key": "k", "users_affected": 0.5,
                    },
                ],
                "multivariate": {"variants": [{"key": "red", "name": "Red", "rollout_percentage": 100}]},
                "payloads": {"red": "1"}, "aggregation_group_type_index": None, "early_exit": False,
                "super_groups": None, "holdout_groups": [], "holdout": None, "feature_enrollment": False,
            },
        },
        flag(group(), key="g"),
    ],
    "cohorts": {"1": {"type": "OR", "values": [{"type": "AND", "values": [{**where(), "bytecode": [], "conditionHash": "h"}]}]}},
    "group_type_mapping": {"0": "company"},
    "minimal_flag_called_events": True,
}  # fmt: skip


def test_a_payload_as_posthog_gives_it_has_nothing_that_is_not_known():
    findings = posthog.read(json.dumps(REAL).encode()).report.findings
    assert {(each.standing, each.why) for each in findings} == {(Standing.EXACT, "")}
    assert {each.source_key for each in findings} == {"f", "g", "f.payload", "cohort-1"}


@pytest.mark.parametrize(
    ("steps", "keys"),
    [
        (("flags", 0), {"f", "f.payload"}),
        (("flags", 0, "filters"), {"f", "f.payload"}),
        (("flags", 0, "filters", "groups", 0), {"f", "f.payload"}),
        (("flags", 0, "filters", "groups", 0, "properties", 1), {"f", "f.payload"}),
        (("flags", 0, "filters", "multivariate"), {"f", "f.payload"}),
        (("flags", 0, "filters", "multivariate", "variants", 0), {"f", "f.payload"}),
        (("cohorts", "1"), {"cohort-1"}),
        (("cohorts", "1", "values", 0), {"cohort-1"}),
        (("cohorts", "1", "values", 0, "values", 0), {"cohort-1"}),
        ((), {"f", "f.payload", "g", "cohort-1"}),
    ],
)
def test_a_field_that_is_not_known_is_named_in_the_finding_it_belongs_to(steps: tuple[str | int, ...], keys: set[str]):
    payload = json.loads(json.dumps(REAL))
    inside = payload
    for step in steps:
        inside = inside[step]
    inside["until"] = 5
    findings = posthog.read(json.dumps(payload).encode()).report.findings
    place = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps) + ".until"
    assert {each.source_key for each in findings if place in each.why} == keys
    assert {each.source_key for each in findings if each.standing is not Standing.EXACT} == keys


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("super_groups", [group(where("$feature_enrollment/f", ["true"]))]),
        ("feature_enrollment", True),
        ("holdout_groups", [group(rollout_percentage=10, variant="holdout-1")]),
        ("holdout", {"id": 1, "exclusion_percentage": 10}),
    ],
)
def test_what_only_the_server_tries_is_passed_over_as_by_the_sdk_and_named(name: str, value: Any):
    imported = read(flag(group(where()), **{name: value}))
    assert answer(imported, {"plan": "pro", "$feature_enrollment/f": "true"}) is True
    assert answer(imported, {"plan": "free", "$feature_enrollment/f": "true"}) is False
    assert only(imported).standing is Standing.APPROXIMATED
    assert f"$.flags[0].filters.{name}" in only(imported).why


def test_encrypted_payloads_are_left_out_and_named():
    body = flag(group(), payloads={"true": "gAAAAABn"})
    imported = read({**body, "has_encrypted_payloads": True})
    assert answer(imported) is True
    assert "f.payload" not in imported.flags
    assert "$.flags[0].filters.payloads are encrypted" in only(imported).why


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"flags":[{"key":"f"', "cut off"),
        (b'{"flags":[],"flags":[]}', "twice"),
        (b'{"featureFlags":{}}', "local evaluation payload"),
        (b'{"flags":[{"active":true}]}', "for its key"),
        (b'{"flags":[],"cohorts":[]}', "cohorts"),
        (b'{"flags":[],"group_type_mapping":["company"]}', "group_type_mapping"),
    ],
)
def test_bytes_that_are_no_payload_say_what_to_give_instead(data, said):
    with pytest.raises(FlagFileError, match=said):
        posthog.read(data)
