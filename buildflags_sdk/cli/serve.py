"""`buildflags serve`: the backend in one process over one SQLite file, with production's values."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from buildflags_sdk._wire.headers import CacheHeaders
from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.server import DeliverySettings, RateLimit, Settings, SqliteStore, create_app
from buildflags_sdk.server.access import EVERY
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.provision import provision, provision_operator
from buildflags_sdk.server.records import KEY, workspace_pk

from ._exit import Exit, Failure
from ._host import host_option, open_store, port_option, serve_until_interrupted, take_port, url_of
from ._options import json_option
from ._output import facts, seconds_text
from ._pace import pace_of
from ._signing import read_signer, signing_option


@click.command()
@host_option
@port_option
@click.option("--data", metavar="FILE", default="buildflags.sqlite3", show_default=True, help="The SQLite file.")
@click.option("-w", "--workspace", envvar="BUILDFLAGS_WORKSPACE", help="Make this workspace, if it is not there yet.")
@click.option(
    "-e",
    "--environment",
    "environments",
    multiple=True,
    help="… with this environment (repeat it). [default: production]",
)
@click.option(
    "--max-age", type=click.IntRange(min=0), default=15, show_default=True, help="Seconds a CDN may keep a manifest."
)
@click.option(
    "--poll", type=click.IntRange(1, 3600), default=60, show_default=True, help="Seconds between a client's polls."
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=500.0,
    show_default=True,
    help="Requests a second that one key may send, ten seconds' worth at once; 0: any number.",
)
@signing_option
@json_option
def serve(
    host: str,
    port: int,
    data: str,
    workspace: str | None,
    environments: tuple[str, ...],
    max_age: int,
    poll: int,
    rate: float,
    signing_keys: str | None,
    as_json: bool,
) -> None:
    """Run the backend on this machine, its data in one SQLite file.

    The first time, it makes a management key, or with -w a workspace and all its keys, and prints them: this once. With
    --json it prints one line when it is ready, and goes on.
    """
    signer = read_signer(signing_keys)
    listener = take_port(host, port)
    store = open_store(data)
    delivery = DeliverySettings(max_age=max_age, stale_while_revalidate=max_age, poll=poll)
    limit = RateLimit(rate, max(1, int(10 * rate))) if rate else None
    keys = first_keys(store, workspace, environments or ("production",), signer)
    app = create_app(store, settings=Settings(delivery=delivery, rate=limit, signer=signer))
    answer = {"url": url_of(listener), "data": data, "workspace": workspace, **keys}
    pace = pace_of(CacheHeaders(max_age=max_age, stale_while_revalidate=max_age, poll=poll))
    serve_until_interrupted(app, listener, answer, lambda: _picture(answer, keys, pace.worst_case), as_json=as_json)


def first_keys(
    store: SqliteStore, workspace: str | None, environments: tuple[str, ...], signer: Signer | None
) -> dict[str, Any]:
    """The keys of what is made now; empty when everything is there already."""
    if workspace is None:
        is_new = not store.query(workspace_pk(EVERY), prefix=KEY, limit=1).items
        return {"management_key": provision_operator(store)} if is_new else {}
    try:
        made = provision(store, workspace, environments, signer=signer)
    except ProblemError as problem:
        if problem.status == 409:
            return {}
        raise Failure(problem.detail, "correct it and repeat", exit_code=Exit.CONFIGURATION) from None
    return {"management_key": made.management, "sdk_keys": made.server}


def _picture(answer: dict[str, Any], keys: dict[str, Any], worst_case: float) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = [
        ("URL", Text(answer["url"], style="key")),
        ("data", Text(answer["data"])),
        ("seen by clients", Text(f"within {seconds_text(worst_case)} of a change")),
    ]
    made: list[tuple[str, RenderableType]] = []
    if "management_key" in keys:
        made.append(("management key", Text(keys["management_key"], style="value", no_wrap=True, overflow="ignore")))
    for environment, key in keys.get("sdk_keys", {}).items():
        made.append((f"SDK key of {environment}", Text(key, style="value", no_wrap=True, overflow="ignore")))
    shown: list[RenderableType] = [Text.assemble(("buildflags serve", "bold"), "  ready"), facts(rows)]
    if made:
        shown += [Text("\nKept only as hashes, shown this once:", style="bold"), facts(made)]
    return Group(*shown, Text("\nCtrl-C ends it.", style="note"))
