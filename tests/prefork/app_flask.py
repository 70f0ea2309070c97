"""A Flask application with the extension: each view reads inside the scope of its request."""

from __future__ import annotations

from typing import Any

from flask import Flask, g

from buildflags_sdk.integrations.flask import BuildFlags

from .clients import hold, says, started

application = Flask("shop")
client = started()
BuildFlags(application, client=client, context=lambda request: {"targetingKey": request.path})


@application.get("/")
def home() -> dict[str, Any]:
    """What the request's view of the flags says."""
    told = says(client)
    told["said"] = g.flags.get_value("greeting", "default")
    hold()
    return told
