"""A decision of an imported flag in LaunchDarkly's words: variation index and reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, ErrorCode, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision

_ERRORS: Final = {
    ErrorCode.FLAG_NOT_FOUND: "FLAG_NOT_FOUND",
    ErrorCode.PARSE_ERROR: "MALFORMED_FLAG",
    ErrorCode.TYPE_MISMATCH: "WRONG_TYPE",
    ErrorCode.PROVIDER_NOT_READY: "CLIENT_NOT_READY",
}


def result_of(decision: Decision, entry: Mapping[str, Any] | None, default: Any = None) -> dict[str, Any]:
    """Value, variation index (None without one) and reason, as LaunchDarkly's SDKs report them."""
    value = default if decision.value is CALLER_DEFAULT else decision.value
    index = None if decision.variant is None else int(decision.variant)
    return {"value": value, "variationIndex": index, "reason": _reason(decision, entry or {})}


def _reason(decision: Decision, entry: Mapping[str, Any]) -> dict[str, Any]:
    if decision.error_code is not None:
        return {"kind": "ERROR", "errorKind": _ERRORS.get(decision.error_code, "EXCEPTION")}
    if decision.reason == Reason.DISABLED:
        return {"kind": "OFF"}
    noted = entry.get("meta", {}).get("imported", {})
    tracked = {"inExperiment": True} if decision.rule_id in noted.get("experiments", ()) else {}
    base = _base(decision.rule_id)
    if base is None or base == "fallthrough":
        return {"kind": "FALLTHROUGH", **tracked}
    if base.startswith("prerequisite:"):
        return {"kind": "PREREQUISITE_FAILED", "prerequisiteKey": base.removeprefix("prerequisite:")}
    if base.startswith("target:"):
        return {"kind": "TARGET_MATCH"}
    at = _rules_there(entry).index(base)
    there = noted.get("rule_ids", {}).get(base, "" if base == f"rule:{at}" else base)
    return {"kind": "RULE_MATCH", "ruleIndex": at, "ruleId": there, **tracked}


def _rules_there(entry: Mapping[str, Any]) -> list[str | None]:
    """The rules as they stood there: without prerequisites and targets, each once."""
    bases = dict.fromkeys(_base(rule["id"]) for rule in entry.get("rules", ()))
    return [base for base in bases if base and not base.startswith(("prerequisite:", "target:", "fallthrough"))]


def _base(rule_id: str | None) -> str | None:
    """The id without the number of a further arm."""
    if rule_id is None or rule_id.startswith("prerequisite:"):
        return rule_id
    head, _, tail = rule_id.rpartition(":")
    return head if head and tail.isdigit() and head not in ("rule", "target") else rule_id
