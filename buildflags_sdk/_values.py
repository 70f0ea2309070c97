"""Fits a flag's value to the type of the caller's default: the slow half of `get_value`, for all but an exact match.

An integer may be read as a float; a bool is never a number; object values are the caller's own copy.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ._evaluation.context import TARGETING_KEY, EvaluationContext

if TYPE_CHECKING:
    from ._evaluation.details import Decision

MISFIT: Final = object()
"""Answer of `fit` for a value that does not fit the default's type."""


def fit(  # noqa: PLR0911 - one line per type
    decision: Decision, default: Any, models: dict[Any, Any]
) -> Any:
    """The decision's value as the type of `default`, or `MISFIT`.

    `models` keeps validated pydantic instances of one ruleset, so that each is validated once per revision and shared.
    """
    value = decision.value
    if default is None:
        return own(decision)
    kind = type(default)
    if kind is bool or kind is str or kind is int:
        return value if type(value) is kind else MISFIT
    if kind is float:
        return _as_float(value)
    if isinstance(default, EvaluationContext) or (decision.type != "object" and _is_context(default)):
        return MISFIT
    if isinstance(default, Mapping):
        return own(decision) if isinstance(value, dict) else MISFIT
    if isinstance(default, str):
        return value if isinstance(value, str) else MISFIT
    if isinstance(default, Sequence):
        return own(decision) if isinstance(value, list) else MISFIT
    if (model := _model_of(default)) is not None:
        return _validated(decision, model, models)
    return MISFIT


def own(decision: Decision) -> Any:
    """The decision's value, or the caller's own copy of it when it is a dict or list."""
    return decision.value if decision.copy is None else decision.copy()


def name_of(default: Any) -> str:
    """How an error message calls the type of a default."""
    if default is None:
        return "any"
    return type(default).__name__


def mistaken_context(default: Any) -> bool:
    """Whether what was given as default looks like an evaluation context."""
    return isinstance(default, EvaluationContext) or _is_context(default)


def _is_context(default: Any) -> bool:
    return isinstance(default, Mapping) and TARGETING_KEY in default


def _as_float(value: Any) -> Any:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    return MISFIT


def _model_of(default: Any) -> Any:
    pydantic = sys.modules.get("pydantic")  # a default that is a model means that its module is loaded
    if pydantic is not None and isinstance(default, pydantic.BaseModel):
        return type(default)
    return None


def _validated(decision: Decision, model: Any, models: dict[Any, Any]) -> Any:
    if not isinstance(decision.value, dict):
        return MISFIT
    instance = models.get((decision, model))
    if instance is None:
        try:
            instance = model.model_validate(own(decision))
        except ValueError:  # pydantic's ValidationError is one
            instance = MISFIT
        models[decision, model] = instance
    return instance
