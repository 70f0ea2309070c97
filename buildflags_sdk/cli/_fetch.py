"""Reads a whole ruleset for a command: once, from the backend or from a file, every byte verified as a client would.

What goes wrong becomes a `Failure` that says what to do; running clients never come in here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from buildflags_sdk._evaluation.details import Source
from buildflags_sdk._snapshot import Snapshot, build_now
from buildflags_sdk._storage.files import FlagsFile, read_file
from buildflags_sdk._transport import Answer, Request, Transport
from buildflags_sdk._transport.http import HttpTransport
from buildflags_sdk._wire.bundle import Bundle, encode_bundle
from buildflags_sdk._wire.headers import CacheHeaders, read_cache_headers
from buildflags_sdk._wire.limits import DEFAULT_LIMITS
from buildflags_sdk._wire.manifest import Manifest, decode_manifest
from buildflags_sdk._wire.page import verify_page
from buildflags_sdk.errors import (
    AnswerRefused,
    ConfigurationError,
    ConnectionFailed,
    DeadlineExceeded,
    RulesetError,
    TransportError,
)

from ._exit import Exit, Failure
from ._options import Target
from ._output import mask


class Fetched(NamedTuple):
    """One revision as the backend sent it."""

    manifest: Manifest
    pages: Mapping[str, bytes]
    headers: Mapping[str, str]
    url: str

    @property
    def cache(self) -> CacheHeaders:
        """How long edges may keep it and how often clients ask."""
        return read_cache_headers(self.headers)

    @property
    def payload_bytes(self) -> int:
        """Manifest and pages, inflated."""
        return len(self.manifest.raw) + sum(map(len, self.pages.values()))

    def snapshot(self) -> Snapshot:
        """The ruleset, ready to decide."""
        return build_now(self.manifest, self.pages)

    def bundle(self, saved_at: float) -> bytes:
        """The bytes of a bootstrap file."""
        return encode_bundle(
            manifest_body=self.manifest.raw,
            pages=self.pages,
            etag=self.headers.get("etag"),
            signature=self.headers.get("buildflags-signature"),
            saved_at=saved_at,
            url=self.url,
        )


class Ruleset(NamedTuple):
    """Something to decide with, and where it came from."""

    snapshot: Snapshot
    source: Source
    name: str
    broken: Mapping[str, str]


def fetch(target: Target, wait: float, on_page: Callable[[int, int], None] = lambda done, of: None) -> Fetched:
    """Read the target's ruleset from the backend, within `wait` seconds for each exchange."""
    transport = open_transport(target)
    try:
        answer = exchange_manifest(transport, target, wait)
        manifest = manifest_of(answer, target)
        pages = fetch_pages(transport, manifest, target, wait, on_page)
        return Fetched(manifest, pages, answer.headers, target.url)
    finally:
        transport.close()


def open_transport(target: Target) -> Transport:
    """The transport that a client would use."""
    try:
        return HttpTransport(target.url, target.sdk_key)
    except ConfigurationError as error:
        raise Failure(str(error), "correct the URL or the key and repeat", exit_code=Exit.CONFIGURATION) from None


def manifest_path(target: Target) -> str:
    """Where the manifest is on the backend's host."""
    return f"/v1/workspaces/{target.workspace}/environments/{target.environment}/manifest"


def exchange_manifest(transport: Transport, target: Target, wait: float, etag: str | None = None) -> Answer:
    """Ask for the manifest as a client does; any status is an answer."""
    headers = {} if etag is None else {"if-none-match": etag}
    request = Request(manifest_path(target), headers, wait, DEFAULT_LIMITS.manifest_bytes, authorized=True)
    try:
        return transport.exchange(request)
    except TransportError as error:
        raise transport_failure(error, target.url) from None


