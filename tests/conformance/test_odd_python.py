"""Every operator with every pair of odd values, where the system's SDK decides in Python: the same answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk.importers import configcat, flagsmith, launchdarkly, posthog
from buildflags_sdk.importers.configcat.conditions import COMPARATORS

from .odd import NUMBERS, TEXTS, VALUES, by_key, compare

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.conformance, pytest.mark.usefixtures("quiet")]

Json = dict[str, Any]


LAUNCHDARKLY = (
    *("in", "startsWith", "endsWith", "contains", "matches", "lessThan", "lessThanOrEqual", "greaterThan"),
    *("greaterThanOrEqual", "before", "after", "semVerEqual", "semVerLessThan", "semVerGreaterThan"),
)


@pytest.mark.parametrize("op", LAUNCHDARKLY)
def test_launchdarkly(op: str, both: Callable[..., Any], tally: Callable[..., None]) -> None:
    client = pytest.importorskip("ldclient", reason="the peer's SDK is not installed: launchdarkly-server-sdk")
    evaluator = pytest.importorskip("ldclient.impl.evaluator").Evaluator
    model = pytest.importorskip("ldclient.impl.model").FeatureFlag
    events = pytest.importorskip("ldclient.impl.events.types").EventFactory(False)

    def flag(key: str, operand: Any) -> Json:
        clause = {"attribute": "p", "op": op, "values": [operand]}
        return {
            "key": key, "version": 1, "on": True, "salt": "s", "variations": [True, False], "offVariation": 1,
            "fallthrough": {"variation": 1}, "rules": [{"id": "r", "variation": 0, "clauses": [clause]}],
        }  # fmt: skip

    flags = by_key(VALUES, flag)
    models = {key: model(raw) for key, raw in flags.items()}
    asking = evaluator(models.get, lambda key: None, lambda key: None)

    def theirs(key: str, value: Any) -> Any:
        context = client.Context.from_dict({"kind": "user", "key": "u", "p": value})
        return asking.evaluate(models[key], context, events).detail.value

    def context_of(value: Any) -> Any:
        return launchdarkly.context_of({"kind": "user", "key": "u", "p": value})

    decided = both(launchdarkly.read(json.dumps({"flags": flags, "segments": {}}).encode()))
    tally("launchdarkly (odd)", passed=compare(decided, list(flags), VALUES, context_of, theirs))


FLAGSMITH = (
    *("EQUAL", "NOT_EQUAL", "GREATER_THAN", "GREATER_THAN_INCLUSIVE", "LESS_THAN", "LESS_THAN_INCLUSIVE", "CONTAINS"),
    *("NOT_CONTAINS", "IN", "MODULO", "PERCENTAGE_SPLIT", "IS_SET", "IS_NOT_SET", "REGEX"),
)


@pytest.mark.filterwarnings("ignore:Equality comparisons between Version:DeprecationWarning")
@pytest.mark.parametrize("op", FLAGSMITH)
def test_flagsmith(op: str, both: Callable[..., Any], tally: Callable[..., None]) -> None:
    engine = pytest.importorskip("flag_engine.engine", reason="flagsmith is not installed")
    mappers = pytest.importorskip("flagsmith.mappers", reason="flagsmith is not installed")
    # Its engine breaks off where there is nothing to repeat.
    plain = [text for text in TEXTS if op != "REGEX" or text[:1] != "+"]
    operands = [
        *plain,
        "1.2.3:semver",
        "v1.2.3:semver",
        "1.2:semver",
        ":semver",
        "2|1",
        "1.5|0",
        "x|1",
        "2|1|0",
        "a,b",
        '["a"]',
    ]

    def state(at: int, *, enabled: bool, **more: Any) -> Json:
        return {
            "feature": {"id": at, "name": f"f{at}"}, "enabled": enabled, "feature_state_value": None, "django_id": at,
            "featurestate_uuid": f"{at}-{enabled}", "multivariate_feature_state_values": [], **more,
        }  # fmt: skip

    def segment(at: int, operand: str) -> Json:
        rule = {"type": "ALL", "rules": [], "conditions": [{"property_": "p", "operator": op, "value": operand}]}
        override = state(at, enabled=True, feature_segment={"priority": 0})
        return {"id": at + 1, "name": f"s{at}", "rules": [rule], "feature_states": [override]}

    document = {
        "api_key": "env", "name": "P", "feature_states": [state(at, enabled=False) for at in range(len(operands))],
        "project": {"segments": [segment(at, operand) for at, operand in enumerate(operands)]}, "identity_overrides": [],
    }  # fmt: skip
    context = mappers.map_environment_document_to_context(json.loads(json.dumps(document)))
    answers: dict[str, Json] = {}

    def theirs(key: str, value: Any) -> Any:
        known = repr(value)
        if known not in answers:
            identity = {"identifier": "alice", "traits": {"p": value}}
            answers[known] = engine.get_evaluation_result({**context, "identity": identity})["flags"]
        return answers[known][key]["enabled"]

    decided = both(flagsmith.read(json.dumps(document).encode()))
    names = decided.imported.attributes.apply
    keys = [f"f{at}" for at in range(len(operands))]
    asked = compare(decided, keys, VALUES, lambda value: names({"identifier": "alice", "p": value}), theirs)
    tally("flagsmith (odd)", passed=asked)


POSTHOG = (
    *("exact", "is_not", "icontains", "not_icontains", "starts_with", "not_starts_with", "ends_with", "not_ends_with"),
    *(
        "regex",
        "not_regex",
        "gt",
        "gte",
        "lt",
        "lte",
        "is_date_before",
        "is_date_after",
        "semver_eq",
        "semver_neq",
        "semver_gt",
    ),
    *("semver_gte", "semver_lt", "semver_lte", "semver_caret", "semver_tilde", "semver_wildcard", "is_set"),
)


@pytest.mark.parametrize("op", POSTHOG)
def test_posthog(op: str, both: Callable[..., Any], tally: Callable[..., None]) -> None:
    sdk = pytest.importorskip("posthog", reason="posthog is not installed")
    operands = [
        *VALUES,
        "-1d",
        "-3h",
        "1d",
        "-1w",
        "-1y",
        "-1m",
        "1.2.*",
        "*",
        "1.*",
        "^1.2.3",
        "~1.2",
        "now",
        "\u0660.1",
    ]

    def flag(key: str, operand: Any) -> Json:
        filters = {"key": "p", "type": "person", "operator": op, "value": operand}
        return {
            "id": int(key[1:]), "key": key, "active": True,
            "filters": {"groups": [{"properties": [filters], "rollout_percentage": 100}]},
        }  # fmt: skip

    flags = by_key(operands, flag)
    client = sdk.Posthog("phc_none", host="http://127.0.0.1:9", sync_mode=True, disabled=True)
    client.feature_flags, client.group_type_mapping, client.cohorts = list(flags.values()), {}, {}

    def theirs(key: str, value: Any) -> Any:
        person = {"distinct_id": "u", "p": value}
        try:
            return client._compute_flag_locally(
                flags[key], "u", groups={}, person_properties=person, group_properties={}, device_id=None
            )
        except sdk.client.InconclusiveMatchError:
            return False  # undecided: the caller's default here
        except TypeError:
            return None  # a date that is compared with a number ends the whole flag

    payload = {"flags": list(flags.values()), "group_type_mapping": {}, "cohorts": {}}
    decided = both(posthog.read(json.dumps(payload).encode()), now=datetime.now(UTC).timestamp())
    names = decided.imported.attributes.apply
    asked = compare(decided, list(flags), VALUES, lambda value: names({"distinct_id": "u", "p": value}), theirs)
    tally("posthog (odd)", passed=asked)


@pytest.mark.parametrize("number", sorted(number for number, row in COMPARATORS.items() if not row.hashed))
def test_configcat(number: int, both: Callable[..., Any], tally: Callable[..., None]) -> None:
    sdk = pytest.importorskip("configcatclient", reason="configcat-client is not installed")
    config = pytest.importorskip("configcatclient.config")
    overrides = pytest.importorskip("configcatclient.overridedatasource")
    field = COMPARATORS[number].field
    # A moment beyond the year 9999 is one that its Python SDK fails to write into its log, and so decides nothing.
    numbers = [each for each in NUMBERS if not isinstance(each, bool) and (number not in (18, 19) or each < 1e11)]
    operands: list[Any] = {"d": numbers, "s": TEXTS}.get(field) or [[text] for text in TEXTS if text.strip()]

    def flag(key: str, operand: Any) -> Json:
        condition = {"u": {"a": "P", "c": number, field: operand}}
        return {"t": 0, "v": {"b": False}, "r": [{"c": [condition], "s": {"v": {"b": True}}}]}

    flags = by_key(operands, flag)
    data = json.dumps({"p": {"s": "x"}, "s": [], "f": flags}).encode()
    prepared = json.loads(data)
    config.fixup_config_salt_and_segments(prepared)

    class Memory(overrides.FlagOverrides, overrides.OverrideDataSource):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            self.override_behaviour = overrides.OverrideBehaviour.LocalOnly

        def create_data_source(self, log: object) -> Memory:
            return self

        def get_overrides(self) -> Json:
            found: Json = prepared
            return found

        def get_behaviour(self) -> object:
            return self.override_behaviour

    options = sdk.ConfigCatOptions(polling_mode=sdk.PollingMode.manual_poll(), flag_overrides=Memory())
    client = sdk.ConfigCatClient.get(f"configcat-sdk-1/{number:022}/0123456789012345678901", options)
    moments = [datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)]
    more = [
        ("a",),
        {"a"},
        float("nan"),
        float("inf"),
        "1,5",
        "1,5,0",
        " ",
        " Infinity",
        "\u00a01",
        "1\u2003",
        "\u0663",
        "1__0",
    ]

    def theirs(key: str, value: Any) -> Any:
        details = client.get_value_details(key, False, sdk.user.User("u", custom={"P": value}))
        return None if "float() argument" in str(details.error) else details.value  # it stumbles over lists as numbers

    try:
        decided = both(configcat.read(data))
        names = decided.imported.attributes.apply
        values = [*VALUES, *moments, *more]
        asked = compare(decided, list(flags), values, lambda value: names({"Identifier": "u", "P": value}), theirs)
    finally:
        client.close()
    tally("configcat (odd)", passed=asked)
