"""`buildflags restore`: after a backup of the backend's file was put back, every environment goes on under a new epoch."""

from __future__ import annotations

from time import time
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.errors import BuildFlagsError
from buildflags_sdk.server import SqliteStore
from buildflags_sdk.server.publish import publish
from buildflags_sdk.server.restore import is_restored, restore
from buildflags_sdk.server.signing import is_signed

from ._exit import Exit, Failure
from ._host import open_store
from ._options import json_option
from ._output import show, table
from ._signing import read_signer, signing_option


@click.command("restore")
@click.option(
    "--data",
    metavar="FILE",
    default="buildflags.sqlite3",
    show_default=True,
    type=click.Path(exists=True, dir_okay=False),
    help="The SQLite file that a backup was put back into.",
)
@click.option("--again", is_flag=True, help="Also if the file is not one that was put back, or was restored already.")
@signing_option
@json_option
def restore_command(data: str, again: bool, signing_keys: str | None, as_json: bool) -> None:
    """Let a backend go on from a backup: publish every environment under a new epoch.

    Clients may have seen later revisions than the backup has, so nothing is published from a file that was put back
    until this is done. It may run while the backend does, and may be repeated. Changes saved meanwhile go live with it.
    """
    signer = read_signer(signing_keys)
    store = open_store(data)
    try:
        published = _restored(store, signer, data, again=again)
    finally:
        store.close()
    answer = {"data": data, "restored": bool(published), "environments": published}
    show(answer, lambda: _picture(published), as_json=as_json)


def _restored(store: SqliteStore, signer: Signer | None, data: str, *, again: bool) -> list[dict[str, Any]]:
    if not again and not is_restored(store):
        return []
    if signer is None and is_signed(store):
        advice = "give the file of the keys, as `buildflags serve` gets it: --signing-keys FILE"
        raise Failure(
            f"what is live in {data} is signed; clients would refuse it unsigned", advice, exit_code=Exit.USAGE
        )
    published = []
    try:
        for workspace, environment in restore(store, signer=signer):
            live = publish(store, workspace, environment, now=time, signer=signer)
            where = {"workspace": workspace, "environment": environment}
            published.append({**where, "epoch": live.epoch, "revision": live.revision})
    except BuildFlagsError as error:
        advice = "what was begun and not finished is done again by the same command"
        raise Failure(str(error), advice, exit_code=Exit.CONFLICT) from None
    return published


def _picture(published: list[dict[str, Any]]) -> RenderableType:
    if not published:
        return Text(
            "Nothing to restore: this file goes on where it was. If the backup brought the file .identity beside it back "
            "too, nobody can tell: --again publishes under a new epoch all the same."
        )
    rows = table("workspace", "environment", "epoch", "revision")
    for one in published:
        rows.add_row(*(str(cell) for cell in one.values()))
    return Group(rows, Text("Clients take each with their next poll.", style="note"))
