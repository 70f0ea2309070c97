"""One revision in memory, pure: built in small steps, decoded on first use, compared with another. Never changes outside."""

from __future__ import annotations

from buildflags_sdk._snapshot.building import build, build_now
from buildflags_sdk._snapshot.snapshot import Snapshot, Table

__all__ = ["Snapshot", "Table", "build", "build_now"]
