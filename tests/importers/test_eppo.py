"""Eppo's UFC: what each construct becomes, and what is refused by name."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import Imported, Standing, eppo

SPLIT = [{"variationKey": "red", "shards": []}]
FLAG = {
    "key": "f",
    "enabled": True,
    "variationType": "STRING",
    "variations": {"red": {"key": "red", "value": "RED"}, "blue": {"key": "blue", "value": "BLUE"}},
    "totalShards": 100,
    "allocations": [],
}


def read(flag: dict[str, Any], **more: Any) -> Imported:
    return eppo.read(json.dumps({"format": "SERVER", "flags": {"f": {**FLAG, **flag}}, **more}).encode())


def decide(imported: Imported, subject: str | None = "alice", now: float = 1_700_000_000.0, **given: Any) -> Decision:
    lines = {key: json.dumps(entry).encode() for key, entry in imported.flags.items()}
    context = imported.attributes.apply({**given, "subjectKey": subject})
    return Snapshot.from_lines(lines, {}).decide("f", context, PureWorld(now=lambda: now, random=lambda: 0.5))


def allocated(**allocation: Any) -> Imported:
    return read({"allocations": [{"key": "first", "splits": SPLIT, **allocation}]})


def ruled(operator: str, value: Any, attribute: str = "plan") -> Imported:
    condition = {"attribute": attribute, "operator": operator, "value": value}
    return allocated(rules=[{"conditions": [condition]}])


def refusal(imported: Imported) -> str:
    (finding,) = imported.report.findings
    assert finding.standing == Standing.REFUSED
    decision = decide(imported)
    assert (decision.error_code, decision.value) == (ErrorCode.PARSE_ERROR, CALLER_DEFAULT)
    assert finding.why in str(decision.error_message)
    return finding.why


def test_without_allocations_it_is_the_callers_default():
    decision = decide(read({}))

    assert (decision.value, decision.decided) == (CALLER_DEFAULT, True)
    assert eppo.result_of(decision)["flagEvaluationCode"] == "DEFAULT_ALLOCATION_NULL"


def test_a_disabled_flag_is_the_callers_default():
    decision = decide(read({"enabled": False, "allocations": [{"key": "first", "splits": SPLIT}]}))

    assert (decision.value, decision.reason) == (CALLER_DEFAULT, Reason.DISABLED)
    assert eppo.result_of(decision)["flagEvaluationCode"] == "FLAG_UNRECOGNIZED_OR_DISABLED"


@pytest.mark.parametrize(
    ("now", "value"), [(0, CALLER_DEFAULT), (86_400, "RED"), (172_800, "RED"), (172_801, CALLER_DEFAULT)]
)
def test_both_ends_of_a_window_are_inside(now, value):
    imported = allocated(startAt="1970-01-02T00:00:00.000Z", endAt="1970-01-03T00:00:00Z")

    assert decide(imported, now=now).value is value or decide(imported, now=now).value == value


def test_splits_of_one_salt_become_one_split_behind_their_common_traffic():
    traffic = {"salt": "traffic", "ranges": [{"start": 0, "end": 90}]}
    imported = allocated(
        splits=[
            {"variationKey": "red", "shards": [traffic, {"salt": "split", "ranges": [{"start": 0, "end": 50}]}]},
            {"variationKey": "blue", "shards": [traffic, {"salt": "split", "ranges": [{"start": 50, "end": 100}]}]},
        ]
    )

    (rule,) = imported.flags["f"]["rules"]
    assert rule["when"]["share"]["seed"] == "traffic"
    assert [each["variant"] for each in rule["serve"]["split"]["ranges"]] == ["red", "blue"]
    values = {decide(imported, f"subject-{at}").value for at in range(50)}
    assert values == {"RED", "BLUE", CALLER_DEFAULT}


def test_splits_of_several_salts_become_a_rule_each():
    imported = allocated(
        splits=[
            {"variationKey": "red", "shards": [{"salt": "one", "ranges": [{"start": 0, "end": 50}]}]},
            {"variationKey": "blue", "shards": [{"salt": "two", "ranges": [{"start": 0, "end": 50}]}]},
        ]
    )

    assert [rule["id"] for rule in imported.flags["f"]["rules"]] == ["first", "first"]
    assert {decide(imported, f"subject-{at}").value for at in range(50)} == {"RED", "BLUE", CALLER_DEFAULT}


def test_a_subject_without_key_is_an_error_only_where_a_shard_needs_it():
    sharded = allocated(
        splits=[{"variationKey": "red", "shards": [{"salt": "s", "ranges": [{"start": 0, "end": 100}]}]}]
    )

    assert decide(sharded, None).error_code == ErrorCode.TARGETING_KEY_MISSING
    assert decide(allocated(), None).value == "RED"


@pytest.mark.parametrize(
    ("operator", "value", "passes", "fails"),
    [
        ("ONE_OF", ["1", "true"], [1, 1.0, True, "1"], [2, "True", None]),
        ("NOT_ONE_OF", ["1"], [2, True], ["1", None]),
        ("MATCHES", "^pr", ["pro"], ["apr", None]),
        ("NOT_MATCHES", "^pr", ["apr", 7], ["pro", None]),
        ("GTE", "1.2.3", ["1.2.3", "1.10.0"], ["1.2.2", "x", 5, None]),
        ("LT", 10, [9, "9", 9.5], [10, "x", True, None]),
        ("IS_NULL", True, [None], ["", 0]),
        ("IS_NULL", False, ["", 0], [None]),
    ],
)
def test_an_operator_holds_for(operator, value, passes, fails):
    imported = ruled(operator, value)

    assert imported.report.exact == 1
    assert [decide(imported, plan=attribute).value for attribute in passes] == ["RED"] * len(passes)
    assert [decide(imported, plan=attribute).value for attribute in fails] == [CALLER_DEFAULT] * len(fails)


def test_id_is_the_subjects_key_unless_an_attribute_has_that_name():
    imported = ruled("ONE_OF", ["alice"], "id")

    assert decide(imported).value == "RED"
    assert decide(imported, id="bob").value is CALLER_DEFAULT
    assert decide(imported, "bob", id="alice").value == "RED"
    assert decide(imported, id=None).value is CALLER_DEFAULT


@pytest.mark.parametrize(
    ("kind", "value", "ours"),
    [
        ("JSON", '{"a": [1]}', {"a": [1]}),
        ("JSON", "[1]", [1]),
        ("INTEGER", 3.0, 3),
        ("NUMERIC", 3, 3.0),
        ("BOOLEAN", False, False),
        ("STRING", "", ""),
    ],
)
def test_a_value_has_its_type(kind, value, ours):
    variations = {"red": {"key": "red", "value": value}}
    flag = read({"variationType": kind, "variations": variations, "allocations": [{"key": "a", "splits": SPLIT}]})

    assert decide(flag).value == ours


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("JSON", "{bad"),
        ("JSON", '1,"x":2'),
        ("JSON", "NaN"),
        ("JSON", 5),
        ("INTEGER", 2.5),
        ("NUMERIC", "1"),
        ("BOOLEAN", 1),
        ("STRING", 1),
    ],
)
def test_a_value_of_another_type_is_the_callers_default_and_told(kind, value):
    variations = {"red": {"key": "red", "value": value}}
    imported = read({"variationType": kind, "variations": variations, "allocations": [{"key": "a", "splits": SPLIT}]})

    (finding,) = imported.report.findings
    assert (finding.standing, "red" in finding.why) == (Standing.APPROXIMATED, True)
    decision = decide(imported)
    assert decision.value is CALLER_DEFAULT
    assert eppo.result_of(decision)["flagEvaluationCode"] == "ASSIGNMENT_ERROR"


def test_a_bandit_is_named_and_its_flag_kept():
    variations = [{"flagKey": "f", "variationValue": "RED"}, {"flagKey": "f", "variationValue": "BLUE"}]
    for section in (
        {"bandits": {"banner": variations}},
        {"banditReferences": {"banner": {"flagVariations": variations}}},
    ):
        imported = read({"allocations": [{"key": "a", "splits": SPLIT}]}, **section)

        assert imported.report.findings[0].why.count("bandit banner") == 1
        assert decide(imported).value == "RED"


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"operator": "SOUNDS_LIKE", "value": "x"}, "operator 'SOUNDS_LIKE' is unknown"),
        ({"operator": "ONE_OF", "value": "x"}, "ONE_OF takes a list"),
        ({"operator": "NOT_ONE_OF", "value": [1]}, "NOT_ONE_OF takes a list"),
        ({"operator": "MATCHES", "value": "("}, "MATCHES takes a pattern"),
        ({"operator": "NOT_MATCHES", "value": "(?=a)b"}, "NOT_MATCHES takes a pattern"),
        ({"operator": "GT", "value": "nonsense"}, "neither a version nor a number"),
        ({"operator": "IS_NULL", "value": "x"}, "IS_NULL takes true or false"),
        ({"operator": 5, "value": "x"}, "by 5"),
        ({"attribute": None, "operator": "IS_NULL", "value": True}, "compares the attribute None"),
        (5, "compares the attribute None"),
    ],
)
def test_a_condition_that_cannot_be_read_is_passed_by_nobody_as_there_and_told(condition, said):
    """As Eppo's SDK was seen to decide it."""
    given = {"attribute": "plan", **condition} if isinstance(condition, dict) else condition
    imported = allocated(rules=[{"conditions": [given]}])

    assert [decide(imported, **attributes).value for attributes in ({}, {"plan": "x"}, {"plan": 5})] == [
        CALLER_DEFAULT
    ] * 3
    (finding,) = imported.report.findings
    assert finding.standing == Standing.APPROXIMATED
    assert said in finding.why
    assert "rules[0]" in finding.why
    beside = allocated(rules=[{"conditions": [given]}, {"conditions": []}])
    assert decide(beside).value == "RED", "the other rules go on"


