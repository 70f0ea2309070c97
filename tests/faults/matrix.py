"""Prints what a client does under every fault, as one matrix with a verdict per row: `make faults`.

`--write` puts it into docs/reference/faults.md; names of faults measure only those. Exit status 1: a verdict is bad.
"""

from __future__ import annotations

import argparse
import platform
import sys
from typing import TYPE_CHECKING, Any

import buildflags_sdk
from buildflags_sdk.testing.faults import FAULTS

from .measuring import LASTS, ROUND, at_start, during
from .measuring_endurance import endurance
from .measuring_processes import processes
from .measuring_surroundings import surroundings
from .stage import FAST, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

DOCUMENT = ROOT / "docs" / "reference" / "faults.md"
BEGIN, END = "<!-- measured: begin (make faults FAULTS_ARGS=--write) -->", "<!-- measured: end -->"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table, each as soon as it is measured."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield "| " + " | ".join([f"`{row[0]}`" if row[0] in FAULTS or row[0] == "ok" else row[0], *row[1:]]) + " |"


def matrix(names: list[str], cycles: int, kills: int, bad: list[str]) -> Iterator[str]:
    """The whole document part, line by line."""

    def judged(rows: Iterable[Any]) -> Iterator[Sequence[str]]:
        for row in rows:
            if row.verdict != "good":
                bad.append(f"{row.fault}: {row.verdict}")
            yield row

    yield (
        f"Measured with buildflags-sdk {buildflags_sdk.__version__} on Python {platform.python_version()}, "
        f"{platform.system()}. The client's settings are scaled down: poll interval {FAST.interval:g} s, deadline "
        f"{FAST.deadline:g} s, cap of `Retry-After` {FAST.retry_after_cap:g} s, pace while the key is refused "
        f"{FAST.auth_retry:g} s. A fault lasts {LASTS:g} s; a thread evaluates all the time."
    )
    yield ""
    yield "## The fault begins after a good start"
    yield ""
    yield (
        "The client holds `v1`; `v2` is published while the fault lasts, `v3` when it ends. Evaluations go in rounds of "
        f"{ROUND:g} s, before, during and after the fault; the figures are the medians of the slowest evaluation of each "
        "round."
    )
    yield ""
    heads: tuple[str, ...] = (
        "fault",
        "what the backend does",
        "answers",
        "slowest evaluation, healthy",
        "under the fault",
        "back after",
        "polls (at most)",
        "requests (at most)",
        "log lines",
        "verdict",
    )
    yield from table(heads, judged(during(names)))
    yield ""
    yield "## The fault is there at start"
    yield ""
    yield "`start(wait=0.2)`, without any copy and with one of `v1`, on the disk or as a bootstrap file; `v3` is published when the fault ends."
    yield ""
    heads = (
        "fault",
        "start held the caller",
        "first call",
        "with a disk copy",
        "with a bootstrap file",
        "back after",
        "log lines (3 clients)",
        "verdict",
    )
    yield from table(heads, judged(at_start(names)))
    if set(names) == set(FAULTS):
        yield ""
        yield "## Processes"
        yield ""
        heads = ("fault", "measured", "verdict")
        yield from table(heads, judged(processes()))
        yield ""
        yield "## Names, proxies, disks, clocks, callbacks"
        yield ""
        yield from table(heads, judged(surroundings()))
        yield ""
        yield "## Over and over"
        yield ""
        yield from table(("what", "measured", "verdict"), judged(endurance(cycles, kills)))


def main() -> int:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.matrix", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="FAULT", help="faults to measure (default: all)")
    parser.add_argument("--write", action="store_true", help=f"put the result into {DOCUMENT.relative_to(ROOT)}")
    parser.add_argument("--cycles", type=int, default=1000, help="clients that come and go (default: 1000)")
    parser.add_argument("--kills", type=int, default=1000, help="kill -9 while saving (default: 1000)")
    options = parser.parse_args()
    if options.write and options.names:
        parser.error("--write needs all faults")
    bad: list[str] = []
    lines = []
    for line in matrix(options.names or list(FAULTS), options.cycles, options.kills, bad):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        lines.append(line)
    if options.write:
        text = DOCUMENT.read_text()
        before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
        DOCUMENT.write_text("\n\n".join((before, "\n".join(lines), after)))
    sys.stdout.write("\n" + ("\n".join(["BAD:", *bad]) if bad else "every verdict is good") + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
