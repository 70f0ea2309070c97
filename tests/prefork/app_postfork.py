"""A WSGI application under uWSGI that has functions of its own called after a fork, beside those of its client."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

from .clients import hold, says, started

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

CALLED: list[str] = []

uwsgi: Any = importlib.import_module("uwsgi")
uwsgi.post_fork_hook = lambda: CALLED.append("by hand")
CLIENT = started()
importlib.import_module("uwsgidecorators").postfork(lambda: CALLED.append("decorated"))


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with what the client says here, and with what was called."""
    told = {**says(CLIENT), "called": CALLED}
    hold()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
