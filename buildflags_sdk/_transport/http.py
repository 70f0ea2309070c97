"""Fetches over HTTP with httpx. One deadline for all of an exchange; the key goes to one host and nowhere else.

httpx is loaded by the first exchange. Its transports are used and not its client: that one writes a log line for each
request, follows redirects with what it holds, keeps cookies, and decodes bodies without a bound.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, cast

import buildflags_sdk
from buildflags_sdk._loading import loading
from buildflags_sdk.errors import AnswerRefused, ConnectionFailed, DeadlineExceeded, TransportError

from . import Answer, Request
from .inflate import gathered, inflated, longest_packed
from .url import BaseUrl, parse_base_url

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    import httpx

    from .network import Network

MOST_REDIRECTS: Final = 3
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_IDLE_SECONDS: Final = 15.0
USER_AGENT: Final = f"buildflags-sdk/{buildflags_sdk.__version__} python/{sys.version_info[0]}.{sys.version_info[1]}"


class HttpTransport:
    """A transport for one backend. Thread-safe; a forked child begins anew by itself.

    Args:
        url: the backend's address, checked by `parse_base_url`; its path is put before every request's.
        sdk_key: sent as a bearer token with authorized requests that bring no `authorization` of their own.
        user_agent: how the client names itself.
        trust_env: whether HTTPS_PROXY and its like, SSL_CERT_FILE and SSL_CERT_DIR count.
        ssl_context: the certificates to trust, in place of certifi's (or SSL_CERT_FILE's).
        sender: an httpx transport to send with, for hosts that need their own. The deadline then is as good as its
            timeouts: it is checked between chunks.
        clock: monotonic seconds.
        wall: Unix seconds; with `clock` it tells when connections were left alone for too long, a freeze included.
    """

    def __init__(
        self,
        url: str,
        sdk_key: str,
        *,
        user_agent: str = USER_AGENT,
        trust_env: bool = True,
        ssl_context: ssl.SSLContext | None = None,
        sender: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._url: BaseUrl = parse_base_url(url)
        self._sdk_key = sdk_key
        self._user_agent = user_agent
        self._trust_env = trust_env
        self._ssl_context = ssl_context
        self._given = sender
        self._clock = clock
        self._wall = wall
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.RLock()  # a signal handler may close what its own thread is closing
        self._made: tuple[httpx.BaseTransport, Network] | None = None
        self._under_way = 0
        self._used = (self._clock(), self._wall())

    def __repr__(self) -> str:
        return f"HttpTransport({str(self._url)!r})"

    def exchange(self, request: Request) -> Answer:
        """Send one request and return the whole answer, redirects on the same host followed."""
        if os.getpid() != self._process:
            self._begin()  # the parent's connections are not ours to use, nor to shut down
        until = self._clock() + request.deadline
        try:
            sender, network = self._take()
            try:
                return self._followed(sender, network, request, until)
            finally:
                self._give_back()
        except TransportError as error:
            if isinstance(error, DeadlineExceeded) or self._clock() >= until:
                msg = f"{self._place} gave no whole answer within {request.deadline:g} s"
                raise DeadlineExceeded(msg) from None
            raise

    def close(self) -> None:
        """Give back connections and end exchanges under way; further ones fail. May be called twice."""
        self._closed = True
        if os.getpid() != self._process:
            return
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            sender, network = made
            network.end_all()
            if sender is not self._given:
                sender.close()

    def abandon(self) -> None:
        """In a forked child: close this process's copies of the parent's connections, and leave those of the parent be."""
        made, self._made = self._made, None
        if made is not None:
            made[1].abandon_all()

    # One exchange.

    def _followed(self, sender: httpx.BaseTransport, network: Network, request: Request, until: float) -> Answer:
        import httpx  # noqa: PLC0415 - costs about 130 ms, and a client that only reads a file needs none of it

        base = httpx.URL(scheme=self._url.scheme, host=self._url.host, port=self._url.port)
        target = base.copy_with(raw_path=_raw_path(self._url.path + request.path))
        for _ in range(MOST_REDIRECTS + 1):
            response = self._sent(sender, network, httpx.Request("GET", target, headers=self._headers(request)), until)
            try:
                if response.status_code not in _REDIRECTS or "location" not in response.headers:
                    return self._answer(response, request, until)
            finally:
                response.close()
            target = _redirected(target, response.headers["location"])
        msg = f"the backend redirected more than {MOST_REDIRECTS} times"
        raise AnswerRefused(msg)

    def _sent(
        self, sender: httpx.BaseTransport, network: Network, request: httpx.Request, until: float
    ) -> httpx.Response:
        """Send; again when a connection that was kept alive turns out to be dead, each of which can happen once."""
        import httpx  # noqa: PLC0415 - loaded by now

        budget = network.budget
        while True:
            left = until - self._clock()
            if left <= 0.0:
                raise DeadlineExceeded(_LATE)
            budget.until, budget.connects = until, 0
            request.extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), left)}
            try:
                response = sender.handle_request(request)
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as error:
                if budget.connects or sender is self._given or self._closed:
                    raise self._mapped(error) from None
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise self._mapped(error) from None
            else:
                response.request = request
                return response

    def _answer(self, response: httpx.Response, request: Request, until: float) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code not in (200, 304):
            return Answer(response.status_code, headers, b"")
        max_bytes = request.max_bytes if response.status_code == 200 else 0
        announced = headers.get("content-length", "")
        if announced.isdigit() and response.status_code == 200 and int(announced) > longest_packed(max_bytes):
            msg = f"a body of {announced} bytes is announced, over the limit of {max_bytes}"
            raise AnswerRefused(msg)
        return Answer(response.status_code, headers, self._body(response, headers, max_bytes, until))

    def _body(self, response: httpx.Response, headers: dict[str, str], max_bytes: int, until: float) -> bytes:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        chunks = self._chunks(response, until)
        if response.status_code == 304 or encoding in ("identity", ""):
            return gathered(chunks, max_bytes)
        if encoding in ("gzip", "x-gzip"):
            return inflated(chunks, max_bytes)
        msg = f"the body is encoded as {encoding[:40]!r}; asked for was gzip"
        raise AnswerRefused(msg)

    def _chunks(self, response: httpx.Response, until: float) -> Iterator[bytes]:
        import httpx  # noqa: PLC0415 - loaded by now

        try:
            for chunk in cast("httpx.SyncByteStream", response.stream):
                if self._clock() >= until:
                    raise DeadlineExceeded(_LATE)
                yield chunk
        except httpx.TransportError as error:
            raise self._mapped(error) from None

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {
            "accept": "application/json",
            "accept-encoding": "gzip",
            "user-agent": self._user_agent,
            **{name.lower(): value for name, value in request.headers.items()},
        }
        if not request.authorized:
            headers.pop("authorization", None)
        elif "authorization" not in headers:
            headers["authorization"] = f"Bearer {self._sdk_key}"
        return headers

    def _mapped(self, error: Exception) -> TransportError:
        """One of our errors for one of httpx's. It names the host, but neither a path (a page's is a secret) nor a key."""
        import httpx  # noqa: PLC0415 - loaded by now

        if isinstance(error, httpx.TimeoutException):
            return DeadlineExceeded(_LATE)
        reason = "" if isinstance(error, httpx.LocalProtocolError) else str(error).replace(self._sdk_key, "…")
        return ConnectionFailed(f"{self._place}: {reason or type(error).__name__}")

    @property
    def _place(self) -> str:
        return f"{self._url.scheme}://{self._url.host}:{self._url.port}"

    # Connections.

    def _take(self) -> tuple[httpx.BaseTransport, Network]:
        """What to send with. After a long rest it is new: a freeze or a silent peer may have cut what was kept alive."""
        with self._lock:
            if self._closed:
                msg = "this transport was closed"
                raise ConnectionFailed(msg)
            idle = max(self._clock() - self._used[0], self._wall() - self._used[1])
            if self._made is not None and not self._under_way and idle > _IDLE_SECONDS and self._given is None:
                self._made[0].close()
                self._made = None
            if self._made is None:
                with loading():  # whatever an exchange needs is loaded here
                    self._made = self._make()
            self._under_way += 1
            return self._made

    def _give_back(self) -> None:
        with self._lock:
            self._under_way -= 1
            self._used = (self._clock(), self._wall())

    def _make(self) -> tuple[httpx.BaseTransport, Network]:
        from .network import Budget, Network  # noqa: PLC0415 - loads httpcore

        network = Network(Budget(), self._clock)
        if self._given is not None:
            return self._given, network
        from .sender import Sender, proxy_for, ssl_context_for  # noqa: PLC0415 - loads httpx

        proxy = proxy_for(self._url) if self._trust_env else None
        if self._ssl_context is None:
            self._ssl_context = ssl_context_for(self._url, proxy, trust_env=self._trust_env)
        return Sender(network, self._ssl_context, proxy), network


_LATE: Final = "no whole answer within the deadline"


def _raw_path(path: str) -> bytes:
    if not path.startswith("/") or not path.isascii() or not path.isprintable():
        msg = f"{path[:80]!r} is no absolute path"
        raise AnswerRefused(msg)
    return path.encode("ascii")


def _redirected(source: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect leads, if that is the same host: to the same port, or from http to https on their own ports."""
    import httpx  # noqa: PLC0415 - loaded by now

    try:
        target = source.join(location)
    except (httpx.InvalidURL, ValueError):
        msg = "the backend redirected to what is no address"
        raise AnswerRefused(msg) from None
    same = (target.scheme, target.host, target.port) == (source.scheme, source.host, source.port)
    upgraded = (source.scheme, target.scheme, target.host) == ("http", "https", source.host) and not (
        source.port or target.port
    )
    if same or upgraded:
        return target
    msg = f"the backend redirected to {target.scheme}://{target.host}, which is not followed"
    raise AnswerRefused(msg)
