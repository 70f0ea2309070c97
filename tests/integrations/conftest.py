"""Real servers in threads, a plain HTTP client, and Django configured once for the process."""

from __future__ import annotations

import gc
import http.client
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _only_this_tests_clients() -> None:
    gc.collect()


def ask(port: int, path: str, **headers: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        assert answer.status == 200, body
        return body
    finally:
        connection.close()


@contextmanager
def wsgi(app: Any) -> Iterator[Callable[..., str]]:
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield lambda path, **headers: ask(server.port, path, **headers)
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@contextmanager
def asgi(app: Any) -> Iterator[Callable[..., str]]:
    import socket

    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        # The socket listens from the moment the server has started; a connection before that waits in its queue.
        listening.listen()
        yield lambda path, **headers: ask(listening.getsockname()[1], path, **headers)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture
def serve_wsgi() -> Callable[[Any], Any]:
    return wsgi


@pytest.fixture
def serve_asgi() -> Callable[[Any], Any]:
    return asgi
