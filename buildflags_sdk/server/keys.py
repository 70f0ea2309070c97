"""API keys: made once, shown once, recognised by their shape, kept only as a hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from typing import NamedTuple

KINDS = ("server", "browser", "management")

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LETTERS = 32
"""62 ** 32 is more than 190 bits."""
_CHECKSUM_LETTERS = 6
_SHAPE = re.compile(rf"bf_({'|'.join(KINDS)})_([0-9A-Za-z]{{{_SECRET_LETTERS}}})_([0-9A-Za-z]{{{_CHECKSUM_LETTERS}}})")


class KeyShape(NamedTuple):
    """What can be read from a key without asking anybody."""

    kind: str
    hint: str
    """The beginning that may be shown again: enough to tell keys apart, useless to sign in with."""


def make_key(kind: str) -> str:
    """Make a new key of one of `KINDS`: `bf_<kind>_<random>_<checksum>`."""
    if kind not in KINDS:
        msg = f"a key's kind is one of {', '.join(KINDS)}, not {kind!r}"
        raise ValueError(msg)
    body = f"bf_{kind}_{''.join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LETTERS))}"
    return f"{body}_{_checksum(body)}"


def parse_key(key: str) -> KeyShape | None:
    """Read a key's kind and hint; None when its shape or checksum is wrong, so that no store is asked about it."""
    match = _SHAPE.fullmatch(key)
    if match is None:
        return None
    body = key[: match.end(2)]
    if not hmac.compare_digest(_checksum(body), match[3]):
        return None
    return KeyShape(match[1], body[: match.start(2) + 4])


def hash_key(key: str) -> str:
    """Give the only form in which a key is stored. 190 random bits need no salt and no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def same_hash(one: str, other: str) -> bool:
    """Compare two hashes in a time that does not tell how much of them is equal."""
    return hmac.compare_digest(one.encode(), other.encode())


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    letters = ""
    for _ in range(_CHECKSUM_LETTERS):
        number, digit = divmod(number, len(_ALPHABET))
        letters = _ALPHABET[digit] + letters
    return letters
