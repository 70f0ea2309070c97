"""The few HTTP header fields the protocol reads (RFC 9110, 9111, 5861). Garbage counts as absent and never raises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .limits import HEADER_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

_DELTA_SECONDS = re.compile(r"[0-9]+")
_LONGEST = 2**31
"""RFC 9111 1.2.2: a larger number of seconds is read as this one."""

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_QUOTED = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_DIRECTIVE = re.compile(rf'\s*+({_NAME})\s*+(?:=\s*+({_QUOTED}|[^\s,;"]*+)\s*+)?(?:,|$)')
"""Every run is possessive, so that what does not match is given up at once: blanks cost their number, not its square."""


class CacheHeaders(NamedTuple):
    """How fresh an answer is and when to ask again, in whole seconds; None where the answer does not say."""

    max_age: int | None = None
    stale_while_revalidate: int | None = None
    stale_if_error: int | None = None
    age: int | None = None
    poll: int | None = None


def read_cache_headers(headers: Mapping[str, str]) -> CacheHeaders:
    """Read Cache-Control, Age and BuildFlags-Poll from a mapping with lower-case names.

    >>> read_cache_headers({"cache-control": "public, max-age=15, stale-while-revalidate=15", "age": "3"})
    CacheHeaders(max_age=15, stale_while_revalidate=15, stale_if_error=None, age=3, poll=None)
    """
    said = directives(within_limit(headers.get("cache-control")) or "")
    return CacheHeaders(
        max_age=0 if "no-cache" in said or "no-store" in said else said.get("max-age"),
        stale_while_revalidate=said.get("stale-while-revalidate"),
        stale_if_error=said.get("stale-if-error"),
        age=_seconds((headers.get("age") or "").partition(",")[0]),  # RFC 9111 5.1: of several, the first
        poll=_seconds(headers.get("buildflags-poll")) or None,
    )


def read_retry_after(text: str | None, wall_now: float) -> float | None:
    """Read Retry-After, a number of seconds or an HTTP date, as seconds from now on (at least 0); garbage is None.

    >>> read_retry_after("Mon, 23 Nov 2026 09:00:10 GMT", 1795424400.0)
    10.0
    """
    text = within_limit(text)
    if text is None:
        return None
    seconds = _seconds(text)
    if seconds is not None:
        return float(seconds)
    moment = _http_date(text)
    return None if moment is None else max(0.0, moment - wall_now)


def within_limit(text: str | None) -> str | None:
    """The text of a header field, or None if it is longer than any of ours: such a one is neither read nor kept."""
    return text if text is not None and len(text) <= HEADER_CHARACTERS else None


def directives(text: str) -> dict[str, int | None]:
    """Split Cache-Control into names and their seconds (None: says none). After garbage nothing is read.

    Of one directive given twice, the shorter time holds.
    """
    found: dict[str, int | None] = {}
    position = 0
    while position < len(text) and (match := _DIRECTIVE.match(text, position)) is not None:
        position = match.end()
        name, seconds = match[1].lower(), _seconds((match[2] or "").strip('"'))
        if name not in found or (found[name] or 0) > (seconds or 0):
            found[name] = seconds
    return found


def _seconds(text: str | None) -> int | None:
    text = (within_limit(text) or "").strip()
    if not _DELTA_SECONDS.fullmatch(text):
        return None
    return _LONGEST if len(text) > 10 else min(int(text), _LONGEST)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_HTTP_DATES = tuple(
    re.compile(pattern, re.ASCII | re.IGNORECASE)
    for pattern in (
        rf"[a-z]{{3}}, (?P<day>\d{{2}}) (?P<month>[a-z]{{3}}) (?P<year>\d{{4}}) {_CLOCK} GMT",  # IMF-fixdate
        rf"[a-z]{{6,9}}, (?P<day>\d{{2}})-(?P<month>[a-z]{{3}})-(?P<year>\d{{2}}) {_CLOCK} GMT",  # RFC 850
        rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>[\d ]\d) {_CLOCK} (?P<year>\d{{4}})",  # asctime
    )
)


def _http_date(text: str) -> float | None:
    """Read the three forms of RFC 9110 5.6.7 as unix seconds (the standard library's way costs importing `email`)."""
    match = next((found for pattern in _HTTP_DATES if (found := pattern.fullmatch(text.strip()))), None)
    if match is None:
        return None
    name = match["month"].lower()
    month = _MONTHS.index(name) + 1 if name in _MONTHS else 0
    day, year = int(match["day"]), int(match["year"])
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if year < 100:  # RFC 850's two digits: nothing older than this protocol is meant
        year += 2000
    if not (month and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        return None
    return float(_days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)


def _days_since_1970(year: int, month: int, day: int) -> int:
    """Count days of the proleptic Gregorian calendar, years taken to begin in March."""
    year -= month <= 2
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + day_of_year - 719_468
