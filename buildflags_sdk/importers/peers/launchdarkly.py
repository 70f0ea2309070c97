"""LaunchDarkly's evaluator over an export of any of the forms that the importer reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .answers import DEFAULT, Answer, said, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Evaluate


def evaluator(data: bytes) -> Evaluate:
    """Evaluates flags with their segments; a big segment's members are unknown, as without its store."""
    package, model, events = sdk("ldclient"), sdk("ldclient.impl.model"), sdk("ldclient.impl.events.types")
    document = json.loads(data)
    document = document.get("data", document)
    simple = {key: _always(key, value) for key, value in (document.get("flagValues") or {}).items()}
    flags = {key: model.FeatureFlag(raw) for key, raw in {**simple, **(document.get("flags") or {})}.items()}
    segments = {key: model.Segment(raw) for key, raw in (document.get("segments") or {}).items()}
    evaluate_flag = sdk("ldclient.impl.evaluator").Evaluator(flags.get, segments.get, lambda _key: (None, "HEALTHY"))

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        raw = dict(context) if "kind" in context else _user(context)
        asked = package.Context.from_dict(raw)
        detail = evaluate_flag.evaluate(flags[key], asked, events.EventFactory(with_reasons=False)).detail
        value = DEFAULT if detail.variation_index is None else detail.value
        return Answer(value, said(**detail.reason, variation=detail.variation_index))

    return evaluate


def _always(key: str, value: Any) -> dict[str, Any]:
    """What a file of plain values says of one flag."""
    return {"key": key, "version": 1, "on": True, "variations": [value], "fallthrough": {"variation": 0}}


def _user(context: Mapping[str, Any]) -> dict[str, Any]:
    """An old-style user as a context of kind user."""
    own = {name: value for name, value in context.items() if name != "custom"}
    return {"kind": "user", **(context.get("custom") or {}), **own}
