"""GrowthBook's SDK over a features payload."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .answers import DEFAULT, Answer, said, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Evaluate


def evaluator(data: bytes) -> Evaluate:
    """Evaluates the payload with one SDK object a context."""
    package = sdk("growthbook")
    document = json.loads(data)
    features, groups = document.get("features", document), document.get("savedGroups") or {}
    bandits = document.get("contextualBandits") or {}

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        given = {"features": features, "savedGroups": groups, "contextual_bandits": bandits}
        book = package.GrowthBook(**given, attributes=dict(context))
        try:
            result = book.eval_feature(key)
        finally:
            book.destroy()
        tried = result.experiment and result.experiment.key
        why = said(source=result.source, rule=result.ruleId, experiment=tried)
        return Answer(DEFAULT if result.source == "unknownFeature" or result.value is None else result.value, why)

    return evaluate
