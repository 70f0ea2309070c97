"""Canonical JSON out, strict JSON in: one way to write a value, and no room for what JSON readers disagree about."""

from __future__ import annotations

import json
import re
from typing import Any, Never

from buildflags_sdk.errors import RulesetError


def encode(value: Any) -> bytes:
    r"""Give the canonical bytes of a JSON value: no spaces, keys in insertion order, text as UTF-8.

    >>> encode({"key": "größe", "on": True})
    b'{"key":"gr\xc3\xb6\xc3\x9fe","on":true}'

    Raises:
        RulesetError: for NaN, infinities, lone surrogates, and what JSON has no form for.
    """
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        msg = f"a lone surrogate cannot be written as UTF-8: {error.object[error.start : error.end]!r}; remove it"
        raise RulesetError(msg) from None
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"not a JSON value: {error}"
        raise RulesetError(msg) from None


def decode(body: bytes, depth: int) -> Any:
    """Read one JSON value strictly: no duplicate keys, NaN, infinities, lone surrogates, or nesting beyond `depth`.

    Raises:
        RulesetError: with the place or the offending value.
    """
    if deeper_than(body, depth):
        msg = f"JSON nested deeper than {depth} levels"
        raise RulesetError(msg)
    try:
        text = body.decode()
        value = _DECODER.decode(text)
        if "\\u" in text:  # the only way a lone surrogate can come in
            _ENCODER.encode(value).encode()
    except (ValueError, RecursionError) as error:
        msg = f"not strict JSON: {error}"
        raise RulesetError(msg) from None
    return value


def deeper_than(body: bytes, depth: int) -> bool:
    """Tell whether JSON text nests deeper than `depth`, in one pass that needs no stack and parses nothing."""
    if body.count(b"[") + body.count(b"{") <= depth:
        return False
    level = 0
    for match in _STRING_OR_BRACKET.finditer(body):
        token = match[0]
        if token in (b"{", b"["):
            level += 1
            if level > depth:
                return True
        elif token in (b"}", b"]"):
            level -= 1
    return False


_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


def _refuse_constant(name: str) -> Never:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0.0:  # infinity: the literal is beyond a double's range
        msg = f"the number {text[:40]} is beyond a double's range"
        raise ValueError(msg)
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                msg = f"the key {key!r} stands twice in one object"
                raise ValueError(msg)
            seen.add(key)
    return value


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique)
