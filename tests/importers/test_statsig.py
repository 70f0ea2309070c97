"""Statsig's config specs: what is refused and why, what its users become, and what follows from hostile exports."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import ConfigurationError, FlagFileError
from buildflags_sdk.importers.report import Imported, Standing
from buildflags_sdk.importers.statsig import context_of, read, rule_id_of

PUBLIC = {"type": "public", "operator": None, "targetValue": None}


def rule(*conditions: Any, share: Any = 100, **more: Any) -> dict[str, Any]:
    return {
        "id": "r",
        "salt": "rs",
        "passPercentage": share,
        "conditions": list(conditions),
        "returnValue": True,
        **more,
    }


def gate(name: str, *rules: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "salt": "s", "enabled": True, "defaultValue": False, "rules": list(rules), **more}


def field(name: str, operator: str, target: Any) -> dict[str, Any]:
    return {"type": "user_field", "field": name, "operator": operator, "targetValue": target}


def imported(*gates: dict[str, Any], **more: Any) -> Imported:
    return read(json.dumps({"feature_gates": list(gates), "time": 7, **more}).encode())


def decide(made: Imported, key: str, user: dict[str, Any], now: float = 1_700_000_000.0) -> Decision:
    lines = {name: json.dumps(entry).encode() for name, entry in made.flags.items()}
    world = PureWorld(now=lambda: now, random=lambda: 0.5)
    return Snapshot.from_lines(lines, {}).decide(key, made.attributes.apply(user), world)


def why(made: Imported, key: str) -> tuple[Standing, str]:
    return next((each.standing, each.why) for each in made.report.findings if each.source_key == key)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"flags": {}}, "no export of Statsig"),
        ({"feature_gates": 5}, "must hold specs"),
        ({"feature_gates": [{"rules": []}]}, "without a name"),
        ({"feature_gates": [gate("a"), gate("a")]}, "without a name of its own"),
        ({"feature_gates": {"x": {"value": True, "rule_id": "r"}}}, "one user's values"),
        ({"feature_gates": [], "overrides": [1]}, "overrides must hold objects"),
    ],
)
def test_another_kind_of_export_is_refused_with_what_to_give(data, said):
    with pytest.raises(FlagFileError, match=said):
        read(json.dumps(data).encode())


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            gate("g", rule({"type": "ip_based", "field": "country", "operator": "any", "targetValue": ["US"]})),
            "IP address",
        ),
        (
            gate("g", rule({"type": "ua_based", "field": "os_name", "operator": "any", "targetValue": ["iOS"]})),
            "user agent",
        ),
        (gate("g", rule({"type": "unheard"})), "unheard"),
        (gate("g", rule(field("plan", "unheard", "a"))), "unheard"),
        (gate("g", rule(field("plan", "str_matches", "(?=a)"))), "conditions"),
        (gate("g", rule(PUBLIC, share="50")), "passPercentage is '50', not a number"),
        (gate("g", rule("no such condition")), "not an object"),
        (gate("g", "rule"), "not an object"),
        (gate("g", rule({"type": "user_bucket", "operator": "in_segment_list", "targetValue": "l"})), "bucket"),
        (gate("g", rule({"type": "target_app", "operator": "in_segment_list", "targetValue": "l"})), "no user tells"),
        (gate("g", rule({"type": "current_time", "operator": "any", "targetValue": ["1"]})), "moment"),
    ],
)
def test_a_gate_that_cannot_be_read_is_refused_by_name_and_spoils_no_other(raw, said):
    made = imported(raw, gate("good", rule(PUBLIC)))

    standing, text = why(made, "g")
    assert (standing, said in text) == (Standing.REFUSED, True)
    assert decide(made, "good", {"userID": "u"}).value is True
    assert decide(made, "g", {"userID": "u"}).error_code is ErrorCode.PARSE_ERROR


def test_gates_that_lead_back_to_each_other_are_refused():
    passing = [rule({"type": "pass_gate", "targetValue": name}) for name in ("b", "a", "a")]
    made = imported(*(gate(name, each) for name, each in zip("abc", passing, strict=True)))

    assert [why(made, name)[0] for name in "abc"] == [Standing.REFUSED] * 3
    assert "back to each other" in why(made, "c")[1]


def test_a_gate_that_asks_a_refused_one_is_an_error_and_says_so():
    made = imported(
        gate("bad", rule({"type": "ua_based"})), gate("g", rule({"type": "fail_gate", "targetValue": "bad"}))
    )

    assert why(made, "g")[0] is Standing.APPROXIMATED
    assert decide(made, "g", {"userID": "u"}).value is CALLER_DEFAULT


def test_whoever_misses_the_share_of_a_rule_that_holds_gets_the_default_and_that_rules_id():
    made = imported(gate("g", rule(PUBLIC, share=0), rule(PUBLIC, id="never reached")))
    decision = decide(made, "g", {"userID": "u"})

    assert (decision.value, rule_id_of(decision)) == (False, "r")


def test_a_share_is_of_the_hash_of_both_salts_and_the_unit():
    # The vector of the scheme: cfgsalt.rulesalt.user1 falls on 9353 of 10,000.
    for share, value in ((93.53, False), (93.54, True)):
        made = imported(gate("g", rule(PUBLIC, share=share, salt="rulesalt"), salt="cfgsalt"))
        assert decide(made, "g", {"userID": "user1"}).value is value


def test_an_id_list_at_hand_is_imported_and_another_is_asked_of_the_source_of_lists():
    made = imported(
        gate("at hand", rule(field("userID", "in_segment_list", "l"))),
        gate("away", rule(field("userID", "in_segment_list", "m"))),
        id_lists={"l": ["7/rrkvF6"], "m": True},
    )
    (key,) = (finding.key for finding in made.report.findings if finding.source_key == "at hand")

    assert decide(made, key, {"userID": "regular_user_id"}).value is True
    assert decide(made, key, {"userID": "another"}).value is False
    assert why(made, "away")[0] is Standing.APPROXIMATED
    assert decide(made, "away", {"userID": "regular_user_id"}).decided is False


def test_a_disabled_gate_gives_its_default_except_to_whom_its_rules_take_in_the_form_that_the_core_reads():
    off = gate("g", rule(field("plan", "any", ["pro"])), enabled=False)
    first: dict[str, Any] = {}
    core: dict[str, Any] = {"condition_map": {}}
    for more, value, standing in (
        (first, (False, "disabled"), Standing.EXACT),
        (core, (True, "r"), Standing.APPROXIMATED),
    ):
        made = imported(off, **more)
        for plan, expected in (("pro", value), ("free", (False, "disabled"))):
            decision = decide(made, "g", {"userID": "u", "custom": {"plan": plan}})
            assert (decision.value, rule_id_of(decision)) == expected
        assert why(made, "g")[0] is standing

    made = imported(gate("g", enabled=False), **core)
    assert rule_id_of(decide(made, "g", {"userID": "u"})) == "disabled"
    assert why(made, "g") == (Standing.EXACT, "")


def test_a_layer_decides_as_the_experiment_that_it_delegates_to():
    experiment = {**gate("e", rule(field("plan", "any", ["pro"]), returnValue={"v": 1}), defaultValue={"v": 0})}
    layer = {**gate("l", rule(field("age", "gt", 17), configDelegate="e"), defaultValue={"v": "layer"})}
    made = imported(dynamic_configs=[experiment], layer_configs=[layer])

    asked = {"pro": {"age": 18, "plan": "pro"}, "free": {"age": 18}, "young": {"age": 3, "plan": "pro"}}
    got = {name: decide(made, "l", {"userID": "u", "custom": custom}).value for name, custom in asked.items()}
    assert got == {"pro": {"v": 1}, "free": {"v": 0}, "young": {"v": "layer"}}


def test_layers_that_delegate_in_a_circle_are_refused():
    configs = [gate(name, rule(PUBLIC, configDelegate=to)) for name, to in (("a", "b"), ("b", "a"))]
    made = imported(dynamic_configs=configs)

    assert "leads back" in why(made, "a")[1]


def test_a_config_with_a_gates_name_is_told_apart():
    made = imported(gate("x", rule(PUBLIC)), dynamic_configs=[gate("x", defaultValue={"v": 1})])

    assert {finding.source_key: finding.key for finding in made.report.findings} == {"x": "x", "config:x": "config-x"}


def test_moments_are_windows_of_time():
    made = imported(gate("g", rule({"type": "current_time", "operator": "after", "targetValue": 1_700_000_000_000})))

    assert decide(made, "g", {"userID": "u"}, now=1_699_999_999.0).value is False
    assert decide(made, "g", {"userID": "u"}, now=1_700_000_001.0).value is True


def test_fields_named_like_ours_are_kept_apart_and_private_ones_count():
    for name in ("targetingKey", "customIDs", "environment", "custom"):
        made = imported(gate("g", rule(field(name, "any", ["x"]))))
        assert decide(made, "g", {"userID": "u", "privateAttributes": {name: "x"}}).value is True
        assert decide(made, "g", {"userID": "x"}).value is False


def test_a_user_keeps_its_names():
    assert context_of({"userID": "u", "userAgent": "Mozilla", "custom": {"plan": None}, "statsigEnvironment": {"tier": "dev"}}) == {
        "targetingKey": "u", "userAgent": "Mozilla", "environment": {"tier": "dev"},
    }  # fmt: skip


def test_a_user_whose_parts_are_no_objects_is_refused():
    with pytest.raises(ConfigurationError, match="custom of a Statsig user"):
        context_of({"userID": "u", "custom": []})


@pytest.mark.parametrize(
    ("operator", "target", "value", "expected"),
    [
        ("version_gt", "1.2.3", "2.0.0b1", True),
        ("version_gt", "1.2.3", "1.3.x", True),
        ("version_neq", "1.2.3", "0.9.z", True),
        ("version_lt", "1.2.3", "1.2.x", False),
        ("version_neq", "1.2.3", "1.2.x", False),
        ("version_lt", "2.0.0b1", "1.2.3", True),
        ("version_gt", "1.2", "1.2.3.x", True),
        ("after", "1.9", 1, True),
        ("before", "1e3", 0, True),
        ("before", "2023-11-14T22:13:20.5Z", 1_700_000_000_000, True),
        ("before", "2023-11-14T22:13:20.000Z", 1_700_000_000_000, False),
        ("after", "2023-11-14T22:13:20+02:00", 1_700_000_000_000, True),
        ("after", "2023-11-14T22:13:20", 1_700_000_000_001, False),
        ("eq", None, "", False),
        ("neq", None, "", True),
    ],
)
def test_versions_and_moments_are_compared_as_the_sdk_compares_them(
    operator: str, target: Any, value: Any, expected: bool
) -> None:
    """Each as statsig-python-core 0.24 answered."""
    made = imported(gate("g", rule(field("p", operator, target))))

    assert decide(made, "g", {"userID": "u", "custom": {"p": value}}).value is expected


def test_an_empty_field_that_every_user_has_is_none() -> None:
    made = imported(gate("g", rule(field("email", "eq", None))))

    assert decide(made, "g", {"userID": "u", "email": ""}).value is True


@pytest.mark.parametrize("operator", ["any", "any_case_sensitive", "str_contains_any", "str_starts_with_any"])
def test_an_object_is_compared_as_an_absent_attribute_is_by_an_empty_text(operator: str) -> None:
    made = imported(gate("empty", rule(field("plan", operator, [""]))), gate("a", rule(field("plan", operator, ["a"]))))
    users: list[dict[str, Any]] = [{"plan": {"a": 1}}, {"plan": {}}, {}]

    assert [decide(made, "empty", {"userID": "u", "custom": user}).value for user in users] == [True] * 3
    assert [decide(made, "a", {"userID": "u", "custom": user}).value for user in users] == [False] * 3


def test_of_texts_that_differ_in_their_case_alone_the_last_one_counts() -> None:
    made = imported(gate("g", rule(field("plan", "any_case_sensitive", ["a", "b", "A"]))))

    assert [decide(made, "g", {"userID": "u", "custom": {"plan": plan}}).value for plan in ("a", "A", "b")] == [
        False,
        True,
        True,
    ]


def test_a_number_with_too_many_digits_to_be_written_lets_nobody_in() -> None:
    made = imported(gate("g", rule(field("plan", "any", [10**400]))))

    assert decide(made, "g", {"userID": "u"}).value is False


def test_an_empty_text_of_a_users_own_field_is_no_value_and_equals_none() -> None:
    asked = {"userID": "u", "email": "", "custom": {"plan": ""}}
    for name, op, on in (("email", "eq", False), ("email", "neq", True), ("plan", "eq", True), ("plan", "neq", False)):
        made = imported(gate("g", rule(field(name, op, ""))))
        assert decide(made, "g", asked).value is on, (name, op)


def test_an_object_has_no_text_for_a_pattern() -> None:
    made = imported(gate("g", rule(field("plan", "str_matches", ".*"))))

    assert [decide(made, "g", {"userID": "u", "custom": {"plan": plan}}).value for plan in ({"a": 1}, "a")] == [
        False,
        True,
    ]
