"""Errors as the API says them: RFC 9457 problem details, each with what to do next in its `detail`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "application/problem+json"

_TITLES = {
    400: "The request cannot be read",
    401: "No key",
    403: "The key does not allow this",
    404: "Not found",
    405: "This address takes other methods",
    408: "Too slow",
    409: "In conflict with what is there",
    412: "Changed meanwhile",
    413: "The body is too large",
    415: "Send JSON",
    422: "Not valid",
    428: "Say which version this was made from",
    429: "Too many requests",
    500: "The server failed",
    503: "Not possible just now",
}


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "`detail` says what was wrong and what to do next; further members depend on the status.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
    },
}
"""How the OpenAPI document describes every answer but success."""


class ProblemError(Exception):
    """An answer other than success. `more` are further members of the problem object."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def body(self, instance: str | None = None) -> bytes:
        """Give the problem object's bytes. `instance` is the path that was asked for."""
        return problem_body(self.status, self.detail, instance=instance, **self.more)


def problem_body(status: int, detail: str, *, instance: str | None = None, **more: Any) -> bytes:
    """Give the bytes of a problem object."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "An error"),
        "status": status,
        "detail": detail,
    }
    if instance is not None:
        document["instance"] = instance
    # A lone surrogate of the request's, quoted in `detail`, becomes an escape: that is JSON too.
    return json.dumps({**document, **more}, ensure_ascii=False, default=str).encode(errors="backslashreplace")
