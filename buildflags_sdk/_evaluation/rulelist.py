"""Compiled rule lists: the first row that yields wins. Short and plain lists have a form of their own.

Rows in a row that only compare the same attribute with texts become one dict lookup, so ten rules cost what one costs.

What is made here is made for every flag, so it is kept small: functions over default arguments (250 bytes, where a
closure's cells make it 450, at the same speed) and one object with bound methods (150 bytes). Each keeps the tests that it
runs, which keeps them in the pool.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from .details import Decision, ErrorCode, Reason
from .outcomes import decision_of, failed, missing_key_message, undecided
from .walk import OFF, STOP, Ended, Walk, WalkNeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .compiled_test import Holds, Test
    from .outcomes import Outcome
    from .serving import Serve
    from .world import World

    Evaluate = Callable[[Mapping[str, Any], Any, World], Decision]
    Pick = Callable[[Mapping[str, Any], Any, World], Any]

_TOO_DEEP = "entries that name each other go deeper than this process can follow"


class Row(NamedTuple):
    """A rule: its test (None: everybody), and a decision or a split to serve."""

    test: Test | None
    serve: Decision | Serve
    doubt: str


class Step(NamedTuple):
    """A row as the general loop runs it. Without `serve`, what `holds` answers is the decision itself."""

    holds: Holds | Pick
    serve: Decision | Serve | None
    doubt: str
    test: Test | None


class Flag(NamedTuple):
    """What a flag's rules must know of it."""

    key: str
    type: str
    off: Outcome | None


def compile_rows(rows: list[Row], last: Decision | Serve, flag: Flag, *, ends: bool, opens: bool) -> Evaluate:
    """A function that decides by these rows, then by `last`.

    `ends`: a condition may end the flag, or needs to know what was decided on the way. `opens`: one asks another flag.
    """
    rows = _reachable(rows)
    if ends:
        rules = Rules(_steps(rows), last, flag)
        if opens:
            return rules.decide_walking
        return _one_guarded(rules) if rules.is_one else rules.decide_guarded
    if not rows and not isinstance(last, Decision):
        return last  # type: ignore[return-value]
    if isinstance(last, Decision) and rows:
        if all(_is_equality(row) for row in rows) and len({row.test.equality.name for row in rows}) == 1:  # type: ignore[union-attr]
            return _one_equality(rows[0], last) if len(rows) == 1 else _lookup(rows, last)
        if len(rows) <= 2 and all(_is_plain(row) for row in rows):
            return _short(rows, last)
        if len(rows) == 1 and rows[0].test is None and not isinstance(rows[0].serve, Decision):
            return _served(rows[0].serve, last)
    return Rules(_steps(rows), last, flag).decide


def _reachable(rows: list[Row]) -> list[Row]:
    """The rows up to the first that serves everybody."""
    for at, row in enumerate(rows):
        if row.test is None and isinstance(row.serve, Decision):
            return rows[: at + 1]
    return rows


def _is_plain(row: Row) -> bool:
    return row.test is not None and not row.test.undecidable and isinstance(row.serve, Decision)


def _is_equality(row: Row) -> bool:
    return row.test is not None and row.test.equality is not None and isinstance(row.serve, Decision)


def _one_equality(row: Row, miss: Any) -> Evaluate:
    name, texts, passes = row.test.equality  # type: ignore[misc,union-attr]
    if len(texts) == 1:
        text, hit, test = texts[0], row.serve, row.test

        def decide_one(context: Mapping[str, Any], snapshot: Any, world: World) -> Any:
            # The one closure here: the commonest rule, and 6 ns of its 85 are worth 200 bytes.
            found = context.get(name)
            if found.__class__ is str:
                return hit if found == text else miss
            return hit if found is not None and test.equality.test(found) else miss  # type: ignore[union-attr]

        return decide_one

    def decide(
        context: Mapping[str, Any],
        snapshot: Any,
        world: World,
        name: str = name,
        among: frozenset[str] = frozenset(texts),
        hit: Any = row.serve,
        miss: Any = miss,
        passes: Any = passes,
        test: Any = row.test,
    ) -> Any:
        found = context.get(name)
        if found.__class__ is str:
            return hit if found in among else miss
        return hit if found is not None and passes(found) else miss

    return decide


def _lookup(rows: list[Row], miss: Any) -> Evaluate:
    """Rows that compare one attribute with texts, as one lookup: the first row that names a text has it."""
    table: dict[str, Any] = {}
    for row in rows:
        for text in row.test.equality.texts:  # type: ignore[union-attr]
            table.setdefault(text, row.serve)

    def decide(
        context: Mapping[str, Any],
        snapshot: Any,
        world: World,
        name: str = rows[0].test.equality.name,  # type: ignore[union-attr]
        get: Callable[..., Any] = table.get,
        miss: Any = miss,
        pairs: Any = tuple([(row.test, row.serve) for row in rows]),
    ) -> Any:
        found = context.get(name)
        if found.__class__ is str:
            return get(found, miss)
        if found is not None:
            for test, decision in pairs:
                if test.equality.test(found):
                    return decision
        return miss

    return decide


