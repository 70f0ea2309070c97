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
    2**53, 2**53 + 1, 10**400, float(2**53), 1e300, [], ["DE"], ["DE", "FR"], ["a", "b"], [1], [None, "DE"], {"x": 1, "y": 2},
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
FOUND = CONSTANTS | st.sampled_from(
    [Text("DE"), Text("1.2.0"), {"a": "DE"}, [{"a": "DE"}, {"a": 1}, "x"], float("nan")]
)


def roundabout(logic: Any) -> Any:
    """The same program with each constant as an operation that gives it: no shape is left to recognise."""
    if isinstance(logic, list):
        return [roundabout(inner) for inner in logic]
    if not isinstance(logic, dict) or len(logic) != 1:
        return {"or": [logic]}
    ((word, operands),) = logic.items()
    return {word: [roundabout(inner) for inner in (operands if isinstance(operands, list) else [operands])]}


def both(logic: Any, context: dict[str, Any]) -> tuple[Any, Any]:
    return (
        prepare_program(logic, "flagd_2", "flag")(context, WORLD),
        prepare_expression(roundabout(logic), "flagd_2")(context, "flag", None),
    )


@given(logic=CONDITIONS | CHAINS | OVER_LISTS, a=FOUND, c=FOUND, flat=st.booleans())
@example(logic={"==": [{"var": "a"}, "1"]}, a=1, c=None, flat=False)
@example(logic={"in": ["DE", {"var": "a"}]}, a=["DE"], c=None, flat=False)
@example(logic={"<": [{"var": "a"}, 2**53]}, a=2**53 + 1, c=None, flat=False)
@example(logic={"sem_ver": [{"var": "b.c"}, "^", "1.2.0"]}, a=None, c="x", flat=False)
@settings(max_examples=500)
def test_a_program_gives_what_it_gives_when_its_constants_are_computed(logic, a, c, flat):
    context = {"a": a, "b": c if flat else {"c": c}, "targetingKey": "jane"}

    quick, general = both(logic, context)

    assert repr(quick) == repr(general)


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
