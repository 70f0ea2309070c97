"""Statsig's own SDK, offline with its specs from a data store, and the imported ruleset: the same values and rule ids.

All specs are enabled: this SDK evaluates a disabled one like any other, where older ones give its default.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk.importers.statsig import context_of, read, rule_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

sdk = pytest.importorskip("statsig_python_core", reason="the peer's SDK is not installed: statsig-python-core")

pytestmark = [pytest.mark.conformance, pytest.mark.property]

Json = dict[str, Any]

GATES, CONFIGS = ("g0", "g1", "g2"), ("c0", "c1")
TEXTS = (
    "a",
    "A",
    "ab",
    "1",
    "1.5",
    "true",
    "1.2.3",
    "v1",
    "1.10-beta",
    "2.0.0b1",
    "1.3.x",
    "2023-11-14T22:13:20Z",
    "2023-11-14T22:13:20.5Z",
    "2023-11-14T22:13:20+02:00",
    "1e3",
    "1700000000",
    "",
)
scalars = st.one_of(
    st.sampled_from(TEXTS), st.sampled_from((0, 1, 2, 1.5, 1.9, -1, 1_700_000_000, 1_700_000_000_000)), st.booleans()
)
values = st.one_of(scalars, scalars, st.lists(scalars, max_size=3))
fields = st.sampled_from(
    (
        "plan",
        "plan",
        "Plan",
        "age",
        "email",
        "userID",
        "user_id",
        "appVersion",
        "country",
        "targetingKey",
        "environment",
    )
)
of_lists = st.sampled_from(
    (
        "any", "none", "any_case_sensitive", "none_case_sensitive", "str_starts_with_any", "str_ends_with_any",
        "str_contains_any", "str_contains_none", "array_contains_any", "array_contains_none", "array_contains_all",
        "not_array_contains_all",
    )
)  # fmt: skip
of_one = st.sampled_from(
    (
        "gt", "gte", "lt", "lte", "eq", "neq", "version_gt", "version_gte", "version_lt", "version_lte", "version_eq",
        "version_neq", "before", "after", "on",
    )
)  # fmt: skip
shares = st.sampled_from((0, 10, 33.3, 50, 99.99, 100, 100, 100))
units = st.sampled_from(("userID", "userID", "companyID"))


@st.composite
def conditions(  # noqa: PLR0911 - one return a kind
    draw: Callable[..., Any], gates: tuple[str, ...]
) -> Json:
    made: Json = {"type": "user_field", "field": draw(fields), "idType": draw(units), "additionalValues": {}}
    kind = draw(
        st.sampled_from(("list", "list", "one", "one", "pattern", "bucket", "bucket", "gate", "public", "unit", "tier"))
    )
    if kind == "list":
        return {**made, "operator": draw(of_lists), "targetValue": draw(st.lists(scalars, max_size=3))}
    if kind == "one":
        return {**made, "operator": draw(of_one), "targetValue": draw(st.one_of(scalars, scalars, st.none()))}
    if kind == "pattern":
        return {**made, "operator": "str_matches", "targetValue": draw(st.sampled_from(("^a", "b$", "1", ".")))}
    if kind == "bucket":
        made |= {"type": "user_bucket", "field": None, "additionalValues": {"salt": draw(st.sampled_from(("s", "t")))}}
        if draw(st.booleans()):
            points = draw(st.sampled_from((range(500), [*range(100), *range(600, 900)], [])))
            return {**made, "operator": draw(st.sampled_from(("any", "none"))), "targetValue": list(points)}
        return {
            **made,
            "operator": draw(st.sampled_from(("lt", "lte", "gt", "gte"))),
            "targetValue": draw(st.sampled_from((0, 300, 700, 1000))),
        }
    if kind == "gate":
        named = draw(st.sampled_from((*gates, "absent")))
        return {
            **made,
            "type": draw(st.sampled_from(("pass_gate", "fail_gate"))),
            "targetValue": named,
            "operator": None,
        }
    if kind == "unit":
        return {
            **made,
            "type": "unit_id",
            "operator": draw(st.sampled_from(("any", "none"))),
            "targetValue": ["u1", "acme"],
        }
    if kind == "tier":
        return {
            **made,
            "type": "environment_field",
            "field": draw(st.sampled_from(("tier", "Tier"))),
            "operator": "any",
            "targetValue": ["production"],
        }
    return {**made, "type": "public", "operator": None, "targetValue": None}


@st.composite
def specs(draw: Callable[..., Any], name: str, table: str, gates: tuple[str, ...]) -> Json:
    rules = []
    for at in range(draw(st.integers(1, 3))):
        rule: Json = {
            "name": f"r{at}", "id": f"r{at}", "salt": draw(st.sampled_from(("rs", "r2"))), "passPercentage": draw(shares),
            "conditions": draw(st.lists(conditions(gates), min_size=1, max_size=2)), "idType": draw(units),
            "returnValue": draw(st.booleans()) if table == "gate" else {"v": f"{name}.{at}"},
        }  # fmt: skip
        if table == "layer":
            rule["configDelegate"] = draw(st.sampled_from((*CONFIGS, None, "absent")))
        rules.append(rule)
    return {
        "name": name, "type": "feature_gate" if table == "gate" else "dynamic_config", "salt": "salt", "version": 1,
        "enabled": True, "idType": "userID", "rules": rules,
        "defaultValue": False if table == "gate" else {"v": "default"},
        "entity": {"gate": "feature_gate", "config": "dynamic_config", "layer": "layer"}[table],
    }  # fmt: skip


@st.composite
def exports(draw: Callable[..., Any]) -> Json:
    """In the second version's form. A gate names only later ones: a cycle is refused, and tested elsewhere."""
    raw: Json = {
        "feature_gates": {name: draw(specs(name, "gate", GATES[at + 1 :])) for at, name in enumerate(GATES)},
        "dynamic_configs": {name: draw(specs(name, "config", GATES)) for name in CONFIGS},
        "layer_configs": {"l0": draw(specs("l0", "layer", GATES))},
    }
    shared: Json = {}
    for table in raw.values():
        for rule in (rule for spec in table.values() for rule in spec["rules"]):
            for at, condition in enumerate(rule["conditions"]):
                shared[f"k{len(shared)}"] = condition
                rule["conditions"][at] = f"k{len(shared) - 1}"
    return {
        **raw,
        "condition_map": shared,
        "id_lists": {},
        "experiment_to_layer": {},
        "has_updates": True,
        "time": 1_700_000_000_000,
    }


