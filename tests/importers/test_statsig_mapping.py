"""Statsig's config mapping, layers and groups, and that no field of an export is dropped in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, ErrorCode
from buildflags_sdk.importers.report import Imported, Standing
from buildflags_sdk.importers.statsig import rule_id_of

from .test_statsig import PUBLIC, decide, field, gate, imported, rule, why

ANN = field("userID", "any", ["ann"])


def mapped(*rules: dict[str, Any], to: str = "b", **more: Any) -> dict[str, Any]:
    """What stands in for the gate `a`: `to`, for whom one of the rules holds."""
    named = [{"rule_name": each["id"]} for each in rules]
    overrides = {"a": [{"new_config_name": to, "rules": named, **more}]}
    return {"overrides": overrides, "override_rules": {each["id"]: each for each in rules}}


def got(made: Imported, key: str, user: str, now: float = 1_700_000_000.0) -> tuple[Any, str]:
    decision = decide(made, key, {"userID": user}, now)
    return decision.value, rule_id_of(decision)


def test_another_gate_stands_in_for_those_whom_a_rule_of_the_mapping_takes():
    made = imported(gate("a"), gate("b", rule(PUBLIC, id="rb")), **mapped(rule(ANN, id="o")))

    assert got(made, "a", "ann") == (True, "rb")
    assert got(made, "a", "bob") == (False, "default")
    assert why(made, "a") == (Standing.EXACT, "")


def test_the_share_of_a_mapping_is_of_the_replaced_specs_salt():
    # The vector of the scheme: cfgsalt.rulesalt.user1 falls on 9353 of 10,000.
    for share, value in ((93.53, False), (93.54, True)):
        others = gate("a", salt="cfgsalt"), gate("b", rule(PUBLIC), salt="another")
        made = imported(*others, **mapped(rule(PUBLIC, id="o", share=share, salt="rulesalt")))
        assert got(made, "a", "user1")[0] is value


def test_a_mapping_begins_at_its_moment():
    named = [{"rule_name": "o", "start_time": 1_700_000_000_000}]
    overrides = {"a": [{"new_config_name": "b", "rules": named}]}
    made = imported(gate("a"), gate("b", rule(PUBLIC)), overrides=overrides, override_rules={"o": rule(PUBLIC, id="o")})

    assert got(made, "a", "u", now=1_699_999_999.0)[0] is False
    assert got(made, "a", "u", now=1_700_000_000.0)[0] is True


def test_gates_that_ask_a_mapped_one_and_mappings_that_lead_on_follow_it():
    asking = gate("asks", rule({"type": "pass_gate", "targetValue": "a"}))
    export = mapped(rule(ANN, id="o"))
    export["overrides"]["b"] = [{"new_config_name": "c", "rules": [{"rule_name": "o"}]}]
    made = imported(gate("a"), gate("b"), gate("c", rule(PUBLIC, id="rc")), asking, **export)

    assert got(made, "a", "ann") == (True, "rc")
    assert got(made, "asks", "ann") == (True, "r")
    assert got(made, "asks", "bob") == (False, "default")


def test_a_layer_follows_the_mapping_of_the_experiment_that_it_delegates_to():
    configs = [gate(name, rule(PUBLIC, returnValue={"v": name}), defaultValue={}) for name in ("a", "b")]
    layer = gate("l", rule(PUBLIC, configDelegate="a"), defaultValue={})
    made = imported(dynamic_configs=configs, layer_configs=[layer], **mapped(rule(ANN, id="o")))

    assert got(made, "l", "ann") == ({"v": "b"}, "r")
    assert got(made, "l", "bob") == ({"v": "a"}, "r")


def new_layer(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return gate("l", *rules, defaultValue={"v": 0, "w": 0, "x": 0}, useNewLayerEval=True, **more)


def test_a_layer_of_the_new_kind_takes_each_parameter_from_the_first_rule_that_gives_it():
    experiment = gate("e", rule(PUBLIC, returnValue={"w": 2}), defaultValue={})
    hold = rule(ANN, id="hold", returnValue={"w": 1})
    last = rule(PUBLIC, id="last", returnValue={"v": 3, "w": 3})
    made = imported(
        dynamic_configs=[experiment], layer_configs=[new_layer(hold, rule(PUBLIC, id="d", configDelegate="e"), last)]
    )

    assert got(made, "l", "ann") == ({"v": 3, "w": 1, "x": 0}, "default")
    assert got(made, "l", "bob") == ({"v": 3, "w": 2, "x": 0}, "d")
    assert why(made, "l") == (Standing.EXACT, "")


def test_an_experiment_counts_in_a_layer_of_the_new_kind_only_where_no_rule_before_it_takes():
    experiments = [gate(name, rule(PUBLIC, returnValue={name: 1}), defaultValue={}) for name in "vwx"]
    delegating = [rule(PUBLIC, id=name, configDelegate=name) for name in "vwx"]
    made = imported(
        dynamic_configs=experiments,
        layer_configs=[
            new_layer(rule(ANN, id="hold", returnValue={"v": 9}), *delegating),
            new_layer(rule(ANN, id="hold", returnValue={}), *delegating) | {"name": "m"},
        ],
    )

    assert got(made, "l", "ann") == ({"v": 9, "w": 0, "x": 0}, "default")
    assert got(made, "m", "ann") == ({"v": 0, "w": 0, "x": 0}, "default")
    assert got(made, "l", "bob") == ({"v": 1, "w": 0, "x": 0}, "v")


def test_a_layer_of_the_new_kind_is_refused_where_its_combinations_are_too_many_or_the_sdk_gives_up():
    asked = [rule(field("plan", "any", [str(at)]), id=f"r{at}", returnValue={str(at): 1}) for at in range(30)]
    assert "rules" in why(imported(layer_configs=[new_layer(*asked)]), "l")[1]

    experiment = gate("e", rule({"type": "multi_pass_gate", "targetValue": ["g"]}), defaultValue={})
    made = imported(dynamic_configs=[experiment], layer_configs=[new_layer(rule(PUBLIC, configDelegate="e"))])
    assert "gives up" in why(made, "l")[1]


def test_mappings_that_lead_back_are_refused_and_ones_to_nothing_take_nobody():
    export = mapped(rule(PUBLIC, id="o"))
    export["overrides"]["b"] = [{"new_config_name": "a", "rules": [{"rule_name": "o"}]}]
    assert "leads back" in why(imported(gate("a"), gate("b"), **export), "a")[1]

    assert got(imported(gate("a"), **mapped(rule(PUBLIC, id="o"))), "a", "u") == (False, "default")


def test_what_the_export_only_names_is_refused_by_name():
    export = mapped(rule(PUBLIC, id="o"))
    made = imported(gate("b"), param_stores={"p": 5}, cmab_configs={"m": {}}, **export)

    refused = {each.source_key for each in made.report.findings if each.standing is Standing.REFUSED}
    assert refused == {"param_store:p", "bandit:m", "override:a"}


def test_a_bandit_is_refused():
    made = imported(dynamic_configs=[gate("m", rule(PUBLIC), defaultValue={})], cmab_configs={"m": {}})

    assert "bandit" in why(made, "m")[1]


@pytest.mark.parametrize("target", [None, 5, ["on"]])
def test_a_gate_without_a_name_is_not_passed(target: Any):
    for kind, value in (("pass_gate", False), ("fail_gate", True)):
        made = imported(gate("g", rule({"type": kind, "targetValue": target})))
        assert got(made, "g", "u")[0] is value


def test_a_condition_over_several_gates_ends_the_evaluation_as_in_statsigs_sdk():
    several = {"type": "multi_pass_gate", "targetValue": ["on"]}
    made = imported(
        gate("g", rule(ANN, id="first"), rule(several), rule(PUBLIC)),
        gate("after a condition", rule(PUBLIC, several)),
        gate("on", rule(PUBLIC)),
        dynamic_configs=[gate("c", rule(several), rule(PUBLIC), defaultValue={"v": 1})],
    )

    assert got(made, "g", "ann") == (True, "first")
    assert got(made, "g", "bob") == (False, "")
    assert got(made, "after-a-condition", "bob") == (True, "")
    assert got(made, "c", "bob") == ({}, "")
    assert why(made, "g")[0] is Standing.APPROXIMATED


def test_the_app_that_an_export_was_made_for_is_asked_there_and_then():
    for app, value in (("a", True), ("b", False), (None, False)):
        made = imported(gate("g", rule({"type": "target_app", "operator": "any", "targetValue": ["A"]})), app_id=app)
        assert got(made, "g", "u")[0] is value


def test_an_experiments_group_is_that_of_the_rule_that_held_whether_or_not_its_share_was_missed():
    groups = rule(ANN, id="c", groupName="Control", share=0), rule(field("userID", "any", ["bob"]), groupName="Test")
    asked = {"type": "experiment_group", "field": "e", "operator": "any", "targetValue": ["control"]}
    absent = {**asked, "field": "absent", "operator": "none"}
    made = imported(
        gate("g", rule(asked)), gate("h", rule(absent)), dynamic_configs=[gate("e", *groups, defaultValue={"v": 0})]
    )

    assert {user: got(made, "g", user)[0] for user in ("ann", "bob", "cy")} == {"ann": True, "bob": False, "cy": False}
    assert got(made, "h", "u")[0] is True


def test_a_long_list_is_written_as_an_object_whose_keys_are_looked_up_in_lower_case():
    among = gate("g", rule(field("userID", "any", {"ann": True, "Bob": True})))
    outside = gate("h", rule(field("userID", "none", {"ann": True})))
    made = imported(among, outside)

    assert {user: got(made, "g", user)[0] for user in ("ann", "ANN", "bob")} == {"ann": True, "ANN": True, "bob": False}
    assert {user: got(made, "h", user)[0] for user in ("ann", "bob")} == {"ann": False, "bob": True}


def test_a_bucket_is_compared_by_any_operator():
    # The vector of the scheme: f8aeba58-18fb-4f36-9bbd-4c611447a912.user3 falls on 452 of 1,000.
    salt = {"salt": "f8aeba58-18fb-4f36-9bbd-4c611447a912"}
    for op, target, value in (
        ("eq", 452, True),
        ("eq", 453, False),
        ("neq", 452, False),
        ("str_ends_with_any", ["52"], True),
    ):
        asked = {"type": "user_bucket", "operator": op, "targetValue": target, "additionalValues": salt}
        assert got(imported(gate("g", rule(asked))), "g", "user3")[0] is value


def test_an_empty_salt_of_a_rule_is_a_salt_and_only_an_absent_one_gives_way_to_its_id():
    def answers(rule_id: str, salt: str | None) -> list[bool]:
        made = imported(gate("g", rule(PUBLIC, share=50, id=rule_id, salt=salt)))
        return [got(made, "g", f"user-{number}")[0] for number in range(50)]

    assert answers("x", "") == answers("y", "")
    assert answers("x", None) != answers("y", None)
    assert answers("x", None) == answers("y", "x")


def test_each_parameter_of_a_store_is_a_flag_over_what_it_refers_to():
    config = gate(
        "c",
        rule(ANN, returnValue={"v": 1}),
        rule(field("userID", "any", ["bob"]), id="b", returnValue={}),
        defaultValue={"v": 2},
    )
    layer = gate("l", rule(ANN, returnValue={"v": "a"}), defaultValue={"v": [1]}, enabled=True)
    parameters = {
        "still": {"ref_type": "static", "param_type": "boolean", "value": True},
        "gate": {"ref_type": "gate", "gate_name": "g", "pass_value": "yes", "fail_value": "no"},
        "config": {"ref_type": "dynamic_config", "config_name": "c", "param_name": "v"},
        "experiment": {"ref_type": "experiment", "experiment_name": "c", "param_name": "v"},
        "layer": {"ref_type": "layer", "layer_name": "l", "param_name": "v"},
        "absent": {"ref_type": "layer", "layer_name": "absent", "param_name": "v"},
    }
    made = imported(
        gate("g", rule(ANN)),
        dynamic_configs=[config],
        layer_configs=[layer],
        param_stores={"s": {"parameters": parameters}},
    )

    def answers(user: str) -> dict[str, Any]:
        decisions = {name: decide(made, f"param_store-s.{name}", {"userID": user}) for name in parameters}
        assert not any(each.error_code for each in decisions.values())
        return {name: each.value for name, each in decisions.items() if each.value is not CALLER_DEFAULT}

    assert answers("ann") == {"still": True, "gate": "yes", "config": 1, "experiment": 1, "layer": "a"}
    assert answers("bob") == {"still": True, "gate": "no", "layer": [1]}
    assert answers("cy") == {"still": True, "gate": "no", "config": 2, "experiment": 2, "layer": [1]}
    assert {each.standing for each in made.report.findings} == {Standing.EXACT}


def test_a_parameter_over_a_refused_flag_is_an_error_and_what_is_unknown_is_named():
    bad = gate("bad", rule({"type": "unheard"}), defaultValue={})
    parameters = {
        "of bad": {"ref_type": "dynamic_config", "config_name": "bad", "param_name": "v"},
        "odd": {"ref_type": "weather"},
        "more": {"ref_type": "static", "value": 1, "until": 5},
    }
    made = imported(dynamic_configs=[bad], param_stores={"s": {"parameters": parameters, "since": 1}})
    (key,) = (each.key for each in made.report.findings if each.source_key == "param_store:s.of bad")

    assert decide(made, key, {"userID": "u"}).error_code is ErrorCode.PARSE_ERROR
    assert "refused" in why(made, "param_store:s.of bad")[1]
    assert why(made, "param_store:s.odd")[0] is Standing.REFUSED
    for place in ("$.param_stores.s.parameters.more.until", "$.param_stores.s.since"):
        assert place in why(made, "param_store:s.more")[1]


REAL: dict[str, Any] = {
    "feature_gates": {
        "g": {
            **gate("g", {**rule("k"), "groupName": "everyone", "idType": "userID", "samplingRate": 5, "isDeviceBased": False}),
            "type": "feature_gate", "entity": "feature_gate", "idType": "userID", "version": 2, "checksum": "1",
            "isDeviceBased": False, "targetAppIDs": ["x"], "forwardAllExposures": True, "fieldsUsed": ["email"],
        },
        "b": gate("b"),
    },
    "dynamic_configs": {
        "e": {
            **gate("e", {**rule("k", returnValue={"v": 1}), "isExperimentGroup": True}, defaultValue={}),
            "isActive": True, "hasSharedParams": True, "explicitParameters": ["v"],
        }
    },
    "layer_configs": {"l": gate("l", rule("k", configDelegate="e"), defaultValue={}, useNewLayerEval=False)},
    "condition_map": {"k": {**PUBLIC, "field": None, "additionalValues": {"salt": "s", "custom_field": "f"}, "idType": "userID"}},
    "overrides": {"g": [{"new_config_name": "b", "rules": [{"rule_name": "o", "start_time": 1}]}]},
    "override_rules": {"o": rule("k", id="o")},
    "experiment_to_layer": {"e": "l"}, "layers": {"l": ["e"]}, "id_lists": {}, "has_updates": True, "time": 7, "company_id": "c",
    "default_environment": None, "response_format": "dcs-v2", "diagnostics": {"initialize": 1}, "sdk_flags": {},
    "sdk_configs": {}, "sdk_keys_to_app_ids": {}, "hashed_sdk_keys_to_app_ids": {}, "session_replay_info": {},
}  # fmt: skip


def test_an_export_as_statsig_gives_it_has_nothing_that_is_not_known():
    made = imported(
        **{name: value for name, value in REAL.items() if name != "feature_gates"}, feature_gates=REAL["feature_gates"]
    )

    assert {(each.standing, each.why) for each in made.report.findings} == {(Standing.EXACT, "")}


@pytest.mark.parametrize(
    ("steps", "keys"),
    [
        (("feature_gates", "g"), "g"),
        (("feature_gates", "g", "rules", 0), "g"),
        (("dynamic_configs", "e", "rules", 0), "el"),
        (("condition_map", "k"), "gel"),
        (("condition_map", "k", "additionalValues"), "gel"),
        (("overrides", "g", 0), "g"),
        (("overrides", "g", 0, "rules", 0), "g"),
        (("override_rules", "o"), "g"),
        ((), "gbel"),
    ],
)
def test_a_field_that_is_not_known_is_named_in_the_finding_of_each_flag_that_is_made_of_it(
    steps: tuple[str | int, ...], keys: str
):
    export = json.loads(json.dumps(REAL))
    inside = export
    for step in steps:
        inside = inside[step]
    inside["until"] = 5
    made = imported(**export)

    place = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps) + ".until"
    named = {
        each.source_key for each in made.report.findings if place in each.why and each.standing is Standing.APPROXIMATED
    }
    assert named == set(keys)


def test_an_inline_condition_has_its_place_too():
    made = imported(gate("g", rule({**PUBLIC, "until": 5})))

    assert "$.feature_gates.g.rules[0].conditions[0].until" in why(made, "g")[1]
