"""A world that rules may not ask anything."""

from __future__ import annotations

import pytest


class _NoWorld:
    """Has nothing of what a rule could ask for: the time, the dice, memberships."""


@pytest.fixture(scope="session")
def no_world():
    """The world of flags that ask nothing of it."""
    return _NoWorld()
