"""Overrides reach every client of the process, so clients that other tests have dropped must be gone."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(autouse=True)
def _only_this_tests_clients() -> None:
    gc.collect()
