"""The interpreter: its traces as data, as a tree and compared. That it decides as the compiler does is a property test."""

from __future__ import annotations

import json
from typing import Any

from buildflags_sdk._evaluation.details import ErrorCode
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.trace import Difference, Trace, diff
from buildflags_sdk._evaluation.world import PureWorld

FLAG = {
    "key": "f",
    "type": "string",
    "variants": {"old": "v1", "new": "v2"},
    "rules": [
        {"id": "staff", "when": {"segment": "insiders"}, "serve": {"variant": "new"}},
        {
            "id": "eu",
            "when": {"all": [{"attr": ["country"], "op": "in", "values": ["DE"]}]},
            "serve": {
                "split": {"scheme": "bf1", "seed": "s", "of": 100, "ranges": [{"from": 0, "to": 100, "variant": "new"}]}
            },
        },
    ],
    "fallthrough": {"variant": "old"},
}
SEGMENT = {"segment": "insiders", "when": {"attr": ["email"], "op": "ends_with", "values": ["@acme.com"]}}


def traced(context: Any, key: str = "f") -> Trace:
    source = Definitions({"f": json.dumps(FLAG).encode()}, {"insiders": json.dumps(SEGMENT).encode()})
    return interpret(source, key, context, PureWorld(now=lambda: 0.0, random=lambda: 0.0))


def test_a_trace_says_which_condition_looked_at_what() -> None:
    assert list(traced({"country": "FR"}).lines()) == [
        "f = 'v1' (variant old), DEFAULT",
        "    rule staff: does not hold",
        "        ✗ in segment insiders",
        "            ✗ email ends_with ['@acme.com']: missing",
        "    rule eu: does not hold",
        "        ✗ all of",
        "            ✗ country in ['DE']: 'FR'",
    ]


def test_a_trace_is_plain_data_and_holds_the_bucketing_point() -> None:
    data = traced({"country": "DE", "targetingKey": "u1", "odd": object()}).as_dict()
    bucket = json.loads(json.dumps(data))["rules"][1]["bucket"]
    assert (bucket["key"], bucket["range"], bucket["outcome"]) == ("u1", [0, 100], "new")
    assert 0 <= bucket["point"] < 100


def test_two_traces_differ_where_the_answer_came_from() -> None:
    differences = diff(traced({"country": "FR"}), traced({"email": "ann@acme.com"}))
    assert Difference("variant", "old", "new") in differences
    assert Difference("rules[0].when.holds", False, True) in differences
    assert diff(traced({}), traced(None)) == []


def test_a_context_that_is_no_mapping_and_a_flag_that_is_not_there_are_decided_too() -> None:
    assert traced(["country"]).decision.error_code is ErrorCode.INVALID_CONTEXT
    assert traced({}, "g").decision.error_code is ErrorCode.FLAG_NOT_FOUND


def test_a_number_of_more_digits_than_python_writes_is_judged_and_not_shown() -> None:
    trace = traced({"country": [10**5000]})
    assert trace.decision.error_code is None
    assert any("more digits" in line for line in trace.lines())
