"""Patterns of other engines: whatever RE2 does not read as they do is refused or told, never taken for the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.regex import linear_pattern
from buildflags_sdk.importers import read
from buildflags_sdk.importers.draft import Unsupported
from buildflags_sdk.importers.patterns import RustEngine, javascript_note, python_note

RUST = RustEngine("their engine")
BACKTRACKING = RustEngine("their engine", backtracks=True)
needs_re2 = pytest.mark.skipif(linear_pattern("a") is None, reason="the re2 extra is not installed")


@pytest.mark.parametrize(
    "pattern",
    [
        "[a&&b]", "[[a]b]", "[a--b]", "[a~~b]", r"[\d-z]", "[[:foo:]]", "[[:ALPHA:]]", "a**", "a{2}{3}", "a{,2}", "{",
        r"\Qa.b\E", "(?x)a b", "(?R)a", "(?-u)a", r"\u0061", r"\<a", r"a\>", r"\b{start}a", r"\0", r"\012", r"\C",
        r"\101", r"(a)\12", "(?ii)a", "(?i-i)a", "(" * 201 + ")" * 201, r"\w{900}", "(?P<a.b>x)", "(?P<a[0]>x)",
        r"\p{^L}", r"\p{sc=Greek}", r"\p{lu}", "(?P<n>a)(?P<n>b)", "(?)",
    ],
)  # fmt: skip
def test_what_re2_and_rust_read_apart_is_refused(pattern: str) -> None:
    """Each was seen to match otherwise in a system's SDK."""
    with pytest.raises(Unsupported, match="differently"):
        RUST.takes(pattern, "here")


@pytest.mark.parametrize("pattern", [r"\p{Alphabetic}", r"\p{Letter}", "a{1001}", "(a{1000}){1000}"])
def test_what_rust_may_take_and_re2_does_not_is_refused(pattern: str) -> None:
    with pytest.raises(Unsupported, match="cannot be told here"):
        RUST.takes(pattern, "here")


@pytest.mark.parametrize("pattern", ["(", "a)", "[a", "*a", "(?=a)", r"(a)\1", r"\Z", "(?z)a", "[z-a]"])
def test_what_no_rust_engine_takes_matches_nothing_but_a_backtracking_one_may_take_it(pattern: str) -> None:
    assert RUST.takes(pattern, "here") is False
    with pytest.raises(Unsupported, match="cannot be told here"):
        BACKTRACKING.takes(pattern, "here")


@pytest.mark.parametrize(
    "pattern",
    [
        "[+*-]+",
        "[]a]",
        r"\{a\}",
        r"[\[{]",
        "a{2}",
        "a{1,2}?",
        r"\d-\d",
        r"[\w-]",
        r"[\\-z]",
        "(?i)a",
        "(?P<n>a)",
        "$",
        r"\.",
    ],
)
def test_what_both_read_alike_is_taken(pattern: str) -> None:
    assert RUST.takes(pattern, "here")


@needs_re2
@pytest.mark.parametrize("pattern", [r"\p{L}", r"\pL", r"\x{61}", r"\p{Greek}", "(a|a)*$"])
def test_what_takes_re2_is_taken_with_it(pattern: str) -> None:
    assert RUST.takes(pattern, "here")


def test_a_pattern_that_only_re2_can_read_is_never_taken_for_one_that_matches_nothing() -> None:
    if linear_pattern("a") is None:
        with pytest.raises(Unsupported, match="re2 extra"):
            RUST.takes(r"\p{L}", "here")
    with pytest.raises(Unsupported, match="over the limit"):
        RUST.takes("a" * 2000, "here")


@pytest.mark.parametrize("pattern", [r"\w", r"a\b", "a$", "(?i)a", "[[:alpha:]]", "a{,3}", "a{,}b", "(?si)k", r"\\\d"])
def test_what_python_reads_otherwise_is_told(pattern: str) -> None:
    assert "as RE2 does" in python_note(pattern)


def test_what_is_no_pattern_to_python_is_told() -> None:
    assert "none for Python" in python_note(r"\Qa")


