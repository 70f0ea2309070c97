"""ConfigCat's config JSON: what each construct becomes, and what is refused by name."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import Imported, Standing, configcat

TEXT = {"t": 1, "v": {"s": "default"}, "i": "d"}
SERVED = {"v": {"s": "served"}, "i": "s"}


def read(setting: dict[str, Any], segments: list[Any] | None = None, **others: Any) -> Imported:
    whole = {"p": {"s": "salt"}, "s": segments or [], "f": {"f": {**TEXT, **setting}, **others}}
    return configcat.read(json.dumps(whole).encode())


def decide(imported: Imported, user: dict[str, Any] | None = None, key: str = "f") -> Decision:
    flags, segments = (
        {name: json.dumps(entry).encode() for name, entry in table.items()}
        for table in (imported.flags, imported.segments)
    )
    world = PureWorld(now=lambda: 0.0, random=lambda: 0.5)
    return Snapshot.from_lines(flags, segments).decide(key, imported.attributes.apply(user or {}), world)


def ruled(*conditions: dict[str, Any], **more: Any) -> Imported:
    return read({"r": [{"c": list(conditions), "s": SERVED}]}, **more)


def on_plan(comparator: int, **operand: Any) -> dict[str, Any]:
    return {"a": "plan", "c": comparator, **operand}


def test_a_setting_without_rules_serves_its_value_under_its_variation_id():
    imported = read({})
    decision = decide(imported)

    assert (decision.value, decision.variant, decision.reason) == ("default", "d", Reason.STATIC)
    assert configcat.result_of(decision, imported.flags["f"]) == "d"


@pytest.mark.parametrize(
    ("number", "value", "kind"), [(0, {"b": True}, "boolean"), (2, {"i": 3}, "integer"), (3, {"d": 3}, "float")]
)
def test_a_setting_has_its_type(number, value, kind):
    imported = read({"t": number, "v": value})

    assert imported.flags["f"]["type"] == kind
    assert decide(imported).value == next(iter(value.values()))


def test_one_value_without_variation_ids_keeps_no_id():
    imported = configcat.read(b'{"f": {"f": {"t": 1, "v": {"s": "x"}}}}')

    assert configcat.result_of(decide(imported), imported.flags["f"]) is None


@pytest.mark.parametrize(
    ("comparator", "operand", "passes", "fails"),
    [
        (0, {"l": ["pro", "3"]}, ["pro", 3], ["free", "", None]),
        (1, {"l": ["pro"]}, ["free"], ["pro", "", None]),
        (6, {"s": "1.2.3"}, ["1.2.2", " 1.2.3-rc.1 "], ["1.2.3", "x", None]),
        (12, {"d": 2.5}, ["2,4", 2], [3, "x", None]),
        (18, {"d": 100}, ["99"], [101, "x"]),
        (28, {"s": "pro"}, ["pro"], [" pro", None]),
        (34, {"l": ["a"]}, [["a", "b"], '["a"]'], [["b"], "a", None]),
    ],
)
def test_a_comparator_holds_for(comparator, operand, passes, fails):
    imported = ruled({"u": on_plan(comparator, **operand)})

    assert imported.report.exact == 1
    assert [decide(imported, {"plan": value}).value for value in passes] == ["served"] * len(passes)
    assert [decide(imported, {"plan": value}).value for value in fails] == ["default"] * len(fails)


def test_an_opposite_segment_does_not_hold_for_those_who_cannot_be_read():
    segments = [{"n": "small", "r": [on_plan(12, d=5), {"a": "Email", "c": 2, "l": ["@x"]}]}]
    outside = ruled({"s": {"s": 0, "c": 1}}, segments=segments)
    inside = ruled({"s": {"s": 0, "c": 0}}, segments=segments)
    users: list[dict[str, Any]] = [
        {"plan": 3, "Email": "a@x"}, {"plan": 3, "Email": "a@y"}, {"plan": 7}, {"plan": 3}, {"plan": "x", "Email": "a@y"}, {},
    ]  # fmt: skip

    assert [decide(inside, user).value == "served" for user in users] == [True, False, False, False, False, False]
    assert [decide(outside, user).value == "served" for user in users] == [False, True, True, False, False, False]


def test_an_opposite_segment_of_moments_holds_for_nan_which_is_read_and_is_never_before():
    segments = [{"n": "old", "r": [on_plan(18, d=100)]}]
    outside = ruled({"s": {"s": 0, "c": 1}}, segments=segments)

    assert [decide(outside, {"plan": plan}).value for plan in (float("nan"), "NaN", 101)] == ["served"] * 3
    assert [decide(outside, {"plan": plan}).value for plan in (99, "x")] == ["default"] * 2


def test_a_hash_that_is_not_in_lower_case_is_nobodys():
    digest = sha256(b"prosaltf").hexdigest()

    assert decide(ruled({"u": on_plan(16, l=[digest])}), {"plan": "pro"}).value == "served"
    assert decide(ruled({"u": on_plan(16, l=[digest.upper()])}), {"plan": "pro"}).value == "default"
    assert decide(ruled({"u": on_plan(22, l=["3_" + digest.upper()])}), {"plan": "pro"}).value == "default"


def test_percentages_hash_the_identifier_or_the_settings_own_attribute():
    options = [{"p": share, "v": {"s": name}, "i": name} for share, name in ((50, "one"), (50, "two"))]
    by_identifier, by_plan = read({"p": options}), read({"p": options, "a": "plan"})

    assert {decide(by_identifier, {"Identifier": f"user-{at}"}).value for at in range(30)} == {"one", "two"}
    assert decide(by_identifier, {"plan": "pro"}).value == "default"
    assert decide(by_identifier, {"Identifier": ""}).reason == Reason.SPLIT
    assert {decide(by_plan, {"Identifier": f"user-{at}", "plan": "pro"}).value for at in range(30)} < {"one", "two"}
    assert decide(by_plan, {"Identifier": "user"}).value == "default"


def test_a_rule_whose_options_cannot_apply_is_passed_over():
    rules = [
        {"c": [{"u": on_plan(0, l=["pro"])}], "p": [{"p": 100, **SERVED}]},
        {"c": [{"u": on_plan(0, l=["pro"])}], "s": {"v": {"s": "next"}}},
    ]

    assert decide(read({"r": rules}), {"plan": "pro"}).value == "next"
    assert decide(read({"r": rules}), {"plan": "pro", "Identifier": "a"}).value == "served"


def test_a_prerequisite_is_compared_by_its_value():
    first = {"t": 0, "v": {"b": True}}
    same = {"p": {"f": "first", "c": 0, "v": {"b": True}}}
    other = {"p": {"f": "first", "c": 1, "v": {"b": True}}}

    assert decide(ruled(same, first=first)).value == "served"
    assert decide(ruled(other, first=first)).value == "default"


@pytest.mark.parametrize(
    "condition",
    [
        {"p": {"f": "gone", "c": 0, "v": {"b": True}}},
        {"p": {"f": "first", "c": 0, "v": {"s": "true"}}},
        {"p": {"f": "f", "c": 0, "v": {"s": "default"}}},
    ],
    ids=["absent", "of another type", "itself"],
)
def test_a_prerequisite_that_is_wrong_is_an_error_only_when_it_is_reached(condition):
    imported = ruled({"u": on_plan(0, l=["pro"])}, condition, first={"t": 0, "v": {"b": True}})

    assert decide(imported).value == "default"
    reached = decide(imported, {"plan": "pro"})
    assert (reached.value, reached.error_code) == (CALLER_DEFAULT, ErrorCode.PARSE_ERROR)


def test_a_flag_that_asks_one_without_an_answer_here_is_told_and_so_is_who_asks_that():
    def asks(key: str) -> dict[str, Any]:
        rule = {"c": [{"p": {"f": key, "c": 0, "v": {"s": "x"}}}], "s": SERVED}
        return {**TEXT, "r": [rule]}

    refused = {**TEXT, "r": [{"c": [{"u": on_plan(99, s="x")}], "s": SERVED}]}
    mistyped = {"t": 1, "v": {"i": 1}}
    imported = read({}, direct=asks("gone"), second=asks("direct"), gone=refused, third=asks("wrong"), wrong=mistyped)
    why = {finding.source_key: finding.why for finding in imported.report.findings}

    assert (why["f"], why["direct"], why["third"]) == (
        "", "it asks 'gone', which has no answer of its own here", "it asks 'wrong', which has no answer of its own here",
    )  # fmt: skip
    assert why["second"] == why["direct"]
    assert decide(imported, key="direct").error_code == ErrorCode.PARSE_ERROR


def test_a_served_value_of_another_type_is_the_callers_default_and_told():
    imported = read({"r": [{"c": [{"u": on_plan(0, l=["pro"])}], "s": {"v": {"i": 1}}}]})

    assert imported.report.findings[-1].standing == Standing.APPROXIMATED
    assert decide(imported).value is CALLER_DEFAULT


def test_a_variation_id_that_is_no_text_is_told_and_an_empty_one_is_kept():
    numbered, empty = read({"i": 5}), read({"i": ""})

    assert "the variation id 5 is no text" in numbered.report.findings[-1].why
    assert configcat.result_of(decide(numbered), numbered.flags["f"]) is None
    assert configcat.result_of(decide(empty), empty.flags["f"]) == ""
    assert empty.report.exact == 1


def test_percentages_that_leave_a_rest_are_told():
    imported = read({"p": [{"p": 40, **SERVED}]})

    assert "add up to 40" in imported.report.findings[-1].why


@pytest.mark.parametrize(
    ("imported", "said"),
    [
        (lambda: ruled({"u": on_plan(99, s="x")}), "comparator 99 is unknown"),
        (lambda: ruled({"u": on_plan(0, s="x")}), "comparator 0 compares with None"),
        (lambda: ruled({"u": {"c": 0, "l": []}}), "not an attribute's name"),
        (lambda: ruled({"u": on_plan(22, l=["nonsense"])}), "length_hash"),
        (lambda: ruled({"u": on_plan(24, l=["0_" + "0" * 64])}), "an empty end"),
        (lambda: ruled({"u": on_plan(5, l=["", " "])}), "lists no version"),
        (lambda: ruled({"s": {"s": 7, "c": 0}}), "the segment 7"),
        (lambda: ruled({"x": 1}), "neither the user nor a segment nor a flag"),
        (lambda: read({"r": [{"c": [], "s": SERVED}]}), "no conditions"),
        (lambda: read({"t": 9}), "setting's type"),
        (lambda: read({"p": [{"p": "half", **SERVED}]}), "percentage of 'half'"),
        (lambda: ruled({"s": {"s": 0, "c": 0}}, segments=[{"n": "s", "r": [{"a": "x", "c": 99}]}]), "comparator 99"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(imported, said):
    made = imported()
    finding = made.report.findings[-1]

    assert (finding.standing, said in finding.why) == (Standing.REFUSED, True), finding.why
    assert decide(made).error_code == ErrorCode.PARSE_ERROR


def test_a_config_of_version_5_is_refused():
    with pytest.raises(FlagFileError, match=r"version 5 or older: download config_v6\.json"):
        configcat.read(b'{"f": {"f": {"t": 0, "v": true, "p": [], "r": []}}}')


def test_a_salt_that_is_no_text_is_refused():
    with pytest.raises(FlagFileError, match=r"\$\.p\.s is 5, not a salt"):
        configcat.read(b'{"p": {"s": 5}, "f": {"f": {"t": 0, "v": {"b": true}}}}')


def test_an_attribute_called_like_our_targeting_key_is_an_attribute():
    imported = ruled({"u": {"a": "targetingKey", "c": 28, "s": "zz"}})

    assert decide(imported, {"Identifier": "u1", "targetingKey": "zz"}).value == "served"
    assert decide(imported, {"Identifier": "zz"}).value == "default"


def test_percentages_are_of_an_attribute_called_like_our_targeting_key():
    imported = read({"a": "targetingKey", "p": [{"p": 100, **SERVED}]})

    assert decide(imported, {"Identifier": "u1", "targetingKey": "zz"}).value == "served"
    assert decide(imported, {"Identifier": "u1"}).value == "default"


@pytest.mark.parametrize(
    ("given", "text"),
    [(1e-7, "1e-07"), (1e16, "1e+16"), (3.0, "3"), (-0.0, "0"), (2.5, "2.5"), (float("-inf"), "-Infinity"), (True, "True"),
     (["a", "b"], '["a","b"]'), ([1, "a"], "[1, 'a']"), ([None], "[None]"), (1234567890123456789, "1234567890123456789")],
)  # fmt: skip
def test_what_is_no_text_is_written_as_configcats_python_sdk_does(given, text):
    assert decide(ruled({"u": on_plan(28, s=text)}), {"Identifier": "u1", "plan": given}).value == "served"
