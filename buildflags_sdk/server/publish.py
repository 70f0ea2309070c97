"""Publishing: what is saved becomes what clients read. It never edits a flag and never re-encodes a line.

The order of its five steps is what makes it right with any number of publishers and writers at once; each is marked.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from buildflags_sdk._wire.manifest import decode_manifest, encode_manifest, etag_of
from buildflags_sdk._wire.page import verify_page
from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.errors import BuildFlagsError, RulesetError
from buildflags_sdk.server.records import (
    ENVIRONMENT,
    META,
    PENDING,
    PENDING_FLAG,
    PENDING_REBUILD,
    PENDING_SEGMENT,
    RULES,
    SEGMENT,
    environment_pk,
    manifest_sk,
    page_pk,
    timestamp,
    workspace_pk,
)
from buildflags_sdk.server.restore import refuse_if_restored
from buildflags_sdk.server.splicing import Changes, Entry, Layout, Spliced, lay_out, splice
from buildflags_sdk.server.stores import (
    ABSENT,
    ITEM_BYTES,
    Check,
    ConditionFailedError,
    Delete,
    Item,
    Put,
    Store,
    Write,
    number,
    query_all,
    raw,
    text,
)

ATTEMPTS = 16
"""Lost races before a publisher leaves the rest to the next one."""
_MANIFEST_BYTES = ITEM_BYTES - 1_000
_FOLDED_AT_ONCE = 90
"""PENDING items in one transaction of at most 100."""


class PublishError(BuildFlagsError):
    """Nothing was lost, but it is not live yet; the message says what to do."""


class UnknownEnvironmentError(PublishError):
    """There is no such environment."""


class Published(NamedTuple):
    """What clients of the environment read from now on."""

    epoch: int
    revision: int
    changed: bool


def publish(
    store: Store, workspace: str, environment: str, *, now: Callable[[], float], signer: Signer | None = None
) -> Published:
    """Make all pending changes of an environment live. Each round is one revision; without changes there is none.

    With a `signer` manifests are signed; the signatures are stored beside the bytes that they are of.

    Raises:
        UnknownEnvironmentError: there is no such environment.
        PublishError: too many lost races, or a store that was restored from a backup.
        RulesetError: a ruleset that does not fit into pages.
    """
    refuse_if_restored(store)
    changed = False
    lost = 0
    while lost < ATTEMPTS:
        try:
            outcome = _one_round(store, workspace, environment, now, signer)
        except ConditionFailedError:
            lost += 1
            continue
        changed = changed or outcome.changed
        if not outcome.more:
            return Published(outcome.epoch, outcome.revision, changed)
    msg = f"{workspace}/{environment} is saved, not live: {ATTEMPTS} other publishers were faster; publish it again"
    raise PublishError(msg)


def pending_count(store: Store, workspace: str, environment: str) -> int:
    """Count what is saved and not live."""
    return sum(1 for _ in query_all(store, environment_pk(workspace, environment), PENDING))


def first_environment_writes(
    workspace: str, environment: str, secret: str, now: float, signer: Signer | None = None
) -> list[Write]:
    """Give the rows of a new, empty environment: its pointer and its first manifest, so that delivery has an answer."""
    pointer: Item = {
        "PK": workspace_pk(workspace),
        "SK": f"{ENVIRONMENT}{environment}",
        "key": environment,
        "secret": secret,
        "created_at": timestamp(now),
        "published_ms": int(now * 1000) - 1,
        "epoch": int(now),
        "revision": 0,
        "manifest": "",
    }
    spliced = lay_out([])
    moved, manifest = _next(pointer, workspace, environment, spliced.layout, now, signer)
    return [Put(moved, ABSENT), Put(manifest, ABSENT)]


def republish(
    store: Store,
    workspace: str,
    environment: str,
    *,
    epoch: int | None,
    now: Callable[[], float],
    signer: Signer | None = None,
) -> None:
    """Publish what is live, unchanged, as the next revision: under another epoch (after a restore), or None for the same."""
    for _ in range(ATTEMPTS):
        pointer = _pointer(store, workspace, environment)
        raised = pointer if epoch is None else {**pointer, "epoch": max(epoch, number(pointer, "epoch") + 1)}
        moved, manifest = _next(raised, workspace, environment, _layout_of(store, workspace, pointer), now(), signer)
        try:
            store.transact([Put(manifest, ABSENT), Put(moved, {"manifest": pointer["manifest"]})])
        except ConditionFailedError:
            continue
        return
    msg = f"{workspace}/{environment} could not be republished: others publish it meanwhile; stop them and try again"
    raise PublishError(msg)


def read_page(store: Store, secret: str, name: str) -> bytes:
    """Read a page's decoded bytes from the store. Raises `PageError` when they are not what the name says."""
    item = store.get(page_pk(secret, name), META)
    if item is None:
        msg = f"page {name} is not in the store, though the manifest names it"
        raise RulesetError(msg)
    body = zlib.decompress(raw(item, "body"), 31)
    verify_page(name, body)
    return body


def page_items(secret: str, written: dict[str, bytes], now: float) -> Iterator[Item]:
    """Give the rows of pages, gzipped as they will be sent. The same body always gives the same bytes."""
    for name, body in written.items():
        packed = gzip.compress(body, 6, mtime=0)
        yield {"PK": page_pk(secret, name), "SK": META, "body": packed, "named_at": int(now)}


class _Round(NamedTuple):
    epoch: int
    revision: int
    changed: bool
    more: bool


