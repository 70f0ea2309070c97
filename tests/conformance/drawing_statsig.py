"""Statsig's exports and users, drawn at random; nothing here asks about them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from .drawing import any_of

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

GATES, CONFIGS, LAYERS = ("g0", "g1", "g2", "g3"), ("c0", "c1"), ("l0", "l1")
PARAMETERS = ("p", "q")
STORED: Json = {
    "of g0": {"ref_type": "gate", "param_type": "string", "gate_name": "g0", "pass_value": "yes", "fail_value": "no"},
    "of c0": {"ref_type": "dynamic_config", "param_type": "string", "config_name": "c0", "param_name": "v"},
    "of c1": {"ref_type": "experiment", "param_type": "string", "experiment_name": "c1", "param_name": "p"},
    "of l0": {"ref_type": "layer", "param_type": "string", "layer_name": "l0", "param_name": "q"},
    "plain": {"ref_type": "static", "param_type": "string", "value": "still"},
}
# Specs that lead back to each other end the SDK's process. So a gate asks later gates, is mapped to later gates, and only
# the first, which nothing asks, asks for an experiment's group or delegates.
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
ODD = (
    "\u0661",
    "1_0",
    " 1",
    "+1",
    "1.",
    ".5",
    "inf",
    "1e400",
    "\u0130",
    "\u00df",
    "\u03a3",
    1e21,
    1e-7,
    -0.0,
    1000.0,
    2**53 + 1,
    2**63,
)
scalars = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from(TEXTS),
    st.sampled_from((0, 1, 2, 1.5, 1.9, -1, 1_700_000_000, 1_700_000_000_000)),
    st.booleans(),
)
values = any_of(scalars, scalars, st.lists(scalars, max_size=3), st.just({"a": 1}))
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
groups = st.sampled_from(("Control", "Test", None))
moments = st.sampled_from(
    (
        0, 1_700_000_000, 1_700_000_000_000, "1700000000", "2023-11-14T22:13:20Z", 4_102_444_800_000, "4102444800000",
        "2100-01-01T00:00:00Z", "2100-01-01", "1e3", "soon", "", True, 1e30, None,
    )
)  # fmt: skip


class May(NamedTuple):
    """What a spec may ask without leading back to itself."""

    gates: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    several: bool = False


# Strategies are built once: built anew for each draw they take longer than what they draw.
either = st.sampled_from(("any", "none"))
salts = st.sampled_from(({"salt": "s"}, {}, None))
points = st.sampled_from((range(500), [*range(100), *range(600, 900)], [])).map(list)
of_points = st.one_of(points, points.map(lambda listed: {str(point): True for point in listed}))
of_buckets = st.one_of(
    st.tuples(st.sampled_from(("lt", "lte", "gt", "gte", "eq", "neq")), st.sampled_from((0, 300, 700.5, 1000, "300"))),
    st.tuples(st.sampled_from(("str_starts_with_any", "str_contains_none")), st.just(["1", "7"])),
)
listed = st.lists(scalars, max_size=3)
by_key = st.dictionaries(st.sampled_from(TEXTS), st.just(True), max_size=3)
of_targets = any_of(listed, listed, listed, by_key, st.sampled_from(("a", None)))
one_target = any_of(scalars, scalars, st.none())
of_groups = st.sampled_from((
    ("any", ["control"]), ("none", ["Control"]), ("eq", "Test"), ("neq", None), ("str_matches", "^C"),
    ("any_case_sensitive", ["control", ""]),
))  # fmt: skip
of_time = st.sampled_from(("before", "after", "on", "gt", "gte", "lt", "lte"))
kinds = st.sampled_from(
    (
        "list", "list", "one", "one", "pattern", "bucket", "gate", "public", "unit", "tier", "app", "group",
        "time", "several",
    )
)  # fmt: skip


def _form(*kinds: str) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.sampled_from(kinds), "operator": st.none()})


plain: dict[str, st.SearchStrategy[Json]] = {
    "list": st.fixed_dictionaries({"operator": of_lists, "targetValue": of_targets}),
    "one": st.fixed_dictionaries({"operator": of_one, "targetValue": one_target}),
    "pattern": st.sampled_from(("^a", "b$", "1", ".")).map(lambda at: {"operator": "str_matches", "targetValue": at}),
    "unit": either.map(lambda op: {"type": "unit_id", "operator": op, "targetValue": ["u1", "acme"]}),
    "app": either.map(lambda op: {"type": "target_app", "operator": op, "targetValue": ["app"]}),
    "tier": st.sampled_from(("tier", "Tier")).map(
        lambda field: {"type": "environment_field", "field": field, "operator": "any", "targetValue": ["production"]}
    ),
    "time": st.builds(
        lambda op, moment: {"type": "current_time", "field": None, "operator": op, "targetValue": moment},
        of_time, moments,
    ),
    "bucket": st.builds(
        lambda salt, told: {"type": "user_bucket", "field": None, "additionalValues": salt, **told},
        salts,
        st.one_of(
            st.fixed_dictionaries({"operator": either, "targetValue": of_points}),
            of_buckets.map(lambda told: {"operator": told[0], "targetValue": told[1]}),
        ),
    ),
}  # fmt: skip
public = st.just({"type": "public", "operator": None, "targetValue": None})


@cache
def conditions(may: May) -> st.SearchStrategy[Json]:
    gates = st.sampled_from((*may.gates, "absent", "absent", None, 5, ["g1"]))
    asked = st.sampled_from((*may.experiments, "absent", None))
    several = _form("multi_pass_gate", "multi_fail_gate").map(lambda form: {**form, "targetValue": ["g3"]})
    forms = {
        **plain,
        "gate": st.builds(lambda form, of: {**form, "targetValue": of}, _form("pass_gate", "fail_gate"), gates),
        "group": st.builds(
            lambda of, told: {"type": "experiment_group", "field": of, "operator": told[0], "targetValue": told[1]},
            asked, of_groups,
        ),
        "several": several if may.several else public,
    }  # fmt: skip

    @st.composite
    def drawn(draw: Callable[..., Any]) -> Json:
        made: Json = {"type": "user_field", "field": draw(fields), "idType": draw(units), "additionalValues": {}}
        return {**made, **draw(forms.get(draw(kinds), public))}

    return drawn()


@cache
def rules(name: str, may: May) -> st.SearchStrategy[Json]:
    """A rule of that name, whose value the spec gives it."""
    return st.fixed_dictionaries(
        {
            "name": st.just(name), "id": st.just(name), "passPercentage": shares, "idType": units, "groupName": groups,
            "conditions": st.lists(conditions(may), min_size=1, max_size=2),
        },
        optional={"salt": st.sampled_from(("rs", "r2", "", None))},
    )  # fmt: skip


@cache
def _values(kind: str, value: str) -> st.SearchStrategy[Any]:
    if kind == "gate":
        return st.sampled_from((True, False, None, {}))
    several = st.dictionaries(st.sampled_from(("v", *PARAMETERS)), st.just(value))
    return any_of(st.just({"v": value}), several, several, st.sampled_from((True, None, ["a"])))


how_many = st.sampled_from((1, 1, 2, 1, 0))
mostly = st.sampled_from((True, True, True, False))
defaults = st.sampled_from((False, True, {}))


@cache
def specs(name: str, kind: str, may: May, delegates: tuple[Any, ...] = (None,)) -> st.SearchStrategy[Json]:
    to = st.sampled_from(delegates)

    @st.composite
    def drawn(draw: Callable[..., Any]) -> Json:
        made = []
        for at in range(draw(how_many)):
            rule = draw(rules(f"r{at}", may)) | {"returnValue": draw(_values(kind, f"{name}.{at}"))}
            if kind == "layer" and draw(st.booleans()):  # what several rules give together is seen where several take
                rule |= {
                    "passPercentage": 100,
                    "conditions": [{"type": "public", "idType": "userID", "operator": None}],
                }
            made.append({**rule, "groupName": None} if kind == "gate" else rule)
            made[-1]["configDelegate"] = draw(to)
        return {
            **({} if kind != "layer" else {"useNewLayerEval": draw(st.booleans())}),
            "name": name, "type": "feature_gate" if kind == "gate" else "dynamic_config", "salt": f"salt-{name}",
            "version": 1, "enabled": draw(mostly), "idType": "userID", "rules": made,
            "defaultValue": draw(defaults) if kind == "gate" else {"v": "default"},
            "entity": {"gate": "feature_gate", "config": "dynamic_config", "layer": "layer"}[kind],
        }  # fmt: skip

    return drawn()


@cache
def mappings(others: tuple[str, ...]) -> st.SearchStrategy[list[Json]]:
    named = st.fixed_dictionaries(
        {"rule_name": st.sampled_from(("o0", "o1", "absent"))},
        optional={"start_time": st.sampled_from((0, 1_700_000_000_000, 4_102_444_800_000))},
    )
    mapped = {"new_config_name": st.sampled_from((*others, "absent")), "rules": st.lists(named, max_size=2)}
    return st.lists(st.fixed_dictionaries(mapped), max_size=2)


apps = st.sampled_from(({}, {"app_id": "app"}, {"app_id": ["app"]}))


@st.composite
def exports(draw: Callable[..., Any]) -> Json:
    """In the second version's form."""
    gates = {name: draw(specs(name, "gate", May(GATES[at + 1 :]))) for at, name in enumerate(GATES) if at}
    first = draw(specs("g0", "gate", May(GATES[1:], CONFIGS, several=True), (None, None, "c0")))
    of_configs = {
        name: draw(
            specs(
                name,
                "config",
                May(GATES[1:], CONFIGS[at + 1 :], several=True),
                (None, None, "absent", *CONFIGS[at + 1 :]),
            )
        )
        for at, name in enumerate(CONFIGS)
    }
    of_layers = {
        name: draw(specs(name, "layer", May(GATES[1:], CONFIGS, several=True), (*CONFIGS, None, "absent")))
        for name in LAYERS
    }
    raw: Json = {"feature_gates": {"g0": first, **gates}, "dynamic_configs": of_configs, "layer_configs": of_layers}
    mapped: Json = {"overrides": {}, "override_rules": {}}
    if draw(st.booleans()):
        asked = {"g0": GATES[1:], "g1": GATES[2:], "c0": CONFIGS[1:], "l0": ("l1", "c0")}
        mapped["overrides"] = {name: draw(mappings(others)) for name, others in asked.items()}
        may = May(("g3",), several=True)
        mapped["override_rules"] = {
            name: {**draw(rules(name, may)), "returnValue": True, "groupName": None} for name in ("o0", "o1")
        }
    shared: Json = {}
    specs_ = [spec["rules"] for table in raw.values() for spec in table.values()]
    for rule in [rule for listed in [*specs_, mapped["override_rules"].values()] for rule in listed]:
        for at, condition in enumerate(rule["conditions"]):
            shared[f"k{len(shared)}"] = condition
            rule["conditions"][at] = f"k{len(shared) - 1}"
    return {
        **raw,
        **mapped,
        "param_stores": {"s": {"parameters": STORED, "targetAppIDs": [], "version": 1}},
        **draw(apps),
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