def users() -> st.SearchStrategy[Json]:
    own = st.dictionaries(st.sampled_from(("plan", "age", "targetingKey", "environment")), values, max_size=3)
    return st.fixed_dictionaries(
        {"userID": st.sampled_from(("u1", "u2", "ann", "bob"))},
        optional={
            "email": st.sampled_from(("a@x.io", "")), "appVersion": st.sampled_from(("1.2.3", "1.10")), "custom": own,
            "privateAttributes": own, "customIDs": st.fixed_dictionaries({"companyID": st.sampled_from(("acme", "u1"))}),
            "country": st.just("DE"),
        },
    )  # fmt: skip


@pytest.fixture
def client() -> Iterator[Callable[[Json], Any]]:
    opened: list[Any] = []

    class Store(sdk.DataStore):  # type: ignore[misc,name-defined]
        def get(self, key: str) -> Any:
            return sdk.DataStoreResponse(self.specs, 1_700_000_000_000)

    def make(export: Json) -> Any:
        while opened:
            opened.pop().shutdown().wait()
        options = sdk.StatsigOptions()
        options.disable_network = options.disable_all_logging = options.disable_country_lookup = True
        options.wait_for_user_agent_init = False
        options.output_log_level = "none"
        options.environment = "production"
        store = Store()
        store.specs = json.dumps(export)
        options.data_store = store
        statsig = sdk.Statsig("secret-of-nobody", options)
        statsig.initialize().wait()
        opened.append(statsig)
        return statsig

    yield make
    while opened:
        opened.pop().shutdown().wait()


def test_their_sdk_and_ours_give_the_same_value_and_rule(both, client, fuzz_examples, tally):
    compared = 0

    @settings(max_examples=fuzz_examples, suppress_health_check=list(HealthCheck))
    @given(exports(), st.lists(users(), min_size=4, max_size=4))
    def compare(export: Json, asked: list[Json]) -> None:
        nonlocal compared
        evaluation, statsig = both(read(json.dumps(export).encode())), client(export)
        for raw in asked:
            user = sdk.StatsigUser(
                user_id=raw["userID"], email=raw.get("email"), app_version=raw.get("appVersion"), custom=raw.get("custom"),
                private_attributes=raw.get("privateAttributes"), custom_ids=raw.get("customIDs"), country=raw.get("country"),
            )  # fmt: skip
            for name, entry in evaluation.imported.flags.items():
                if "broken" in entry:
                    continue
                if name in GATES:
                    theirs = statsig.get_feature_gate(user, name)
                elif name in CONFIGS:
                    theirs = statsig.get_dynamic_config(user, name)
                else:
                    theirs = statsig.get_layer(user, name)
                decision = evaluation.decide(name, context_of(raw, {"tier": "production"}))
                got = (decision.value, rule_id_of(decision))
                value = {"v": theirs.get("v", None)} if name == "l0" else theirs.value
                assert got == (value, theirs.rule_id), json.dumps([name, raw, _spec(export, name), entry["rules"]])
                compared += 1

    compare()
    tally("statsig (fuzz)", passed=compared)
    assert compared > 0


def _spec(export: Json, name: str) -> Json:
    """What the export says of one name, with its conditions in their places."""
    tables = (export[table] for table in ("feature_gates", "dynamic_configs", "layer_configs"))
    spec = next(table[name] for table in tables if name in table)
    shared = export["condition_map"]
    return {
        **spec,
        "rules": [{**rule, "conditions": [shared[each] for each in rule["conditions"]]} for rule in spec["rules"]],
    }
