"""`buildflags eval KEY`: decides one flag for one context, from a running backend or a file, and can say why."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode
from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.trace import Trace
from buildflags_sdk._evaluation.world import PureWorld

from ._api import nearest
from ._context import read_context
from ._exit import Exit, Failure
from ._fetch import Ruleset, fetch_ruleset, read_ruleset_file, wall
from ._options import Given, json_option, reading_options, wait_option
from ._output import as_text, facts, on_off, show, warn, working
from ._trace import trace_tree


@click.command("eval")
@click.argument("key")
@click.option(
    "-c",
    "--context",
    "context_parts",
    multiple=True,
    metavar="PART",
    help="Part of the context: name=text, name:=json, a JSON object, or @file.json. Repeat it.",
)
@click.option("-u", "--user", metavar="KEY", help="The targeting key: short for -c targetingKey=KEY.")
@click.option("-f", "--file", metavar="FILE", help="Decide from this bundle or flags file instead of the backend.")
@click.option("--explain", is_flag=True, help="Show each rule and condition, and what became of it.")
@reading_options
@wait_option
@json_option
def evaluate(
    key: str,
    context_parts: tuple[str, ...],
    user: str | None,
    file: str | None,
    explain: bool,
    given: Given,
    wait: float,
    as_json: bool,
) -> None:
    """Decide a flag for a context, as a client in an application would.

    Ends with 6 when there is no such flag, and with 1 when it cannot be decided.
    """
    context = read_context(context_parts, user)
    if file is not None:
        ruleset = read_ruleset_file(file)
    else:
        target = given.target()
        with working(f"reading {target.workspace}/{target.environment} …"):
            ruleset = fetch_ruleset(target, wait)
    snapshot, world = ruleset.snapshot, PureWorld(now=wall, random=random.random)
    trace: Trace | None = None
    if explain:
        trace = interpret(Definitions.of(snapshot), key, context, world)
    decision = snapshot.decide(key, context, world) if trace is None else trace.decision
    if decision.error_code is ErrorCode.FLAG_NOT_FOUND:
        raise Failure(
            f"there is no flag {key!r} in {ruleset.name}",
            nearest("flag", key, list(snapshot.keys())),
            exit_code=Exit.NOT_FOUND,
        )
    answer = _answer(decision, ruleset)
    if trace is not None:
        answer["trace"] = trace.as_dict()
    show(answer, lambda: _picture(answer, trace), as_json=as_json)
    if decision.error_code is ErrorCode.TARGETING_KEY_MISSING:
        warn("this flag needs a targeting key: give -u KEY (or -c targetingKey=KEY)")
    if not decision.decided:
        raise SystemExit(Exit.NEGATIVE)


def _answer(decision: Decision, ruleset: Ruleset) -> dict[str, Any]:
    default = decision.value is CALLER_DEFAULT
    return {
        "flag_key": decision.flag_key,
        "value": None if default else decision.value,
        "caller_default": default,
        "variant": decision.variant,
        "on": decision.on,
        "reason": str(decision.reason),
        "rule_id": decision.rule_id,
        "error_code": None if decision.error_code is None else str(decision.error_code),
        "error_message": decision.error_message,
        "decided": decision.decided,
        "revision": ruleset.snapshot.revision,
        "source": str(ruleset.source),
    }


def _picture(answer: Mapping[str, Any], trace: Trace | None) -> RenderableType:
    value = (
        Text("the caller's default", style="note")
        if answer["caller_default"]
        else Text(as_text(answer["value"]), style="value")
    )
    rows: list[tuple[str, RenderableType]] = [
        ("flag", Text(answer["flag_key"], style="key")),
        ("value", value),
        ("enabled", on_off(answer["on"])),
        ("variant", Text(answer["variant"] or "–")),
        ("reason", Text(answer["reason"])),
    ]
    if answer["rule_id"] is not None:
        rows.append(("rule", Text(answer["rule_id"])))
    if answer["error_code"] is not None:
        rows.append(("error", Text(f"{answer['error_code']}: {answer['error_message']}", style="bad")))
    rows.append(("from", Text(f"{answer['source']}, revision {answer['revision']}")))
    shown: list[RenderableType] = [facts(rows)]
    if trace is not None:
        shown += [Text(), trace_tree(trace)]
    return Group(*shown)
