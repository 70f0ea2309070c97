"""What another system's SDK answered, and the ways to ask one: what every evaluator here is made of."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk._evaluation.details import CALLER_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk._evaluation.details import Decision

DEFAULT: Final = "the caller's default"


class Answer(NamedTuple):
    """A value in the SDK's own form, and in its own words why (empty where the SDK gives no reason)."""

    value: Any
    why: str = ""


if TYPE_CHECKING:
    Evaluate = Callable[[str, Mapping[str, Any]], Answer]
    """An export's key and a context as that system's callers give it."""


def sdk(module: str) -> Any:
    """A module of another system's SDK: untyped here, whether or not it has types of its own."""
    return import_module(module)


def value_of(decision: Decision, _entry: Mapping[str, Any]) -> Any:
    """A decision of ours where the SDK gives plain values."""
    return DEFAULT if decision.value is CALLER_DEFAULT else decision.value


def said(**facts: Any) -> str:
    """An SDK's reason as one line: `reason TARGETING_MATCH, rule r1`. What is empty is left out."""
    return ", ".join(f"{name.replace('_', ' ')} {fact}" for name, fact in facts.items() if fact not in (None, ""))
