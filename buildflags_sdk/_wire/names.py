"""Which keys workspaces, environments, flags and segments may have: what can stand in a path and in a sort key."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def is_name(text: str) -> bool:
    """Whether a text may be the key of a workspace, environment, flag or segment."""
    return _NAME.fullmatch(text) is not None
