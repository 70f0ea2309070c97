"""How a request becomes an answer: a seam of two methods, so that tests and hosts can bring their own.

This module loads nothing heavy; `http.py` beside it speaks HTTP and is loaded when the first client starts to refresh.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Request(NamedTuple):
    """One GET.

    `path` is absolute on the host; `deadline` is the seconds for all of it, from looking up the name to the last byte;
    `max_bytes` bounds the body after inflating; `authorized` says whether the SDK key goes with it.
    """

    path: str
    headers: Mapping[str, str]
    deadline: float
    max_bytes: int
    authorized: bool = True


class Answer(NamedTuple):
    """What came back: header names in lower case, the body inflated. The body is read only of a 200, else it is empty."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Fetches. May be called from several threads at once; after a fork the child makes a new one."""

    def exchange(self, request: Request) -> Answer:
        """Send one request and return the whole answer, whatever its status.

        Raises:
            TransportError: no whole answer within the deadline (`DeadlineExceeded`), no connection or a broken one
                (`ConnectionFailed`), or an answer that must not be used (`AnswerRefused`).
        """
        ...

    def close(self) -> None:
        """Give back connections, and end exchanges under way soon. May be called twice."""
        ...
