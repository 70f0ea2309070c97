"""An httpx transport over httpcore connections that keep to a deadline. Loaded with httpx, at the first exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from buildflags_sdk.errors import ConnectionFailed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from .network import Network
    from .url import BaseUrl

CONNECTIONS = 8
KEEP_ALIVE_SECONDS = 15.0
_HTTPX_ERRORS = tuple(
    (getattr(httpcore, name), getattr(httpx, name))
    for name in (
        "ConnectTimeout",
        "ReadTimeout",
        "WriteTimeout",
        "PoolTimeout",
        "ConnectError",
        "ReadError",
        "WriteError",
        "ProxyError",
        "LocalProtocolError",
        "RemoteProtocolError",
        "UnsupportedProtocol",
    )
)


class Sender(httpx.BaseTransport):
    """Sends requests to one host, directly or through a proxy (`http://` or `https://`)."""

    def __init__(self, network: Network, ssl_context: ssl.SSLContext | None, proxy: str | None) -> None:
        self._network = network
        settings: dict[str, Any] = {
            "ssl_context": ssl_context,
            "max_connections": CONNECTIONS,
            "keepalive_expiry": KEEP_ALIVE_SECONDS,
            "network_backend": network,
        }
        self._pool: httpcore.ConnectionPool
        if proxy is None:
            self._pool = httpcore.ConnectionPool(**settings)
            return
        described = httpx.Proxy(proxy)
        if described.url.scheme not in ("http", "https"):
            msg = f"the proxy {described.url.scheme}://{described.url.host} is of a kind that is not supported"
            raise ConnectionFailed(msg)
        url = httpcore.URL(
            scheme=described.url.raw_scheme,
            host=described.url.raw_host,
            port=described.url.port,
            target=described.url.raw_path,
        )
        self._pool = httpcore.HTTPProxy(proxy_url=url, proxy_auth=described.raw_auth, **settings)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and return when the headers are there."""
        with _as_httpx_errors():
            response = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    def close(self) -> None:
        """Give back all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The raw bytes of a response's body."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _as_httpx_errors:  # noqa: N801 - read as a verb, like contextlib's
    """Raise httpcore's errors as the httpx errors of the same name, without a cause that could name a header's value."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for ours, theirs in _HTTPX_ERRORS:
            if isinstance(error, ours):
                raise theirs(str(error)) from None


def ssl_context_for(url: BaseUrl, proxy: str | None, *, trust_env: bool) -> ssl.SSLContext | None:
    """The certificates to trust; None where no TLS is spoken (making one costs about 20 ms)."""
    if url.scheme == "https" or (proxy or "").startswith("https"):
        return httpx.create_ssl_context(trust_env=trust_env)
    return None


def proxy_for(url: BaseUrl) -> str | None:
    """The proxy that the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY) or the system names for a host."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - beside its only use

    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
