"""JSON Logic in its commonest shapes: however quick a node is, a program gives what the general way gives."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.jsonlogic import prepare_expression, prepare_program
from buildflags_sdk._evaluation.world import PureWorld

NOW = 1_700_000_000.0
WORLD = PureWorld(now=lambda: NOW, random=lambda: 0.5)
BINARY = ("==", "===", "!=", "!==", "<", "<=", ">", ">=", "in", "starts_with", "ends_with", "+", "cat")


class Text(str):  # noqa: SLOT000 - a text whose class is not str itself
    """A text of a class of its own, as an enum of texts is."""


VALUES: list[Any] = [
    "DE", "FR", "D", "", "0", "1", "1.2.0", "v1.3", "x", "a,b", "=", "^", "9" * 30, None, True, False, 0, 1, 1.0, 1.5, -3,
    2**53, 2**53 + 1, 10**400, float(2**53), 1e300, [], ["DE"], ["DE", "FR"], ["a", "b"], [1], [None, "DE"], [["DE"], "FR"], {"x": 1, "y": 2},
]  # fmt: skip
CONSTANTS = st.sampled_from(VALUES)
READS = st.sampled_from(
    [
        {"var": "a"},
        {"var": ["a"]},
        {"var": "b.c"},
        {"var": ["a", "DE"]},
        {"var": ["b.c", 1]},
        {"var": "no"},
        {"var": ""},
    ]
)
OPERANDS = READS | CONSTANTS
COMPARISONS = (
    st.builds(lambda word, left, right: {word: [left, right]}, st.sampled_from(BINARY), OPERANDS, OPERANDS)
    | st.builds(
        lambda left, word, right: {"sem_ver": [left, word, right]},
        OPERANDS,
        st.sampled_from(["=", "!=", "<", ">=", "^", "~", "?", 1]),
        OPERANDS,
    )
    | st.builds(lambda word, operand: {word: [operand]}, st.sampled_from(["!", "!!", "var", "in"]), OPERANDS)
    | READS
)
CONDITIONS = COMPARISONS | st.builds(
    lambda word, parts: {word: parts},
    st.sampled_from(["and", "or", "if", "?:", "!"]),
    st.lists(COMPARISONS, max_size=3),
)
CHAINS = st.builds(
    lambda pairs, last: {"if": [part for pair in pairs for part in pair] + last},
    st.lists(st.tuples(CONDITIONS, CONSTANTS | CONDITIONS), max_size=3),
    st.lists(CONSTANTS | CONDITIONS, max_size=1),
)
OVER_LISTS = st.builds(
    lambda word, list_of, body: {word: [list_of, body]},
    st.sampled_from(["filter", "map", "some"]),
    OPERANDS,
    CONDITIONS,
)
ROWS = st.builds(
    lambda name, weight: [name, *weight],
    CONSTANTS | READS,
    st.lists(st.sampled_from([0, 1, 50, 2**31, -1, True, 2.0, {"var": "a"}]), max_size=1),
)
FRACTIONALS = st.builds(
    lambda key, rows: {"fractional": key + rows}, st.lists(OPERANDS, max_size=1), st.lists(ROWS | CONSTANTS, max_size=3)
)
SEEN: list[Any] = [*VALUES, Text("DE"), Text("1.2.0"), {"a": "DE"}, [{"a": "DE"}, {"a": 1}, "x"], float("nan")]
FOUND = st.sampled_from(SEEN)


def roundabout(logic: Any) -> Any:
    """The same program with each constant as an operation that gives it: no shape is left to recognise."""
    if isinstance(logic, list):
        return [roundabout(inner) for inner in logic]
    if not isinstance(logic, dict) or len(logic) != 1:
        return {"or": [logic]}
    ((word, operands),) = logic.items()
    return {word: [roundabout(inner) for inner in (operands if isinstance(operands, list) else [operands])]}


def both(logic: Any, dialect: str, contexts: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """What a program gives for each context, and what it gives the general way."""
    quick = prepare_program(logic, dialect, "flag")
    general = prepare_expression(roundabout(logic), dialect)
    return (
        [repr(quick(context, WORLD)) for context in contexts],
        [repr(general(context, "flag", None)) for context in contexts],
    )


@pytest.mark.parametrize("read", [{"var": "a"}, {"var": "b.c"}, {"var": ["a", "FR"]}], ids=str)
@pytest.mark.parametrize("word", BINARY)
def test_an_attribute_against_each_constant_is_judged_as_ever(word, read):
    contexts = [{"a": seen, "b": {"c": seen}} for seen in SEEN] + [{}, {"a": None, "b": []}]

    for constant in VALUES:
        for logic in ({word: [read, constant]}, {word: [constant, read]}):
            quick, general = both(logic, "flagd_2", contexts)
            assert quick == general, logic


@pytest.mark.parametrize("seen", [*SEEN, {}, 0.0, -0.0], ids=repr)
def test_not_is_the_contrary_of_is_so(seen):
    so = prepare_program({"!!": [{"var": "a"}]}, "flagd_2", "flag")({"a": seen}, WORLD)

    assert prepare_program({"!": [{"var": "a"}]}, "flagd_2", "flag")({"a": seen}, WORLD) is not so


@pytest.mark.parametrize("word", ["=", "!=", "<", "<=", ">", ">=", "^", "~", "?", 1])
def test_a_version_against_each_constant_is_judged_as_ever(word):
    contexts = [{"a": seen} for seen in SEEN]

    for constant in VALUES:
        logic = {"sem_ver": [{"var": "a"}, word, constant]}
        quick, general = both(logic, "flagd_2", contexts)
        assert quick == general, logic


@pytest.mark.parametrize(
    "logic",
    [
        {"!": [{"var": "a"}]},
        {"!": {"var": "a"}},
        {"if": [{"var": "a"}, "x", "y"]},
        {"if": [{"var": "a"}, "x"]},
        {"?:": [{"var": "a"}, {"x": 1, "y": 2}, None]},
        {"if": [{"var": "no"}, "x", {"var": "a"}, "y", "z"]},
        {"if": [{"var": "no"}, "x", {"var": "a"}, "y"]},
        {"and": [{"var": "a"}, "x"]},
        {"or": [{"var": "a"}, "x"]},
        {"fractional": [{"var": "a"}, ["x", 1], ["y", 1]]},
        {"map": [{"var": "a"}, {"var": "a"}]},
        {"some": [{"var": "a"}, {"==": [{"var": "a"}, "DE"]}]},
        {"some": [{"var": "a"}, {"==": [{"var": ""}, "DE"]}]},
    ],
    ids=str,
)
def test_each_value_is_taken_as_ever(logic):
    quick, general = both(logic, "flagd_3", [{"a": seen, "targetingKey": "jane"} for seen in SEEN])

    assert quick == general


@given(
    logic=CONDITIONS | CHAINS | OVER_LISTS | FRACTIONALS,
    dialect=st.sampled_from(["flagd_1", "flagd_2", "flagd_3"]),
    a=FOUND,
    c=FOUND,
    flat=st.booleans(),
)
@example(logic={"fractional": [{"var": "a"}, ["x", 1]]}, dialect="flagd_2", a=["y", 1], c=None, flat=False)
@settings(max_examples=600)
def test_a_program_gives_what_it_gives_when_its_constants_are_computed(logic, dialect, a, c, flat):
    quick, general = both(logic, dialect, [{"a": a, "b": c if flat else {"c": c}, "targetingKey": "jane"}])

    assert quick == general


@pytest.mark.parametrize(
    "logic",
    [
        {"var": "$flagd.flagKey"},
        {"var": "$flagd.timestamp"},
        {"var": ["$flagd.no", "d"]},
        {"var": {"cat": ["$flagd", ".flagKey"]}},
        {"var": ["no", {"var": "$flagd.flagKey"}]},
        {"if": [{"==": [{"var": "$flagd.flagKey"}, "flag"]}, "a", "b"]},
        {"missing": ["$flagd.flagKey", "no"]},
        {"missing_some": [1, ["$flagd.flagKey"]]},
        {"fractional": [["a", 1], ["b", 1]]},
        {"fractional": [{"var": "tags"}, ["b", 1]]},
        [{"var": ["$flagd"]}],
        {"var": ""},
        {"var": []},
    ],
)
def test_a_program_that_may_see_flagd_sees_it(logic):
    context = {"targetingKey": "jane", "tags": ["a", 1], "$flagd": {"flagKey": "the caller's"}}
    given_whole = prepare_expression(logic, "flagd_2")(context, "flag", NOW)

    result = prepare_program(logic, "flagd_2", "flag")(context, WORLD)

    if logic in ({"var": ""}, {"var": []}):  # the whole context is given, without a moment that nothing names
        given_whole["$flagd"].pop("timestamp")
    assert result == given_whole
    assert result is not None


def test_a_context_that_is_no_dict_is_read_as_one():
    context = MappingProxyType({"plan": "pro", "user": MappingProxyType({"name": "jane"})})

    assert prepare_program({"==": [{"var": "plan"}, "pro"]}, "flagd_2", "flag")(context, WORLD) is True
    assert prepare_program({"var": "user.name"}, "flagd_2", "flag")(context, WORLD) is None


@pytest.mark.parametrize(
    "around",
    [
        lambda inner: {"!": {"or": [{"!": inner}, "x"]}},
        lambda inner: {"fractional": [{"merge": [[], {"!!": inner}]}, ["a", 1]]},
        lambda inner: {"==": [{"var": ["no", inner]}, "x"]},
        lambda inner: {"if": [{"or": [False, inner, "x"]}, "a", "b"]},
    ],
)
def test_what_is_nested_is_evaluated_once(around):
    class Counting(dict[str, Any]):
        reads = 0

        def get(self, name: str, default: Any = None) -> Any:
            self.reads += name == "deep"
            return default

    element = Counting()
    logic: Any = {"var": "deep.down"}
    for _ in range(8):
        logic = around(logic)

    prepare_program({"map": [{"var": "list"}, logic]}, "flagd_2", "flag")({"list": [element]}, WORLD)

    assert element.reads == 1
