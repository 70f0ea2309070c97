"""A prefork host as a process group of its own, the workers it forks, and questions to them over a real socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from buildflags_sdk.testing import flag

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk.testing import FaultServer

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

WORKERS = 2
PATIENCE = 40.0
"""Seconds after which what must happen by itself counts as never happening, on a machine however busy."""

NEVER = 600.0
"""A deadline that no test lives to see: what waits for that long fails by `PATIENCE`."""


def version(number: int) -> list[Any]:
    """The ruleset `v1`, `v2`, …: what the flag `greeting` says. The flag `later` is on but in the first."""
    return [flag("greeting", f"v{number}"), flag("later", number > 1)]


def until(holds: Callable[[], object], seconds: float = PATIENCE, about: Callable[[], object] = str) -> None:
    """Wait for other processes to get somewhere; fails with what is said `about` it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not come to pass\n{about()}"
        time.sleep(0.05)


class Host:
    """A server's master and its workers. `{port}` and `{socket}` in the command are the listening socket, made here.

    Nobody is refused before the host is up: who asks early waits in that socket's queue.
    """

    def __init__(self, command: list[str], folder: Path, backend: FaultServer, **settings: Any) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._port: int = self._listener.getsockname()[1]
        self._log = folder / "host.log"
        told = {**backend.options(), "deadline": 1.0, **settings}
        environ = {name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")}
        environ |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PREFORK_TEST": json.dumps(told)}
        environ["PATH"] = os.pathsep.join((str(BIN), environ.get("PATH", "")))
        descriptor = self._listener.fileno()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [part.format(descriptor=descriptor) for part in command],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(descriptor,),
                start_new_session=True,
            )

    # -- the processes -------------------------------------------------------------------------------------------------

    @property
    def log(self) -> str:
        """What the host and its workers have written so far."""
        return self._log.read_text(errors="replace")

    def signal(self, number: int) -> None:
        """Send a signal to the master alone."""
        self._process.send_signal(number)

    def kill_one(self) -> int:
        """kill -9 of one worker; gives its process id."""
        victim = min(self.pids())
        os.kill(victim, signal.SIGKILL)
        return victim

    def ended(self) -> int:
        """Wait for the master to end by itself; gives its exit status."""
        return self._process.wait(PATIENCE)

    def end(self) -> None:
        """End what is left of it, wherever it has gone."""
        left = []
        with contextlib.suppress(psutil.Error):
            left = psutil.Process(self._process.pid).children(recursive=True)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait()
        self._listener.close()

    # -- what its workers say ------------------------------------------------------------------------------------------

    def answer(self, path: str = "/") -> dict[str, Any] | None:
        """What one worker says, whichever takes the question; None if it ended over it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, f"{response.status} {body!r}\n{self.log}"
            said: dict[str, Any] = json.loads(body)
        except (ConnectionError, http.client.HTTPException):
            return None
        else:
            return said
        finally:
            connection.close()

    def answers(self, path: str = "/") -> list[dict[str, Any]]:
        """What the workers say to some questions at once; the application holds each for a moment, so that all get some."""
        with ThreadPoolExecutor(2 * WORKERS) as pool:
            return [said for said in pool.map(self.answer, [path] * 2 * WORKERS) if said is not None]

    def workers(self, path: str = "/") -> dict[int, dict[str, Any]]:
        """What each of all workers says, by process id."""
        found: dict[int, dict[str, Any]] = {}

        def all_answered() -> bool:
            found.update({said["pid"]: said for said in self.answers(path)})
            for gone in [pid for pid in found if not psutil.pid_exists(pid)]:
                del found[gone]
            return len(found) >= WORKERS

        until(all_answered, about=lambda: f"{found}\n{self.log}")
        return found

    def pids(self) -> set[int]:
        """The process ids of its workers."""
        return set(self.workers())

    def all_say(self, greeting: str, path: str = "/") -> None:
        """Wait until every worker says it, however often it is asked."""
        said: dict[int, dict[str, Any]] = {}

        def every_one() -> bool:
            said.clear()
            said.update(self.workers(path))
            return {each["said"] for each in said.values()} == {greeting}

        until(every_one, about=lambda: f"{said}\n{self.log}")
