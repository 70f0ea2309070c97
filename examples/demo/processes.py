"""The demo's real processes: each is started here, reports JSON lines on its stdout, and can be ended or killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import queue
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """One child process. Its reports arrive in `reports` as (name, report), the last one as (name, {"event": "ended"})."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environ: Mapping[str, str],
        reports: queue.Queue[tuple[str, dict[str, Any]]],
    ) -> None:
        self.name = name
        self._errors: list[str] = []
        python_path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._child = subprocess.Popen(  # noqa: S603 - this interpreter, our own modules
            [sys.executable, *command],
            env={**os.environ, "PYTHONPATH": python_path, "PYTHONUNBUFFERED": "1", **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = (
            threading.Thread(target=self._read_reports, args=(reports,), daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        )
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child.poll() is None

    @property
    def errors(self) -> str:
        """The end of what it wrote to stderr."""
        return "\n".join(self._errors[-12:])

    def wait(self) -> int:
        """Its exit code; it has closed its stdout already."""
        return self._child.wait(5)

    def kill(self) -> None:
        """End it at once, as a crash would: SIGKILL, no goodbye."""
        self._child.kill()
        self._child.wait()

    def end(self) -> None:
        """Let it end by itself (its stdin closes, then SIGTERM), or kill it after two seconds."""
        with contextlib.suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.close()
        if self.name == "backend":
            self._child.terminate()
        try:
            self._child.wait(2)
        except subprocess.TimeoutExpired:
            self.kill()
        for reader in self._readers:
            reader.join(2)

    def _read_reports(self, reports: queue.Queue[tuple[str, dict[str, Any]]]) -> None:
        with self._child.stdout or nullcontext(()) as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    report = json.loads(line)
                    if isinstance(report, dict):
                        reports.put((self.name, report))
        reports.put((self.name, {"event": "ended"}))

    def _read_errors(self) -> None:
        with self._child.stderr or nullcontext(()) as lines:
            for line in lines:
                self._errors.append(line.rstrip())
                del self._errors[:-50]
