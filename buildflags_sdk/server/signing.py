"""Signing keys over their life: signing again what is live after a key was added or retired. Publishing itself signs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import time

from buildflags_sdk._wire.signature import parse_signatures
from buildflags_sdk._wire.signing import Signer as Signer
from buildflags_sdk._wire.signing import SigningKey as SigningKey
from buildflags_sdk.server.publish import republish
from buildflags_sdk.server.records import ENVIRONMENT, WORKSPACES, environment_pk, signatures_of, workspace_pk
from buildflags_sdk.server.stores import Item, Store, query_all, text


def sign_again(store: Store, signer: Signer, *, now: Callable[[], float] = time) -> list[tuple[str, str]]:
    """Publish anew, unchanged, every environment that is not signed by just the signer's keys. Give what was published.

    A manifest once published never changes, so this is a revision of its own; clients fetch no page for it.
    """
    done = []
    for workspace, environment, ids in _signed_by(store):
        if ids != signer.ids:
            republish(store, workspace, environment, epoch=None, now=now, signer=signer)
            done.append((workspace, environment))
    return done


def is_signed(store: Store) -> bool:
    """Tell whether what is live in any environment is signed, so that clients may have pinned a key."""
    return any(ids for _, _, ids in _signed_by(store))


def _signed_by(store: Store) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every workspace and environment, with the ids of the keys that signed what is live there."""
    for row in query_all(store, WORKSPACES):
        workspace = text(row, "workspace")
        for pointer in query_all(store, workspace_pk(workspace), ENVIRONMENT):
            environment = text(pointer, "key")
            manifest = store.get(environment_pk(workspace, environment), text(pointer, "manifest"))
            yield workspace, environment, _ids(manifest)


def _ids(manifest: Item | None) -> frozenset[str]:
    signatures = None if manifest is None else signatures_of(manifest)
    return frozenset() if signatures is None else frozenset(parse_signatures(signatures))