def test_a_pattern_whose_classes_mean_more_there_is_told():
    assert "in Unicode" in ruled("MATCHES", r"^\d+$").report.findings[0].why
    assert ruled("MATCHES", "^[0-9]+$").report.exact == 1


@pytest.mark.parametrize(
    ("imported", "said"),
    [
        (lambda: ruled("MATCHES", "[a&&b]"), "RE2 and Eppo's SDK read the pattern"),
        (lambda: allocated(startAt="soon"), "RFC 3339"),
        (lambda: read({"variationType": "DATE"}), "variationType is 'DATE'"),
        (lambda: read({"totalShards": 0, "allocations": [{"key": "a", "splits": [{"variationKey": "red", "shards": [{"salt": "s", "ranges": [{"start": 0, "end": 1}]}]}]}]}), "totalShards is 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_by_name(imported, said):
    assert re.search(said, refusal(imported()))


def test_the_client_format_is_refused_because_its_keys_are_hashed():
    with pytest.raises(FlagFileError, match="hashed; export the SERVER format"):
        eppo.read(b'{"format": "CLIENT", "flags": {}}')


def test_an_attribute_called_like_our_targeting_key_is_an_attribute():
    imported = ruled("ONE_OF", ["zz"], "targetingKey")

    assert decide(imported, targetingKey="zz").value == "RED"
    assert decide(imported, "zz").value is CALLER_DEFAULT


def test_an_attribute_called_like_the_subjects_key_is_told():
    (finding,) = ruled("ONE_OF", ["zz"], "subjectKey").report.findings

    assert finding.standing == Standing.APPROXIMATED
    assert "subjectKey" in finding.why


@pytest.mark.parametrize(
    ("operator", "operand", "given", "holds"),
    [
        ("GTE", "1.2.3+b2", "1.2.3+b1", False),
        ("LTE", "1.2.3", "1.2.3+45", False),
        ("GTE", 5, " 7 ", False),
        ("GTE", 5, "7", True),
        ("ONE_OF", ["0.00000001"], 1e-8, True),
        ("ONE_OF", ["1234567890123456789"], 1234567890123456789, False),
        ("ONE_OF", ["1234567890123456800"], 1234567890123456789, True),
        ("NOT_MATCHES", "e", 1e21, True),
    ],
)
def test_numbers_and_versions_are_read_and_written_as_eppo_does(operator, operand, given, holds):
    assert decide(ruled(operator, operand), plan=given).value == ("RED" if holds else CALLER_DEFAULT)


SHARDED = [
    {
        "variationKey": "red",
        "shards": [{"salt": "s", "ranges": [{"start": 0, "end": 100}]}],
        "extraLogging": {},
    }
]
WHOLE: dict[str, Any] = {
    "createdAt": "2026-01-02T03:04:05.678Z",
    "format": "SERVER",
    "environment": {"name": "Production"},
    "flags": {
        "plain": {**FLAG, "key": "plain"},
        "f": {
            **FLAG,
            "comment": "for people",
            "allocations": [
                {
                    "key": "a",
                    "doLog": False,
                    "startAt": "2020-01-01T00:00:00Z",
                    "endAt": None,
                    "rules": [{"conditions": [{"attribute": "plan", "operator": "ONE_OF", "value": ["pro"]}]}],
                    "splits": SHARDED,
                }
            ],
        },
    },
    "bandits": {},
}
ALLOCATION = ("flags", "f", "allocations", 0)


def notes(*steps: str | int, **more: Any) -> list[str]:
    """What the findings of `plain` and `f` say, with more fields put in at a place."""
    document = json.loads(json.dumps(WHOLE))
    inside: Any = document
    for step in steps:
        inside = inside[step]
    inside.update(more)
    return [finding.why for finding in eppo.read(json.dumps(document).encode()).report.findings]


def test_a_document_of_which_all_is_known_has_no_notes():
    assert notes() == ["", ""]


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        (("flags", "f"), "$.flags.f.later"),
        (("flags", "f", "variations", "red"), "$.flags.f.variations.red.later"),
        (ALLOCATION, "$.flags.f.allocations[0].later"),
        ((*ALLOCATION, "rules", 0), "$.flags.f.allocations[0].rules[0].later"),
        ((*ALLOCATION, "rules", 0, "conditions", 0), "$.flags.f.allocations[0].rules[0].conditions[0].later"),
        ((*ALLOCATION, "splits", 0), "$.flags.f.allocations[0].splits[0].later"),
        ((*ALLOCATION, "splits", 0, "shards", 0), "$.flags.f.allocations[0].splits[0].shards[0].later"),
        (
            (*ALLOCATION, "splits", 0, "shards", 0, "ranges", 0),
            "$.flags.f.allocations[0].splits[0].shards[0].ranges[0].later",
        ),
    ],
)
def test_a_field_that_is_not_known_is_named_by_its_place_in_its_own_flags_finding(steps, named):
    assert notes(*steps, later=5) == ["", f"fields that are not known were left out: {named}"]


def test_a_field_of_the_document_itself_may_be_about_any_flag_and_is_named_in_each():
    assert notes(holdouts={}) == ["fields that are not known were left out: $.holdouts"] * 2


def test_what_a_split_adds_to_the_log_is_told():
    _, why = notes(*ALLOCATION, "splits", 0, extraLogging={"owner": "x"})

    assert why == "extraLogging is not added to events here: $.flags.f.allocations[0].splits[0].extraLogging"


ABSENT = object()


@pytest.mark.parametrize(
    ("steps", "given", "said"),
    [
        (("key",), ABSENT, "$.flags.f has no key"),
        (("enabled",), 1, "$.flags.f.enabled is 1, not true or false"),
        (("totalShards",), 10.0, "$.flags.f.totalShards is 10.0, not a count"),
        (("variations",), [], "$.flags.f.variations is [], not an object"),
        (("variations", "blue", "value"), [1], "$.flags.f.variations.blue.value is [1], not a text"),
        (("variations", "blue", "key"), "navy", "$.flags.f.variations.blue.key is 'navy'"),
        (("allocations", 0, "doLog"), None, "$.flags.f.allocations[0].doLog is None, not true or false"),
        (("allocations", 0, "rules"), None, "$.flags.f.allocations[0].rules is None, not a list"),
        (("allocations", 0, "rules", 0, "conditions"), ABSENT, "$.flags.f.allocations[0].rules[0] has no conditions"),
        (("allocations", 0, "splits"), ABSENT, "$.flags.f.allocations[0] has no splits"),
        (("allocations", 0, "splits", 0, "variationKey"), 5, "$.flags.f.allocations[0].splits[0].variationKey is 5"),
        (("allocations", 0, "splits", 0, "extraLogging"), {"x": 1}, "splits[0].extraLogging is {'x': 1}"),
        (("allocations", 0, "splits", 0, "shards", 0, "salt"), None, "splits[0].shards[0].salt is None, not a text"),
        (
            ("allocations", 0, "splits", 0, "shards", 0, "ranges", 0, "end"),
            -1,
            "shards[0].ranges[0].end is -1, not a count",
        ),
    ],
)
def test_a_flag_that_eppos_sdk_does_not_read_is_refused_with_the_place(steps, given, said):
    document = json.loads(json.dumps(WHOLE))
    inside: Any = document["flags"]["f"]
    for step in steps[:-1]:
        inside = inside[step]
    inside[steps[-1]] = given
    if given is ABSENT:
        del inside[steps[-1]]

    plain, other = eppo.read(json.dumps(document).encode()).report.findings

    assert (plain.standing, other.standing) == (Standing.EXACT, Standing.REFUSED)
    assert said in other.why