def _short(rows: list[Row], miss: Any) -> Evaluate:
    tests = [row.test for row in rows]
    if len(rows) == 1:

        def decide_one(
            context: Mapping[str, Any],
            snapshot: Any,
            world: World,
            holds: Any = tests[0].holds,  # type: ignore[union-attr]
            hit: Any = rows[0].serve,
            miss: Any = miss,
            tests: Any = tests,
        ) -> Any:
            return hit if holds(context, snapshot, world) else miss

        return decide_one

    def decide(
        context: Mapping[str, Any],
        snapshot: Any,
        world: World,
        first: Any = tests[0].holds,  # type: ignore[union-attr]
        hit: Any = rows[0].serve,
        second: Any = tests[1].holds,  # type: ignore[union-attr]
        next_hit: Any = rows[1].serve,
        miss: Any = miss,
        tests: Any = tests,
    ) -> Any:
        if first(context, snapshot, world):
            return hit
        return next_hit if second(context, snapshot, world) else miss

    return decide


def _served(serve: Serve, last: Decision) -> Evaluate:
    """One row for everybody, which may serve nothing."""

    def decide(
        context: Mapping[str, Any], snapshot: Any, world: World, serve: Serve = serve, last: Decision = last
    ) -> Decision:
        served = serve(context, snapshot, world)
        return last if served is None else served

    return decide


def _one_guarded(rules: Rules) -> Evaluate:
    """What `decide_guarded` does, for one rule and decisions alone."""

    def decide(
        context: Mapping[str, Any],
        snapshot: Any,
        world: World,
        holds: Any = rules.steps[0].holds,
        hit: Any = rules.steps[0].serve,
        miss: Any = rules.last,
        rules: Rules = rules,
    ) -> Any:
        try:
            answer = holds(context, snapshot, world)
        except (Ended, WalkNeeded, RecursionError) as stopped:
            return rules.stopped(stopped, context, snapshot, world)
        if answer:
            return hit
        return rules.undecided() if answer is None and rules.steps[0].doubt != "next" else miss

    return decide


def _steps(rows: list[Row]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for name, group in groupby(rows, lambda row: row.test.equality.name if _is_equality(row) else None):  # type: ignore[union-attr]
        members = list(group)
        if name is not None and len(members) > 1:
            steps.append(Step(_lookup(members, False), None, "next", None))
        else:
            steps += [
                Step(_everybody if row.test is None else row.test.holds, row.serve, row.doubt, row.test)
                for row in members
            ]
    return tuple(steps)


def _everybody(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
    return True


class Rules:
    """The general form. One of its methods, bound, is the flag's entry. Rare decisions are made when they are needed."""

    __slots__ = ("_made", "flag_key", "flag_type", "last", "off", "steps")

    def __init__(self, steps: tuple[Step, ...], last: Decision | Serve, flag: Flag) -> None:
        self.steps = steps
        self.last = last
        self.flag_key, self.flag_type, self.off = flag
        self._made: dict[Any, Decision] | None = None

    @property
    def is_one(self) -> bool:
        """Tell whether there is one rule, and decisions alone."""
        return len(self.steps) == 1 and self.steps[0].serve.__class__ is Decision is self.last.__class__

    def decide(self, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        """The first step that yields, else `last`."""
        doubtful = False
        for holds, serve, doubt, _ in self.steps:
            answer = holds(context, snapshot, world)
            if answer:
                if serve.__class__ is Decision:
                    return serve
                if serve is None:
                    return answer  # type: ignore[return-value]
                served = serve(context, snapshot, world)  # type: ignore[operator]
                if served is not None:
                    return served
            elif answer is None and doubt != "next":
                if doubt == "undecided":
                    return self.undecided()
                doubtful = True
        if doubtful:
            return self.undecided()
        last = self.last
        return last if last.__class__ is Decision else last(context, snapshot, world)  # type: ignore[operator,return-value]

    def decide_guarded(self, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        """The same, for a flag whose conditions may end it or need to know what was decided on the way."""
        try:
            return self.decide(context, snapshot, world)
        except (Ended, WalkNeeded, RecursionError) as stopped:
            return self.stopped(stopped, context, snapshot, world)

    def decide_walking(self, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        """The same, for a flag that asks other flags: it opens the walk, unless it is on one."""
        walk = world if world.__class__ is Walk else Walk(world, self.flag_key)
        return self.decide_guarded(context, snapshot, walk)

    def stopped(self, stopped: Exception, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        """What a flag comes to that was stopped on the way."""
        if isinstance(stopped, Ended):
            return self._ended(stopped, context, snapshot, world)
        if isinstance(stopped, WalkNeeded):
            return self.decide_guarded(context, snapshot, Walk(world, self.flag_key))
        return self._error(ErrorCode.PARSE_ERROR, _TOO_DEEP)

    def _ended(self, ended: Ended, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        if ended.end == STOP:
            last = self.last
            return last if isinstance(last, Decision) else last(context, snapshot, world)  # type: ignore[return-value]
        if ended.end == OFF:
            return self._once(OFF, lambda: decision_of(self.flag_key, self.flag_type, self.off, Reason.DISABLED))
        message = ended.message if isinstance(ended.message, str) else missing_key_message(ended.message, context)
        return self._error(ended.code or ErrorCode.GENERAL, message)

    def undecided(self) -> Decision:
        """The decision of a flag that its rules leave open."""
        return self._once(None, lambda: undecided(self.flag_key, self.flag_type))

    def _error(self, code: ErrorCode, message: str) -> Decision:
        return self._once((code, message), lambda: failed(self.flag_key, code, message, self.flag_type))

    def _once(self, what: Any, make: Callable[[], Decision]) -> Decision:
        """The decision made before, the same object for the same thing, or a new one."""
        made = self._made = self._made or {}
        found = made.get(what)
        return made.setdefault(what, make()) if found is None else found
