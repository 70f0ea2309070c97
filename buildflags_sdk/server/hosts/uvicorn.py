"""The application on one machine, in uvicorn: for `buildflags dev`, small installations and tests."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import uvicorn

from buildflags_sdk.errors import BuildFlagsError
from buildflags_sdk.server.asgi import App
from buildflags_sdk.server.hosts.prompt import prompt_protocol

_BACKLOG = 2048
_STOP_SECONDS = 10.0


class HostLimits(NamedTuple):
    """What connections may cost, whoever opens them. A request's body has its own limits, in `Settings`."""

    head_seconds: float = 10.0
    """How long a request's head may take, from the connection or from its first byte; then the connection is closed."""
    answer_seconds: float = 30.0
    """How long a client may leave an answer unread; then the connection is cut."""
    head_bytes: int = 16_384
    keep_alive_seconds: int = 5
    """How long a connection may be idle between two requests."""
    connections: int = 900
    """Open at once; over that a request is answered 503. Most systems allow a process 1,024 open files."""


_EVERYDAY = HostLimits()


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


def run(app: App, *, host: str = "127.0.0.1", port: int = 8080, limits: HostLimits = _EVERYDAY) -> None:
    """Serve until interrupted. Raises `AddressInUseError`."""
    listener = listen(host, port)
    try:
        server_of(app, limits).run(sockets=[listener])
    finally:
        listener.close()


@contextmanager
def running_server(app: App, *, limits: HostLimits = _EVERYDAY) -> Iterator[str]:
    """Serve on a free port of this machine, on a thread, until the block ends. Gives the base URL."""
    listener = listen(port=0)
    server = server_of(app, limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="buildflags-server", daemon=True)
    thread.start()
    try:
        # The socket listens already: what connects before uvicorn is ready waits in its backlog.
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
        listener.close()


def server_of(app: App, limits: HostLimits = _EVERYDAY, *, stop_seconds: int | None = None) -> uvicorn.Server:
    """Make the server, not yet started. `stop_seconds` is how long requests have to end when it is stopped."""
    config = uvicorn.Config(
        app,
        http=prompt_protocol(limits.head_seconds, limits.answer_seconds),
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        backlog=_BACKLOG,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=limits.keep_alive_seconds,
        h11_max_incomplete_event_size=limits.head_bytes,
        timeout_graceful_shutdown=stop_seconds,
    )
    return uvicorn.Server(config)
