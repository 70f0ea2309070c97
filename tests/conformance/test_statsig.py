"""Every case of Statsig's end-to-end test data, by both evaluators."""

from __future__ import annotations

import json

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk.importers.report import Standing
from buildflags_sdk.importers.statsig import context_of, read, rule_id_of

pytestmark = pytest.mark.conformance

LOOK_UPS = {"test_country", "test_ua"}  # by IP address and by user agent: refused by name


def test_every_case_is_decided_as_statsig_decides_it(conformance, both, tally):
    folder = conformance("statsig")
    suite = json.loads((folder / "cases.json").read_text())
    specs = json.loads((folder / "download_config_specs.json").read_text())
    evaluation = both(read(json.dumps({**specs, "id_lists": suite["id_lists"]}).encode()))
    refused_keys = {
        finding.source_key for finding in evaluation.imported.report.findings if finding.standing is Standing.REFUSED
    }
    passed, refused, failures = 0, 0, []
    for case in suite["cases"]:
        decision = evaluation.decide(case["name"], context_of(case["user"], suite["environment"]))
        if case["name"] in refused_keys:
            refused += 1
            assert decision.value is CALLER_DEFAULT
            assert "not imported from statsig" in (decision.error_message or "")
        elif (decision.value, rule_id_of(decision)) == (case["value"], case["rule_id"]):
            passed += 1
        else:
            failures.append(f"{case}: {decision!r}")
    tally("statsig", passed=passed, refused=refused, failed=len(failures))
    assert not failures, "\n".join(failures)
    assert refused_keys == LOOK_UPS
    assert passed > 0
