"""What the demo knows at one moment, told by the processes' reports. No drawing, no processes, no clock of its own."""

from __future__ import annotations

from typing import Any

from examples.demo.histogram import Histogram

STEPS = (
    "the first fetch is cold",
    "a toggle arrives",
    "the backend is killed",
    "a new process starts, no backend",
    "all latencies, side by side",
)


class Application:
    """One process with a client in it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.latencies = Histogram()
        self.answers: dict[str, Any] = {}
        self.share = 0
        self.started_in: float | None = None  # milliseconds, from the fork to the first answer
        self.changes: list[tuple[float, int]] = []  # when, which revision
        self._counted: list[tuple[float, int]] = []

    def told(self, report: dict[str, Any], now: float) -> None:
        """Take in one report."""
        event = report["event"]
        if event == "changed":
            self.changes.append((report["at"], report["revision"]))
        elif event == "started":
            self.started_in = report["milliseconds"]
            self.answers = report
        elif event == "evaluated":
            self.latencies.merge(Histogram(((index, count) for index, count in report["counts"]), report["longest"]))
            self.answers, self.share = report, report["share"]
            self._counted = [*self._counted[-20:], (now, self.latencies.total)]

    @property
    def rate(self) -> float:
        """Evaluations a second, over the last two seconds."""
        if len(self._counted) < 2:
            return 0.0
        (began, before), (ended, after) = self._counted[0], self._counted[-1]
        return (after - before) / max(ended - began, 1e-6)


class Asking:
    """The process that asks the API for each decision."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.latencies = Histogram()
        self.failed = 0
        self.last: int | None = None
        self.last_failed = False
        self.asking_since: float | None = None

    def told(self, report: dict[str, Any], now: float) -> None:
        """Take in one report."""
        event = report["event"]
        if event == "asking":
            self.asking_since = now
            return
        self.asking_since = None
        if event == "failed" or (event == "answered" and report["status"] != 200):
            self.failed += 1
            self.last_failed = True
        elif event == "answered":
            self.last, self.last_failed = report["nanoseconds"], False
            self.latencies.add(report["nanoseconds"])


class Scene:
    """Everything that a picture shows."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.now = began
        self.step = -1
        self.results: dict[int, str] = {}
        self.failures: list[str] = []
        self.backend = "starting"
        self.applications: dict[str, Application] = {}
        self.asking: Asking | None = None
        self.log: list[tuple[float, str, str]] = []
        self.story: list[str] = []  # the same as plain lines, with the steps and how each ended

    def say(self, who: str, what: str) -> None:
        """One line for the log."""
        when = self.now - self.began
        self.log.append((when, who, what))
        self.story.append(f"{when:6.1f} s  {who:<12} {what}")

    def enter(self, step: int) -> None:
        """The next step begins."""
        self.step = step
        self.story.append(f"{step + 1}. {STEPS[step]}")

    def done(self, result: str) -> None:
        """The present step ended well."""
        self.results[self.step] = result
        self.story.append(f"{'ok':>8}  {result}")

    def all_latencies(self) -> Histogram:
        """The evaluations of every process together."""
        together = Histogram()
        for application in self.applications.values():
            together.merge(application.latencies)
        return together

    def asked(self) -> tuple[Histogram, int]:
        """The requests to the API that were answered, and how many were not."""
        return (Histogram(), 0) if self.asking is None else (self.asking.latencies, self.asking.failed)

    def ratio(self) -> float:
        """How many median evaluations a median request takes."""
        evaluation, request = self.all_latencies().percentile(50), self.asked()[0].percentile(50)
        return (request or 0) / (evaluation or 1)
