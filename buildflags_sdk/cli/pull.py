"""`buildflags pull`: saves an environment's ruleset as a bootstrap file, verified, as the backend sent it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
from rich.text import Text

from ._exit import Exit, Failure
from ._fetch import Fetched, fetch, wall
from ._options import Given, json_option, reading_options, wait_option
from ._output import show, working


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    default="bootstrap.buildflags",
    show_default=True,
    help="The file to write.",
)
@reading_options
@wait_option
@json_option
def pull(
    output: str,
    given: Given,
    wait: float,
    as_json: bool,
) -> None:
    """Save the environment's ruleset as a bootstrap file.

    Ship it with your application (`Client(bootstrap=…)`): it answers from it before the network does. The file holds
    rules and no key.
    """
    target = given.target()
    with working(f"reading {target.workspace}/{target.environment} …") as progress:
        fetched = fetch(target, wait, lambda done, of: progress(f"page {done} of {of} …"))
    flags = len(fetched.snapshot().keys())
    body = fetched.bundle(wall())
    write_whole(Path(output), body)
    answer = {
        "file": output,
        "bytes": len(body),
        "flags": flags,
        "epoch": fetched.manifest.epoch,
        "revision": fetched.manifest.revision,
        "published_at": fetched.manifest.published_at,
        "etag": fetched.headers.get("etag"),
    }
    show(answer, lambda: _picture(output, len(body), flags, fetched), as_json=as_json)


def _picture(output: str, size: int, flags: int, fetched: Fetched) -> Text:
    manifest = fetched.manifest
    return Text.assemble(
        ("✔ ", "good"),
        (output, "key"),
        f"  {size:,} bytes: {flags:,} flag{'' if flags == 1 else 's'} of {manifest.workspace}/{manifest.environment}, "
        f"revision {manifest.revision}",
        (f" (published {manifest.published_at})", "note"),
    )


def write_whole(path: Path, body: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it."""
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        Path(temporary).chmod(0o644)  # shipped with an application; it holds rules and no key
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        message = f"cannot write {path}: {error.strerror or error}"
        raise Failure(
            message, "give another file with -o, or make its folder first", exit_code=Exit.CONFIGURATION
        ) from None
