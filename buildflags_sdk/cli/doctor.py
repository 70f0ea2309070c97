"""`buildflags doctor`: what a client in this process would send, to whom, how often, with which key; and whether it works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from buildflags_sdk._transport.http import USER_AGENT

from ._checkup import Checkup, Outcome, Step
from ._exit import Exit
from ._fetch import manifest_path
from ._options import Given, json_option, reading_options, wait_option
from ._output import facts, mask, seconds_text, show, stdout, working
from ._pace import Pace, pace_of

MARKS = {
    Outcome.OK: ("✔", "good"),
    Outcome.WARNING: ("!", "warning"),
    Outcome.FAILED: ("✘", "bad"),
    Outcome.SKIPPED: ("·", "off"),
}


@click.command()
@reading_options
@wait_option
@json_option
def doctor(
    given: Given,
    wait: float,
    as_json: bool,
) -> None:
    """Check, step by step, everything between this process and its flags. Sends what a client would send, once.

    Ends with 1 when a step fails.
    """
    target = given.target()
    checkup = Checkup(target, wait)
    steps: list[Step] = []
    trying = checkup.steps()
    while (step := _next_of(trying)) is not None:
        steps.append(step)
        if not as_json:
            stdout().print(_line(step))
    pace = None if checkup.fetched is None else pace_of(checkup.fetched.cache)
    answer: dict[str, Any] = {
        "ok": not _failed(steps),
        "steps": [step._asdict() for step in steps],
        "sends": _sends(checkup, pace),
        "worst_case_seconds": None if pace is None else pace.worst_case,
    }
    show(answer, lambda: _picture(answer["sends"], pace, steps), as_json=as_json)
    if _failed(steps):
        raise SystemExit(Exit.NEGATIVE)


def _next_of(trying: Iterator[Step]) -> Step | None:
    with working("checking …"):  # gone before the step is told: the two would share a line
        return next(trying, None)


def _failed(steps: Iterable[Step]) -> bool:
    return any(step.outcome is Outcome.FAILED for step in steps)


def _sends(checkup: Checkup, pace: Pace | None) -> dict[str, Any]:
    target = checkup.target
    return {
        "to": target.url,
        "addresses": checkup.addresses,
        "manifest": f"GET {manifest_path(target)}",
        "headers": {
            "Authorization": f"Bearer {mask(target.sdk_key)}",
            "If-None-Match": "the ETag of the ruleset in service",
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
        },
        "pages": "GET /p/…: only those that changed, without Authorization",
        "every_seconds": None if pace is None else [pace.poll, pace.longest_poll],
    }


def _line(step: Step) -> RenderableType:
    mark, style = MARKS[step.outcome]
    found = Text.assemble(
        (f"{mark} ", style), (f"{step.name:<15}", "bold" if step.outcome is not Outcome.SKIPPED else "off")
    )
    found.append_text(Text(step.found, style="off" if step.outcome is Outcome.SKIPPED else ""))
    if step.milliseconds >= 1:
        found.append_text(Text(f"  {step.milliseconds:.0f} ms", style="note"))
    for line in step.advice.splitlines():
        found.append_text(Text.assemble("\n", " " * 17, ("→ ", "bold"), line))
    return found


def _picture(sends: dict[str, Any], pace: Pace | None, steps: list[Step]) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = [
        ("to", Text(f"{sends['to']} ({', '.join(sends['addresses']) or 'no address'})")),
        ("asks", Text(sends["manifest"])),
        *(("", Text(f"{name}: {value}", style="note")) for name, value in sends["headers"].items()),
        ("and", Text(sends["pages"])),
    ]
    if pace is not None:
        rows.append(
            ("how often", Text(f"every {pace.poll:g} to {pace.longest_poll:g} s, one process of this host for all"))
        )
        sum_text = f"max-age {pace.max_age:g} + stale-while-revalidate {pace.stale_while_revalidate:g} + poll {pace.poll:g} × 1.2"
        rows.append(
            (
                "seen by clients",
                Text.assemble((f"within {seconds_text(pace.worst_case)}", "bold"), f" of a publish ({sum_text})"),
            )
        )
    rows.append(("never sent", Text("contexts, users, evaluations: flags are decided in the process")))
    failed = [step for step in steps if step.outcome is Outcome.FAILED]
    verdict = (
        Text.assemble(("✔ ", "good"), "everything works")
        if not failed
        else Text.assemble(("✘ ", "bad"), f"{failed[0].name}: {failed[0].found}")
    )
    return Group(Text(), Text("What a client sends", style="bold"), facts(rows), Text(), verdict)
