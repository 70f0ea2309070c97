"""Inflates gzip with a bound, so that a small body can never become a large one. It touches no socket."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from buildflags_sdk.errors import AnswerRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

_GZIP_ONLY = 31
"""zlib's `wbits`: a gzip header and trailer (RFC 1952) around a window of 32 KB; zlib and raw streams are refused."""


def gathered(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    """The chunks as one body.

    Raises:
        AnswerRefused: there is more than `max_bytes` of it.
    """
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise AnswerRefused(_too_large(max_bytes))
    return bytes(body)


def inflated(chunks: Iterable[bytes], max_bytes: int) -> bytes:
    """The body of exactly one gzip member.

    No more than `max_bytes` and one byte are ever inflated, whatever the chunks hold.

    Raises:
        AnswerRefused: it is no gzip, ends early, goes on after its end, or inflates to more than `max_bytes`.
    """
    decoder = zlib.decompressobj(_GZIP_ONLY)
    body = bytearray()
    packed = 0
    for chunk in chunks:
        packed += len(chunk)
        if packed > longest_packed(max_bytes):
            raise AnswerRefused(_too_large(max_bytes))
        if decoder.eof and chunk:
            raise AnswerRefused(_TRAILING)
        rest = chunk
        while rest:
            try:
                body += decoder.decompress(rest, max_bytes + 1 - len(body))
            except zlib.error:
                msg = "the body is said to be gzip and is not"
                raise AnswerRefused(msg) from None
            if len(body) > max_bytes:
                raise AnswerRefused(_too_large(max_bytes))
            rest = decoder.unconsumed_tail
        if decoder.unused_data:
            raise AnswerRefused(_TRAILING)
    if not decoder.eof:
        msg = "the body's gzip ends early"
        raise AnswerRefused(msg)
    return bytes(body)


def longest_packed(max_bytes: int) -> int:
    """How long the gzip of `max_bytes` may be: bytes that do not compress grow by 5 in 16 KB, and the header is short."""
    return max_bytes + max_bytes // 1000 + 1024


_TRAILING = "the body goes on after the end of its gzip"


def _too_large(max_bytes: int) -> str:
    return f"the body is over the limit of {max_bytes} bytes"
