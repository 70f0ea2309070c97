"""The hashes and encodings that bucketing schemes need and the standard library lacks. Pure functions of bytes and text."""

from __future__ import annotations

import struct
from typing import Any

_WORD = 0xFFFFFFFF


def murmur3_32(data: bytes, seed: int = 0) -> int:
    """MurmurHash3_x86_32 (Austin Appleby, public domain), unsigned."""
    state = seed & _WORD
    words = len(data) >> 2
    for word in struct.unpack_from(f"<{words}I", data):
        mixed = word * 0xCC9E2D51 & _WORD
        mixed = (mixed << 15 | mixed >> 17) * 0x1B873593 & _WORD
        state ^= mixed
        state = ((state << 13 | state >> 19) * 5 + 0xE6546B64) & _WORD
    if len(data) & 3:
        mixed = int.from_bytes(data[words << 2 :], "little") * 0xCC9E2D51 & _WORD
        state ^= (mixed << 15 | mixed >> 17) * 0x1B873593 & _WORD
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & _WORD
    state = (state ^ state >> 13) * 0xC2B2AE35 & _WORD
    return state ^ state >> 16


def fnv1a32(text: str) -> int:
    """FNV-1a 32 with one step per UTF-16 unit, as JavaScript reads text."""
    if text.isascii():
        return fnv1a32_of(text.encode("ascii"))
    encoded = text.encode("utf-16-le", "surrogatepass")
    return fnv1a32_of(struct.unpack(f"<{len(encoded) >> 1}H", encoded))


def fnv1a32_by_character(text: str) -> int:
    """FNV-1a 32 with one step per code point, as Python reads text; other than JavaScript's above U+FFFF only."""
    return fnv1a32_of([ord(character) for character in text])


def fnv1a32_of(units: bytes | tuple[int, ...] | list[int]) -> int:
    """FNV-1a 32 with one step per unit, however wide."""
    state = 0x811C9DC5
    for unit in units:
        state = (state ^ unit) * 0x01000193 & _WORD
    return state


def canonical_cbor(value: Any) -> bytes:
    """Write a JSON value as deterministic CBOR (RFC 8949 §4.2.1).

    A whole float is written as an integer where 64 bits hold it, as flagd has it.
    Raises ValueError for what has no such form, lone surrogates included.
    """
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, float):
        return _cbor_float(value)
    if isinstance(value, int):
        return _cbor_integer(value)
    if isinstance(value, str):
        encoded = value.encode()
        return _head(3, len(encoded)) + encoded
    if isinstance(value, (list, tuple)):
        return _head(4, len(value)) + b"".join(map(canonical_cbor, value))
    if isinstance(value, dict):
        items = sorted((canonical_cbor(name), canonical_cbor(inner)) for name, inner in value.items())
        return _head(5, len(items)) + b"".join(name + inner for name, inner in items)
    msg = f"no CBOR form: {type(value).__name__}"
    raise ValueError(msg)


def _cbor_integer(value: int) -> bytes:
    if -(1 << 64) <= value < 1 << 64:
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    magnitude = value if value >= 0 else -1 - value
    octets = magnitude.to_bytes((magnitude.bit_length() + 7) >> 3, "big")
    return (b"\xc2" if value >= 0 else b"\xc3") + _head(2, len(octets)) + octets


def _cbor_float(value: float) -> bytes:
    if value.is_integer() and -(2.0**63) <= value < 2.0**64:
        return _cbor_integer(int(value))
    if value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return b"\xf9\x7e\x00"
    for mark, layout in ((b"\xf9", ">e"), (b"\xfa", ">f")):
        try:
            packed = struct.pack(layout, value)
        except OverflowError:
            continue
        if struct.unpack(layout, packed)[0] == value:
            return mark + packed
    return b"\xfb" + struct.pack(">d", value)


def _head(kind: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((kind << 5 | argument,))
    for mark, width in ((24, 1), (25, 2), (26, 4)):
        if argument < 1 << (8 * width):
            return bytes((kind << 5 | mark,)) + argument.to_bytes(width, "big")
    return bytes((kind << 5 | 27,)) + argument.to_bytes(8, "big")
