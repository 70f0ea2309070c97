"""Statsig's own SDK, offline with its specs from a data store, and the imported ruleset: the same values and rule ids.

Specs are disabled too: this SDK asks their rules like any other's, and says so where none takes. Where it says that it
does not support what is asked, its rule's id is left from elsewhere, and only the values are compared.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk.importers.statsig import context_of, read, rule_id_of

from .drawing_statsig import CONFIGS, GATES, LAYERS, PARAMETERS, exports, users

sdk = pytest.importorskip("statsig_python_core", reason="the peer's SDK is not installed: statsig-python-core")

pytestmark = [pytest.mark.conformance, pytest.mark.property]

Json = dict[str, Any]


def test_their_sdk_and_ours_give_the_same_value_and_rule(both, statsig_of, fuzz_examples, tally):
    seen = {"decided": 0, "mapped": 0, "not supported": 0, "stored": 0}

    @settings(max_examples=fuzz_examples, database=None, suppress_health_check=list(HealthCheck))
    @given(exports(), st.lists(users(), min_size=2, max_size=2))
    def compare(export: Json, asked: list[Json]) -> None:
        evaluation, statsig = both(read(json.dumps(export).encode()), now=time.time()), statsig_of(export)
        for raw in asked:
            user = sdk.StatsigUser(
                user_id=raw["userID"], email=raw.get("email"), app_version=raw.get("appVersion"), custom=raw.get("custom"),
                private_attributes=raw.get("privateAttributes"), custom_ids=raw.get("customIDs"), country=raw.get("country"),
            )  # fmt: skip
            store = statsig.get_parameter_store(user, "s")
            for finding in evaluation.imported.report.findings:
                stored = finding.source_key.partition("param_store:s.")[2]
                decision = evaluation.decide(finding.key, context_of(raw, {"tier": "production"})) if stored else None
                if decision is not None and decision.error_code is None:
                    text = decision.value if isinstance(decision.value, str) else "fallback"
                    assert text == store.get_string(stored, "fallback"), json.dumps([stored, raw, export])
                    seen["stored"] += 1
            for name in (*GATES, *CONFIGS, *LAYERS):
                entry = evaluation.imported.flags[name]
                if "broken" in entry:
                    assert "over the limit" in entry["broken"] or "several rules" in entry["broken"], entry
                    continue
                if name in GATES:
                    theirs = statsig.get_feature_gate(user, name)
                elif name in CONFIGS:
                    theirs = statsig.get_dynamic_config(user, name)
                else:
                    theirs = statsig.get_layer(user, name)
                decision = evaluation.decide(name, context_of(raw, {"tier": "production"}))
                got = decision.value
                if name in LAYERS:
                    assert got.keys() <= {"v", *PARAMETERS}
                    got = {parameter: got.get(parameter) for parameter in ("v", *PARAMETERS)}
                value = theirs.value if name not in LAYERS else {at: theirs.get(at, None) for at in ("v", *PARAMETERS)}
                supported = not theirs.details.reason.endswith(":Unsupported")
                rule = rule_id_of(decision) if supported else theirs.rule_id
                assert (got, rule) == (value, theirs.rule_id), json.dumps(
                    [name, raw, _spec(export, name), export["overrides"], export["override_rules"], entry["rules"]]
                )
                kind = "not supported" if not supported else "mapped" if export["overrides"].get(name) else "decided"
                seen[kind] += 1

    compare()
    tally("statsig (fuzz)", passed=sum(seen.values()))
    assert min(seen.values()) > fuzz_examples // 40, seen


def _spec(export: Json, name: str) -> Json:
    """What the export says of one name, with its conditions in their places."""
    tables = (export[table] for table in ("feature_gates", "dynamic_configs", "layer_configs"))
    spec = next(table[name] for table in tables if name in table)
    shared = export["condition_map"]
    return {
        **spec,
        "rules": [{**rule, "conditions": [shared[each] for each in rule["conditions"]]} for rule in spec["rules"]],
    }
