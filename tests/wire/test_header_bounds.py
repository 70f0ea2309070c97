"""A header field may be as long as the peer likes: what is read of it is bounded, and reading it takes a straight line."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

import pytest

from buildflags_sdk._wire.headers import CacheHeaders, directives, read_cache_headers, read_retry_after
from buildflags_sdk._wire.limits import HEADER_CHARACTERS
from buildflags_sdk._wire.signature import parse_signatures
from buildflags_sdk.errors import SignatureError

if TYPE_CHECKING:
    from collections.abc import Callable

COSTLY: dict[str, Callable[[int], str]] = {
    "blanks before garbage": lambda n: "a" + " " * n + "x",
    "blanks after an equals sign": lambda n: "a=" + " " * n + '"',
    "blanks alone": lambda n: " " * n,
    "blanks between commas": lambda n: ("a" + " " * 50 + ",") * (n // 52) + "?",
    "a text that does not end": lambda n: 'a="' + "b" * n,
    "escapes that do not end": lambda n: 'a="' + '\\"' * (n // 2),
    "one directive, long and then often": lambda n: "a=" + "1" * (n // 2) + "x" + ",a=1" * (n // 8),
    "commas": lambda n: "," * n,
}


@pytest.mark.parametrize("costly", COSTLY)
def test_eight_times_the_header_takes_about_eight_times_as_long(costly: str) -> None:
    """In a straight line it is 8, by the square of its length 64. Processor time, the least of several runs."""
    short, long = (_least_time(COSTLY[costly](n)) for n in (2_000, 16_000))
    assert long < 24 * max(short, 2e-6)


def _least_time(text: str) -> float:
    times = []
    for _ in range(7):
        began = time.process_time()
        directives(text)
        times.append(time.process_time() - began)
    return min(times)


def test_a_header_at_its_limit_is_read_and_one_over_it_is_absent() -> None:
    padding = " " * (HEADER_CHARACTERS - len("max-age=15"))
    assert read_cache_headers({"cache-control": "max-age=15" + padding}).max_age == 15
    assert read_cache_headers({"cache-control": "max-age=15 " + padding}) == CacheHeaders()


@pytest.mark.parametrize("name", ["age", "buildflags-poll"])
def test_a_number_behind_too_many_blanks_is_absent(name: str) -> None:
    assert read_cache_headers({name: " " * HEADER_CHARACTERS + "7"}) == CacheHeaders()
    assert read_cache_headers({name: "  7  "}) != CacheHeaders()


def test_a_retry_after_over_the_limit_is_absent() -> None:
    assert read_retry_after("7" + " " * HEADER_CHARACTERS, 0.0) is None


def test_signatures_over_the_limit_are_refused_before_one_is_decoded() -> None:
    one = base64.b64encode(bytes(64)).decode()
    header = ",".join(f"key-{number}={one}" for number in range(60))
    with pytest.raises(SignatureError, match=r"characters, over the limit of"):
        parse_signatures(header)
    assert len(parse_signatures(header[: header.index(",key-30")])) == 30
