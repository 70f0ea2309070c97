"""What a manifest's signature covers, and how its header is read. Checking one needs a library; that is not done here."""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Protocol

from buildflags_sdk.errors import SignatureError

from .limits import HEADER_CHARACTERS

_ED25519_BYTES = 64


class Signatures(Protocol):
    """Tells whether a manifest's bytes come from who they should: `signing.Pins` does."""

    def check(self, body: bytes, header: str | None) -> None:
        """Let it pass, or raise SignatureError."""
        ...


def signed_bytes(body: bytes) -> bytes:
    """Give the bytes that a manifest's Ed25519 signature is over."""
    return b"buildflags-manifest-v1\n" + body


def parse_signatures(header: str) -> dict[str, bytes]:
    """Read `BuildFlags-Signature: <key id>=<base64>[, ...]` into key id -> signature.

    Raises:
        SignatureError: not of that form, too long, or one key id twice.
    """
    if len(header) > HEADER_CHARACTERS:
        msg = f"the signatures have {len(header)} characters, over the limit of {HEADER_CHARACTERS}"
        raise SignatureError(msg)
    signatures: dict[str, bytes] = {}
    for part in header.split(","):
        key_id, separator, encoded = part.strip().partition("=")
        try:
            signature = a2b_base64(encoded.encode("ascii"), strict_mode=True)
        except (Base64Error, UnicodeEncodeError):
            signature = b""
        if not separator or not key_id or len(signature) != _ED25519_BYTES or key_id in signatures:
            msg = f"a signature must be <key id>=<base64 of 64 bytes>, each key once, not {part.strip()[:100]!r}"
            raise SignatureError(msg)
        signatures[key_id] = signature
    return signatures
