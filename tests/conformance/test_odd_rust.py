"""Every operator with every pair of odd values, where the system's SDK decides in Rust: the same answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.importers import eppo, statsig, unleash

from .odd import NUMBERS, OTHERS, TEXTS, VALUES, by_key, compare

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("quiet")]

Json = dict[str, Any]


@pytest.mark.parametrize("op", ["ONE_OF", "NOT_ONE_OF", "MATCHES", "NOT_MATCHES", "GT", "GTE", "LT", "LTE", "IS_NULL"])
def test_eppo(op: str, both: Callable[..., Any], tally: Callable[..., None]) -> None:
    sdk = pytest.importorskip("eppo_client", reason="eppo-server-sdk is not installed")
    operands = [[text] for text in TEXTS] + [["1", "true"], *VALUES] if "ONE_OF" in op else VALUES

    def flag(key: str, operand: Any) -> Json:
        condition = {"attribute": "p", "operator": op, "value": operand}
        splits = [{"variationKey": "on", "shards": []}]
        return {
            "key": key, "enabled": True, "variationType": "BOOLEAN", "totalShards": 100,
            "variations": {"on": {"key": "on", "value": True}},
            "allocations": [{"key": "a", "doLog": False, "rules": [{"conditions": [condition]}], "splits": splits}],
        }  # fmt: skip

    flags = by_key(operands, flag)
    head = {"createdAt": "2024-04-17T19:40:53.716Z", "format": "SERVER", "environment": {"name": "Test"}}
    data = json.dumps({**head, "flags": flags}).encode()
    config = sdk.ClientConfig(
        api_key="none",
        base_url="http://127.0.0.1:9",
        assignment_logger=sdk.assignment_logger.AssignmentLogger(),
        poll_interval_seconds=None,
        initial_configuration=sdk.Configuration(flags_configuration=data),
    )
    client = sdk.init(config)
    try:
        decided = both(eppo.read(data))
        names = decided.imported.attributes.apply
        asked = compare(
            decided,
            list(flags),
            [*TEXTS, *NUMBERS, None],
            lambda value: names({"p": value, "subjectKey": "s"}),
            lambda key, value: client.get_boolean_assignment(key, "s", {"p": value}, False),
        )
    finally:
        client.shutdown()
    tally("eppo (odd)", passed=asked)


STATSIG = (
    *("any", "none", "any_case_sensitive", "none_case_sensitive", "str_starts_with_any", "str_ends_with_any"),
    *("str_contains_any", "str_contains_none", "array_contains_any", "array_contains_none", "array_contains_all"),
    *("not_array_contains_all", "gt", "gte", "lt", "lte", "eq", "neq", "version_gt", "version_gte", "version_lt"),
    *("version_lte", "version_eq", "version_neq", "before", "after", "on", "str_matches"),
)


@pytest.mark.parametrize("op", STATSIG)
def test_statsig(op: str, both: Callable[..., Any], statsig_of: Callable[..., Any], tally: Callable[..., None]) -> None:
    sdk = pytest.importorskip("statsig_python_core", reason="the peer's SDK is not installed: statsig-python-core")
    listed = "any" in op or "none" in op or "array" in op
    operands = [[each] for each in (*TEXTS, *NUMBERS)] + [["a", "A"], ["1", 1], []] if listed else [*TEXTS, *NUMBERS]

    def gate(key: str, operand: Any) -> Json:
        rule = {
            "name": "r", "id": "r", "salt": "r", "passPercentage": 100, "returnValue": True, "idType": "userID",
            "conditions": [key], "groupName": None,
        }  # fmt: skip
        return {
            "name": key, "type": "feature_gate", "salt": "s", "enabled": True, "defaultValue": False, "version": 1,
            "idType": "userID", "entity": "feature_gate", "rules": [rule],
        }  # fmt: skip

    def condition(key: str, operand: Any) -> Json:
        return {
            "type": "user_field", "field": "p", "operator": op, "targetValue": operand, "additionalValues": {},
            "idType": "userID",
        }  # fmt: skip

    gates = by_key(operands, gate)
    export = {
        "feature_gates": gates, "dynamic_configs": {}, "layer_configs": {}, "id_lists": {}, "experiment_to_layer": {},
        "condition_map": by_key(operands, condition), "has_updates": True, "time": 1_700_000_000_000,
    }  # fmt: skip

    client = statsig_of(export)

    def theirs(key: str, value: Any) -> Any:
        if "array" in op and value == [None] and operands[int(key[1:])] == [""]:
            # Its core counts an element without a text equal to an empty one, but hashes it otherwise: found in a table
            # only when seven bits of both hashes agree, once in 128 times.
            return None
        try:
            return client.check_gate(sdk.StatsigUser(user_id="u", custom={"p": value}), key)
        except BaseException as error:
            if "out of bounds" not in str(error):
                raise
            return None  # its core panics over a moment that is too far away

    decided = both(statsig.read(json.dumps(export).encode()))
    values = [*TEXTS, *NUMBERS, *(each for each in OTHERS if each is not None)]

    def context_of(value: Any) -> Any:
        return statsig.context_of({"userID": "u", "custom": {"p": value}}, {})

    asked = compare(decided, list(gates), values, context_of, theirs)
    tally("statsig (odd)", passed=asked)


UNLEASH = (
    *(f"NUM_{word}" for word in ("EQ", "GT", "GTE", "LT", "LTE")),
    *(f"SEMVER_{word}" for word in ("EQ", "GT", "GTE", "LT", "LTE")),
    *(
        "IN",
        "NOT_IN",
        "STR_STARTS_WITH",
        "STR_ENDS_WITH",
        "STR_CONTAINS",
        "DATE_AFTER",
        "DATE_BEFORE",
        "REGEX",
        "IN_CIDR",
    ),
)


@pytest.mark.parametrize("any_case", [False, True])
@pytest.mark.parametrize("op", UNLEASH)
def test_unleash(op: str, any_case: bool, both: Callable[..., Any], tally: Callable[..., None]) -> None:
    engine = pytest.importorskip(
        "yggdrasil_engine.engine", reason="the peer's engine is not installed: yggdrasil-engine"
    )

    def feature(key: str, operand: str) -> Json:
        constraint = {
            "contextName": "p", "operator": op, "value": operand, "values": [operand], "caseInsensitive": any_case,
        }  # fmt: skip
        return {
            "name": key, "enabled": True, "strategies": [{"name": "default", "constraints": [constraint]}], "variants": [],
        }  # fmt: skip

    features = by_key(TEXTS, feature)
    state = json.dumps({"version": 2, "features": list(features.values()), "segments": []})
    peer = engine.UnleashEngine()
    peer.take_state(state)
    decided = both(unleash.read(state.encode()))
    names = decided.imported.attributes.apply

    def context_of(value: str) -> Any:
        return names(unleash.flattened({"userId": "u", "properties": {"p": value}}))

    def theirs(key: str, value: str) -> Any:
        return peer.is_enabled(key, {"userId": "u", "properties": {"p": value}}).is_enabled

    tally("unleash (odd)", passed=compare(decided, list(features), TEXTS, context_of, theirs))
