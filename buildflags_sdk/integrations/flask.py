"""Flask: one scope per request, so that a request reads one revision with one context, in views and templates alike.

```python
flags = BuildFlags(context=lambda request: {"targetingKey": session.get("user_id", "")})


def create_app():
    app = Flask(__name__)
    app.config.from_prefixed_env()  # BUILDFLAGS_URL, BUILDFLAGS_SDK_KEY, BUILDFLAGS_WORKSPACE, BUILDFLAGS_ENVIRONMENT
    flags.init_app(app)
    return app
```

In a view, `g.flags.is_enabled("new-checkout")`; in a template, `{% if flag_enabled("new-checkout") %}`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from flask import current_app, g, request

from buildflags_sdk import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask import Flask, Request

EXTENSION = "buildflags"


class BuildFlags:
    """The extension. `app.extensions["buildflags"]` is the client, `g.flags` what the current request reads.

    Args:
        app: the application, or None to call `init_app` later.
        client: a client that you start and close; else one is made of the `BUILDFLAGS_*` configuration, each value of
            which beats its environment variable, and started.
        context: what makes the evaluation context of a request. It runs before the application's own `before_request`
            functions if the extension is initialised before they are registered.

    `BUILDFLAGS_START_WAIT` is how many seconds to wait for the first ruleset at most (2.0).

    >>> from flask import Flask
    >>> app = Flask("shop")
    >>> flags = BuildFlags(app, client=Client.from_flags({"new-checkout": True}))
    >>> with app.test_request_context():
    ...     app.preprocess_request()
    ...     g.flags.is_enabled("new-checkout")
    True
    """

    def __init__(
        self,
        app: Flask | None = None,
        client: Client | None = None,
        context: Callable[[Request], Mapping[str, Any] | None] | None = None,
    ) -> None:
        self._client = client
        self._context = context
        if app is not None:
            self.init_app(app)

    @property
    def client(self) -> Client:
        """The current application's client."""
        client: Client = current_app.extensions[EXTENSION]
        return client

    def init_app(self, app: Flask) -> None:
        """Attach to an application.

        Raises:
            ConfigurationError: there is no client, and the configuration lacks a value; the message names it.
        """
        client = app.extensions[EXTENSION] = self._client or _configured(app.config)
        app.before_request(self._enter)
        app.teardown_request(_leave)
        app.jinja_env.globals.update(flag_enabled=client.is_enabled, flag_value=client.get_value)

    def _enter(self) -> None:
        context = None if self._context is None else self._context(request)
        scope = self.client.scope(context)
        g.flags = scope.__enter__()
        g.buildflags_scope = scope


def _leave(error: BaseException | None) -> None:
    scope = g.pop("buildflags_scope", None)  # absent when an earlier before_request function answered
    if scope is not None:
        g.pop("flags", None)
        scope.__exit__(None, None, None)


def _configured(config: Mapping[str, Any]) -> Client:
    given = {
        key: " ".join(value)
        if isinstance(value, (list, tuple))
        else str(value)  # BUILDFLAGS_SIGNING_KEYS may be several
        for key, value in config.items()
        if key.startswith("BUILDFLAGS_") and value is not None
    }
    client = Client.from_env({**os.environ, **given})
    wait = config.get("BUILDFLAGS_START_WAIT")
    if wait is None:
        client.start()
    else:
        client.start(float(wait))
    return client
