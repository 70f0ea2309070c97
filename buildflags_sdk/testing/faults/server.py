"""A backend on a real socket that serves a ruleset as the protocol says, until it is told to misbehave.

It needs the standard library only, runs in threads of this process, and records what it was asked.
"""

from __future__ import annotations

import contextlib
import inspect
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Self

from .exchange import Exchange, Hangup, Recorded, Reply, Reset
from .rulesets import Document, Publication, plain
from .signatures import HEADER, signer_of
from .table import FAULTS, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from buildflags_sdk.testing.factories import Entry

CACHE_CONTROL: Final = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"
PAGE_CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
_LOOK_AGAIN = 0.05


class FaultServer:
    """Serves one environment's ruleset, and misbehaves when told: `fault("hang")`, and `well()` again.

    ```python
    with FaultServer([flag("new-checkout")]) as server, Client(**server.options()) as client:
        server.fault("http_500")
        assert client.is_enabled("new-checkout")
    ```

    Args:
        entries: flags and segments to publish, as for `publish`.
        workspace: the workspace's key.
        environment: the environment's key.
        sdk_key: the key that opens it; with another one it answers 401. It may be changed at any time.
        poll: the poll interval to ask clients for, in whole seconds; None leaves it to them.
        bits: publish in 2**bits pages; None puts a small ruleset into the manifest.
        certificate: the files of a certificate chain and of its key, to speak TLS.
        signing_key: a secret key (`bf_signing_…`, as `buildflags keys new` makes it) to sign manifests with. `options()`
            then pins its public one. Needs the extra `signing`.

    `requests` holds what was asked, in order; `most_at_once` how many of those were under way together at most.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        *,
        workspace: str = "acme",
        environment: str = "production",
        sdk_key: str = "bf_server_testing",
        poll: int | None = None,
        bits: int | None = None,
        certificate: tuple[Path | str, Path | str] | None = None,
        signing_key: str | None = None,
    ) -> None:
        self.workspace = workspace
        self.environment = environment
        self.sdk_key = sdk_key
        self.poll = poll
        self.revision = 0
        self.requests: list[Recorded] = []
        self.most_at_once = 0
        self.connections = 0
        self.serve_before = False
        self.stopping = threading.Event()
        self._bits = bits
        self._tls = None if certificate is None else _tls(certificate)
        self._signer = None if signing_key is None else signer_of(signing_key)
        self._entries: list[Entry] = []
        self._before: list[Entry] = []
        self._document = self._document_before = Document(b"", {})
        self._pages: dict[str, bytes] = {}
        self._fault: Fault | None = None
        self._knobs: dict[str, Any] = {}
        self._since = 0
        self._under_way = 0
        self._changed = threading.Condition()
        self._accepting = threading.Lock()
        self._open: set[socket.socket] = set()
        self._fillers: list[socket.socket] = []
        self.publish(entries)
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, name="fault-server", daemon=True).start()

    def options(self) -> dict[str, Any]:
        """What a client of this server is made with: url, sdk_key, workspace, environment; signing_keys if it signs."""
        options: dict[str, Any] = {
            "url": self.url,
            "sdk_key": self.sdk_key,
            "workspace": self.workspace,
            "environment": self.environment,
        }
        return options if self._signer is None else {**options, "signing_keys": self._signer.public}

    # What it does.

    def publish(self, entries: Iterable[Entry]) -> int:
        """Put another ruleset into service, as the next revision; gives that. A fault of the ruleset spoils it too."""
        with self._changed:
            self._before, self._entries = self._entries, list(entries)
            return self._publish()

    def fault(self, name: str, **knobs: Any) -> Fault:
        """Misbehave from now on, in one way only: see `FAULTS` for the names and what each may be told beside.

        Raises:
            ValueError: there is no fault of that name, or it spoils signatures and this server does not sign.
            TypeError: the fault knows no such knob.
        """
        if name not in FAULTS:
            msg = f"there is no fault {name!r}; there are {', '.join(FAULTS)}"
            raise ValueError(msg)
        fault = FAULTS[name]
        if fault.signed and self._signer is None:
            msg = f"the fault {name!r} needs a server that signs: make it with signing_key="
            raise ValueError(msg)
        if knobs:
            inspect.signature(fault.act or _no_knobs).bind(None, **knobs)
        self._become(fault, knobs)
        return fault

    def well(self) -> None:
        """Be well again. What hangs goes on to hang: its connection is lost."""
        self._become(None, {})

    def close(self) -> None:
        """Stop listening and end every connection. May be called twice."""
        self.stopping.set()
        self._hang_up(everything=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What it saw.

    @property
    def manifest_requests(self) -> list[Recorded]:
        """Those requests that asked for the manifest."""
        return [request for request in list(self.requests) if request.is_manifest]

    def until_requested(self, count: int, timeout: float = 10.0) -> Recorded:
        """Block until `count` requests have come in all, and give the last of those.

        Raises:
            TimeoutError: there are fewer after `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                msg = f"{len(self.requests)} requests came in {timeout} s, not {count}"
                raise TimeoutError(msg)
            return self.requests[count - 1]

    # What rows of the table ask of it.

    def wall(self) -> float:
        """The time of day here, in Unix seconds."""
        return time.time()

    def answer(self, exchange: Exchange, *, conditional: bool) -> Reply:
        """What a healthy backend answers."""
        path, headers = exchange.path, exchange.recorded.headers
        if path == f"/v1/workspaces/{self.workspace}/environments/{self.environment}/manifest":
            if headers.get("authorization") != f"Bearer {self.sdk_key}":
                return Reply(401, {"content-type": "application/problem+json"}, b"{}")
            document = self._document_before if self.serve_before else self._document
            said = {"cache-control": CACHE_CONTROL, "etag": document.etag}
            if self.poll is not None:
                said["buildflags-poll"] = str(self.poll)
            if conditional and document.etag in headers.get("if-none-match", ""):
                return Reply(304, said)
            if document.signature is not None:
                said[HEADER] = document.signature
            return Reply(200, {"content-type": "application/json", **said}, document.manifest)
        page = self._pages.get(path.rpartition("/")[2])
        if page is None:
            return Reply(404, {"content-type": "application/problem+json"}, b"{}")
        return Reply(200, {"content-type": "application/json", "cache-control": PAGE_CACHE_CONTROL}, page)

    # How.

    def _become(self, fault: Fault | None, knobs: dict[str, Any]) -> None:
        with self._changed:
            before, self._fault, self._knobs = self._fault, fault, knobs
            self._since = len(self.requests)
            self.serve_before = False
            if any(row is not None and row.publish is not None for row in (before, fault)):
                self._publish()
        was, now = (row.listening if row is not None else "open" for row in (before, fault))
        if was != now or (fault is not None and fault.greet is not None):
            self._hang_up(everything=was != now)
            self._listen_as(now if was != now else "")

    def _publish(self) -> int:
        self.revision += 1
        publication = Publication(
            self._entries, self.revision, self.workspace, self.environment, self._bits, self._before
        )
        make = self._fault.publish if self._fault is not None and self._fault.publish is not None else plain
        document = make(publication)
        if self._signer is not None:
            document = document._replace(signature=self._signer.sign(document.manifest))
        self._document_before, self._document = self._document, document
        self._pages.update(self._document.pages)
        return self.revision

    def _listen(self, port: int, backlog: int = 128) -> socket.socket:
        until = time.monotonic() + 5.0
        while True:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen(backlog)
            except OSError:  # a connection on its way in may hold the port for an instant
                listener.close()
                if time.monotonic() > until:
                    raise
                time.sleep(_LOOK_AGAIN)
            else:
                listener.settimeout(_LOOK_AGAIN)
                return listener

    def _listen_as(self, how: str) -> None:
        if how == "open":
            self._listener = self._listen(self.port)
        elif how == "deaf":
            self._listener = self._listen(self.port, backlog=0)
            for _ in range(4):  # fill its queue: further connections are neither taken nor refused
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.port))
                self._fillers.append(filler)

    def _hang_up(self, *, everything: bool) -> None:
        """End every connection, and with `everything` stop listening."""
        with self._changed:
            ended, self._open = self._open, set()
            if everything:
                fillers, self._fillers = self._fillers, []
                for idle in (self._listener, *fillers):
                    idle.close()
        if everything:
            with self._accepting:  # while a thread waits in accept, the system goes on to listen
                pass
        for connection in ended:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                if self._fault is not None and self._fault.listening != "open":
                    self.stopping.wait(_LOOK_AGAIN)
                    continue
                with self._accepting:
                    connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # closed under us
                self.stopping.wait(0.01)
                continue
            connection.setblocking(True)
            with self._changed:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="fault-server", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        raw, orderly = connection, True
        try:
            greet = self._fault.greet if self._fault is not None else None
            if greet is not None:
                greet(connection)
                return
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                with self._changed:
                    self._open.add(connection)
            while (recorded := self._read(connection)) is not None:
                self._exchange(connection, recorded)
        except Reset:
            orderly = False
        except (OSError, Hangup):
            pass
        finally:
            with self._changed:
                self._open -= {raw, connection}
            if orderly:  # a forked child may hold a copy: closing alone would end nothing
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
            connection.close()

    def _read(self, connection: socket.socket) -> Recorded | None:
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = connection.recv(65_536)
            if not chunk:
                return None
            head += chunk
        first, *rest = head.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        name = None if self._fault is None else self._fault.name
        return Recorded(time.monotonic(), first.split(" ")[1], headers, name)

    def _exchange(self, connection: socket.socket, recorded: Recorded) -> None:
        with self._changed:
            number = len(self.requests) - self._since
            self.requests.append(recorded)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
            fault, knobs = self._fault, self._knobs
            self._changed.notify_all()
        exchange = Exchange(self, connection, recorded, number)
        try:
            if fault is None or fault.act is None or fault.strikes == ("pages" if recorded.is_manifest else "manifest"):
                exchange.send(exchange.good())
            else:
                fault.act(exchange, **knobs)
        finally:
            with self._changed:
                self._under_way -= 1


def _no_knobs(exchange: Exchange) -> None:
    """The signature of a fault that can be told nothing."""


def _tls(certificate: tuple[Path | str, Path | str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context
