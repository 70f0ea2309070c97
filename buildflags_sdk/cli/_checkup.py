"""The steps of `buildflags doctor`, in the order in which a client depends on them. Each is tried; none is drawn here.

A step that cannot be tried because one before it failed is skipped and says so.
"""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from buildflags_sdk._config import SdkKey, Settings, checked
from buildflags_sdk._storage.paths import FOLDER_VARIABLE
from buildflags_sdk._transport import Answer, Transport
from buildflags_sdk._wire.manifest import Manifest
from buildflags_sdk.errors import BuildFlagsError
from buildflags_sdk.server.keys import parse_key

from ._exit import Failure
from ._fetch import Fetched, exchange_manifest, fetch_pages, manifest_of, open_transport
from ._options import Target
from ._output import mask
from ._pace import cache_candidates, cache_folder

PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


class Outcome(StrEnum):
    """How a step went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(NamedTuple):
    """One step: what was found, what to do if it is not well, and how long it took."""

    name: str
    outcome: Outcome
    found: str
    advice: str = ""
    milliseconds: float = 0.0


class Found(NamedTuple):
    """What a check says when it did not fail."""

    text: str
    advice: str = ""  # with advice it is a warning


class Checkup:
    """Goes through the steps for one target. `fetched` is set once the whole ruleset was read."""

    def __init__(self, target: Target, wait: float) -> None:
        self.target = target
        self.fetched: Fetched | None = None
        self.addresses: list[str] = []
        self._wait = wait
        self._transport: Transport | None = None
        self._answer: Answer | None = None
        self._manifest: Manifest | None = None
        parts = urlsplit(target.url)
        self._host = parts.hostname or ""
        self._is_tls = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_tls else 80)
        self._dead = False

    def steps(self) -> Iterator[Step]:
        """Try each step and tell it at once."""
        yield self._try("settings", self._settings)
        yield self._try("key", self._key, depends=False)
        yield self._try("disk copy", self._disk, depends=False)
        yield self._try("name", self._resolve)
        yield self._try("connection", self._connect)
        if self._is_tls:
            yield self._try("TLS", self._tls)
        yield self._try("answer", self._ask)
        yield self._try("authorisation", self._authorised)
        yield self._try("manifest", self._read_manifest)
        yield self._try("pages", self._read_pages)
        yield self._try("revalidation", self._revalidate)
        yield self._try("flags", self._compile)
        if self._transport is not None:
            self._transport.close()

    def _try(self, name: str, check: Callable[[], Found], *, depends: bool = True) -> Step:
        if depends and self._dead:
            return Step(name, Outcome.SKIPPED, "not tried: a step before it failed")
        began = time.perf_counter()
        try:
            found = check()
        except Failure as failure:
            self._dead = self._dead or depends
            return Step(name, Outcome.FAILED, failure.message, failure.advice, _milliseconds_since(began))
        except Trouble as trouble:
            self._dead = self._dead or depends
            return Step(name, Outcome.FAILED, trouble.what, trouble.advice, _milliseconds_since(began))
        outcome = Outcome.WARNING if found.advice else Outcome.OK
        return Step(name, outcome, found.text, found.advice, _milliseconds_since(began))

    # -- here ------------------------------------------------------------------------------------------------------

    def _settings(self) -> Found:
        target = self.target
        try:
            checked(Settings(target.url, SdkKey(target.sdk_key), target.workspace, target.environment))
        except BuildFlagsError as error:
            raise Trouble(str(error), "correct it and repeat") from None
        text = f"{target.workspace}/{target.environment} at {target.url}"
        if not self._is_tls and self._host not in ("127.0.0.1", "localhost", "::1"):
            return Found(text, "the key travels unencrypted: use https:// for anything but this machine")
        return Found(text)

    def _key(self) -> Found:
        key = self.target.sdk_key
        shape = parse_key(key)
        if key.startswith("bf_management_"):
            raise Trouble(
                f"{mask(key)} is a management key", "give an application an SDK key (bf_server_…): it can only read"
            )
        if key.startswith("bf_browser_"):
            raise Trouble(f"{mask(key)} is a browser key", "give the SDK key (bf_server_…) of the environment")
        if shape is None and key.startswith("bf_"):
            return Found(mask(key), "its checksum is wrong: a letter is missing or mistyped; copy the key again")
        return Found(mask(key))

    def _disk(self) -> Found:
        folder = cache_folder()
        if folder is None:
            tried = ", ".join(cache_candidates())
            raise Trouble(
                f"no folder can be written (tried {tried})", f"set {FOLDER_VARIABLE} to a folder of this user's own"
            )
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x" * 4096)
                file.flush()
        except OSError as error:
            raise Trouble(f"{folder}: {error.strerror}", f"free space there, or set {FOLDER_VARIABLE}") from None
        return Found(f"{folder} can be written")

    # -- the way there -----------------------------------------------------------------------------------------------

    def _resolve(self) -> Found:
        try:
            answers = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Trouble(
                f"{self._host} has no address: {error.strerror or error}",
                "is the host name right? in a container or VPN: is its DNS reachable?",
            ) from None
        self.addresses = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        text = f"{self._host} is {', '.join(self.addresses)}"
        if any(os.environ.get(name) for name in PROXY_VARIABLES):
            return Found(text, "a proxy is set in the environment: what a client sends may go there first")
        return Found(text)

    def _connect(self) -> Found:
        try:
            socket.create_connection((self._host, self._port), self._wait).close()
        except OSError as error:
            raise Trouble(
                f"{self._host}:{self._port} takes no connection: {error.strerror or error}",
                "is the backend running, is the port right, does a firewall stand between?",
            ) from None
        return Found(f"{self._host}:{self._port} takes connections")

    def _tls(self) -> Found:
        context = ssl.create_default_context()
        try:
            with (
                socket.create_connection((self._host, self._port), self._wait) as plain,
                context.wrap_socket(plain, server_hostname=self._host) as secure,
            ):
                version, certificate = secure.version(), secure.getpeercert()
        except ssl.SSLCertVerificationError as error:
            raise Trouble(
                f"the certificate is not trusted: {error.verify_message}",
                "is the host name the certificate's? behind an inspecting proxy, add its authority to this system",
            ) from None
        except OSError as error:
            raise Trouble(
                f"no TLS: {error}", "does the port speak https? if not, the URL begins with http://"
            ) from None
        expires = ssl.cert_time_to_seconds(str(certificate["notAfter"])) if certificate else 0.0
        days = (expires - time.time()) / 86_400
        text = f"{version}, certificate valid for {days:.0f} days"
        return Found(text, "renew the certificate soon" if days < 14 else "")

    # -- what a client asks ------------------------------------------------------------------------------------------

    def _ask(self) -> Found:
        self._transport = open_transport(self.target)
        began = time.perf_counter()
        self._answer = exchange_manifest(self._transport, self.target, self._wait)
        took = _milliseconds_since(began)
        text = f"status {self._answer.status}"
        return Found(text, "slow; clients do not wait for it, but their first ruleset does" if took > 2000 else "")

    def _authorised(self) -> Found:
        answer = self._asked()
        if answer.status in (401, 403):
            manifest_of(answer, self.target)
        return Found(f"the key is accepted for {self.target.workspace}/{self.target.environment}")

    def _read_manifest(self) -> Found:
        self._manifest = manifest_of(self._asked(), self.target)
        manifest = self._manifest
        return Found(f"revision {manifest.revision}, epoch {manifest.epoch}, published {manifest.published_at}")

    def _read_pages(self) -> Found:
        manifest, transport = self._manifest, self._transport
        if manifest is None or transport is None:
            raise Trouble("no manifest", "")
        pages = fetch_pages(transport, manifest, self.target, self._wait)
        self.fetched = Fetched(manifest, pages, self._asked().headers, self.target.url)
        if manifest.inline is not None:
            return Found(f"none: the ruleset travels inside the manifest ({len(manifest.raw):,} bytes)")
        return Found(f"{len(pages)} pages, {self.fetched.payload_bytes:,} bytes, every hash right")

    def _revalidate(self) -> Found:
        etag = self._asked().headers.get("etag")
        if etag is None or self._transport is None:
            return Found("no ETag", "every poll transfers the whole manifest: does a proxy remove ETag?")
        again = exchange_manifest(self._transport, self.target, self._wait, etag)
        if again.status == 304:
            return Found("304 for what is known: an unchanged ruleset costs a few hundred bytes a poll")
        if again.status == 200 and again.headers.get("etag") != etag:
            return Found("published anew meanwhile")
        return Found(
            f"status {again.status} instead of 304",
            "every poll transfers the whole manifest: does a proxy change ETags?",
        )

    def _compile(self) -> Found:
        if self.fetched is None:
            raise Trouble("no ruleset", "")
        snapshot = self.fetched.snapshot()
        for key in sorted(snapshot.keys()):
            snapshot.compiled(key)
        broken = snapshot.broken()
        text = f"{len(snapshot.keys()):,} flags"
        if broken:
            named = "; ".join(f"{key}: {why}" for key, why in list(broken.items())[:3])
            return Found(f"{text}, {len(broken)} broken", f"these answer with the caller's default: {named}")
        return Found(f"{text}, none broken")

    def _asked(self) -> Answer:
        if self._answer is None:
            raise Trouble("no answer", "")
        return self._answer


class Trouble(Exception):
    """A check that failed: what was found, and what to do."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice


def _milliseconds_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
