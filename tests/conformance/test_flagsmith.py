"""Every result of Flagsmith's engine test data, flags and segments, by both evaluators."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.importers import flagsmith

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.conformance
PROBE = "probe."


def test_every_flag_and_segment_is_flagsmiths_own(
    conformance: Callable[[str], Path], both: Callable[..., Any], tally: Callable[..., None]
) -> None:
    failures, refusals, passed = [], [], 0
    for path in sorted((conformance("flagsmith") / "test_cases").iterdir()):
        case = json.loads(re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.MULTILINE))
        try:
            result = evaluated(case["context"], both)
        except AssertionError as error:
            failures.append(f"{path.name}: {error}")
            continue
        if isinstance(result, str):
            refusals.append(f"{path.name}: {result}")
            continue
        wanted = [{"name": segment["name"]} for segment in case["result"]["segments"]]
        if result == {"flags": case["result"]["flags"], "segments": wanted}:
            passed += 1
        else:
            failures.append(f"{path.name}: {result}\nnot {case['result']}")
    reasons = dict.fromkeys((f"refused: {refusal}" for refusal in refusals), 1)
    tally("flagsmith", passed=passed, refused=len(refusals), failed=len(failures), left_out=reasons)
    assert not failures, "\n".join(failures)
    assert passed >= 100


def evaluated(context: dict[str, Any], both: Callable[..., Any]) -> dict[str, Any] | str:
    """The engine's result of one case, or why it is refused.

    A probe for each segment tells whether the subject is a member.
    """
    imported = flagsmith.read(json.dumps(context).encode())
    if imported.report.refused:
        return "; ".join(finding.why for finding in imported.report.findings if finding.why)
    for key in imported.segments:
        imported.flags[PROBE + key] = {
            "key": PROBE + key,
            "type": "boolean",
            "variants": {"in": True, "out": False},
            "rules": [{"when": {"segment": key}, "serve": {"variant": "in"}}],
            "fallthrough": {"variant": "out"},
        }
    decided = both(imported)
    identity = context.get("identity") or {}
    ours = {**(identity.get("traits") or {})}
    if "identifier" in identity:
        ours["targetingKey"] = identity["identifier"]
    if identity.get("key"):
        ours["flagsmithIdentityKey"] = identity["key"]
    flags = {}
    for finding in imported.report.findings:
        if finding.kind == "flag":
            said = flagsmith.result_of(decided.decide(finding.key, ours), imported.flags[finding.key])
            flags[finding.source_key] = {"name": finding.source_key, **said}
    return {
        "flags": flags,
        "segments": [
            {"name": context["segments"][source]["name"]}
            for source, key in zip(context.get("segments") or {}, list(imported.segments), strict=True)
            if decided.decide(PROBE + key, ours).value
        ],
    }
