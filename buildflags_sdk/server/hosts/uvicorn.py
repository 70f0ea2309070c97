"""The application on one machine, in uvicorn: for `buildflags dev`, small installations and tests."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from buildflags_sdk.errors import BuildFlagsError
from buildflags_sdk.server.asgi import App

_BACKLOG = 2048
_STOP_SECONDS = 10.0


class AddressInUseError(BuildFlagsError):
    """Another program listens there; the message says how to choose another port."""


def listen(host: str = "127.0.0.1", port: int = 8080) -> socket.socket:
    """Take a port before anything else is begun. Port 0 takes a free one.

    Raises:
        AddressInUseError: another program has it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        msg = f"port {port} on {host} is in use by another program; stop it, or choose another port with --port"
        raise AddressInUseError(msg) from None
    return listener


def run(app: App, *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve until interrupted. Raises `AddressInUseError`."""
    listener = listen(host, port)
    try:
        uvicorn.Server(_config(app)).run(sockets=[listener])
    finally:
        listener.close()


@contextmanager
def running_server(app: App) -> Iterator[str]:
    """Serve on a free port of this machine, on a thread, until the block ends. Gives the base URL."""
    listener = listen(port=0)
    server = uvicorn.Server(_config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="buildflags-server", daemon=True)
    thread.start()
    try:
        # The socket listens already: what connects before uvicorn is ready waits in its backlog.
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
        listener.close()


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        backlog=_BACKLOG,
        proxy_headers=False,
    )
