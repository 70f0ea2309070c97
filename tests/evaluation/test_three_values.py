"""True, false and undecided, as Kleene combines them: the whole table, by both evaluators, folded constants included."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.compiler import Pool, compile_flag
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld

CONTEXT = {"targetingKey": "u1", "yes": "y"}
WORLD = PureWorld(now=lambda: 0.0, random=lambda: 0.0)
CONDITIONS: dict[bool | None, list[dict[str, Any]]] = {
    True: [{"attr": ["yes"], "op": "in", "values": ["y"]}, {"all": []}],
    False: [{"attr": ["yes"], "op": "in", "values": ["n"]}, {"any": []}],
    None: [{"member_of": "nobody-knows"}, {"attr": ["absent"], "op": "exists", "on_missing": "undecided"}],
}


def judged(condition: dict[str, Any]) -> list[bool | None]:
    """What the compiler and the interpreter make of a condition."""
    flag = {
        "key": "f",
        "type": "string",
        "variants": {"holds": "holds", "not": "not"},
        "rules": [{"when": condition, "serve": {"variant": "holds"}}],
        "fallthrough": {"variant": "not"},
    }
    line = json.dumps(flag).encode()
    decisions = [
        compile_flag("f", line, Pool())(CONTEXT, None, WORLD),
        interpret(Definitions({"f": line}), "f", CONTEXT, WORLD).decision,
    ]
    return [decision.variant == "holds" if decision.decided else None for decision in decisions]


def every_way(answers: tuple[bool | None, ...]) -> list[list[dict[str, Any]]]:
    return [list(each) for each in itertools.product(*(CONDITIONS[answer] for answer in answers))]


@pytest.mark.parametrize(
    "answers", [*itertools.product((True, False, None), repeat=2), *itertools.product((True, False, None), repeat=3)]
)
def test_all_and_any_of(answers: tuple[bool | None, ...]) -> None:
    all_of = False if False in answers else None if None in answers else True
    any_of = True if True in answers else None if None in answers else False
    for inner in every_way(answers):
        assert judged({"all": inner}) == [all_of, all_of]
        assert judged({"any": inner}) == [any_of, any_of]


@pytest.mark.parametrize(("answer", "opposite"), [(True, False), (False, True), (None, None)])
def test_not(answer: bool | None, opposite: bool | None) -> None:
    for (inner,) in every_way((answer,)):
        assert judged({"not": inner}) == [opposite, opposite]
