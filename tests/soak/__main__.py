"""`python -m tests.soak`: soak for SOAK_MINUTES (30), show how it stands, print what came of it; exit 1 for a promise broken."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.soak.run import Now, Report, soak


def main() -> int:
    """Soak."""
    seconds = 60.0 * float(os.environ.get("SOAK_MINUTES", "30"))
    console = Console()
    columns = (BarColumn(30), TimeRemainingColumn(), TextColumn("{task.fields[stands]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("soak", total=seconds, stands="")
        told = 0.0

        def show(now: Now) -> None:
            nonlocal told
            stands = f"{now.mode:<7} {now.made} changes  {now.mib:.0f} MiB  {now.evaluations:,} evaluations"
            progress.update(task, completed=now.elapsed, stands=stands)
            if not console.is_terminal and now.elapsed - told >= 60.0:
                told = now.elapsed
                console.print(f"{now.elapsed / 60:4.0f} min  {stands}")

        report = soak(seconds, show)
    _print(console, report)
    return 1 if report.failures() else 0


def _print(console: Console, report: Report) -> None:
    faults = ", ".join(f"{count} × {name}" for name, count in sorted(report.faults.items()))
    rows = {
        "soaked": f"{report.seconds / 60:g} minutes; faults: {faults}",
        "changes": f"{report.made} accepted ({report.lost_races} lost races), the counter says {report.counter}",
        "revisions": f"clients {report.revisions}, server {report.last_revision}; settled in {report.settled_in:.1f} s",
        "evaluations": f"{report.evaluations:,} on 8 threads, the slowest {report.slowest_ms:.1f} ms",
        "memory": f"{report.growth_mib:+.2f} MiB by the line through the samples, bar {report.noise_mib:.1f}",
        "threads": f"{report.threads[0]} at first, {report.threads[1]} at last",
        "log lines": f"{report.log_lines} by all clients",
    }
    for name, text in rows.items():
        console.print(f"  {name:<12} {text}", highlight=False)
    for failure in report.failures():
        console.print(f"  ✗ {failure}", highlight=False)
    console.print("every promise was kept" if not report.failures() else "a promise was broken")


if __name__ == "__main__":
    sys.exit(main())
