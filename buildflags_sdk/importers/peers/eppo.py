"""Eppo's SDK over an export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .answers import DEFAULT, Answer, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Evaluate

_DEFAULTS = {"STRING": "\0", "INTEGER": -(2**40), "NUMERIC": -1e300, "JSON": {"\0": 0}}


def evaluator(data: bytes) -> Evaluate:
    """Evaluates the export as the SDK's first configuration, and never polls."""
    package = sdk("eppo_client")
    kinds = {key: flag.get("variationType", "") for key, flag in json.loads(data)["flags"].items()}
    client = package.init(
        package.ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=package.assignment_logger.AssignmentLogger(),
            poll_interval_seconds=None,
            initial_configuration=package.Configuration(flags_configuration=data),
        )
    )

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        kind = kinds[key]
        attributes = {name: value for name, value in context.items() if name != "subjectKey"}
        subject = str(context.get("subjectKey", ""))
        get = getattr(client, f"get_{kind.lower()}_assignment_details")

        def ask(default: Any) -> tuple[Any, str]:
            result = get(key, subject, attributes, default)
            details = result.evaluation_details or {}
            return result.variation, details.get("flagEvaluationDescription") or ""

        if kind == "BOOLEAN":  # no value of its own can stand for "none": ask with both
            (one, why), (other, _) = ask(True), ask(False)
            return Answer(one if one == other else DEFAULT, why)
        value, why = ask(_DEFAULTS[kind])
        return Answer(DEFAULT if value == _DEFAULTS[kind] else value, why)

    return evaluate
