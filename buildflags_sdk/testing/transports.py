"""Transports without a network: one that follows a script, and one that serves a ruleset as a backend does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from buildflags_sdk._transport import Answer, Request
from buildflags_sdk._wire.manifest import etag_of
from buildflags_sdk.errors import ConnectionFailed

from .factories import manifest_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .factories import Entry

    Step = Answer | Exception | Callable[[Request], Answer]

CACHE_CONTROL: Final = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"
PAGE_CACHE_CONTROL: Final = "public, max-age=31536000, immutable"


def manifest_answer(body: bytes, *, poll: int = 60, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer in which a backend gives a manifest. `headers` (names in lower case) are added, and win."""
    return Answer(200, {**_manifest_headers(etag_of(body, None), poll), **(headers or {})}, body)


def page_answer(body: bytes) -> Answer:
    """The answer in which a backend gives a page."""
    return Answer(200, {"content-type": "application/json", "cache-control": PAGE_CACHE_CONTROL}, body)


class _Recording:
    """What both transports share: they note each request, and a test can wait for one."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self._came = threading.Condition()

    def until_requested(self, count: int, timeout: float = 10.0) -> Request:
        """Block until `count` requests have come in all, and give the last of those.

        Raises:
            TimeoutError: there are fewer after `timeout` real seconds.
        """
        with self._came:
            if not self._came.wait_for(lambda: len(self.requests) >= count, timeout):
                msg = f"{len(self.requests)} requests came in {timeout} s, not {count}"
                raise TimeoutError(msg)
            return self.requests[count - 1]

    def close(self) -> None:
        """Note that the transport was closed."""
        self.closed = True

    def _note(self, request: Request) -> int:
        with self._came:
            self.requests.append(request)
            self._came.notify_all()
            return len(self.requests) - 1


class ScriptedTransport(_Recording):
    """Gives the answers of a script, in order: an `Answer`, an exception to raise, or a function of the request.

    After its end every exchange is `ConnectionFailed`, as if the backend were gone. `requests` holds what was asked.

    >>> transport = ScriptedTransport([manifest_answer(manifest_for([], revision=3)[0]), ConnectionFailed("gone")])
    >>> transport.exchange(Request("/v1/…/manifest", {}, deadline=10, max_bytes=1000)).status
    200
    """

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        super().__init__()
        self._steps = list(steps)

    def add(self, *steps: Step) -> None:
        """Add to the end of the script."""
        self._steps.extend(steps)

    def exchange(self, request: Request) -> Answer:
        """Do the next step of the script."""
        at = self._note(request)
        if at >= len(self._steps):
            msg = f"the script has {len(self._steps)} steps, this is request {at + 1}"
            raise ConnectionFailed(msg)
        step = self._steps[at]
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Answer) else step(request)


class LocalBackend(_Recording):
    """Serves one environment's ruleset as the real backend does, without a socket: manifest, ETag and 304, pages.

    >>> from buildflags_sdk.testing import flag
    >>> backend = LocalBackend([flag("new-checkout")])
    >>> backend.publish([flag("new-checkout", False)])
    >>> backend.revision
    2
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        *,
        workspace: str = "acme",
        environment: str = "production",
        poll: int = 60,
        bits: int | None = None,
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._environment = environment
        self._poll = poll
        self._bits = bits
        self._pages: dict[str, bytes] = {}
        self._manifest = b""
        self._outage: Answer | Exception | None = None
        self.revision = 0
        self.publish(entries)

    def publish(self, entries: Iterable[Entry], *, revision: int | None = None) -> None:
        """Put another ruleset into service, as the next revision unless one is given. Old pages stay where they are."""
        self.revision = self.revision + 1 if revision is None else revision
        self._manifest, pages = manifest_for(
            entries,
            revision=self.revision,
            workspace=self._workspace,
            environment=self._environment,
            bits=self._bits,
        )
        self._pages.update(pages)

    def fail(self, outage: Answer | Exception | None = None) -> None:
        """Fail every exchange from now on, by default as if there were no connection."""
        self._outage = ConnectionFailed("the backend is gone") if outage is None else outage

    def recover(self) -> None:
        """Answer again."""
        self._outage = None

    def exchange(self, request: Request) -> Answer:
        """Answer as the backend does."""
        self._note(request)
        if isinstance(self._outage, Exception):
            raise self._outage
        if self._outage is not None:
            return self._outage
        if request.path == f"/v1/workspaces/{self._workspace}/environments/{self._environment}/manifest":
            etag = etag_of(self._manifest, None)
            if request.headers.get("if-none-match") == etag:
                return Answer(304, _manifest_headers(etag, self._poll), b"")
            return manifest_answer(self._manifest, poll=self._poll)
        page = self._pages.get(request.path.rpartition("/")[2])
        return Answer(404, {"content-type": "application/problem+json"}, b"") if page is None else page_answer(page)


def _manifest_headers(etag: str, poll: int) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "cache-control": CACHE_CONTROL,
        "etag": etag,
        "buildflags-poll": str(poll),
    }
