"""Compiled rule lists: the first row that yields wins. Short and plain lists have a form of their own.

Rows in a row that only compare the same attribute with texts become one dict lookup, so ten rules cost what one costs.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from .details import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .compiled_test import Holds, Test
    from .serving import Serve
    from .world import World

    Evaluate = Callable[[Mapping[str, Any], Any, World], Decision]
    Pick = Callable[[Mapping[str, Any], Any, World], Any]


class Row(NamedTuple):
    """A rule: its test (None: everybody), and either a decision or a split to serve."""

    test: Test | None
    decision: Decision | None
    split: Serve | None
    doubt: str


class Step(NamedTuple):
    """A row as the general loop runs it. Without decision and split, what the test answers is the decision itself."""

    holds: Holds | Pick
    decision: Decision | None
    split: Serve | None
    doubt: str


def compile_rows(rows: list[Row], last: Decision | Serve, unsure: Decision | None) -> Evaluate:
    """A function that decides by these rows, then by `last`. `unsure` is the answer when a test cannot be judged."""
    rows = _reachable(rows)
    if not rows and not isinstance(last, Decision):
        return last  # type: ignore[return-value]
    if isinstance(last, Decision) and rows:
        if all(_is_equality(row) for row in rows) and len({row.test.equality.name for row in rows}) == 1:  # type: ignore[union-attr]
            return _one_equality(rows[0], last) if len(rows) == 1 else _lookup(rows, last)
        plain = all(row.test is not None and not row.test.undecidable and row.decision is not None for row in rows)
        if plain and len(rows) <= 2:
            return _short(rows, last)
    return _general(_steps(rows), last, unsure)


def _reachable(rows: list[Row]) -> list[Row]:
    """The rows up to the first that serves everybody."""
    for at, row in enumerate(rows):
        if row.test is None and row.decision is not None:
            return rows[: at + 1]
    return rows


def _is_equality(row: Row) -> bool:
    return row.test is not None and row.test.equality is not None and row.decision is not None


def _one_equality(row: Row, miss: Decision) -> Evaluate:
    equality, hit = row.test.equality, row.decision  # type: ignore[union-attr]
    name, texts, test = equality  # type: ignore[misc]
    if len(texts) == 1:
        text = texts[0]

        def decide_one(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
            found = context.get(name)
            if found.__class__ is str:
                return hit if found == text else miss  # type: ignore[return-value]
            return hit if found is not None and test(found) else miss  # type: ignore[return-value]

        return decide_one
    among = frozenset(texts)

    def decide(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        found = context.get(name)
        if found.__class__ is str:
            return hit if found in among else miss  # type: ignore[return-value]
        return hit if found is not None and test(found) else miss  # type: ignore[return-value]

    return decide


def _lookup(rows: list[Row], miss: Any) -> Evaluate:
    """Rows that compare one attribute with texts, as one lookup: the first row that names a text has it."""
    name = rows[0].test.equality.name  # type: ignore[union-attr]
    pairs = tuple((row.test.equality.test, row.decision) for row in rows)  # type: ignore[union-attr]
    table: dict[str, Decision] = {}
    for row in rows:
        for text in row.test.equality.texts:  # type: ignore[union-attr]
            table.setdefault(text, row.decision)  # type: ignore[arg-type]
    get = table.get

    def decide(context: Mapping[str, Any], snapshot: Any, world: World) -> Any:
        found = context.get(name)
        if found.__class__ is str:
            return get(found, miss)
        if found is not None:
            for test, decision in pairs:
                if test(found):
                    return decision
        return miss

    return decide


def _short(rows: list[Row], miss: Decision) -> Evaluate:
    first, hit = rows[0].test.holds, rows[0].decision  # type: ignore[union-attr]
    if len(rows) == 1:
        return lambda context, snapshot, world: hit if first(context, snapshot, world) else miss  # type: ignore[return-value]
    second, next_hit = rows[1].test.holds, rows[1].decision  # type: ignore[union-attr]

    def decide(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        if first(context, snapshot, world):
            return hit  # type: ignore[return-value]
        return next_hit if second(context, snapshot, world) else miss  # type: ignore[return-value]

    return decide


def _steps(rows: list[Row]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for name, group in groupby(rows, lambda row: row.test.equality.name if _is_equality(row) else None):  # type: ignore[union-attr]
        members = list(group)
        if name is not None and len(members) > 1:
            steps.append(Step(_lookup(members, False), None, None, "next"))
        else:
            steps += [Step(_everybody if row.test is None else row.test.holds, *row[1:]) for row in members]
    return tuple(steps)


def _everybody(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
    return True


def _general(steps: tuple[Step, ...], last: Decision | Serve, unsure: Decision | None) -> Evaluate:
    def decide(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        doubtful = False
        for holds, decision, split, doubt in steps:
            answer = holds(context, snapshot, world)
            if answer:
                if decision is not None:
                    return decision
                if split is None:
                    return answer  # type: ignore[return-value]
                served = split(context, snapshot, world)
                if served is not None:
                    return served
            elif answer is None and doubt != "next":
                if doubt == "undecided":
                    return unsure  # type: ignore[return-value]
                doubtful = True
        if doubtful:
            return unsure  # type: ignore[return-value]
        return last if last.__class__ is Decision else last(context, snapshot, world)  # type: ignore[operator,return-value]

    return decide
