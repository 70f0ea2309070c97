"""PostHog's own facts: who gets which variant of two flags, and what every operator answers, by both evaluators."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from buildflags_sdk.importers.posthog import read, result_of

pytestmark = pytest.mark.conformance


def test_everybody_keeps_the_variant_that_posthog_gave_them(conformance, both, tally):
    failed = []
    passed = 0
    for suite in json.loads((conformance("posthog") / "consistency.json").read_bytes()):
        imported = read(json.dumps({"flags": [suite["flag"]]}).encode())
        decide = both(imported).decide
        key = suite["flag"]["key"]
        for person, wanted in suite["cases"]:
            found = result_of(decide(key, imported.attributes.apply({"distinct_id": person})), imported.flags[key])
            if found == wanted and type(found) is type(wanted):
                passed += 1
            else:
                failed.append(f"{key}, {person}: {found!r}, not {wanted!r}")
    tally("posthog", passed=passed, failed=len(failed))
    assert not failed, "\n".join(failed)
    assert passed > 1000


def test_every_operator_answers_as_posthogs_release_does(conformance, both, tally):
    failed = []
    passed = 0
    for case in json.loads((conformance("posthog") / "match-property.json").read_bytes()):
        flag = {"key": "f", "active": True, "filters": {"groups": [{"properties": [case["filter"]]}]}}
        imported = read(json.dumps({"flags": [flag]}).encode())
        now = (
            datetime.fromisoformat(case["now"]).replace(tzinfo=UTC) if case["now"] else datetime(2026, 1, 1, tzinfo=UTC)
        )
        context: dict[str, Any] = {"distinct_id": "u", **case["properties"]}
        decision = both(imported, now=now.timestamp()).decide("f", imported.attributes.apply(context))
        found = result_of(decision, imported.flags["f"])
        wanted = None if case["expect"] == "inconclusive" else case["expect"]
        if found is wanted and decision.error_code is None:
            passed += 1
        else:
            failed.append(f"{case}: {decision}")
    tally("posthog", passed=passed, failed=len(failed))
    assert not failed, "\n".join(failed)
    assert passed > 100
