"""One revision in memory, pure: built in small steps, decoded on first use, compared with another. Never changes outside."""

from __future__ import annotations

from .building import build, build_now
from .snapshot import NOT_FOUND, Snapshot, Table

__all__ = ["NOT_FOUND", "Snapshot", "Table", "build", "build_now"]
