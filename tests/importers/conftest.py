"""Explanations of imported flags, as lines."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk.importers import Standing, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildflags_sdk._evaluation.trace import Trace

    Traced = Callable[[str, Any, dict[str, Any]], Trace]
    Explained = Callable[[str, Any, dict[str, Any]], list[str]]


@pytest.fixture
def traced() -> Traced:
    """`traced(system, export, context)`: how the imported flag `checkout` is decided for a context."""

    def trace(system: str, export: Any, context: dict[str, Any]) -> Trace:
        imported = read(system, json.dumps(export).encode())
        standings = {finding.standing for finding in imported.report.findings}
        assert Standing.REFUSED not in standings, imported.report.findings
        flags, segments = (
            {key: json.dumps(entry).encode() for key, entry in entries.items()}
            for entries in (imported.flags, imported.segments)
        )
        world = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
        return interpret(Definitions(flags, segments), "checkout", context, world)

    return trace


@pytest.fixture
def explained(traced: Traced) -> Explained:
    """`explained(system, export, context)`: the lines of an explanation; bucketing points are other tests' business."""
    return lambda *asked: [re.sub(r"point [\d.]+ of", "point … of", line) for line in traced(*asked).lines()]
