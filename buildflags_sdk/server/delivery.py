"""Delivery: manifests and pages as they were stored, for clients and the edges before them. A plain ASGI application.

Its cold start is what caches wait for: it must import neither FastAPI nor pydantic, and it never re-serialises.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable
from time import time
from typing import NamedTuple

from buildflags_sdk.server.access import FOUND, recognise
from buildflags_sdk.server.asgi import Receive, Scope, Send, answer, answer_problem, bearer_of, header
from buildflags_sdk.server.records import (
    ENVIRONMENT,
    KEY_PATTERN,
    META,
    environment_pk,
    page_pk,
    signatures_of,
    workspace_pk,
)
from buildflags_sdk.server.settings import PRODUCTION, DeliverySettings
from buildflags_sdk.server.stores import Store, raw, text

_MANIFEST = re.compile(rf"/v1/workspaces/({KEY_PATTERN})/environments/({KEY_PATTERN})/manifest")
_PAGE = re.compile(r"/p/([A-Za-z0-9_-]{22})/([A-Za-z0-9_-]{43})")
_REMEMBERED_MANIFESTS = 64

_JSON = (b"content-type", b"application/json")
_REFUSED = ((b"cache-control", b"public, max-age=60"), (b"vary", b"Authorization"))
"""A dead key costs the origin one request a minute at most (a 401 is never cached)."""


class _Kept(NamedTuple):
    body: bytes
    packed: bytes
    etag: str
    signatures: str | None


class Delivery:
    """The ASGI application. Reads are a few small ones from the store, done where they are asked for."""

    def __init__(self, store: Store, settings: DeliverySettings, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._manifests: dict[tuple[str, str], _Kept] = {}  # a manifest never changes; the pointer says which one
        self._manifest_headers = (
            _JSON,
            (b"cache-control", settings.cache_control.encode()),
            (b"vary", b"Authorization, Accept-Encoding"),
            (b"buildflags-poll", str(settings.poll).encode()),
        )
        self._missing = (
            (b"cache-control", f"public, max-age={settings.max_age}".encode()),
            (b"vary", b"Authorization"),
        )

    def serves(self, path: str) -> bool:
        """Tell whether a path is delivery's."""
        return path.startswith("/p/") or _MANIFEST.fullmatch(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Answer one request."""
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            await answer_problem(scope, send, 405, "manifests and pages are only read", [(b"allow", b"GET, HEAD")])
        elif match := _MANIFEST.fullmatch(path):
            await self._manifest(scope, send, match[1], match[2])
        elif match := _PAGE.fullmatch(path):
            await self._page(scope, send, match[1], match[2])
        else:
            await self._no_page(scope, send)

    async def _manifest(self, scope: Scope, send: Send, workspace: str, environment: str) -> None:
        key = bearer_of(scope)
        grant = scope[FOUND] = recognise(self._store, key, self._now()) if key else None
        if grant is None or grant.kind != "server" or not grant.covers(workspace, environment):
            detail = (
                f"a manifest needs a server key that is valid for environment {environment!r} of workspace {workspace!r}, "
                "as `Authorization: Bearer bf_server_…`; this one is missing, unknown, expired, revoked or for another"
            )
            await answer_problem(scope, send, 403, detail, _REFUSED)
            return
        manifest = self._current(workspace, environment)
        if manifest is None:
            detail = f"there is no environment {environment!r} in workspace {workspace!r}; check both names"
            await answer_problem(scope, send, 404, detail, self._missing)
            return
        headers = [*self._manifest_headers, (b"etag", manifest.etag.encode())]
        if names_tag(header(scope, b"if-none-match"), manifest.etag):
            await answer(scope, send, 304, headers[1:])
            return
        if manifest.signatures is not None:
            headers.append((b"buildflags-signature", manifest.signatures.encode()))
        if takes_gzip(header(scope, b"accept-encoding")):
            await answer(scope, send, 200, [*headers, (b"content-encoding", b"gzip")], manifest.packed)
        else:
            await answer(scope, send, 200, headers, manifest.body)

    def _current(self, workspace: str, environment: str) -> _Kept | None:
        pointer = self._store.get(workspace_pk(workspace), f"{ENVIRONMENT}{environment}")
        if pointer is None:
            return None
        place = environment_pk(workspace, environment), text(pointer, "manifest")
        kept = self._manifests.get(place)
        if kept is None:
            item = self._store.get(*place)
            if item is None:
                return None
            body = raw(item, "body")
            kept = _Kept(body, gzip.compress(body, 6, mtime=0), text(item, "etag"), signatures_of(item))
            while len(self._manifests) >= _REMEMBERED_MANIFESTS:
                self._manifests.pop(next(iter(self._manifests)))
            self._manifests[place] = kept
        return kept

    async def _page(self, scope: Scope, send: Send, secret: str, name: str) -> None:
        item = self._store.get(page_pk(secret, name), META)
        body = None if item is None else item["body"]
        if not isinstance(body, bytes):
            await self._no_page(scope, send)
            return
        etag = f'"{name}"'
        headers = [
            (b"cache-control", b"public, max-age=31536000, immutable"),
            (b"vary", b"Accept-Encoding"),
            (b"etag", etag.encode()),
        ]
        if names_tag(header(scope, b"if-none-match"), etag):
            await answer(scope, send, 304, headers)
        elif takes_gzip(header(scope, b"accept-encoding")):
            await answer(scope, send, 200, [_JSON, *headers, (b"content-encoding", b"gzip")], body)
        else:
            await answer(scope, send, 200, [_JSON, *headers], zlib.decompress(body, 31))

    async def _no_page(self, scope: Scope, send: Send) -> None:
        detail = "there is no such page; read the manifest again, it names the pages of today"
        await answer_problem(scope, send, 404, detail, [(b"cache-control", b"no-store")])


def create_delivery(
    store: Store, settings: DeliverySettings = PRODUCTION, *, now: Callable[[], float] = time
) -> Delivery:
    """Make the delivery application alone, as a function of its own needs it."""
    return Delivery(store, settings, now)


def names_tag(if_none_match: str, etag: str) -> bool:
    """Tell whether an If-None-Match list names this tag, by weak comparison (RFC 9110 8.8.3.2 and 13.1.2)."""
    if if_none_match.strip() == "*":
        return True
    opaque = etag.removeprefix("W/")
    return any(match[1] == opaque for match in _TAGS.finditer(if_none_match))


_TAGS = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether Accept-Encoding allows gzip by name (RFC 9110 12.5.3)."""
    for part in accept_encoding.split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() in ("gzip", "x-gzip"):
            return _ZERO.fullmatch(weight.replace(" ", "").lower()) is None
    return False


_ZERO = re.compile(r"q=0(?:\.0*)?")
