"""JSON Logic with JavaScript's coercions, and flagd's operators."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.jsonlogic import DIALECTS, MAX_DEPTH, needs_now, prepare_expression
from buildflags_sdk._evaluation.operators import Unpreparable

CONTEXT: dict[str, Any] = {
    "targetingKey": "jane",
    "plan": "pro",
    "age": 42,
    "empty": "",
    "nothing": None,
    "zero": 0,
    "tags": ["a", "b"],
    "pies": [{"filling": "apple", "size": 2}, {"filling": "pumpkin", "size": 9}],
    "user": {"name": "jack", "langs": ["en", "de"]},
}


def var(path):
    return {"var": path}


# logic, result; by json-logic-js 2.0.5's documented behaviour and ECMA-262's coercions
VECTORS: list[tuple[Any, Any]] = [
    # data
    (True, True), ("x", "x"), (5, 5), (None, None), ([1, var("age")], [1, 42]), ({}, {}), ({"a": 1, "b": 2}, {"a": 1, "b": 2}),
    # var
    (var("plan"), "pro"), (var(["plan"]), "pro"), (var("user.name"), "jack"), (var("user.langs.1"), "de"),
    (var("user.langs.9"), None), (var("no"), None), (var(["no", 7]), 7), (var(["nothing", 7]), 7), (var(["zero", 7]), 0),
    (var(["empty", 7]), ""), (var(["user.no.deeper", "d"]), "d"), (var({"if": [True, "plan", "age"]}), "pro"),
    ({"map": [[1, 2], var("")]}, [1, 2]), ({"map": [["a"], {"var": []}]}, ["a"]), (var("$flagd.flagKey"), "flag"),
    (var("$flagd.timestamp"), 1700000000),
    # missing
    ({"missing": ["plan", "no", "empty"]}, ["no", "empty"]), ({"missing": [["a", "plan"]]}, ["a"]),
    ({"missing_some": [1, ["plan", "no"]]}, []), ({"missing_some": [2, ["plan", "no"]]}, ["no"]),
    # if, and, or
    ({"if": [True, "a", "b"]}, "a"), ({"if": [0, "a", "b"]}, "b"), ({"if": [False, "a"]}, None),
    ({"if": [False, "a", True, "b", "c"]}, "b"), ({"if": []}, None), ({"if": ["x"]}, "x"), ({"?:": [1, 2, 3]}, 2),
    ({"and": [1, 2, 3]}, 3), ({"and": [1, 0, 3]}, 0), ({"or": [0, "", 3]}, 3), ({"or": [0, ""]}, ""), ({"and": []}, None),
    # truth
    ({"!!": [[]]}, False), ({"!!": ["0"]}, True), ({"!!": [0]}, False), ({"!!": [{}]}, True), ({"!!": [[0]]}, True),
    ({"!": [True]}, False), ({"!": True}, False), ({"!": [""]}, True),
    # equality
    ({"==": [1, 1]}, True), ({"==": [1, "1"]}, True), ({"==": [0, False]}, True), ({"==": ["", 0]}, True),
    ({"==": ["true", True]}, False), ({"==": ["1", True]}, True), ({"==": [None, None]}, True), ({"==": [None, 0]}, False),
    ({"==": [None, False]}, False), ({"==": [[1], 1]}, True), ({"==": [["a", "b"], "a,b"]}, True), ({"==": ["NaN", "NaN"]}, True),
    ({"==": [" 5 ", 5]}, True), ({"===": [1, "1"]}, False), ({"===": [1, 1.0]}, True), ({"===": [1, True]}, False),
    ({"===": [None, None]}, True), ({"!=": [1, "1"]}, False), ({"!==": [1, "1"]}, True),
    # order
    ({"<": [1, 2]}, True), ({"<": ["2", 10]}, True), ({"<": ["2", "10"]}, False), ({"<": [None, 1]}, True),
    ({"<": ["x", 1]}, False), ({">=": ["x", 1]}, False), ({"<": [1, 2, 3]}, True), ({"<": [1, 3, 2]}, False),
    ({"<=": [1, 1, 2]}, True), ({">": [2, 1]}, True), ({">=": [2, 2]}, True), ({"<": [1]}, False),
    # arithmetic
    ({"+": [1, 2, 3]}, 6), ({"+": ["3.14"]}, 3.14), ({"+": ["1a", 1]}, 2), ({"+": ["a"]}, None), ({"+": [0.1, 0.2]}, 0.1 + 0.2),
    ({"-": [5]}, -5), ({"-": [5, "2"]}, 3), ({"*": [2, "3"]}, 6), ({"/": [7, 2]}, 3.5), ({"/": [1, 0]}, None), ({"%": [7, 3]}, 1),
    ({"%": [-7, 3]}, -1), ({"%": [1, 0]}, None), ({"max": [1, "3", 2]}, 3), ({"min": [1, 3, -2]}, -2), ({"max": []}, None),
    ({"max": ["x", 1]}, None),
    # text
    ({"cat": ["a", 1, None, True, 2.0, ["x", None]]}, "a1true2x,"), ({"cat": "solo"}, "solo"),
    ({"substr": ["jsonlogic", 4]}, "logic"), ({"substr": ["jsonlogic", -5]}, "logic"), ({"substr": ["jsonlogic", 1, 3]}, "son"),
    ({"substr": ["jsonlogic", 4, -2]}, "log"), ({"substr": ["ab", -9]}, "ab"), ({"in": ["Spring", "Springfield"]}, True),
    ({"in": [1, "a1"]}, True), ({"in": ["a", ["a"]]}, True), ({"in": ["1", [1]]}, False), ({"in": ["a", None]}, False),
    # lists
    ({"map": [var("pies"), var("filling")]}, ["apple", "pumpkin"]), ({"map": [var("no"), 1]}, []),
    ({"filter": [[1, 2, 3], {"%": [var(""), 2]}]}, [1, 3]),
    ({"reduce": [[1, 2, 3], {"+": [var("current"), var("accumulator")]}, 10]}, 16),
    ({"reduce": [var("no"), var("current"), 4]}, 4), ({"all": [[1, 2], {">": [var(""), 0]}]}, True),
    ({"all": [[], True]}, False), ({"some": [[1, 2], {">": [var(""), 1]}]}, True), ({"some": [[], True]}, False),
    ({"none": [[1, 2], {">": [var(""), 5]}]}, True), ({"none": [[], True]}, True), ({"merge": [[1], 2, [[3]]]}, [1, 2, [3]]),
    ({"log": "x"}, "x"),
    # flagd's
    ({"starts_with": [var("plan"), "pr"]}, True), ({"starts_with": [var("plan"), "x"]}, False),
    ({"starts_with": [var("age"), "4"]}, None), ({"starts_with": ["a"]}, None), ({"ends_with": ["abc", "bc"]}, True),
    ({"ends_with": ["abc", 5]}, None), ({"sem_ver": ["v1.2", "=", "1.2.0"]}, True), ({"sem_ver": [1.2, "<", "1.3"]}, True),
    ({"sem_ver": ["1.2.3", "^", "1.9.9"]}, True), ({"sem_ver": ["1.2.3", "~", "1.2.9"]}, True),
    ({"sem_ver": ["1.2.3", "~", "1.3.0"]}, False), ({"sem_ver": ["1.2.3", "!=", "1.2.3+b"]}, False),
    ({"sem_ver": ["x", "=", "1.0.0"]}, None), ({"sem_ver": ["1.0.0", "?", "1.0.0"]}, None), ({"sem_ver": ["1.0.0", "="]}, None),
]  # fmt: skip


@pytest.mark.parametrize(("logic", "expected"), [pytest.param(*row, id=str(row[0])[:60]) for row in VECTORS])
def test_logic_gives_what_javascript_would(logic, expected):
    result = prepare_expression(logic)(CONTEXT, "flag", 1_700_000_000.9)

    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("logic", [{"nope": [1]}, {"fractional": [["a"]]}, {"if": [True, {"nope": 1}]}, [{"nope": []}]])
def test_an_unknown_operator_is_refused(logic):
    with pytest.raises(Unpreparable):
        prepare_expression(logic)


def test_an_unknown_dialect_is_refused():
    with pytest.raises(Unpreparable, match="flagd_9"):
        prepare_expression(True, "flagd_9")


def test_logic_nested_too_deep_is_refused():
    logic: Any = True
    for _ in range(MAX_DEPTH + 1):
        logic = {"!": logic}

    with pytest.raises(Unpreparable, match="nested"):
        prepare_expression(logic)


def test_a_reduce_that_doubles_its_result_ends_in_nothing():
    doubling = {"reduce": [list(range(200)), {"cat": [var("accumulator"), var("accumulator")]}, "ab"]}
    merging = {"reduce": [list(range(200)), {"merge": [var("accumulator"), var("accumulator")]}, [1]]}
    squaring = {"reduce": [list(range(200)), {"*": [var("accumulator"), var("accumulator")]}, 10]}

    for logic in (doubling, merging, squaring):
        result = prepare_expression(logic)({}, "flag", None)
        assert result is None or len(str(result)) < 100_000


def test_without_a_moment_there_is_no_timestamp():
    assert prepare_expression(var("$flagd.timestamp"))({}, "flag", None) is None


def test_only_a_program_that_names_the_moment_needs_it():
    assert needs_now({"<": [var("$flagd.timestamp"), 5]})
    assert not needs_now({"<": [var("age"), 5]})


def test_a_program_leaves_its_context_as_it_was():
    context = {"tags": ["a"]}
    prepare_expression({"merge": [var("tags"), "b"]})(context, "flag", 1.0)

    assert context == {"tags": ["a"]}


SPLIT = {"fractional": [["clubs", 25], ["diamonds", 25], ["hearts", 25], ["spades", 25]]}


# flagd's own points: fractional-flag with jack is at 75.07 (v1), 62 (v2) and 33 (v3) of 100, queen at 0.77, 99 and 49.
@pytest.mark.parametrize(
    ("dialect", "name", "expected"),
    [
        ("flagd_1", "jack", "spades"), ("flagd_1", "queen", "clubs"), ("flagd_2", "jack", "hearts"), ("flagd_2", "queen", "spades"),
        ("flagd_2", "ten", "clubs"), ("flagd_3", "jack", "diamonds"), ("flagd_3", "queen", "diamonds"), ("flagd_3", "3", "spades"),
    ],
)  # fmt: skip
def test_fractional_picks_as_flagd_does(dialect, name, expected):
    logic = {"fractional": [{"cat": [var("$flagd.flagKey"), var("name")]}, *SPLIT["fractional"]]}

    assert prepare_expression(logic, dialect)({"name": name}, "fractional-flag", None) == expected


@pytest.mark.parametrize("dialect", ["flagd_1", "flagd_2", "flagd_3"])
@pytest.mark.parametrize(
    ("logic", "context", "expected"),
    [
        (SPLIT, {}, None),
        (SPLIT, {"targetingKey": 5}, None),
        (SPLIT, {"targetingKey": ""}, None),
        ({"fractional": [["a", 0], ["b", 0]]}, {"targetingKey": "x"}, None),
        ({"fractional": [["a", -5], ["b", 1]]}, {"targetingKey": "x"}, "b"),
        ({"fractional": [["a", 0], ["b"]]}, {"targetingKey": "x"}, "b"),
        ({"fractional": [["a", 1.5]]}, {"targetingKey": "x"}, None),
        ({"fractional": [["a", True]]}, {"targetingKey": "x"}, None),
        ({"fractional": [["a", "5"]]}, {"targetingKey": "x"}, None),
        ({"fractional": [["a", 2**31]]}, {"targetingKey": "x"}, None),
        ({"fractional": [var("no"), ["a"]]}, {"targetingKey": "x"}, None),
        ({"fractional": []}, {"targetingKey": "x"}, None),
        ({"fractional": ["x"]}, {"targetingKey": "x"}, None),
        ({"fractional": [[]]}, {"targetingKey": "x"}, None),
        ({"fractional": [[var("colour"), 1]]}, {"targetingKey": "x", "colour": "red"}, "red"),
        ({"fractional": [["a", {"if": [var("vip"), 1, 0]}], ["b", 0]]}, {"targetingKey": "x", "vip": True}, "a"),
    ],
)
def test_fractional_without_a_key_or_usable_weights_gives_nothing(dialect, logic, context, expected):
    assert prepare_expression(logic, dialect)(context, "flag", None) == expected


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([10**400, "\ud800", "1e9"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
WORDS = sorted(
    {word for logic, _ in VECTORS if isinstance(logic, dict) and len(logic) == 1 for word in logic} | {"fractional"}
)
LOGIC = st.recursive(
    JSON | st.sampled_from([var("a"), var("b.c"), var("")]),
    lambda inner: st.dictionaries(st.sampled_from(WORDS), st.lists(inner, max_size=4) | inner, min_size=1, max_size=1),
    max_leaves=12,
)


@given(
    logic=LOGIC,
    context=st.fixed_dictionaries({"a": JSON, "b": JSON, "targetingKey": JSON}),
    dialect=st.sampled_from(list(DIALECTS)),
)
@settings(max_examples=200)
def test_no_program_raises_when_it_runs(logic, context, dialect):
    try:
        run = prepare_expression(logic, dialect)
    except Unpreparable:
        return
    run(context, "flag", 1.0)


def test_misuse_of_one_operator_is_null_and_the_rest_of_the_program_runs_on():
    misuse = {"sem_ver": ["1.0.0", "="]}

    assert prepare_expression({"if": [misuse, "a", {"/": [1, 0]}, "b", "c"]})({}, "flag", None) == "c"
    assert prepare_expression({"cat": ["x", {"-": []}]})({}, "flag", None) == "x"


@pytest.mark.parametrize(
    ("logic", "expected"),
    [
        ({"reduce": [[1, 2]]}, None),
        ({"reduce": []}, None),
        ({"missing_some": [1]}, []),
        ({"missing_some": ["1", ["a"]]}, ["a"]),
    ],
)
def test_operands_left_out_are_null(logic, expected):
    assert prepare_expression(logic)({}, "flag", None) == expected
