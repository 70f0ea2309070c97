"""Pages: immutable, content-addressed, one entry a line. Named by their hash, indexed without decoding an entry."""

from __future__ import annotations

import re
from binascii import b2a_base64
from hashlib import sha256
from math import log2
from typing import TYPE_CHECKING

from buildflags_sdk.errors import PageError, RulesetError

from .canonical import decode
from .limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TARGET_MEAN = 32 * 1024
SPLIT_ABOVE = 48 * 1024
MERGE_BELOW = 12 * 1024
MAX_BITS = 14
"""16,384 names of 46 bytes each are what a manifest of 1 MB has room for."""

FLAG_START = b'{"key":"'
"""How the line of a flag begins."""

_SEGMENT = b'{"segment":"'
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_URL_ALPHABET = str.maketrans("+/", "-_")


def digest_name(body: bytes) -> str:
    """Give the SHA-256 of bytes as 43 characters of base64url without padding."""
    return b2a_base64(sha256(body).digest(), newline=False)[:43].decode("ascii").translate(_URL_ALPHABET)


page_name = digest_name
"""The name of a page: the hash of its bytes."""

EMPTY_PAGE = page_name(b"")
"""The name of a page without entries. Nobody needs to store or fetch it."""


def verify_page(name: str, body: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
    """Check that a page is what its name says, before a byte of it is used.

    Raises:
        PageError: it is too large, or its hash is another.
    """
    if len(body) > limits.page_bytes:
        msg = f"page {name} has {len(body)} bytes, over the limit of {limits.page_bytes}"
        raise PageError(msg)
    actual = page_name(body)
    if actual != name:
        msg = f"page {name} has the hash {actual}: its {len(body)} bytes are not what the manifest names"
        raise PageError(msg)


def line_key(line: bytes) -> tuple[bool, str]:
    """Read from the start of a line whether it is a segment's, and its key, without decoding the rest.

    >>> line_key(b'{"key":"new-search","type":"boolean"}')
    (False, 'new-search')

    Raises:
        RulesetError: the line begins with neither form, or its key is no text.
    """
    if line.startswith(FLAG_START):
        start = 8
    elif line.startswith(_SEGMENT):
        start = 12
    else:
        msg = f"a line begins with neither {FLAG_START.decode()} nor {_SEGMENT.decode()}: {line[:40]!r}"
        raise RulesetError(msg)
    end = line.find(b'"', start)
    raw = line[start:end]
    if end < 0 or b"\\" in raw:
        return start == 12, _escaped_key(line, start - 1)
    try:
        return start == 12, raw.decode()
    except UnicodeDecodeError:
        msg = f"a key is not UTF-8: {raw[:40]!r}"
        raise RulesetError(msg) from None


def index_page(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[bool, str, bytes]]:
    """Give (is a segment, key, raw line) of every entry of a page, in its order.

    Raises:
        PageError: a line is too long, or does not begin as an entry does.
    """
    for number, line in enumerate(page_lines(body), 1):
        if len(line) > limits.line_bytes:
            msg = f"line {number} of a page has {len(line)} bytes, over the limit of {limits.line_bytes}"
            raise PageError(msg)
        try:
            is_segment, key = line_key(line)
        except RulesetError as error:
            msg = f"line {number} of a page: {error}"
            raise PageError(msg) from None
        yield is_segment, key, line


def page_lines(body: bytes) -> list[bytes]:
    """Split a page at byte 0x0A only; the newline after the last line begins no other."""
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def encode_page(lines: Iterable[bytes], limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Give a page of canonical lines (without their newlines), sorted by key.

    Raises:
        RulesetError: an entry stands there twice, or a line is no entry or holds a newline.
        PageError: a line or the page is over its limit; split into more pages.
    """
    entries: dict[tuple[str, bool], bytes] = {}
    for line in lines:
        is_segment, key = line_key(line)
        if (key, is_segment) in entries:
            msg = f"the {'segment' if is_segment else 'flag'} {key!r} stands there twice; keep one of them"
            raise RulesetError(msg)
        if b"\n" in line:
            msg = f"the line of {key!r} holds a newline; write it as canonical JSON"
            raise RulesetError(msg)
        if len(line) > limits.line_bytes:
            msg = f"the line of {key!r} has {len(line)} bytes, over the limit of {limits.line_bytes}"
            raise PageError(msg)
        entries[key, is_segment] = line
    body = b"".join([entries[entry] + b"\n" for entry in sorted(entries)])
    if len(body) > limits.page_bytes:
        msg = f"a page would have {len(body)} bytes, over the limit of {limits.page_bytes}; use more pages"
        raise PageError(msg)
    return body


def page_of(key: str, bits: int) -> int:
    """Give the number of the page, of 2**bits, that holds the entries with this key. Only a publisher asks."""
    return int.from_bytes(sha256(key.encode()).digest()[:4], "big") >> (32 - bits)


def choose_bits(entries: int, total_bytes: int, current: int | None) -> int:
    """Give the bits for 2**bits pages: up when the mean page passes 48 KB, down below 12 KB.

    With `current` None (an import, an environment's first pages) the mean page comes near 32 KB at once.

    >>> choose_bits(10_000, 5_400_000, None), choose_bits(10_000, 5_400_000, 6), choose_bits(9_000, 4_900_000, 7)
    (7, 7, 7)
    """
    ceiling = min(MAX_BITS, max(entries, 1).bit_length())
    if current is None:
        return max(0, min(ceiling, round(log2(max(total_bytes, 1) / TARGET_MEAN))))
    bits = max(0, min(current, MAX_BITS))
    while bits < ceiling and total_bytes / 2**bits > SPLIT_ABOVE:
        bits += 1
    while bits > 0 and total_bytes / 2**bits < MERGE_BELOW:
        bits -= 1
    return bits


def encode_pages(lines: Iterable[bytes], bits: int, limits: Limits = DEFAULT_LIMITS) -> list[bytes]:
    """Give the 2**bits pages of an environment, each line in the page that its key's hash chooses.

    Raises:
        RulesetError, PageError: as `encode_page`; after a PageError for a page's size, try one bit more.
    """
    buckets: list[list[bytes]] = [[] for _ in range(2**bits)]
    for line in lines:
        buckets[page_of(line_key(line)[1], bits)].append(line)
    return [encode_page(bucket, limits) for bucket in buckets]


def _escaped_key(line: bytes, quote: int) -> str:
    """Decode the JSON string that begins at `quote`: the rare key with a backslash in it."""
    match = _STRING.match(line, quote)
    if match is None:
        msg = f"a key does not end: {line[:40]!r}"
        raise RulesetError(msg)
    key: str = decode(match[0], 0)
    return key
