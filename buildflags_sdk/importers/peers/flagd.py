"""flagd's in-process evaluator, of its OpenFeature provider, over an export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .answers import DEFAULT, Answer, said, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Evaluate

_KINDS = {bool: "boolean", str: "string", int: "integer", float: "float"}


def evaluator(data: bytes) -> Evaluate:
    """Evaluates the export, which it takes whole or not at all."""
    context_of = sdk("openfeature.evaluation_context").EvaluationContext
    failure = sdk("openfeature.exception").OpenFeatureError
    core = sdk("openfeature.contrib.tools.flagd.core").FlagdCore()
    core.set_flags(data.decode())
    samples = {
        key: next(iter(flag.get("variants", {}).values()), "") for key, flag in json.loads(data)["flags"].items()
    }

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        attributes = {name: value for name, value in context.items() if name != "targetingKey"}
        resolve = getattr(core, f"resolve_{_KINDS.get(type(samples[key]), 'object')}_value")
        try:
            details = resolve(key, None, context_of(context.get("targetingKey"), attributes))
        except failure as error:
            return Answer(DEFAULT, said(error=error.error_code.value, because=error.error_message))
        why = said(reason=details.reason, variant=details.variant)
        return Answer(DEFAULT if details.variant is None else details.value, why)

    return evaluate
