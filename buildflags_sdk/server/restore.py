"""After a backup was put back: nothing is published before every environment has a new epoch (protocol.md, "Order")."""

from __future__ import annotations

from collections.abc import Callable
from time import time

from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.errors import BuildFlagsError
from buildflags_sdk.server.records import ENVIRONMENT, META, WORKSPACES, workspace_pk
from buildflags_sdk.server.stores import Put, Store, query_all, text

STORE = "STORE"


class RestoredStoreError(BuildFlagsError):
    """The store's contents come from a backup: clients may know later revisions than it does."""


def claim(store: Store) -> None:
    """Note in a store without workspaces which table or file it was written for. Leave any other store alone."""
    if store.get(STORE, META) is None and not store.query(WORKSPACES, limit=1).items:
        store.put_many([{"PK": STORE, "SK": META, "written_for": store.identity()}])


def is_restored(store: Store) -> bool:
    """Tell whether the contents were written for another table or file than the one they lie in."""
    item = store.get(STORE, META)
    return item is None or item["written_for"] != store.identity()


def refuse_if_restored(store: Store) -> None:
    """Raise RestoredStoreError when publishing could repeat a revision that clients have seen with other contents."""
    if is_restored(store):
        msg = (
            "this store was restored from a backup or moved: clients may have seen later revisions. "
            "Changes are saved, not live, until `buildflags restore` has published every environment under a new epoch"
        )
        raise RestoredStoreError(msg)


def restore(store: Store, *, now: Callable[[], float] = time, signer: Signer | None = None) -> list[tuple[str, str]]:
    """Publish every environment under a new epoch, then take the store as it is. Give what was published.

    It may be repeated: what was begun and not finished is simply done again.
    """
    from buildflags_sdk.server.publish import republish  # noqa: PLC0415 - publish asks this module first

    done = []
    epoch = int(now())
    for row in query_all(store, WORKSPACES):
        workspace = text(row, "workspace")
        for item in query_all(store, workspace_pk(workspace), ENVIRONMENT):
            republish(store, workspace, text(item, "key"), epoch=epoch, now=now, signer=signer)
            done.append((workspace, text(item, "key")))
    store.transact([Put({"PK": STORE, "SK": META, "written_for": store.identity()})])
    return done