def manifest_of(answer: Answer, target: Target) -> Manifest:
    """The manifest in an answer, or what its status means."""
    place = f"{target.workspace}/{target.environment}"
    if answer.status in (401, 403):
        raise Failure(
            f"the backend refuses the key {mask(target.sdk_key)} for {place}",
            "check that it is an SDK key (bf_server_…) made for this environment, and not revoked or expired",
            exit_code=Exit.REFUSED,
        )
    if answer.status == 404:
        raise Failure(
            f"the backend knows no {place}",
            "check workspace and environment (their keys, not their titles), and that the URL is a buildflags backend's",
            exit_code=Exit.NOT_FOUND,
        )
    if answer.status != 200:
        raise Failure(
            f"the backend answered {answer.status} instead of a manifest",
            "try again in a moment: the fault is the backend's"
            if answer.status >= 500
            else "is this the address of a buildflags backend?",
            exit_code=Exit.BACKEND,
        )
    try:
        return decode_manifest(answer.body, workspace=target.workspace, environment=target.environment)
    except RulesetError as error:
        advice = "is this the address of a buildflags backend, and does no proxy change its answers?"
        raise Failure(str(error), advice, exit_code=Exit.BACKEND) from None


def fetch_pages(
    transport: Transport,
    manifest: Manifest,
    target: Target,
    wait: float,
    on_page: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, bytes]:
    """Read and verify all pages that a manifest names."""
    pages: dict[str, bytes] = {}
    for name in manifest.wanted:
        on_page(len(pages), len(manifest.wanted))
        request = Request(f"{manifest.pages_at}{name}", {}, wait, DEFAULT_LIMITS.page_bytes, authorized=False)
        try:
            answer = transport.exchange(request)
            if answer.status != 200:
                raise Failure(
                    f"the backend answered {answer.status} for page {name}",
                    "a publish may just have replaced it: try again; if it stays so, its storage or CDN lost a page",
                    exit_code=Exit.BACKEND,
                )
            verify_page(name, answer.body, DEFAULT_LIMITS)
        except TransportError as error:
            raise transport_failure(error, target.url) from None
        except RulesetError as error:
            advice = "something between here and the backend changes its answers: a proxy, or a broken cache"
            raise Failure(str(error), advice, exit_code=Exit.BACKEND) from None
        pages[name] = answer.body
    on_page(len(pages), len(manifest.wanted))
    return pages


def transport_failure(error: TransportError, url: str) -> Failure:
    """What an exchange without an answer means."""
    if isinstance(error, DeadlineExceeded):
        advice = "try again, or give more time with --wait; `buildflags doctor` shows which step hangs"
        return Failure(f"{url} did not answer in time: {error}", advice, exit_code=Exit.UNREACHABLE)
    if isinstance(error, AnswerRefused):
        advice = "is this the address of a buildflags backend? `buildflags doctor` shows what it answers"
        return Failure(str(error), advice, exit_code=Exit.BACKEND)
    advice = "is the backend running, and is the URL right? `buildflags doctor` checks each step"
    what = f"cannot reach {url}: {error}" if isinstance(error, ConnectionFailed) else str(error)
    return Failure(what, advice, exit_code=Exit.UNREACHABLE)


def read_ruleset_file(path: str) -> Ruleset:
    """A bundle or a flags file, whichever it is."""
    try:
        content = read_file(path)
        if isinstance(content, FlagsFile):
            snapshot = Snapshot.from_lines(content.flags, content.segments)
            return Ruleset(snapshot, Source.FILE, path, content.broken)
        return Ruleset(_snapshot_of(content), Source.FILE, path, {})
    except RulesetError as error:
        advice = 'a bundle is made with `buildflags pull`; a flags file is {"buildflags":1,"flags":{…},"segments":{…}}'
        code = Exit.NEGATIVE if Path(path).is_file() else Exit.CONFIGURATION
        raise Failure(str(error), advice, exit_code=code) from None


def fetch_ruleset(target: Target, wait: float) -> Ruleset:
    """The backend's ruleset."""
    fetched = fetch(target, wait)
    return Ruleset(fetched.snapshot(), Source.NETWORK, target.url, {})


def _snapshot_of(bundle: Bundle) -> Snapshot:
    manifest = decode_manifest(bundle.manifest_body, workspace=None, environment=None)
    return build_now(manifest, bundle.pages)


def wall() -> float:
    """Now, in unix seconds."""
    return time.time()
