"""`buildflags dev`: a backend to develop with: real HTTP, a sample workspace, values that make changes seen in seconds."""

from __future__ import annotations

import re
from time import time
from typing import Any, NamedTuple

import click
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from buildflags_sdk._evaluation.model import expand_short_forms
from buildflags_sdk.server import DEVELOPMENT, Settings, SqliteStore, create_app, load_bulk
from buildflags_sdk.server.access import issue
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.provision import provision
from buildflags_sdk.server.simulation import Latency, with_latency
from buildflags_sdk.server.workspaces import environments_of

from . import _sample
from ._exit import Exit, Failure
from ._host import host_option, open_store, port_option, serve_until_interrupted, take_port, url_of
from ._options import json_option
from ._output import facts

_BOUNDS = re.compile(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?(?:\s*ms)?")


def read_latency(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, float] | None:
    """`LOW-HIGH` or one number, in milliseconds, as two bounds in seconds."""
    if value is None:
        return None
    match = _BOUNDS.fullmatch(value.strip())
    if match is None:
        message = f"{value!r} is no latency: give LOW-HIGH in milliseconds, such as 50-200"
        raise click.BadParameter(message, context, parameter)
    low, high = float(match[1]), float(match[2] or match[1])
    if low > high:
        message = f"{value!r}: the first number is the smaller one"
        raise click.BadParameter(message, context, parameter)
    return low / 1000, high / 1000


class Keys(NamedTuple):
    """What opens the sample workspace: by environment, and for management. Made now, so they may be shown whole."""

    sdk: dict[str, str]
    management: str


@click.command()
@host_option
@port_option
@click.option("--data", metavar="FILE", help="Keep flags in this SQLite file. Without it they are gone when this ends.")
@click.option(
    "--cold-start",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Make the first request take this long, as a serverless function does.",
)
@click.option(
    "--latency",
    callback=read_latency,
    metavar="LOW-HIGH",
    help="Make every request take this many milliseconds, such as 50-200.",
)
@json_option
def dev(
    host: str, port: int, data: str | None, cold_start: float, latency: tuple[float, float] | None, as_json: bool
) -> None:
    """Start a backend to develop with, with a sample workspace, and print its URL and keys.

    With --json it prints one line when it is ready, and goes on.
    """
    listener = take_port(host, port)
    keys = sample_keys(store := open_store(data or ":memory:"))
    app = create_app(store, settings=Settings(delivery=DEVELOPMENT))
    answer = {
        "url": url_of(listener),
        "workspace": _sample.WORKSPACE,
        "environment": _sample.ENVIRONMENTS[0],
        "sdk_key": keys.sdk[_sample.ENVIRONMENTS[0]],
        "sdk_keys": keys.sdk,
        "management_key": keys.management,
        "data": data,
        "cold_start_seconds": cold_start,
        "latency_seconds": latency,
    }
    if cold_start or latency:
        low, high = latency or (0.0, 0.0)
        app = with_latency(app, Latency(cold=cold_start, warm_least=low, warm_most=high))
    serve_until_interrupted(app, listener, answer, lambda: _picture(answer, keys), as_json=as_json)


def sample_keys(store: SqliteStore) -> Keys:
    """Fill an empty store with the sample workspace, or find the keys of the one that is there."""
    try:
        made = provision(store, _sample.WORKSPACE, _sample.ENVIRONMENTS)
    except ProblemError as problem:
        if problem.status != 409:
            raise Failure(problem.detail, "give another file as --data", exit_code=Exit.CONFIGURATION) from None
        return _keys_again(store)
    for environment in _sample.ENVIRONMENTS:
        load_bulk(
            store,
            _sample.WORKSPACE,
            environment,
            [expand_short_forms(flag) for flag in _sample.FLAGS],
            [expand_short_forms(segment) for segment in _sample.SEGMENTS],
        )
    return Keys(made.server, made.management)


def _keys_again(store: SqliteStore) -> Keys:
    """New keys for a store that is there already: it holds only hashes, so the ones before cannot be shown again."""
    workspace = _sample.WORKSPACE
    management = issue(workspace, "management", now=time(), name="buildflags dev")
    store.transact(management.writes)
    sdk = {}
    for environment in environments_of(store, workspace):
        issued = issue(workspace, "server", now=time(), environments=(environment,), name="buildflags dev")
        store.transact(issued.writes)
        sdk[environment] = issued.key
    return Keys(sdk, management.key)


def _picture(answer: dict[str, Any], keys: Keys) -> RenderableType:
    first, *others = _sample.ENVIRONMENTS
    kept = answer["data"] or "in memory: gone when this ends (--data FILE keeps it)"
    rows: list[tuple[str, RenderableType]] = [
        ("URL", Text(answer["url"], style="key")),
        ("workspace", Text(f"{_sample.WORKSPACE}, with {' and '.join(_sample.ENVIRONMENTS)}")),
        ("flags", Text(f"{', '.join(flag['key'] for flag in _sample.FLAGS)}")),
        ("data", Text(kept)),
        ("seen by clients", Text("within 4.4 s of a change: max-age 1, stale-while-revalidate 1, poll 2 × 1.2")),
        ("", Text("development values; in production they are 15, 15 and 60 (102 s)", style="note")),
    ]
    if answer["cold_start_seconds"] or answer["latency_seconds"]:
        low, high = answer["latency_seconds"] or (0.0, 0.0)
        simulated = (
            f"cold start {answer['cold_start_seconds']:g} s, then {low * 1000:g} to {high * 1000:g} ms a request"
        )
        rows.append(("simulated", Text(simulated, style="warning")))
    exports = [
        f"export BUILDFLAGS_URL={answer['url']}",
        f"export BUILDFLAGS_WORKSPACE={answer['workspace']}",
        f"export BUILDFLAGS_ENVIRONMENT={first}",
        f"export BUILDFLAGS_SDK_KEY={keys.sdk[first]}",
        f"export BUILDFLAGS_MANAGEMENT_KEY={keys.management}",
    ]
    more = [f"# SDK key of {name}: {keys.sdk[name]}" for name in others if name in keys.sdk]
    tries = [
        "buildflags flags list",
        "buildflags eval new-checkout -u ada --explain",
        "buildflags flags toggle new-checkout",
        "buildflags doctor",
    ]
    return Group(
        Text.assemble(("buildflags dev", "bold"), "  a backend to develop with"),
        Rule(style="dim"),
        facts(rows),
        Text("\nPaste into another terminal (the keys are shown this once):\n", style="bold"),
        Text("\n".join(exports), style="value", no_wrap=True, overflow="ignore"),
        Text("\n".join(more), style="note", no_wrap=True, overflow="ignore"),
        Text("\nThen try:\n", style="bold"),
        *(Text(f"  {line}") for line in tries),
        Text("\nCtrl-C ends it.", style="note"),
    )
