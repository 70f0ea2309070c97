"""A TCP proxy on loopback that spoils what passes through it: the network between clients and the real server."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_CHUNK: Final = 16_384
_LOOK_AGAIN: Final = 0.05


class FaultProxy:
    """Forwards to a port of this machine, as `mode` says; it may be changed at any time and counts from the next bytes on."""

    def __init__(self, target_port: int, dice: random.Random) -> None:
        self.mode = "well"
        self._target = target_port
        self._dice = dice
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="fault-proxy", daemon=True).start()

    def become(self, mode: str) -> None:
        """Misbehave so from now on. Connections of before are cut, as the next network would not know them."""
        assert mode in MODES
        self.mode = mode
        self._cut_all()

    def close(self) -> None:
        """Stop."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut_all()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        if self.mode == "refuse":
            _reset(near)
            return
        far = None
        try:
            far = socket.create_connection(("127.0.0.1", self._target), 5)
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            up = threading.Thread(target=self._pump, args=(near, far, lambda data: data), daemon=True)
            up.start()
            self._pump(far, near, self._spoil)
        except OSError:
            pass
        finally:
            for end in (near, far):
                if end is not None:
                    _end(end)
            with self._lock:
                self._open -= {near, far}

    def _pump(self, source: socket.socket, sink: socket.socket, through: Callable[[bytes], bytes]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                spoilt = through(data)
                if self.mode == "drip":
                    self._drip(sink, spoilt)
                else:
                    sink.sendall(spoilt)
                if len(spoilt) < len(data):
                    break
        _end(source)
        _end(sink)

    def _spoil(self, data: bytes) -> bytes:
        """What is passed on of what came; less of it is the end of the connection."""
        match self.mode:
            case "hang":
                while self._is("hang") and not self._closed.wait(_LOOK_AGAIN):
                    pass
                return b""
            case "cut":
                return data[: len(data) // 2]
            case "garble":
                spoilt = bytearray(data)
                for _ in range(3):
                    spoilt[self._dice.randrange(len(spoilt))] ^= 1 << self._dice.randrange(8)
                return bytes(spoilt)
            case "late":
                time.sleep(self._dice.uniform(0.1, 1.5))
        return data

    def _drip(self, sink: socket.socket, data: bytes) -> None:
        for at in range(len(data)):
            if not self._is("drip") or self._closed.wait(_LOOK_AGAIN):
                return
            sink.sendall(data[at : at + 1])

    def _is(self, mode: str) -> bool:
        return self.mode == mode

    def _cut_all(self) -> None:
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _end(end)


MODES: Final = ("well", "refuse", "hang", "drip", "cut", "garble", "late")
"""Connections refused, answers that never come, come byte by byte, end half way, have bits flipped, or come late."""


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def _reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()
