"""A workspace, its environments and their keys in one call: for development, tests and the first start of a service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import time
from typing import NamedTuple

from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.server.access import EVERY, issue
from buildflags_sdk.server.publish import publish
from buildflags_sdk.server.restore import claim
from buildflags_sdk.server.stores import Store
from buildflags_sdk.server.workspaces import create_environment, create_workspace

ACTOR = "provision"


class Keys(NamedTuple):
    """What was issued. This is the only time that the keys can be read."""

    management: str
    """For this workspace, as admin."""
    server: dict[str, str]
    """Environment → SDK key."""


def provision(
    store: Store,
    workspace: str,
    environments: Sequence[str] = ("production",),
    *,
    now: Callable[[], float] = time,
    signer: Signer | None = None,
) -> Keys:
    """Make a workspace with empty environments, a management key, and an SDK key for each environment.

    >>> from buildflags_sdk.server import SqliteStore
    >>> keys = provision(SqliteStore(":memory:"), "acme", ["production", "staging"])
    >>> keys.server["production"][:10]
    'bf_server_'

    Raises:
        ProblemError: the workspace is there already.
    """
    claim(store)
    create_workspace(store, workspace, name=workspace, actor=ACTOR, now=now())
    for environment in environments:
        create_environment(store, workspace, environment, actor=ACTOR, now=now(), signer=signer)
        publish(store, workspace, environment, now=now, signer=signer)
    return issue_keys(store, workspace, environments, now=now)


def issue_keys(store: Store, workspace: str, environments: Sequence[str], *, now: Callable[[], float] = time) -> Keys:
    """Issue a management key and an SDK key for each environment of a workspace that is there already."""
    management = issue(workspace, "management", now=now(), name=ACTOR)
    store.transact(management.writes)
    server = {}
    for environment in environments:
        issued = issue(workspace, "server", now=now(), environments=(environment,), name=ACTOR)
        store.transact(issued.writes)
        server[environment] = issued.key
    return Keys(management.key, server)


def provision_operator(store: Store, *, now: Callable[[], float] = time) -> str:
    """Issue a management key for all workspaces: the one with which a service's workspaces are made."""
    claim(store)
    issued = issue(EVERY, "management", now=now(), name="operator")
    store.transact(issued.writes)
    return issued.key
