"""The head of a disk copy as bytes: one small file that says which ruleset is the last good one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._wire.canonical import decode, encode
from buildflags_sdk._wire.manifest import Manifest, decode_manifest
from buildflags_sdk._wire.page import digest_name
from buildflags_sdk.errors import RulesetError

if TYPE_CHECKING:
    from buildflags_sdk._wire.limits import Limits

HEAD_VERSION = 1

HEADER_BYTES = 65_536
"""Room for everything in a head but the manifest."""


class Stored(NamedTuple):
    """The last good ruleset as the disk knows it.

    `generation` rises with each accepted step back; `headers` are the answer's caching headers;
    `checked_at` and `failed_at` are unix seconds, 0 for never; `failures` counts those since the last good answer.
    """

    generation: int
    manifest_body: bytes
    pages: dict[str, bytes]
    etag: str | None
    headers: dict[str, str]
    signature: str | None
    checked_at: float
    failed_at: float = 0.0
    failures: int = 0


class Place(NamedTuple):
    """Which ruleset a head is of."""

    url: str
    workspace: str
    environment: str

    @property
    def file_name(self) -> str:
        """A name for the head's file: nothing of a URL has to be escaped in it."""
        return digest_name("\n".join(self).encode())

    def manifest(self, body: bytes, limits: Limits) -> Manifest:
        """Decode and check the manifest of this place. Raises RulesetError."""
        return decode_manifest(body, workspace=self.workspace, environment=self.environment, limits=limits)


def encode_head(place: Place, stored: Stored) -> bytes:
    """Give a head's bytes: the hash of all that follows it, a line of JSON, the manifest's exact bytes."""
    header = {
        "buildflags_head": HEAD_VERSION,
        **place._asdict(),
        "generation": stored.generation,
        "checked_at": stored.checked_at,
        "failed_at": stored.failed_at,
        "failures": stored.failures,
        "etag": stored.etag,
        "headers": stored.headers,
        "signature": stored.signature,
    }
    body = encode(header) + b"\n" + stored.manifest_body
    return digest_name(body).encode() + b"\n" + body


def checked_body(data: bytes) -> bytes | None:
    """Give a head's bytes after the checksum, or None if they are not those that were written."""
    checksum, _, body = data.partition(b"\n")
    return body if checksum == digest_name(body).encode() else None


def decode_head(data: bytes, place: Place, limits: Limits) -> Stored:
    """Read a head back, without pages.

    Raises:
        RulesetError: damaged, of another place, or of a version that is not read here.
    """
    body = checked_body(data)
    if body is None:
        msg = "the head's bytes are not those that were written"
        raise RulesetError(msg)
    first, _, manifest_body = body.partition(b"\n")
    header = decode(first, limits.depth)
    if not isinstance(header, dict) or header.get("buildflags_head") != HEAD_VERSION:
        msg = f"the head is not of version {HEAD_VERSION}"
        raise RulesetError(msg)
    if any(header.get(name) != value for name, value in place._asdict().items()):
        msg = f"the head is not of {place}"
        raise RulesetError(msg)
    try:  # whatever passes the checksum was written by this function's twin, of this or another release
        return Stored(
            generation=int(header["generation"]),
            manifest_body=manifest_body,
            pages={},
            etag=_text_or_none(header["etag"]),
            headers={name: value for name, value in dict(header["headers"]).items() if isinstance(value, str)},
            signature=_text_or_none(header["signature"]),
            checked_at=_moment(header["checked_at"]),
            failed_at=_moment(header["failed_at"]),
            failures=int(header["failures"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        msg = f"the head lacks a field or has one of the wrong type: {error}"
        raise RulesetError(msg) from None


def _moment(value: Any) -> float:
    moment = float(value)
    if not abs(moment) < float("inf"):
        msg = f"{value!r} is no moment"
        raise ValueError(msg)
    return moment


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)
