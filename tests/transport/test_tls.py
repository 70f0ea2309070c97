"""TLS on real sockets: the deadline holds inside it too, and a certificate nobody vouches for is a failed connection."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._transport import Request
from buildflags_sdk._transport.http import HttpTransport
from buildflags_sdk.errors import ConnectionFailed, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command to make a certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "chain.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(
        [str(OPENSSL), *made, *subject, "-keyout", str(key), "-out", str(chain)], check=True, capture_output=True
    )
    return key, chain


def over_tls(certificate: tuple[Path, Path], script: Callable[[Any], object]) -> Callable[[Any], None]:
    key, chain = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    def serve(connection: Any) -> None:
        with context.wrap_socket(connection.socket, server_side=True) as wrapped:
            connection.socket = wrapped
            script(connection)

    return serve


def answer_each(connection: Any) -> None:
    while connection.request():
        connection.answer(b"{}")


def ask(transport: HttpTransport, deadline: float = 30.0) -> bytes:
    return transport.exchange(Request("/m", {}, deadline, 1000)).body


@pytest.fixture
def url(server: Any) -> str:
    return str(server.url).replace("http:", "https:")


def test_a_backend_with_a_trusted_certificate_is_asked_over_one_connection(
    server: Any, url: str, certificate: tuple[Path, Path]
) -> None:
    server.serve(over_tls(certificate, answer_each))
    transport = HttpTransport(url, "k", ssl_context=ssl.create_default_context(cafile=str(certificate[1])))
    assert [ask(transport) for _ in range(3)] == [b"{}"] * 3
    assert server.connections == 1
    transport.close()


def test_ssl_cert_file_is_trusted(
    server: Any, url: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve(over_tls(certificate, answer_each))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
    transport = HttpTransport(url, "k")
    assert ask(transport) == b"{}"
    transport.close()


def test_a_certificate_that_nobody_vouches_for_is_a_failed_connection_and_sees_no_request(
    server: Any, url: str, certificate: tuple[Path, Path]
) -> None:
    server.serve(over_tls(certificate, answer_each))
    transport = HttpTransport(url, "k", trust_env=False)
    with pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED"):
        ask(transport)
    assert server.requests == []
    transport.close()


def test_what_is_no_tls_is_a_failed_connection(server: Any, url: str) -> None:
    server.serve(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    transport = HttpTransport(url, "k", trust_env=False)
    with pytest.raises(ConnectionFailed):
        ask(transport)
    transport.close()


def test_a_body_that_drips_inside_tls_ends_at_the_deadline(
    server: Any, url: str, certificate: tuple[Path, Path], stopwatch: Any
) -> None:
    def drip(connection: Any) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        connection.drip(b"x" * 1000)

    server.serve(over_tls(certificate, drip))
    transport = HttpTransport(url, "k", ssl_context=ssl.create_default_context(cafile=str(certificate[1])))
    with stopwatch, pytest.raises(DeadlineExceeded):
        ask(transport, 0.5)
    assert stopwatch.seconds < 10.0, "the dripping goes on for twice that, and longer"
    transport.close()


def test_a_handshake_that_drips_ends_at_the_deadline(server: Any, url: str, stopwatch: Any) -> None:
    def drip(connection: Any) -> None:
        connection.send(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")  # a handshake record of 16 KB, and its server hello
        connection.drip(b"\x03" * 5000)

    server.serve(drip)
    transport = HttpTransport(url, "k", ssl_context=ssl.create_default_context())
    with stopwatch, pytest.raises(DeadlineExceeded):
        ask(transport, 0.5)
    assert stopwatch.seconds < 10.0, "the dripping goes on for twice that, and longer"
    transport.close()


def test_closing_ends_an_exchange_that_hangs_inside_tls(
    server: Any, url: str, certificate: tuple[Path, Path], stopwatch: Any
) -> None:
    import threading

    server.serve(over_tls(certificate, lambda connection: (connection.request(), connection.hang())))
    transport = HttpTransport(url, "k", ssl_context=ssl.create_default_context(cafile=str(certificate[1])))
    failed: list[Exception] = []

    def exchange() -> None:
        try:
            ask(transport, 60.0)
        except ConnectionFailed as error:
            failed.append(error)

    thread = threading.Thread(target=exchange)
    thread.start()
    while not server.requests:
        server.stopping.wait(0.01)
    with stopwatch:
        transport.close()
        thread.join(30)
    assert failed
    assert stopwatch.seconds < 10.0
