"""The demo's story, step by step. Every step is real: processes, HTTP, a disk, a SIGKILL; a step that fails says so."""

from __future__ import annotations

import contextlib
import queue
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from examples.demo.histogram import duration_text
from examples.demo.processes import Process
from examples.demo.scene import Application, Asking, Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from examples.demo.screen import Screen

FLAG = "new-checkout"
FRAME_SECONDS = 1 / 12
SLOW_EVALUATION_NS = 1_000_000
"""An evaluation's median above this would mean that it waits for something: the step has failed."""


class Pace(NamedTuple):
    """How long things take: the simulated cold start, the simulated latency, and how long to look at each step."""

    cold_start: float
    latency: str  # milliseconds, LOW-HIGH
    look: float


class StepFailed(Exception):
    """Something the demo promises did not happen."""


class Stage:
    """Processes, the scene they report to, and the screen that shows it."""

    def __init__(self, screen: Screen, pace: Pace) -> None:
        self.pace = pace
        self.scene = Scene(time.time())
        self._screen = screen
        self._reports: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self._processes: dict[str, Process] = {}
        self._ready: dict[str, Any] = {}
        self._cache = Path(tempfile.mkdtemp(prefix="buildflags-demo-"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes.values():
            process.end()
        shutil.rmtree(self._cache, ignore_errors=True)

    # -- acts ------------------------------------------------------------------------------------------------------

    def start_backend(self) -> None:
        """Start the embedded backend with its simulated delays. Says so to nobody: its first request is still cold."""
        pace = self.pace
        command = ["-m", "buildflags_sdk.cli", "dev", "--port", "0", "--json"]
        command += ["--cold-start", f"{pace.cold_start:g}", "--latency", pace.latency]
        process = self._start("backend", command, {})
        self.until(lambda: bool(self._ready), 20, "the backend did not come up")
        self.scene.backend = "cold"
        where = f"process {process.pid} at {self._ready['url']}"
        self.scene.say("backend", f"{where}: cold for {pace.cold_start:g} s, then {pace.latency} ms")

    def start_asking(self) -> Asking:
        """Start the process that asks the API for each decision."""
        process = self._start("asking", ["-m", "examples.demo.asking"], self._addresses())
        self.scene.asking = Asking(process.pid)
        self.scene.say("asking", f"process {process.pid} asks the API for each decision")
        return self.scene.asking

    def start_application(self, name: str) -> Application:
        """Start a process with a client in it."""
        environ = {
            **self._addresses(),
            "DEMO_CACHE_DIR": str(self._cache),
            "DEMO_SPAWNED_AT": str(time.time()),
        }
        process = self._start(name, ["-m", "examples.demo.application"], environ)
        self.scene.applications[name] = application = Application(process.pid)
        return application

    def toggle(self) -> None:
        """Switch the flag on with the command that people use, as a process of its own."""
        command = ["-m", "buildflags_sdk.cli", "flags", "toggle", FLAG, "--on", "--json"]
        self._start("toggle", command, self._addresses())
        self.scene.say("you", f"$ buildflags flags toggle {FLAG} --on")

    def kill_backend(self) -> None:
        """SIGKILL."""
        backend = self._processes["backend"]
        backend.kill()
        self.scene.backend = "dead"
        self.scene.say("backend", f"process {backend.pid} killed (SIGKILL)")

    # -- time ------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Let things run, for people to look at."""
        ends = time.time() + self.pace.look
        while time.time() < ends:
            self._frame()

    def until(self, happened: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Let things run until something has happened. Fails when it takes too long or a process dies on its own."""
        ends = time.time() + seconds
        while not happened():
            if time.time() > ends:
                raise StepFailed(f"{otherwise} within {seconds:g} s")
            self._frame()

    def _frame(self) -> None:
        ends = time.time() + FRAME_SECONDS
        while (left := ends - time.time()) > 0:
            with contextlib.suppress(queue.Empty):
                name, report = self._reports.get(timeout=left)
                self.scene.now = time.time()
                self._told(name, report)
        self.scene.now = time.time()
        self._screen.show(self.scene)

    def _told(self, name: str, report: dict[str, Any]) -> None:
        scene = self.scene
        if report.get("event") == "ended":
            self._check_end(name)
        elif name == "backend":
            self._ready = report
        elif name == "asking" and scene.asking is not None:
            scene.asking.told(report, scene.now)
        elif name in scene.applications:
            application = scene.applications[name]
            application.told(report, scene.now)
            if report.get("event") == "changed":
                scene.say(name, _change_text(report))
        if scene.backend == "cold" and scene.asking is not None and scene.asking.latencies.total:
            scene.backend = "warm"

    def _check_end(self, name: str) -> None:
        process = self._processes[name]
        if name == "toggle" and process.wait() == 0:
            return
        if name == "backend" and self.scene.backend == "dead":
            return
        raise StepFailed(f"the process {name!r} ended by itself\n{process.errors}")

    def _start(self, name: str, command: list[str], environ: dict[str, str]) -> Process:
        self._processes[name] = process = Process(name, command, environ, self._reports)
        return process

    def _addresses(self) -> dict[str, str]:
        names = ("url", "sdk_key", "management_key", "workspace", "environment")
        return {f"BUILDFLAGS_{name.upper()}": str(self._ready[name]) for name in names}


def play(stage: Stage) -> None:
    """All steps in order. Raises `StepFailed` at the first that does not come true."""
    scene = stage.scene
    stage.start_backend()
    application, asking = _cold_start(stage)
    _toggle(stage, application)
    _outage(stage, application, asking)
    _restart(stage)
    scene.enter(4)
    scene.done(f"the median request took {scene.ratio():,.0f} times as long as the median evaluation")


def _change_text(report: dict[str, Any]) -> str:
    keys = report["keys"]
    if report["before"] is None:
        return f"has its first ruleset: revision {report['revision']}, {len(keys)} flags"
    return f"revision {report['revision']} arrived: {', '.join(keys)} changed"


def _cold_start(stage: Stage) -> tuple[Application, Asking]:
    scene = stage.scene
    scene.enter(0)
    asking = stage.start_asking()
    application = stage.start_application("application")
    scene.say("application", f"process {application.pid} starts, and waits for nothing")
    stage.until(lambda: application.latencies.total > 0, 15, "the application did not evaluate")
    if application.answers["revision"] is not None:
        raise StepFailed("the ruleset was there before the first evaluation: nothing was cold")
    scene.say("application", f"evaluates after {application.started_in:.0f} ms, the first fetch still under way")
    stage.until(lambda: application.answers["revision"] is not None, stage.pace.cold_start + 10, "no ruleset arrived")
    meanwhile = application.latencies
    median = meanwhile.percentile(50)
    if median is None or median > SLOW_EVALUATION_NS:
        raise StepFailed(f"evaluations took {duration_text(median)} while the first fetch was cold")
    stage.until(lambda: asking.latencies.total > 0, stage.pace.cold_start + 10, "the API answered no request")
    scene.done(f"{meanwhile.total:,} evaluations, median {duration_text(median)}")
    stage.look()
    return application, asking


def _toggle(stage: Stage, application: Application) -> None:
    scene = stage.scene
    scene.enter(1)
    if application.answers["value"]:
        raise StepFailed("the flag was on before it was toggled")
    began = time.time()
    stage.toggle()
    stage.until(lambda: bool(application.answers["value"]), 20, "the toggle did not arrive")
    arrived = next(at for at, _ in application.changes if at >= began)
    scene.done(f"{arrived - began:.1f} s after the command")
    stage.look()


def _outage(stage: Stage, application: Application, asking: Asking) -> None:
    scene = stage.scene
    scene.enter(2)
    stage.kill_backend()
    before, failed = application.latencies.total, asking.failed
    stage.until(lambda: asking.failed > failed, 15, "requests to the API still succeed")
    scene.say("asking", "requests fail: there is nobody to ask")
    stage.look()
    stage.until(lambda: application.latencies.total > before, 5, "evaluations stopped with the backend")
    if not (application.answers["value"] and application.answers["decided"]):
        raise StepFailed("the answer changed with the outage")
    scene.done(f"{application.latencies.total - before:,} evaluations; {asking.failed - failed} requests lost")


def _restart(stage: Stage) -> None:
    scene = stage.scene
    scene.enter(3)
    again = stage.start_application("new process")
    scene.say("new process", f"process {again.pid} starts; there is no backend to ask")
    stage.until(lambda: again.latencies.total > 0, 15, "the new process did not evaluate")
    if again.answers["source"] != "disk" or not again.answers["value"]:
        raise StepFailed(
            f"the new process answers {again.answers['value']} from {again.answers['source']}, not from disk"
        )
    answers = f"right answers {again.started_in:.0f} ms after its start"
    scene.say("new process", f"{answers}, revision {again.answers['revision']} from disk")
    stage.look()
    scene.done(f"{answers}, from disk")