@pytest.mark.parametrize("pattern", ["^a.*", r"a\$", r"\\d", "[0-9]+", "a{2,3}"])
def test_what_python_reads_alike_is_not(pattern: str) -> None:
    assert python_note(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [r"\s", r"\Aa", r"a\z", r"\Q.\E", "[[:alpha:]]", "(?i)a", "(?P<n>a)", r"\pL", r"\x{61}", "[]a]", "[^]a]", "^*a"],
)
def test_what_javascript_reads_otherwise_is_told(pattern: str) -> None:
    assert "JavaScript" in javascript_note(pattern)


@pytest.mark.parametrize("pattern", [r"^\w+\d$", "(?:a|b)", "(?<n>a)", r"\\s", "a$"])
def test_what_javascript_reads_alike_is_not(pattern: str) -> None:
    assert javascript_note(pattern) == ""


@pytest.mark.parametrize("pattern", ["(?a)(?u)x", "a{" + "9" * 5_000 + "}", "(" * 900, "a{99999999999}", "a" * 100_000])
@pytest.mark.parametrize("system", ["eppo", "flagsmith", "growthbook", "launchdarkly", "posthog", "statsig", "unleash"])
def test_no_pattern_escapes_an_importer(system: str, pattern: str) -> None:
    data = json.dumps(EXPORTS[system]).replace('"PATTERN"', json.dumps(pattern)).encode()

    imported = read(system, data)

    assert len(imported.report.findings) >= 1
    assert all(each.why for each in imported.report.findings if each.standing == "refused")


EXPORTS: dict[str, Any] = {
    "eppo": {
        "flags": {
            "f": {
                "key": "f", "enabled": True, "variationType": "BOOLEAN", "totalShards": 100, "variations": {},
                "allocations": [
                    {
                        "key": "a", "splits": [],
                        "rules": [{"conditions": [{"attribute": "p", "operator": "MATCHES", "value": "PATTERN"}]}],
                    }
                ],
            }
        }
    },
    "flagsmith": {
        "api_key": "env",
        "feature_states": [],
        "project": {
            "segments": [
                {
                    "id": 1, "name": "s", "feature_states": [],
                    "rules": [
                        {"type": "ALL", "rules": [], "conditions": [{"property_": "p", "operator": "REGEX", "value": "PATTERN"}]}
                    ],
                }
            ]
        },
    },
    "growthbook": {"features": {"f": {"rules": [{"condition": {"p": {"$regex": "PATTERN"}}, "force": 1}]}}},
    "launchdarkly": {
        "flags": {
            "f": {
                "key": "f", "version": 1, "on": True, "salt": "s", "variations": [True], "fallthrough": {"variation": 0},
                "rules": [{"variation": 0, "clauses": [{"attribute": "p", "op": "matches", "values": ["PATTERN"]}]}],
            }
        }
    },
    "posthog": {
        "flags": [
            {
                "id": 1, "key": "f", "active": True,
                "filters": {"groups": [{"properties": [{"key": "p", "type": "person", "operator": "regex", "value": "PATTERN"}]}]},
            }
        ],
        "group_type_mapping": {}, "cohorts": {},
    },
    "statsig": {
        "feature_gates": {
            "f": {
                "name": "f", "type": "feature_gate", "salt": "s", "enabled": True, "defaultValue": False, "idType": "userID",
                "entity": "feature_gate",
                "rules": [
                    {
                        "name": "r", "id": "r", "salt": "r", "passPercentage": 100, "returnValue": True, "idType": "userID",
                        "conditions": ["k"],
                    }
                ],
            }
        },
        "dynamic_configs": {}, "layer_configs": {},
        "condition_map": {"k": {"type": "user_field", "field": "p", "operator": "str_matches", "targetValue": "PATTERN"}},
    },
    "unleash": {
        "version": 2,
        "features": [
            {
                "name": "f", "enabled": True,
                "strategies": [
                    {"name": "default", "constraints": [{"contextName": "p", "operator": "REGEX", "value": "PATTERN"}]}
                ],
            }
        ],
    },
}  # fmt: skip
