"""How often a client asks and how soon it learns of a publish; and where it keeps its disk copy. Shared by reports."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from buildflags_sdk import Polling
from buildflags_sdk._storage.paths import candidate_directories, usable_directory
from buildflags_sdk._wire.headers import CacheHeaders


class Pace(NamedTuple):
    """Seconds: how long edges may keep a manifest, how often clients ask, and what that adds up to."""

    max_age: float
    stale_while_revalidate: float
    poll: float
    longest_poll: float

    @property
    def worst_case(self) -> float:
        """From a publish to the last client that polls: two ages of an edge's copy, and a poll just missed."""
        return self.max_age + self.stale_while_revalidate + self.longest_poll


def pace_of(cache: CacheHeaders, polling: Polling = Polling()) -> Pace:  # noqa: B008 - a frozen value
    """The pace that a manifest's headers and a client's configuration make."""
    poll = polling.bounded(cache.poll)
    return Pace(cache.max_age or 0, cache.stale_while_revalidate or 0, poll, polling.stretched(poll, 1.0))


def cache_candidates() -> tuple[str, ...]:
    """The folders that a client of this process tries for its disk copy, best first."""
    try:
        home: str | None = str(Path.home())
    except RuntimeError:  # no home, as in some containers
        home = None
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return candidate_directories(
        os.environ, platform=sys.platform, home=home, temporary=tempfile.gettempdir(), user=user
    )


def cache_folder() -> str | None:
    """The one it would use, or None when none can be written."""
    return usable_directory(cache_candidates())
