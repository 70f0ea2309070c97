"""Statsig's texts of values, as its core was seen to compare them."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._evaluation.operators import prepare
from buildflags_sdk._evaluation.operators.statsig_text import attribute_text, operand_text


@pytest.mark.parametrize(
    ("value", "attribute", "operand"),
    [
        ("a", "a", "a"),
        (True, "true", "true"),
        (1000, "1000", "1000"),
        (1000.0, "1000", "1000.0"),
        (1e21, "1000000000000000000000", "1e21"),
        (1e-7, "0.0000001", "1e-7"),
        (0.00001, "0.00001", "0.00001"),
        (-0.0, "-0", "-0.0"),
        (2**53 + 1, "9007199254740992", "9007199254740993"),
        (2**63, "9223372036854776000", "9223372036854775808"),
        (2**64, "18446744073709552000", "1.8446744073709552e19"),
        (10**400, None, None),
        (None, None, "null"),
        ([1, 2.0, True, None, "é"], '[1,2.0,true,null,"é"]', '[1,2.0,true,null,"é"]'),
        ([1e21, 2**63], "[1e21,9.223372036854776e18]", "[1e21,9223372036854775808]"),
        (
            [-(2**63), [2**64 - 1]],
            "[-9223372036854775808,[1.8446744073709552e19]]",
            "[-9223372036854775808,[18446744073709551615]]",
        ),
        ([float("nan"), float("-inf")], "[0,-9223372036854775808]", "[0,-9223372036854775808]"),
        (["a", True, "é\n"], '["a",true,"é\\n"]', '["a",true,"é\\n"]'),
        ({"a": 1}, None, '{"a":1}'),
    ],
)
def test_an_attributes_numbers_are_doubles_and_an_operands_are_json(value: Any, attribute: Any, operand: Any) -> None:
    assert (attribute_text(value), operand_text(value)) == (attribute, operand)


@pytest.mark.parametrize(
    ("op", "operand", "value", "holds"),
    [
        ("gt", 0, "\u0661", False),
        ("gt", 0, "1e400", True),
        ("equals", 2**53 + 1, 2**53, True),
        ("after", 1, 1e21, False),
        ("after", 1, 2**70, True),
        ("on", 2**63, 2**70, True),
        ("on", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", True),
        ("after", "2016-12-31T23:59:59Z", "2016-12-31T23:59:60Z", True),
        ("semver_gt", "1.0", 1e21, True),
        ("semver_lt", "1.0", 1e-7, True),
        ("semver_lt", "1.0", -0.0, False),
        ("in", 1000.0, 1000.0, False),
        ("in", 1000, 1000.0, True),
    ],
)
def test_numbers_are_compared_as_its_core_compares_them(op: str, operand: Any, value: Any, holds: bool) -> None:
    assert prepare(op, "statsig", [operand])(value) is holds
