"""Every assignment that Eppo's own test data expects, by both evaluators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk.importers import eppo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.conformance


def test_every_assignment_is_eppos_own(
    conformance: Callable[[str], Path], both: Callable[..., Any], tally: Callable[..., None]
) -> None:
    folder = conformance("eppo") / "ufc"
    imported = eppo.read((folder / "flags-v1.json").read_bytes())
    decided = both(imported)
    failures, passed = [], 0
    for path in sorted((folder / "tests").glob("*.json")):
        case = json.loads(path.read_text())
        for subject in case["subjects"]:
            context = imported.attributes.apply({"subjectKey": subject["subjectKey"], **subject["subjectAttributes"]})
            decision = decided.decide(case["flag"], context)
            value = case["defaultValue"] if decision.value is CALLER_DEFAULT else decision.value
            expected, said = subject["evaluationDetails"], eppo.result_of(decision)
            allocation = expected["matchedAllocation"] or {}
            wanted = (
                subject["assignment"],
                expected["variationKey"],
                allocation.get("key"),
                expected["flagEvaluationCode"],
            )
            got = (value, said["variationKey"], said["allocation"], said["flagEvaluationCode"])
            if got == wanted:
                passed += 1
            else:
                failures.append(f"{path.name} {subject['subjectKey']}: {got}, not {wanted}")
    tally("eppo", passed=passed, failed=len(failures))
    assert not failures, "\n".join(failures)
    assert passed >= 100
