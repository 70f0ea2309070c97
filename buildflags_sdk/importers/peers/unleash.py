"""Unleash's engine over a client features response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import Answer, said, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision

    from .answers import Evaluate

_BUILT_IN = frozenset(("userId", "sessionId", "appName", "environment", "remoteAddress", "currentTime", "properties"))


def evaluator(data: bytes) -> Evaluate:
    """Evaluates the response; names that Unleash does not know are properties."""
    engine = sdk("yggdrasil_engine.engine").UnleashEngine()
    engine.take_state(data.decode())

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        more = {name: value for name, value in context.items() if name not in _BUILT_IN}
        asked = {name: value for name, value in context.items() if name in _BUILT_IN}
        asked["properties"] = {**more, **(context.get("properties") or {})}
        variant, enabled = engine.get_variant(key, asked).variant, bool(engine.is_enabled(key, asked).is_enabled)
        why = said(enabled=enabled, variant=variant.name)
        return Answer((enabled, variant.name if variant.enabled else None), why)

    return evaluate


def ours(decision: Decision, entry: Mapping[str, Any]) -> Any:
    """A decision of ours as whether it is enabled, and its variant."""
    from buildflags_sdk.importers.unleash import result_of  # noqa: PLC0415 - the importer of one system

    said_here = result_of(decision, entry)
    return said_here.feature_enabled, said_here.name if said_here.enabled else None
