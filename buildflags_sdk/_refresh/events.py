"""What one refresh may be told to do, what may have happened, and what is worth saying: the words of `_refresh.py`.

Pure data.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from buildflags_sdk._evaluation.details import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._wire.manifest import Manifest

_NO_PAGES: Final[Mapping[str, bytes]] = {}

# What to do.


class WaitUntil(NamedTuple):
    """Do nothing until either clock has come this far; both are infinite while something is under way."""

    monotonic: float
    wall: float


class FetchManifest(NamedTuple):
    """Ask for the manifest, with `If-None-Match: etag` unless that is None.

    With `may_share`, the answer of another process of this host will do: see `Refresh.settled_by`.
    """

    etag: str | None
    may_share: bool


class FetchPages(NamedTuple):
    """Fetch these pages, a few at once. They need not be verified: `received` does."""

    manifest: Manifest
    missing: tuple[str, ...]


class Adopt(NamedTuple):
    """All pages are there: build and swap. `pages` are those that the ruleset in service does not hold."""

    manifest: Manifest
    pages: Mapping[str, bytes]
    source: Source


Action = WaitUntil | FetchManifest | FetchPages | Adopt


# What happened.


class Answered(NamedTuple):
    """The backend answered the request for the manifest. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class PagesFetched(NamedTuple):
    """These pages came, all of the missing ones or some."""

    pages: Mapping[str, bytes]


class PageRefused(NamedTuple):
    """A page was answered with another status than 200; `pages` came before."""

    name: str
    status: int
    pages: Mapping[str, bytes] = _NO_PAGES


class Failed(NamedTuple):
    """What was under way brought nothing; `pages` came before it failed. Taken in every phase."""

    error: Exception
    pages: Mapping[str, bytes] = _NO_PAGES


class Adopted(NamedTuple):
    """The ruleset of the last `Adopt` is in service."""


class AdoptFailed(NamedTuple):
    """The ruleset of the last `Adopt` cannot be built."""

    error: Exception


class Requested(NamedTuple):
    """Somebody asked for a refresh now. Joins one under way; never sooner than a `Retry-After` allows."""


class Forked(NamedTuple):
    """This is a child now: what was under way is the parent's."""


class Seeded(NamedTuple):
    """A disk copy or a bootstrap file was read. While ASKING: another process of this host asked, and got this."""

    manifest: Manifest
    pages: Mapping[str, bytes]
    etag: str | None
    headers: Mapping[str, str]
    checked_at: float
    source: Source = Source.DISK
    generation: int = 0


class NeighbourFailed(NamedTuple):
    """Another process of this host asked at `failed_at` (Unix seconds), and failed as often in a row as said."""

    failed_at: float
    failures: int


class NeighbourAsks(NamedTuple):
    """Another process of this host is asking right now."""


Event = (
    Answered
    | PagesFetched
    | PageRefused
    | Failed
    | Adopted
    | AdoptFailed
    | Requested
    | Forked
    | Seeded
    | NeighbourFailed
    | NeighbourAsks
)


# What to say.


class Cause(StrEnum):
    """Why refreshes fail."""

    UNREACHABLE = "unreachable"
    OVERLOADED = "overloaded"
    KEPT_OUT = "kept_out"
    UNUSABLE = "unusable"
    UNTRUSTED = "untrusted"
    NEWER_FORMAT = "newer_format"
    SUPERSEDED = "superseded"


class Report(NamedTuple):
    """A change of state worth one log line. `level` is the name of a logging method.

    `cause` and `error` are None when things are well again, or when a step back was taken (`stepped_back`).
    """

    level: str
    message: str
    cause: Cause | None = None
    error: Exception | None = None
    failures: int = 0
    seconds: float = 0.0
    stepped_back: bool = False


class Served(NamedTuple):
    """The ruleset in service, as the disk copy needs it. `checked_at` is when the backend last stood by it (Unix)."""

    manifest: Manifest
    etag: str | None
    headers: Mapping[str, str]
    source: Source
    generation: int
    checked_at: float
