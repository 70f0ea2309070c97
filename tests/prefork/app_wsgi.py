"""A WSGI application that says what its client says: made where it is imported, or in a worker by its first request."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from .clients import TOLD, hold, says, started

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

the_client = cache(started)
"""The process's client."""

if TOLD["made"] == "at import":
    the_client()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with what the client says here; under `/scope`, inside a scope, as the integrations open one."""
    client = the_client()
    if environ["PATH_INFO"] == "/scope":
        with client.scope({"targetingKey": "ada"}):
            told = says(client)
    else:
        told = says(client)
    hold()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
