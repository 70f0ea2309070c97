"""Pages: named by hash, indexed by line, split by the key's hash."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildflags_sdk._wire.canonical import encode
from buildflags_sdk._wire.limits import Limits
from buildflags_sdk._wire.page import (
    EMPTY_PAGE,
    choose_bits,
    encode_page,
    encode_pages,
    index_page,
    line_key,
    page_name,
    page_of,
    verify_page,
)
from buildflags_sdk.errors import PageError, RulesetError

KEYS = st.text(st.characters(exclude_categories=["Cs"]))
ENTRIES = st.dictionaries(
    st.tuples(KEYS, st.booleans()), st.text(st.characters(exclude_categories=["Cs"])), max_size=12
)


def flag(key, **more):
    return encode({"key": key, **more})


def segment(key, **more):
    return encode({"segment": key, **more})


def test_a_page_is_named_by_its_sha256_in_base64url_without_padding():
    body = b'{"key":"a"}\n'
    assert page_name(body) == base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


def test_the_worked_example_of_the_protocol_is_the_hash_of_test():
    assert page_name(b"test") == "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"


@given(ENTRIES)
def test_what_is_encoded_is_indexed_again_whatever_the_keys(entries):
    lines = {(key, kind): (segment if kind else flag)(key, meta=text) for (key, kind), text in entries.items()}
    indexed = list(index_page(encode_page(lines.values())))
    assert {(key, kind): line for kind, key, line in indexed} == lines
    assert [key for _, key, _ in indexed] == sorted(key for key, _ in lines)


def test_a_page_ends_with_a_newline_and_lines_are_split_at_0a_only():
    line = flag("a", meta="x\u2028y\x0b\x85z")
    body = encode_page([line])
    assert body == line + b"\n"
    assert [line for _, _, line in index_page(body)] == [line]


def test_a_page_without_entries_is_empty_bytes_with_a_name_everyone_knows():
    assert encode_page([]) == b""
    assert page_name(b"") == EMPTY_PAGE
    assert list(index_page(b"")) == []


@pytest.mark.parametrize("twice", [[flag("a", v=1), flag("a", v=2)], [segment("s"), segment("s")]])
def test_a_key_that_stands_in_a_page_twice_is_refused_at_write(twice):
    with pytest.raises(RulesetError, match="twice"):
        encode_page(twice)


def test_a_flag_and_a_segment_may_have_the_same_key():
    assert len(list(index_page(encode_page([segment("a"), flag("a")])))) == 2


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"",
        b'{"kez":"a"}',
        b' {"key":"a"}',
        b'{"key":1}',
        b'{"key":"a',
        b'{"key":"a\\"}',
        b'{"key":"\xff"}',
        b'{"key":"\\ud800"}',
    ],
)
def test_a_line_that_does_not_begin_as_an_entry_is_refused(line):
    with pytest.raises(RulesetError):
        line_key(line)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b'{"key":"a\\"b"}', 'a"b'),
        (b'{"key":"a\\\\"}', "a\\"),
        (b'{"key":"\\\\\\"\\u0041","x":"y"}', '\\"A'),
        (b'{"key":"\\\\\\\\","x":"\\""}', "\\\\"),
    ],
)
def test_a_key_with_escapes_is_decoded(line, key):
    assert line_key(line) == (False, key)


def test_a_page_with_the_wrong_hash_is_refused_before_a_byte_is_used():
    body = encode_page([flag("a")])
    verify_page(page_name(body), body)
    with pytest.raises(PageError, match="hash"):
        verify_page(page_name(body), body + b"\n")


def test_a_page_over_its_limit_is_refused_at_both_ends():
    body = encode_page([flag("a", meta="x" * 100)])
    small = Limits(page_bytes=len(body) - 1)
    with pytest.raises(PageError, match="limit"):
        verify_page(page_name(body), body, small)
    with pytest.raises(PageError, match="more pages"):
        encode_page([flag("a", meta="x" * 100)], small)


def test_a_line_over_its_limit_is_refused_at_both_ends():
    line = flag("a", meta="x" * 100)
    small = Limits(line_bytes=len(line) - 1)
    with pytest.raises(PageError, match="limit"):
        encode_page([line], small)
    with pytest.raises(PageError, match="limit"):
        list(index_page(line + b"\n", small))
    assert list(index_page(line + b"\n", Limits(line_bytes=len(line))))


def test_an_entrys_page_is_fixed_for_ever():
    assert [page_of("checkout-redesign", bits) for bits in (0, 1, 7, 14)] == [0, 1, 79, 10130]


@given(KEYS, st.integers(0, 13))
def test_one_bit_more_splits_each_page_into_two(key, bits):
    assert page_of(key, bits + 1) // 2 == page_of(key, bits)


def test_pages_share_the_entries_out_evenly():
    counts = [0] * 16
    for number in range(4000):
        counts[page_of(f"flag-{number}", 4)] += 1
    assert min(counts) > 150
    assert max(counts) < 350


@given(ENTRIES, st.integers(0, 4))
def test_all_pages_together_hold_every_entry_once(entries, bits):
    lines = [(segment if kind else flag)(key, meta=text) for (key, kind), text in entries.items()]
    pages = encode_pages(lines, bits)
    assert len(pages) == 2**bits
    assert sorted(line for page in pages for _, _, line in index_page(page)) == sorted(lines)


KB = 1024


@pytest.mark.parametrize(
    ("mean", "current", "chosen"),
    [
        (12 * KB, 5, 5),
        (48 * KB, 5, 5),
        (48 * KB + 1, 5, 6),
        (12 * KB - 1, 5, 4),
        (200 * KB, 5, 8),
        (2 * KB, 5, 2),
        (1, 5, 0),
    ],
)
def test_bits_rise_above_48_kb_and_fall_below_12_kb(mean, current, chosen):
    assert choose_bits(100_000, mean * 2**current, current) == chosen


def test_an_import_gets_the_bits_of_its_final_size_at_once():
    assert choose_bits(10_000, 5_400_000, None) == 7
    assert choose_bits(0, 0, None) == 0
    assert choose_bits(1_000_000, 10**12, None) == 14


@given(st.integers(1, 200_000), st.integers(30, 4_000))
def test_the_bits_of_an_import_are_left_alone_by_the_next_publish(entries, size):
    bits = choose_bits(entries, entries * size, None)
    assert choose_bits(entries, entries * size, bits) == bits
