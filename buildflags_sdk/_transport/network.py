"""Sockets whose every wait ends at one deadline: looking up a name, connecting, TLS, each write and each read.

httpx and httpcore time each read, so that a server which drips one byte a second can keep an exchange alive for ever.
Here the seconds left of the whole exchange are what each wait gets. Loaded with httpx, when the first exchange begins.
"""

from __future__ import annotations

import contextlib
import encodings.idna  # noqa: F401 - the resolver's threads would load it, each time at the risk of a fork meanwhile
import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, Any

import httpcore

from buildflags_sdk._living import Living

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable


class Budget(threading.local):
    """What is left for the exchange of this thread: a blocking exchange does all of its I/O on the thread it began on.

    `connects` counts the connections it made: none means that it was given one that had been kept alive.
    """

    until: float = float("inf")
    connects: int = 0


class Network(httpcore.NetworkBackend):
    """Opens connections within the budget of the calling thread's exchange."""

    def __init__(
        self,
        budget: Budget,
        clock: Callable[[], float],
        look_up: Callable[..., list[Any]] | None = None,
    ) -> None:
        self.budget = budget
        self._clock = clock
        self._names = Names(look_up or socket.getaddrinfo)
        self._connect = httpcore.SyncBackend().connect_tcp
        self._open: Living[Stream] = Living()

    def left(self, error: type[httpcore.TimeoutException]) -> float:
        """Seconds left; `error` when there are none."""
        left = self.budget.until - self._clock()
        if left <= 0.0:
            raise error
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Try the addresses of a host one by one, each with its share of what is left, so that a dead one costs little."""
        del timeout
        self.budget.connects += 1
        addresses = self._names.addresses(host, port, self.left(httpcore.ConnectTimeout))
        failed: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError(f"{host} has no address")
        for number, address in enumerate(addresses):
            share = self.left(httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                stream = self._connect(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return self.track(stream)
        raise failed

    def track(self, stream: httpcore.NetworkStream) -> Stream:
        """Wrap a connection, so that it keeps to the budget and can be ended from outside."""
        tracked = Stream(stream, self)
        self._open.add(tracked)
        return tracked

    def end_all(self) -> None:
        """Wake every thread that waits on one of these connections. Never in a forked child: the parent has them too."""
        for stream in self._open:
            stream.end()

    def abandon_all(self) -> None:
        """In a forked child: close the descriptors. That alone sends nothing, for the parent still has the connection."""
        for stream in self._open:
            stream.abandon()


class Stream(httpcore.NetworkStream):
    """One connection. The timeouts that httpcore passes are for single waits; what counts is what is left of all."""

    def __init__(self, stream: httpcore.NetworkStream, network: Network) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._network.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._network.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left = self._network.left(httpcore.ConnectTimeout)
        return self._network.track(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def abandon(self) -> None:
        """Close the descriptor, past TLS and whatever lock a thread of the parent held."""
        connection = self._stream.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket(fileno=connection.detach()).close()

    def end(self) -> None:
        """Shut the connection down: closing it would not wake a thread that reads from it."""
        connection = self._stream.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(
                    connection, socket.SHUT_RDWR
                )  # an SSLSocket's own would first drop its TLS state


class Names:
    """Looks up host names, without waiting longer than told: the system's resolver knows no deadline of ours.

    A look-up goes on in a daemon thread when nobody waits any more; the next one for that host joins it. Whoever gets an
    answer finds that thread ended: of a process that is frozen then (AWS Lambda) nothing is under way.
    """

    def __init__(self, look_up: Callable[..., list[Any]]) -> None:
        self._look_up = look_up
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], _LookUp] = {}

    def addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """The numeric addresses of a host, in the resolver's order."""
        if _is_numeric(host):
            return [host]
        with self._lock:
            look_up = self._under_way.get((host, port))
            if look_up is None:
                look_up = self._under_way[host, port] = _LookUp()
                look_up.thread = threading.Thread(
                    target=self._work, args=(host, port, look_up), name="buildflags-names", daemon=True
                )
                try:
                    look_up.thread.start()
                except RuntimeError as error:  # no more threads to be had
                    del self._under_way[host, port]
                    raise httpcore.ConnectError(str(error)) from None
        look_up.thread.join(seconds)
        if look_up.thread.is_alive():
            msg = f"no address of {host} in time"
            raise httpcore.ConnectTimeout(msg)
        if look_up.error is not None:
            msg = f"no address of {host}: {look_up.error}"
            raise httpcore.ConnectError(msg)
        return look_up.addresses

    def _work(self, host: str, port: int, look_up: _LookUp) -> None:
        try:
            found = self._look_up(host, port, 0, socket.SOCK_STREAM)
            look_up.addresses = list(dict.fromkeys(_numeric(entry[4]) for entry in found))
        except (OSError, UnicodeError) as error:
            look_up.error = error
        finally:
            with self._lock:
                del self._under_way[host, port]


class _LookUp:
    """One look-up, awaited by any number of threads."""

    def __init__(self) -> None:
        self.thread: threading.Thread
        self.addresses: list[str] = []
        self.error: Exception | None = None


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _numeric(address: tuple[Any, ...]) -> str:
    """The address as text; a link-local one needs its zone (RFC 4007)."""
    host: str = address[0]
    return f"{host}%{address[3]}" if len(address) == 4 and address[3] and "%" not in host else host
