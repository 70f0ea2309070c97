"""What an answer's status and headers mean for a refresh, in small tables and functions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from buildflags_sdk._wire.headers import within_limit
from buildflags_sdk._wire.manifest import FORMATS
from buildflags_sdk.errors import AnswerRefused, FormatVersionError, SignatureError, TransportError

from .events import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._wire.headers import CacheHeaders

KEPT_OUT_STATUSES: Final = (401, 403, 404)
RETRY_AFTER_STATUSES: Final = (429, 503)
PAGE_GONE_STATUSES: Final = (401, 403, 404, 410)
SIGNATURE_HEADER: Final = "buildflags-signature"
_KEPT_HEADERS: Final = ("age", "buildflags-poll", SIGNATURE_HEADER, "cache-control")
_MANIFEST_TYPE: Final = "application/json"

_EXPLAINED: Final = {
    Cause.UNREACHABLE: "the ruleset of {place} cannot be refreshed: the backend cannot be reached",
    Cause.OVERLOADED: "the ruleset of {place} cannot be refreshed: the backend is not well",
    Cause.KEPT_OUT: "the SDK key does not open {place}: check the key, the workspace and the environment; "
    "asking again every {pace:g} s",
    Cause.UNUSABLE: "an answer for {place} cannot be used and was refused",
    Cause.UNTRUSTED: "a ruleset of {place} is not signed by a key that is pinned here and was refused",
    Cause.NEWER_FORMAT: "the ruleset of {place} is in a format that this version does not read (it reads "
    + ", ".join(map(str, FORMATS))
    + ")",
    Cause.SUPERSEDED: "pages that the manifest of {place} names are not there",
}


def cause_of_status(status: int) -> Cause:
    """Why a manifest's status that is neither 200 nor 304 makes the refresh fail."""
    if status in KEPT_OUT_STATUSES:
        return Cause.KEPT_OUT
    return Cause.OVERLOADED if status == 429 or status >= 500 else Cause.UNUSABLE


def cause_of_page_status(status: int) -> Cause:
    """Why a page's status makes the refresh fail. S3 says 403 for what is not there."""
    return Cause.SUPERSEDED if status in PAGE_GONE_STATUSES else cause_of_status(status)


def cause_of_error(error: Exception) -> Cause:
    """Why an exception makes the refresh fail."""
    if isinstance(error, FormatVersionError):
        return Cause.NEWER_FORMAT
    if isinstance(error, SignatureError):
        return Cause.UNTRUSTED
    if isinstance(error, TransportError) and not isinstance(error, AnswerRefused):
        return Cause.UNREACHABLE
    return Cause.UNUSABLE


def explained(cause: Cause, place: str, pace: float, error: str | None) -> str:
    """One line for the log: what is wrong with refreshing `place`, what to do, and what goes on meanwhile."""
    return f"{_EXPLAINED[cause].format(place=place, pace=pace)} ({error}); the last good ruleset stays in service"


def check_content_type(headers: Mapping[str, str]) -> None:
    """Refuse a login page that came in a manifest's place. A page needs no such check: its name is its hash.

    Raises:
        AnswerRefused: the answer says that it is something else than JSON.
    """
    content_type = headers.get("content-type")
    if content_type is not None and content_type.partition(";")[0].strip().lower() != _MANIFEST_TYPE:
        msg = f"the manifest's content type is {content_type[:80]!r}, not {_MANIFEST_TYPE}"
        raise AnswerRefused(msg)


def is_fresh(cache: CacheHeaders) -> bool:
    """Whether an answer is fresh by its own headers; without Age it counts as just received."""
    return cache.age is None or cache.age <= (cache.max_age or 0)


def is_stale_on_arrival(cache: CacheHeaders) -> bool:
    """Whether the edge that answered lives on `stale-if-error`: it could not ask its origin."""
    if cache.age is None or cache.max_age is None:
        return False
    return cache.age > cache.max_age + (cache.stale_while_revalidate or 0)


def is_same_etag(answered: str | None, sent: str) -> bool:
    """Compare weakly (RFC 9110 13.1.2). A 304 that names none is about the one that was sent."""
    return answered is None or answered.removeprefix("W/") == sent.removeprefix("W/")


def sendable_etag(etag: str | None) -> str | None:
    """The tag if a request can carry it back. One too long or no visible ASCII would fail every request it goes with."""
    etag = within_limit(etag)
    return etag if etag is not None and etag.isascii() and etag.isprintable() else None


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that its ruleset keeps: those that are read at all, so that a disk copy has room for them."""
    return {name: text for name in _KEPT_HEADERS if (text := within_limit(headers.get(name))) is not None}


def renewed_headers(stored: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    """The stored headers with those of a 304 in their place (RFC 9111 3.2); its age is its own, or none.

    But for the signatures: those that came with the bytes were checked, and other ones would be another entity tag.
    """
    renewed = {name: value for name, value in kept_headers(headers).items() if name != SIGNATURE_HEADER}
    return {**{name: value for name, value in stored.items() if name != "age"}, **renewed}
