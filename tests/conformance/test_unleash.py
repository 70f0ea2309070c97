"""Unleash's own client specification: every case that is there, decided by both evaluators."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from buildflags_sdk.importers.unleash import UnleashVariant, flattened, read, result_of

pytestmark = pytest.mark.conformance


def outcome(decided: Any, imported: Any, key: str, context: dict[str, Any]) -> UnleashVariant:
    ours = next((f.key for f in imported.report.findings if f.kind == "flag" and f.source_key == key), None)
    if ours is None:
        return UnleashVariant("disabled", None, enabled=False, feature_enabled=False)
    decision = decided.decide(ours, imported.attributes.apply(flattened(context)))
    return result_of(decision, imported.flags[ours])


def moment(context: dict[str, Any]) -> float:
    return datetime.fromisoformat(context.get("currentTime", "2026-01-01T00:00:00+00:00")).timestamp()


def test_every_case_of_the_client_specification_is_decided_as_unleash_decides_it(conformance, both, tally):
    failed: list[str] = []
    passed = refused = 0
    for path in sorted(conformance("unleash").glob("*.json")):
        suite = json.loads(path.read_bytes())
        imported = read(json.dumps(suite["state"]).encode())
        refused_here = {f.source_key for f in imported.report.findings if f.standing == "refused"}
        for case in suite.get("tests", []) + suite.get("variantTests", []):
            if case["toggleName"] in refused_here:
                refused += 1
                failed.append(f"{path.name}: {case['description']}: refused")
                continue
            decided = both(imported, now=moment(case["context"]))
            found = outcome(decided, imported, case["toggleName"], case["context"])
            wanted = case["expectedResult"]
            if isinstance(wanted, dict):
                said: Any = {"name": found.name, "enabled": found.enabled, "feature_enabled": found.feature_enabled}
                said |= {"payload": found.payload} if found.payload is not None else {}
            else:
                said = found.feature_enabled
            if said == wanted:
                passed += 1
            else:
                failed.append(f"{path.name}: {case['description']}: {said}, not {wanted}")
    tally("unleash", passed=passed, refused=refused, failed=len(failed) - refused)
    assert not failed, "\n".join(failed)
    assert passed > 100
