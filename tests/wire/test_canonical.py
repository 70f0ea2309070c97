"""Canonical JSON out, strict JSON in."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildflags_sdk._wire.canonical import decode, deeper_than, encode
from buildflags_sdk.errors import RulesetError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_encoded_is_decoded_to_the_same_in_one_line(value):
    body = encode(value)
    assert b"\n" not in body
    assert decode(body, 32) == value
    assert encode(decode(body, 32)) == body


@given(JSON, st.integers(0, 6))
def test_depth_is_counted_without_parsing_as_a_parser_would_count_it(value, depth):
    def levels(value):
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(levels, inner), default=0)

    assert deeper_than(encode(value), depth) == (levels(value) > depth)


def test_keys_keep_their_order_and_text_stays_readable():
    assert encode({"b": 1, "a": "größe\n"}) == '{"b":1,"a":"größe\\n"}'.encode()


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, {"a": -math.inf}, "\ud800", {"\udfff": 1}, object(), {"a": b"x"}]
)
def test_what_json_has_no_form_for_is_refused_at_write(value):
    with pytest.raises(RulesetError):
        encode(value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"a":1}}',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e999",
        b"9" * 5000,
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b'"\xff"',
        b"",
        b"{}x",
        b"{'a':1}",
        b"\xef\xbb\xbf{}",
        b"[" * 33 + b"]" * 33,
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_readers_of_json_disagree_about_is_refused_at_read(body):
    with pytest.raises(RulesetError):
        decode(body, 32)


def test_brackets_inside_text_are_not_depth():
    assert decode(json.dumps({"a": '[[[{{"\\' * 100}).encode(), 2) == {"a": '[[[{{"\\' * 100}


def test_a_number_within_a_doubles_range_is_read():
    assert decode(b"[1e308,-0.5,12]", 1) == [1e308, -0.5, 12]
