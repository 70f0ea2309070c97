"""What `dev` and `serve` share: taking a port, opening the store's file, serving; each failure with what to do about it."""

from __future__ import annotations

import errno
import json
import socket
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

import click
from rich.console import RenderableType

from buildflags_sdk.server import SqliteStore
from buildflags_sdk.server.asgi import App
from buildflags_sdk.server.hosts.uvicorn import AddressInUseError, listen, server_of

from ._exit import Exit, Failure
from ._output import stdout

STOP_SECONDS = 3

host_option = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port_option = click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 takes any free one."
)


def take_port(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one."""
    try:
        return listen(host, port)
    except AddressInUseError:
        advice = "another process listens there: end it, or give another port (--port 0 takes any free one)"
        raise Failure(f"port {port} on {host} is in use", advice, exit_code=Exit.CONFIGURATION) from None
    except OSError as error:
        what = f"cannot listen on {host}:{port}: {error.strerror or error}"
        advice = "give an address of this machine as --host, for example 127.0.0.1"
        if error.errno == errno.EACCES:
            advice = "ports below 1024 belong to the system: give a higher one, such as --port 8080"
        raise Failure(what, advice, exit_code=Exit.CONFIGURATION) from None


def url_of(listener: socket.socket) -> str:
    """The address that clients on this machine use for a listening socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def open_store(path: str) -> SqliteStore:
    """The store in a file (or ":memory:")."""
    try:
        return SqliteStore(path)
    except (OSError, sqlite3.Error) as error:
        raise Failure(
            f"cannot use {path} as the store: {error}",
            "give a file in a folder that can be written; if the file is there, it must be one that this command made",
            exit_code=Exit.CONFIGURATION,
        ) from None


def serve_until_interrupted(
    app: App, listener: socket.socket, answer: dict[str, Any], picture: Callable[[], RenderableType], *, as_json: bool
) -> None:
    """Say that it is ready, on one line with `as_json`, and serve. Ctrl-C and SIGTERM end it well."""
    server = server_of(app, stop_seconds=STOP_SECONDS)
    # The socket listens already: who connects before uvicorn is up waits in its backlog.
    try:
        if as_json:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        else:
            stdout().print(picture())
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # the way it is meant to end
        pass
    finally:
        listener.close()
