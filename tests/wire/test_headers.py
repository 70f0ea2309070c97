"""Caching headers, Retry-After and signatures: what is read, and that garbage counts as absent."""

from __future__ import annotations

import base64
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildflags_sdk._wire.headers import CacheHeaders, read_cache_headers, read_retry_after
from buildflags_sdk._wire.signature import parse_signatures, signed_bytes
from buildflags_sdk.errors import SignatureError


def test_the_protocols_own_headers_are_read():
    headers = {
        "cache-control": "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400",
        "age": "7",
        "buildflags-poll": "60",
    }
    assert read_cache_headers(headers) == CacheHeaders(15, 15, 86400, 7, 60)


def test_absent_headers_are_none():
    assert read_cache_headers({}) == CacheHeaders(None, None, None, None, None)


@pytest.mark.parametrize(
    ("text", "max_age"),
    [
        ("max-age=15", 15),
        ("MAX-AGE=15", 15),
        ('max-age="15"', 15),
        ("max-age=30, max-age=15", 15),
        ("max-age=15, max-age=30", 15),
        ("no-cache, max-age=15", 0),
        ("max-age=15,no-store", 0),
        ("max-age=99999999999999", 2**31),
        ("max-age=-1", None),
        ("max-age=1.5", None),
        ("max-age", None),
        ("max-age=", None),
        ("s-maxage=15", None),
        ('private="max-age=3", max-age=15', 15),
        (";;;", None),
        ("max-age=٣", None),
    ],
)
def test_cache_control_is_read_as_rfc_9111_says(text, max_age):
    assert read_cache_headers({"cache-control": text}).max_age == max_age


@pytest.mark.parametrize(("text", "age"), [("0", 0), ("3, 9", 3), ("-1", None), ("soon", None), ("", None)])
def test_age_is_a_whole_number_or_absent(text, age):
    assert read_cache_headers({"age": text}).age == age


@pytest.mark.parametrize("text", ["0", "-5", "1e3", "x", ""])
def test_a_poll_interval_that_makes_no_sense_is_absent(text):
    assert read_cache_headers({"buildflags-poll": text}).poll is None


@given(st.text())
def test_no_garbage_in_headers_raises(text):
    read_cache_headers({"cache-control": text, "age": text, "buildflags-poll": text})
    read_retry_after(text, 0.0)


@given(st.integers(0, 4_000_000_000), st.integers(0, 4_000_000_000))
def test_retry_after_reads_every_http_date_as_the_standard_library_writes_it(moment, now):
    assert read_retry_after(formatdate(moment, usegmt=True), float(now)) == max(0.0, moment - now)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 3000000000.0),
        ("Sun Nov  6 08:49:37 2094", 3939871777.0 - 784111777.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_a_date_or_nothing(text, seconds):
    now = 784111777.0  # RFC 9110's example, Sun, 06 Nov 1994 08:49:37 GMT
    got = read_retry_after(text, now)
    if text is not None and text.startswith("Sunday"):
        assert got == pytest.approx(100 * 365.2425 * 86400, rel=1e-3)  # two digits mean this century
    else:
        assert got == seconds


def test_a_signature_covers_a_mark_and_the_exact_bytes():
    assert signed_bytes(b'{"format":1}') == b'buildflags-manifest-v1\n{"format":1}'


def test_signatures_of_several_keys_are_read():
    one, two = bytes(range(64)), bytes(64)
    header = f"k1={base64.b64encode(one).decode()}, k2={base64.b64encode(two).decode()}"
    assert parse_signatures(header) == {"k1": one, "k2": two}


GOOD = base64.b64encode(bytes(64)).decode()


@pytest.mark.parametrize(
    "header", ["", "k1", "k1=", "k1=AAAA", f"={GOOD}", f"k={GOOD}, k={GOOD}", f"k={GOOD}é", f"k={GOOD},", f"k=!{GOOD}"]
)
def test_a_signature_header_of_another_form_is_refused(header):
    with pytest.raises(SignatureError):
        parse_signatures(header)
