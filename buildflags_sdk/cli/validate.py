"""`buildflags validate FILE`: says everything that is wrong with a bundle or flags file, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import click
from rich.console import Group, RenderableType
from rich.text import Text

from ._exit import Exit
from ._fetch import Ruleset, read_ruleset_file
from ._options import json_option
from ._output import show, table

Name = tuple[str, str]  # ("flag" or "segment", key)


class Problem(NamedTuple):
    """One thing that is wrong."""

    entry: str
    message: str


@click.command()
@click.argument("file", type=click.Path())
@json_option
def validate(file: str, as_json: bool) -> None:
    """Check a bootstrap file or a flags file: every entry, and every flag and segment that another names.

    Ends with 1 when something is wrong. Clients would serve the rest: one broken flag breaks one flag.
    """
    ruleset = read_ruleset_file(file)
    problems = problems_of(ruleset)
    flags, segments = len(ruleset.snapshot.keys()), len(ruleset.snapshot.segment_keys())
    answer = {
        "file": file,
        "ok": not problems,
        "flags": flags,
        "segments": segments,
        "problems": [problem._asdict() for problem in problems],
    }
    show(answer, lambda: _picture(file, flags, segments, problems), as_json=as_json)
    if problems:
        raise SystemExit(Exit.NEGATIVE)


def problems_of(ruleset: Ruleset) -> list[Problem]:
    """Everything that would make a flag answer with an error, by entry."""
    snapshot = ruleset.snapshot
    found = dict(ruleset.broken)
    names: dict[Name, frozenset[Name]] = {}
    for key in sorted(snapshot.keys()):
        flag = snapshot.compiled(key)
        if flag is not None:
            names["flag", key] = flag.names
    for key in snapshot.segment_keys():
        segment = snapshot.segment(key)
        if segment is not None:
            names["segment", key] = segment.names
    for place, message in snapshot.broken().items():
        found.setdefault(place, message)
    problems = [Problem(entry, message) for entry, message in found.items()]
    problems += _absent(names)
    problems += _cycles(names)
    return sorted(problems)


def _absent(names: Mapping[Name, frozenset[Name]]) -> list[Problem]:
    return [
        Problem(_said(entry), f"names the {kind} {key!r}, which is not in the file")
        for entry, named in names.items()
        for kind, key in sorted(named)
        if (kind, key) not in names
    ]


def _cycles(names: Mapping[Name, frozenset[Name]]) -> list[Problem]:
    """One problem for each ring of entries that name each other, told at its first entry."""
    finished: set[Name] = set()
    problems: list[Problem] = []
    for start in sorted(names):
        path: list[Name] = []
        stack = [iter((start,))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
                if path:
                    finished.add(path.pop())
            elif entry in path:
                ring = [*path[path.index(entry) :], entry]
                problems.append(Problem(_said(entry), "in a circle: " + " → ".join(map(_said, ring))))
            elif entry not in finished and entry in names:
                path.append(entry)
                stack.append(iter(sorted(names[entry])))
    return problems


def _said(entry: Name) -> str:
    kind, key = entry
    return key if kind == "flag" else f"segment {key}"


def _picture(file: str, flags: int, segments: int, problems: list[Problem]) -> RenderableType:
    counted = f"{flags:,} flag{'' if flags == 1 else 's'}, {segments:,} segment{'' if segments == 1 else 's'}"
    if not problems:
        return Text.assemble(("✔ ", "good"), (file, "key"), f"  {counted}: nothing wrong")
    made = table("entry", "what is wrong")
    for problem in problems:
        made.add_row(Text(problem.entry, style="key"), Text(problem.message))
    wrong = f"{len(problems)} thing{'' if len(problems) == 1 else 's'} wrong"
    return Group(made, Text.assemble(("✘ ", "bad"), (file, "key"), f"  {counted}: {wrong}"))
