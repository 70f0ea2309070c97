"""Draws a scene: live in a terminal, and the two histograms at the end. It decides nothing."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from examples.demo.histogram import EDGES, PER_DECADE, Histogram, duration_text
from examples.demo.scene import STEPS

if TYPE_CHECKING:
    from examples.demo.scene import Application, Asking, Scene

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
LOG_LINES = 5
BACKEND_STYLE = {"starting": "yellow", "cold": "yellow", "warm": "green", "dead": "bold red"}
ROWS = list(pairwise(EDGES[:: PER_DECADE // 2]))
BAR_WIDTH = 17  # both histograms in 80 columns


def frame(scene: Scene) -> RenderableType:
    """The whole screen at this moment."""
    panels: list[RenderableType] = [_application(name, each) for name, each in scene.applications.items()]
    if scene.asking is not None:
        panels.insert(1, _asking(scene.asking, scene.now))
    side_by_side = Table.grid(expand=True, padding=(0, 1))
    side_by_side.add_column(ratio=1)
    side_by_side.add_column(ratio=1)
    for first in range(0, len(panels), 2):
        side_by_side.add_row(*panels[first : first + 2])
    return Group(_title(scene), _steps(scene), side_by_side, _log(scene))


def _title(scene: Scene) -> RenderableType:
    seconds = scene.now - scene.began
    title = Text.assemble(("buildflags", "bold cyan"), "  flags that nobody waits for")
    backend = Text.assemble("backend ", (f"● {scene.backend}", BACKEND_STYLE[scene.backend]), f"   {seconds:4.1f} s")
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right")
    line.add_row(title, backend)
    return Group(line, Rule(style="dim"))


def _steps(scene: Scene) -> RenderableType:
    steps = Table.grid(padding=(0, 2, 0, 0))
    steps.add_column(no_wrap=True, min_width=1)
    steps.add_column(no_wrap=True, min_width=max(map(len, STEPS)))
    steps.add_column(no_wrap=True, overflow="ellipsis")
    for index, name in enumerate(STEPS[:-1]):
        if index in scene.results:
            steps.add_row(Text("✔", style="bold green"), Text(name), Text(scene.results[index], style="green"))
        elif index == scene.step:
            tick = SPINNER[int(scene.now * 10) % len(SPINNER)]
            steps.add_row(Text(tick, style="bold yellow"), Text(name, style="bold"), "")
        else:
            steps.add_row(Text("·", style="dim"), Text(name, style="dim"), "")
    return Group(steps, Text())


def _application(name: str, application: Application) -> Panel:
    answers = application.answers
    value = answers.get("value")
    flag = (
        Text("–")
        if value is None
        else Text("● on" if value else "○ off", style="bold green" if value else "bold magenta")
    )
    flag.append(f"   {application.share} % of users", style="dim")
    source = answers.get("source", "–")
    revision = answers.get("revision")
    ruleset = Text("none: the default", style="yellow")
    if revision is not None:
        age = answers.get("age") or 0.0
        ruleset = Text.assemble((str(source), "bold"), f", no. {revision}, {age:.1f} s old")
    latencies = application.latencies
    rows = [
        ("new-checkout", flag),
        ("ruleset", ruleset),
        ("evaluations", Text(f"{latencies.total:,}  ({application.rate:,.0f}/s)")),
        ("p50 · p99", Text(f"{_at(latencies, 50)} · {_at(latencies, 99)}", style="bold green")),
    ]
    return _panel(f"{name}, process {application.pid}", rows, "green")


def _asking(asking: Asking, now: float) -> Panel:
    if asking.asking_since is not None and now - asking.asking_since > 0.25:
        last = Text(f"waiting for {now - asking.asking_since:.1f} s …", style="bold yellow")
    elif asking.last_failed:
        last = Text("connection refused", style="bold red")
    else:
        last = Text(duration_text(asking.last))
    latencies = asking.latencies
    rows = [
        ("last request", last),
        ("requests", Text(f"{latencies.total}")),
        ("failed", Text(f"{asking.failed}", style="bold red" if asking.failed else "")),
        ("p50 · p99", Text(f"{_at(latencies, 50)} · {_at(latencies, 99)}", style="bold yellow")),
    ]
    return _panel(f"asking the API, process {asking.pid}", rows, "yellow")


def _panel(title: str, rows: list[tuple[str, Text]], style: str) -> Panel:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, min_width=max(len(name) for name, _ in rows))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for name, value in rows:
        grid.add_row(name, value)
    return Panel(grid, title=title, title_align="left", border_style=style, box=box.ROUNDED)


def _log(scene: Scene) -> RenderableType:
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="dim", justify="right", no_wrap=True, min_width=6)
    lines.add_column(style="cyan", no_wrap=True, min_width=11)
    lines.add_column(no_wrap=True, overflow="ellipsis")
    for when, who, what in scene.log[-LOG_LINES:]:
        lines.add_row(f"{when:.1f} s", who, what)
    return lines


def histograms(evaluations: Histogram, requests: Histogram, failed: int) -> RenderableType:
    """Both on one scale, so that the distance between them is seen."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("took", justify="right", no_wrap=True, min_width=17)
    made.add_column("evaluations", no_wrap=True, min_width=BAR_WIDTH)
    made.add_column("", justify="right", no_wrap=True, min_width=9)
    made.add_column("requests to the API", no_wrap=True, min_width=BAR_WIDTH)
    made.add_column("", justify="right", no_wrap=True, min_width=5)
    rows = [(low, high, evaluations.between(low, high), requests.between(low, high)) for low, high in ROWS]
    while rows and not (rows[0][2] or rows[0][3]):
        rows.pop(0)
    while rows and not (rows[-1][2] or rows[-1][3]):
        rows.pop()
    for low, high, evaluated, asked in rows:
        made.add_row(
            Text(f"{_edge(low)} – {_edge(high)}", style="dim"),
            _bar(evaluated, evaluations.total, "green"),
            f"{evaluated:,}" if evaluated else "",
            _bar(asked, requests.total, "yellow"),
            f"{asked:,}" if asked else "",
        )
    made.add_section()
    for percent in (50, 99, 99.9):
        made.add_row(f"p{percent:g}", _text(evaluations, percent, "green"), "", _text(requests, percent, "yellow"), "")
    longest = (Text(duration_text(each.longest)) for each in (evaluations, requests))
    made.add_row("longest", next(longest), "", next(longest), "")
    made.add_row("in all", "", f"{evaluations.total:,}", "", f"{requests.total:,}")
    made.add_row("without an answer", "", "0", "", Text(f"{failed:,}", style="bold red" if failed else ""))
    return made


def _edge(nanoseconds: int) -> str:
    """An edge of the scale, rounded as people round: 316 ns is 300 ns there."""
    digits = len(str(nanoseconds)) - 1
    return duration_text(round(nanoseconds, -digits)).replace(".0 ", " ")


def _bar(count: int, total: int, style: str) -> Text:
    if not count:
        return Text()
    eighths = round(count / total * BAR_WIDTH * 8)
    full, rest = divmod(max(eighths, 1), 8)
    return Text("█" * full + " ▏▎▍▌▋▊▉"[rest].strip(), style=style)


def _text(latencies: Histogram, percent: float, style: str) -> Text:
    return Text(_at(latencies, percent), style=f"bold {style}")


def _at(latencies: Histogram, percent: float) -> str:
    return duration_text(latencies.percentile(percent))
