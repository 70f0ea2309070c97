"""No test of any row ever raises, whatever JSON-like thing the context holds."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.operators import OPERATORS, prepare
from buildflags_sdk._evaluation.operators.equality import same

NOW = 1_767_225_600.0
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        [
            10**400,
            -(10**400),
            0.1,
            1e308,
            "nan",
            "1_0",
            "१",
            "\ud800",
            "-",
            "v",
            "1.2.3",
            "2026-01-01T00:00:00Z",
        ]
    )
    | st.floats()
    | st.text(max_size=12)
    | st.text(alphabet="0123456789.-+:TZv, eE", max_size=24)
)
JSON_LIKE = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)

_HASHES = {"salt": "s", "hashes": ["3_" + "0" * 64]}
OPERANDS: dict[tuple[str, str], list[Any]] = {
    **{(op, dialect): [_HASHES] for op, dialect in OPERATORS if dialect in ("salted_sha256", "configcat_hashed")},
    ("exists", "strict"): [],
    ("type", "strict"): ["number"],
    ("modulo", "strict"): [{"divisor": 3.5, "remainder": 1}],
    ("modulo", "flagsmith"): ["3.5|1"],
    **{(op, dialect): ["a", "env_"] for op, dialect in OPERATORS if dialect == "flagsmith_key"},
    ("element_match", "strict"): [
        {"attr": ["a"], "op": "gt", "values": [1]},
        {"op": "modulo", "values": [{"divisor": 3, "remainder": 1}]},
    ],
    ("cidr", "strict"): ["10.0.0.0/8"],
    ("satisfies", "growthbook"): [
        {"$gt": 1, "$not": {"$elemMatch": {"$regex": "a"}}, "$size": {"$lt": 2}, "$in": ["a", {}], "$vgt": "1"}
    ],
    ("satisfies", "growthbook_tree"): [{"a.b": {"$ne": 1}, "$or": [{"a": 1}, {"b": True}], "c": {"$alli": ["x"]}}],
    ("modulo_range", "powertools"): [{"BASE": 100, "START": 0, "END": 9}],
    ("all_in", "powertools"): [["a", []]],
    ("intersects", "powertools"): [["a", []]],
    ("not_intersects", "powertools"): [["a", []]],
    ("time_of_day", "powertools"): [{"START": "22:00", "END": "06:00", "TIMEZONE": "UTC"}],
    ("moment_between", "powertools"): [{"START": "2026-01-01T00:00:00", "END": "2026-02-01T00:00:00Z"}],
    ("day_of_week", "powertools"): [{"DAYS": ["MONDAY"]}],
    ("before", "relative"): ["-3m"],
    ("after", "relative"): ["+1y"],
    ("before", "configcat"): [1700000000],
    ("after", "configcat"): ["1700000000,5"],
}


def operand_of(op: str, dialect: str) -> list[Any]:
    """Values that the row takes: a text of a kind that fits it, unless the table above says otherwise."""
    if (op, dialect) in OPERANDS:
        return OPERANDS[op, dialect]
    for candidate in ("1.2.3", "2026-01-01T00:00:00Z", "5", 5):
        try:
            prepare(op, dialect, [candidate])
        except ValueError:
            continue
        return [candidate]
    return pytest.fail(f"no operand for {op} {dialect}")


TESTS = {row: (prepare(*row, operand_of(*row)), OPERATORS[row]) for row in OPERATORS}


@given(attribute=JSON_LIKE)
@example(attribute=10**400)
@example(attribute=-math.inf)
@settings(max_examples=200)
def test_no_attribute_makes_any_test_raise(attribute):
    for (op, dialect), (test, row) in TESTS.items():
        if attribute is None and not row.sees_missing:
            continue
        answer = test(attribute, NOW) if row.needs_now else test(attribute)
        assert answer is True or answer is False or dialect == "posthog", (op, dialect)


@given(now=st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=50)
def test_no_moment_makes_any_test_raise(now):
    for test, row in TESTS.values():
        if row.needs_now:
            test("2026-01-01T00:00:00Z", now)


def test_things_that_json_lacks_do_not_hold_and_do_not_raise():
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    naive = datetime(1, 1, 1)  # noqa: DTZ001 - without a zone, on purpose
    strange = [object(), {1, 2}, b"bytes", datetime(2026, 1, 1, tzinfo=UTC), naive, 1j, 10**5000, nested, {"a": nested}]
    for test, row in TESTS.values():
        for attribute in strange:
            assert (test(attribute, NOW) if row.needs_now else test(attribute)) in (True, False, None)


@given(values=st.lists(JSON_LIKE.filter(lambda value: value is not None), max_size=4), attribute=SCALARS)
@settings(max_examples=200)
def test_membership_is_sameness_with_any_of_the_values(values, attribute):
    assert prepare("in", "strict", values)(attribute) is any(same(value, attribute) for value in values)


@given(
    values=st.lists(st.text(max_size=3), max_size=4),
    attribute=st.text(max_size=3) | st.lists(st.text(max_size=3), max_size=3),
)
@settings(max_examples=100)
def test_a_list_holds_when_any_of_its_elements_does(values, attribute):
    for op in ("in", "starts_with", "ends_with", "contains"):
        test = prepare(op, "strict", values)
        elements = attribute if isinstance(attribute, list) else [attribute]
        assert test(attribute) is any(map(test, elements))


@given(operands=st.lists(JSON_LIKE, max_size=3))
@example(operands=[10**400])
@example(operands=[-(10**400), 10**400])
@example(operands=[math.nan])
@example(operands=[math.inf])
@settings(max_examples=100)
def test_no_operand_makes_preparing_raise_anything_but_a_refusal(operands):
    for op, dialect in OPERATORS:
        try:
            test = prepare(op, dialect, operands)
        except ValueError:
            continue
        answer = test("a", NOW) if OPERATORS[op, dialect].needs_now else test("a")
        assert answer in (True, False, None)
