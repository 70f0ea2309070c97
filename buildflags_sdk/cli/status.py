"""`buildflags status`: how one environment stands: at the backend, and in this host's disk copy."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from buildflags_sdk._storage.disk import DiskCopy
from buildflags_sdk._wire.limits import DEFAULT_LIMITS
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk.errors import BuildFlagsError

from ._api import Management
from ._exit import Failure
from ._fetch import Fetched, fetch, wall
from ._options import Given, Target, json_option, management_key_option, reading_options, wait_option
from ._output import facts, seconds_text, show, working
from ._pace import cache_folder, pace_of


@click.command()
@reading_options
@management_key_option
@wait_option
@json_option
def status(
    given: Given,
    management_key: str | None,
    wait: float,
    as_json: bool,
) -> None:
    """Show which revision is live, what this host's disk copy holds, and (with a management key) what is pending."""
    target = given.target()
    with working(f"reading {target.workspace}/{target.environment} …"):
        fetched = fetch(target, wait)
        answer = _backend(fetched) | {"disk": _disk(target), "pending": _pending(target, management_key)}
    show(answer, lambda: _picture(answer), as_json=as_json)


def _backend(fetched: Fetched) -> dict[str, Any]:
    snapshot, manifest = fetched.snapshot(), fetched.manifest
    for key in sorted(snapshot.keys()):
        snapshot.compiled(key)
    pace = pace_of(fetched.cache)
    return {
        "url": fetched.url,
        "workspace": manifest.workspace,
        "environment": manifest.environment,
        "epoch": manifest.epoch,
        "revision": manifest.revision,
        "published_at": manifest.published_at,
        "flags": len(snapshot.keys()),
        "segments": len(snapshot.segment_keys()),
        "pages": len(manifest.wanted),
        "bytes": fetched.payload_bytes,
        "broken": snapshot.broken(),
        "poll_seconds": pace.poll,
        "worst_case_seconds": pace.worst_case,
    }


def _disk(target: Target) -> dict[str, Any]:
    folder = cache_folder()
    if folder is None:
        return {"folder": None, "revision": None, "checked_at": None, "error": "no folder can be written"}
    try:
        stored = DiskCopy(folder, target.url, target.workspace, target.environment).peek()
        if stored is None:
            return {"folder": folder, "revision": None, "checked_at": None, "error": None}
        manifest = decode_manifest(
            stored.manifest_body, workspace=target.workspace, environment=target.environment, limits=DEFAULT_LIMITS
        )
    except BuildFlagsError as error:
        return {"folder": folder, "revision": None, "checked_at": None, "error": str(error)}
    return {"folder": folder, "revision": manifest.revision, "checked_at": stored.checked_at, "error": None}


def _pending(target: Target, management_key: str | None) -> int | None:
    if not management_key:
        return None
    with Management(target.url, management_key, target.workspace) as api:
        try:
            pending = api.environment(target.environment).get("pending")
        except Failure:  # a question beside the question: an SDK key that works is an answer without it
            return None
    return len(pending) if isinstance(pending, list) else pending


def _picture(answer: dict[str, Any]) -> RenderableType:
    disk, broken = answer["disk"], answer["broken"]
    published = _age_of(answer["published_at"])
    rows: list[tuple[str, RenderableType]] = [
        ("environment", Text(f"{answer['workspace']}/{answer['environment']}", style="key")),
        ("backend", Text(answer["url"])),
        (
            "revision",
            Text.assemble((f"{answer['revision']}", "bold"), f", epoch {answer['epoch']}, published {published}"),
        ),
        ("holds", Text(f"{answer['flags']:,} flags, {answer['segments']:,} segments, {answer['bytes']:,} bytes")),
        (
            "broken",
            Text("none", style="good")
            if not broken
            else Text("\n".join(f"{k}: {v}" for k, v in broken.items()), style="bad"),
        ),
    ]
    if answer["pending"] is not None:
        pending = answer["pending"]
        rows.append(
            (
                "pending",
                Text(f"{pending}: saved, not live" if pending else "nothing", style="warning" if pending else ""),
            )
        )
    rows.append(("disk copy", Text(_disk_text(disk, answer["revision"]))))
    rows.append(("seen by clients", Text(f"within {seconds_text(answer['worst_case_seconds'])} of a publish")))
    return facts(rows)


def _disk_text(disk: dict[str, Any], live: int) -> str:
    if disk["error"] is not None:
        return f"unusable: {disk['error']}"
    if disk["revision"] is None:
        return f"none yet in {disk['folder']}"
    age = seconds_text(max(wall() - disk["checked_at"], 0))
    behind = "" if disk["revision"] == live else f" (live is {live})"
    return f"revision {disk['revision']}{behind}, checked {age} ago, in {disk['folder']}"


def _age_of(moment: str) -> str:
    try:
        seconds = wall() - datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return moment
    return f"{seconds_text(max(seconds, 0))} ago"
