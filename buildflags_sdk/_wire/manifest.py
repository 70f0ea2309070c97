"""The manifest: the one small, short-lived document that says which pages make up an environment's ruleset."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk.errors import FormatVersionError, ManifestError, RulesetError

from .canonical import decode, encode
from .limits import DEFAULT_LIMITS, Limits
from .page import EMPTY_PAGE, digest_name

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = (1,)
"""The formats this version reads."""

INLINE_LIMIT = 32_768
"""A ruleset of up to this many bytes travels inside its manifest: one request."""

_PAGE_NAME = re.compile(r"[A-Za-z0-9_-]{43}")
_PAGES_AT = re.compile(r"/(?:(?!\.{1,2}/)[A-Za-z0-9._~-]+/)+")
_HIGHEST_NUMBER = 2**63


class Manifest(NamedTuple):
    """One revision of one environment. Exactly one of `pages` (with `inline` None) and `inline` carries the ruleset."""

    format: int
    workspace: str
    environment: str
    epoch: int
    revision: int
    published_at: str
    pages_at: str
    pages: tuple[str, ...]
    inline: str | None
    raw: bytes

    @property
    def order(self) -> tuple[int, int]:
        """The pair that is compared: a higher one is newer, whatever any clock says."""
        return (self.epoch, self.revision)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the pages that must be at hand, each once, without the empty page."""
        return tuple(dict.fromkeys(name for name in self.pages if name != EMPTY_PAGE))


def decode_manifest(
    body: bytes,
    *,
    workspace: str | None,
    environment: str | None,
    limits: Limits = DEFAULT_LIMITS,
) -> Manifest:
    """Read a manifest's bytes and check that they are those of this workspace and environment.

    A bundle knows best which environment it is of: for it, `workspace` and `environment` are None. Fields that are not
    known are left alone; those that are known must be right.

    Raises:
        ManifestError: wrong size, shape, workspace or environment.
        FormatVersionError: a `format` that this version does not read.
    """
    if len(body) > limits.manifest_bytes:
        msg = f"the manifest has {len(body)} bytes, over the limit of {limits.manifest_bytes}"
        raise ManifestError(msg)
    try:
        document = decode(body, limits.depth)
    except RulesetError as error:
        msg = f"the manifest is {error}"
        raise ManifestError(msg) from None
    if not isinstance(document, dict):
        msg = f"the manifest is no JSON object but begins {body[:40]!r}"
        raise ManifestError(msg)
    version = _number(document, "format")
    if version not in FORMATS:
        understood = ", ".join(map(str, FORMATS))
        msg = f"the manifest is in format {version}; understood: {understood}. Upgrade buildflags-sdk"
        raise FormatVersionError(msg)
    return Manifest(
        format=version,
        workspace=_named(document, "workspace", workspace),
        environment=_named(document, "environment", environment),
        epoch=_number(document, "epoch"),
        revision=_number(document, "revision"),
        published_at=_text(document, "published_at"),
        pages_at=_pages_at(document),
        pages=_pages(document, limits),
        inline=_inline(document, limits),
        raw=body,
    )


def encode_manifest(
    *,
    workspace: str,
    environment: str,
    epoch: int,
    revision: int,
    published_at: str,
    pages_at: str,
    pages: Sequence[str] | None = None,
    inline: str | None = None,
) -> bytes:
    """Give the canonical bytes of a manifest; exactly one of `pages` (page names in order) and `inline` (a whole page).

    Raises:
        ManifestError: what a client would refuse is refused here too.
    """
    document: dict[str, Any] = {
        "format": FORMATS[-1],
        "workspace": workspace,
        "environment": environment,
        "epoch": epoch,
        "revision": revision,
        "published_at": published_at,
        "pages_at": pages_at,
    }
    if pages is not None:
        document["pages"] = list(pages)
    if inline is not None:
        if len(inline.encode()) > INLINE_LIMIT:
            msg = f"an inline ruleset of {len(inline.encode())} bytes is over {INLINE_LIMIT}; put it into pages"
            raise ManifestError(msg)
        document["inline"] = inline
    body = encode(document)
    decode_manifest(body, workspace=workspace, environment=environment)
    return body


def etag_of(body: bytes, signatures: str | None) -> str:
    """Give the weak entity tag of a manifest's bytes together with its BuildFlags-Signature header (None: unsigned)."""
    # Canonical JSON holds no newline, so the two parts cannot run into each other.
    digest = digest_name(body + b"\n" + (signatures or "").encode())
    return f'W/"{digest}"'


def _number(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or not 0 <= value < _HIGHEST_NUMBER:
        msg = f"the manifest's {name} must be an integer from 0 on, not {_shown(value)}"
        raise ManifestError(msg)
    return value


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        msg = f"the manifest's {name} must be text, not {_shown(value)}"
        raise ManifestError(msg)
    return value


def _named(document: dict[str, Any], name: str, expected: str | None) -> str:
    value = _text(document, name)
    if expected is not None and value != expected:
        msg = f"the manifest is of {name} {value!r}, asked for was {expected!r}"
        raise ManifestError(msg)
    return value


def _pages_at(document: dict[str, Any]) -> str:
    """Read the pages' path. Anything that could lead to another host, or out of its folder, is refused."""
    value = _text(document, "pages_at")
    if not _PAGES_AT.fullmatch(value):
        msg = f"the manifest's pages_at must be a plain path on the same host, /like/this/, not {_shown(value)}"
        raise ManifestError(msg)
    return value


def _pages(document: dict[str, Any], limits: Limits) -> tuple[str, ...]:
    if ("pages" in document) == ("inline" in document):
        msg = "the manifest must have exactly one of pages and inline"
        raise ManifestError(msg)
    names = document.get("pages", [])
    if not isinstance(names, list):
        msg = f"the manifest's pages must be a list, not {_shown(names)}"
        raise ManifestError(msg)
    if len(names) > limits.entries:
        msg = f"the manifest names {len(names)} pages, over the limit of {limits.entries} entries"
        raise ManifestError(msg)
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not _PAGE_NAME.fullmatch(name):
            msg = f"a page's name must be a SHA-256 in base64url without padding, not {_shown(name)}"
            raise ManifestError(msg)
        if name in seen and name != EMPTY_PAGE:
            msg = f"the manifest names page {name} twice, so that every key in it would stand there twice"
            raise ManifestError(msg)
        seen.add(name)
    return tuple(names)


def _inline(document: dict[str, Any], limits: Limits) -> str | None:
    if "inline" not in document:
        return None
    value = _text(document, "inline")
    if len(value.encode()) > limits.page_bytes:
        msg = f"the manifest's inline ruleset is over the limit of {limits.page_bytes} bytes"
        raise ManifestError(msg)
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