def _one_round(
    store: Store, workspace: str, environment: str, now: Callable[[], float], signer: Signer | None
) -> _Round:
    pk = environment_pk(workspace, environment)
    # 1. the pointer, and only then
    pointer = _pointer(store, workspace, environment)
    # 2. the pending items and their rows: read the other way round, a change could fall between the two and be lost
    pending = store.query(pk, prefix=PENDING, limit=_FOLDED_AT_ONCE)
    if not pending.items:
        return _Round(number(pointer, "epoch"), number(pointer, "revision"), changed=False, more=False)
    layout = _layout_of(store, workspace, pointer)
    secret = text(pointer, "secret")
    # 3. splice those lines into the pages that (1) names
    spliced = _spliced(store, workspace, environment, layout, secret, pending.items)
    forget: list[Write] = [Delete(pk, text(item, "SK"), {"stamp": item["stamp"]}) for item in pending.items]
    more = pending.next is not None
    if spliced.layout == layout:
        unmoved = Check(text(pointer, "PK"), text(pointer, "SK"), {"manifest": pointer["manifest"]})
        store.transact([unmoved, *forget])
        return _Round(number(pointer, "epoch"), number(pointer, "revision"), changed=False, more=more)
    # 4. write the pages, again even if present: retention may be about to drop an old one of the same bytes
    moment = now()
    store.put_many(page_items(secret, spliced.written, moment))
    # 5. all at once, if nobody was faster
    moved, manifest = _next(pointer, workspace, environment, spliced.layout, moment, signer)
    store.transact([Put(manifest, ABSENT), Put(moved, {"manifest": pointer["manifest"]}), *forget])
    return _Round(number(moved, "epoch"), number(moved, "revision"), changed=True, more=more)


def _spliced(
    store: Store, workspace: str, environment: str, layout: Layout, secret: str, pending: list[Item]
) -> Spliced:
    if any(item["SK"] == PENDING_REBUILD for item in pending):
        return lay_out(_all_lines(store, workspace, environment))
    return splice(layout, lambda name: read_page(store, secret, name), _changes(store, workspace, environment, pending))


def _changes(store: Store, workspace: str, environment: str, pending: list[Item]) -> Changes:
    entries: list[Entry] = []
    places: list[tuple[str, str]] = []
    for item in pending:
        sk = text(item, "SK")
        if sk.startswith(PENDING_SEGMENT):
            key = sk.removeprefix(PENDING_SEGMENT)
            entries.append((True, key))
            places.append((workspace_pk(workspace), f"{SEGMENT}{key}"))
        else:
            key = sk.removeprefix(PENDING_FLAG)
            entries.append((False, key))
            places.append((environment_pk(workspace, environment), f"{RULES}{key}"))
    return dict(zip(entries, map(_line, store.get_many(places)), strict=True))


def _all_lines(store: Store, workspace: str, environment: str) -> Iterator[bytes]:
    for item in query_all(store, workspace_pk(workspace), SEGMENT):
        if (line := _line(item)) is not None:
            yield line
    for item in query_all(store, environment_pk(workspace, environment), RULES):
        if (line := _line(item)) is not None:
            yield line


def _line(item: Item | None) -> bytes | None:
    line = None if item is None else item.get("line")
    return line if isinstance(line, bytes) else None


def _pointer(store: Store, workspace: str, environment: str) -> Item:
    pointer = store.get(workspace_pk(workspace), f"{ENVIRONMENT}{environment}")
    if pointer is None:
        msg = f"there is no environment {environment!r} in workspace {workspace!r}"
        raise UnknownEnvironmentError(msg)
    return pointer


def _layout_of(store: Store, workspace: str, pointer: Item) -> Layout:
    item = store.get(environment_pk(workspace, text(pointer, "key")), text(pointer, "manifest"))
    if item is None:
        msg = f"the manifest {pointer['manifest']!r} of {workspace}/{pointer['key']!r} is not in the store"
        raise RulesetError(msg)
    manifest = decode_manifest(raw(item, "body"), workspace=workspace, environment=text(pointer, "key"))
    return Layout(
        bits=number(pointer, "bits"),
        entries=number(pointer, "entries"),
        total_bytes=number(pointer, "bytes"),
        pages=manifest.pages,
        inline=manifest.inline,
    )


def _next(
    pointer: Item, workspace: str, environment: str, layout: Layout, now: float, signer: Signer | None
) -> tuple[Item, Item]:
    """Give the moved pointer and the new manifest's row."""
    published_ms = max(int(now * 1000), number(pointer, "published_ms") + 1)  # history is searched by time
    epoch, revision = number(pointer, "epoch"), number(pointer, "revision") + 1
    body = encode_manifest(
        workspace=workspace,
        environment=environment,
        epoch=epoch,
        revision=revision,
        published_at=timestamp(published_ms / 1000),
        pages_at=f"/p/{text(pointer, 'secret')}/",
        pages=None if layout.inline is not None else layout.pages,
        inline=layout.inline,
    )
    if len(body) > _MANIFEST_BYTES:
        msg = f"the manifest would have {len(body)} bytes, over the table's {_MANIFEST_BYTES}; use another workspace"
        raise RulesetError(msg)
    sk = manifest_sk(epoch, revision)
    signatures = None if signer is None else signer.sign(body)
    manifest: Item = {
        "PK": environment_pk(workspace, environment),
        "SK": sk,
        "body": body,
        "signatures": signatures,
        "etag": etag_of(body, signatures),
        "published_ms": published_ms,
    }
    moved: Item = {
        **pointer,
        "epoch": epoch,
        "revision": revision,
        "published_ms": published_ms,
        "published_at": timestamp(published_ms / 1000),
        "manifest": sk,
        "bits": layout.bits,
        "entries": layout.entries,
        "bytes": layout.total_bytes,
    }
    return moved, manifest
