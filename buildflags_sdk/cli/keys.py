"""`buildflags keys`: the keys that manifests are signed with. Secret ones stay in their file; only public ones are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from rich.console import Group, RenderableType
from rich.text import Text

from buildflags_sdk._wire.signing import SigningKey

from ._exit import Exit, Failure
from ._options import json_option
from ._output import show
from ._signing import new_key, read_keys, write_keys

AT_MOST = 2

file_argument = click.argument("file", type=click.Path(dir_okay=False))


@click.group()
def keys() -> None:
    """Make and replace the keys that manifests are signed with.

    `buildflags serve --signing-keys FILE` signs with every key of the file. Clients pin public keys (`signing_keys=`,
    or BUILDFLAGS_SIGNING_KEYS) and then refuse whatever none of them has signed.
    """


@keys.command()
@file_argument
@json_option
def new(file: str, as_json: bool) -> None:
    """Make a key in a new FILE, and show its public half."""
    made = [new_key()]
    write_keys(file, made, replace=False)
    advice = (
        f"Sign with it: buildflags serve --signing-keys {file}. When that runs, pin the public key in your clients."
    )
    _show(file, made, advice, as_json=as_json)


@keys.command()
@file_argument
@json_option
def rotate(file: str, as_json: bool) -> None:
    """Add a second key to FILE: until the first is retired, both sign."""
    there = read_keys(file)
    if len(there) >= AT_MOST:
        advice = "retire the oldest first, once no client pins it any more: `buildflags keys retire FILE`"
        raise Failure(f"{file} holds {len(there)} keys already", advice, exit_code=Exit.CONFLICT)
    now = [*there, new_key()]
    write_keys(file, now, replace=True)
    advice = (
        "Restart the backend: both keys sign from then on. Pin both in your clients, then only the new one, and wait for "
        "max-age + stale-while-revalidate + stale-if-error (a day, by default) before `buildflags keys retire`."
    )
    _show(file, now, advice, as_json=as_json)


@keys.command()
@file_argument
@json_option
def retire(file: str, as_json: bool) -> None:
    """Take the oldest of two keys out of FILE."""
    there = read_keys(file)
    if len(there) < AT_MOST:
        advice = "add its successor first: `buildflags keys rotate FILE`"
        raise Failure(f"{file} holds one key, and clients pin it", advice, exit_code=Exit.CONFLICT)
    write_keys(file, there[1:], replace=True)
    _show(file, there[1:], "Restart the backend: what is live is signed anew.", as_json=as_json)


@keys.command("show")
@file_argument
@json_option
def show_keys(file: str, as_json: bool) -> None:
    """Show the public halves of the keys in FILE: what clients pin."""
    _show(file, read_keys(file), "", as_json=as_json)


def _show(file: str, there: Sequence[SigningKey], advice: str, *, as_json: bool) -> None:
    answer: dict[str, Any] = {"file": file, "keys": [{"id": key.id, "public": key.public} for key in there]}
    show(answer, lambda: _picture(there, advice), as_json=as_json)


def _picture(there: Sequence[SigningKey], advice: str) -> RenderableType:
    lines: list[RenderableType] = [Text(key.public, style="value", no_wrap=True, overflow="ignore") for key in there]
    return Group(*lines, *([Text(advice, style="note")] if advice else []))
