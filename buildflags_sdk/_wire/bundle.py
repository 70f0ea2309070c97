"""The bundle: a whole ruleset in one file, as the backend sent it. Written by `buildflags pull`, read at start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk.errors import FormatVersionError, RulesetError

from .canonical import decode, encode
from .limits import DEFAULT_LIMITS, Limits
from .page import verify_page

if TYPE_CHECKING:
    from collections.abc import Mapping

BUNDLE_MARK = b'{"buildflags_bundle":'
"""How every bundle begins, whatever its version."""

BUNDLE_VERSIONS = (1,)

_LAST_MOMENT = 2**53
"""Unix seconds; JSON's integers have no end, and one beyond every double cannot be reckoned with."""


class Bundle(NamedTuple):
    """A manifest's exact bytes, its pages by name, and where and when (unix seconds) they were read."""

    manifest_body: bytes
    pages: dict[str, bytes]
    etag: str | None
    signature: str | None
    saved_at: float
    url: str


def encode_bundle(
    *,
    manifest_body: bytes,
    pages: Mapping[str, bytes],
    etag: str | None,
    signature: str | None,
    saved_at: float,
    url: str,
) -> bytes:
    """Give a bundle's bytes: a header line of JSON, the manifest's exact bytes, then each page's exact bytes."""
    header = {
        "buildflags_bundle": BUNDLE_VERSIONS[-1],
        "url": url,
        "etag": etag,
        "signature": signature,
        "saved_at": saved_at,
        "manifest_bytes": len(manifest_body),
        "pages": [[name, len(body)] for name, body in pages.items()],
    }
    return b"".join([encode(header), b"\n", manifest_body, *pages.values()])


def decode_bundle(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Bundle:
    """Take a bundle apart and check every page's hash. The manifest is checked by whoever decodes it.

    Raises:
        RulesetError: not a bundle, cut short, or damaged.
        FormatVersionError: a bundle of a version that this library does not read.
    """
    first, newline, _ = data.partition(b"\n")
    if not newline or not data.startswith(BUNDLE_MARK):
        msg = f"not a bundle: it begins {data[:40]!r}; make one with `buildflags pull`"
        raise RulesetError(msg)
    header = decode(first, limits.depth)
    version = header["buildflags_bundle"]
    if version not in BUNDLE_VERSIONS or isinstance(version, bool):
        understood = ", ".join(map(str, BUNDLE_VERSIONS))
        msg = f"the bundle is of version {version!r}; understood: {understood}. Upgrade buildflags-sdk"
        raise FormatVersionError(msg)
    sizes = _sizes(header, limits)
    position = len(first) + 1 + header["manifest_bytes"]
    manifest_body = data[len(first) + 1 : position]
    pages: dict[str, bytes] = {}
    for name, size in sizes:
        pages[name] = data[position : position + size]
        verify_page(name, pages[name], limits)
        position += size
    if position != len(data):
        msg = f"the bundle has {len(data)} bytes, its header says {position}; pull it again"
        raise RulesetError(msg)
    return Bundle(manifest_body, pages, header["etag"], header["signature"], header["saved_at"], header["url"])


def _sizes(header: dict[str, Any], limits: Limits) -> list[tuple[str, int]]:
    """Check the header's shape, and give the pages' names and sizes."""
    pages = header.get("pages")
    right = (
        _is_size(header.get("manifest_bytes"), limits.manifest_bytes)
        and isinstance(header.get("url"), str)
        and type(header.get("saved_at")) in (int, float)
        and abs(header["saved_at"]) < _LAST_MOMENT
        and all(isinstance(header.get(name, 0), str | None) for name in ("etag", "signature"))
        and isinstance(pages, list)
        and all(isinstance(page, list) and len(page) == 2 and isinstance(page[0], str) for page in pages)
        and all(_is_size(page[1], limits.page_bytes) for page in pages)
    )
    if not right or not isinstance(pages, list):
        msg = "the bundle's header has a field that is missing, of the wrong type or over its limit; pull it again"
        raise RulesetError(msg)
    return [(name, size) for name, size in pages]


def _is_size(value: Any, limit: int) -> bool:
    return type(value) is int and 0 <= value <= limit
