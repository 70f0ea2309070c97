"""Flagsmith's environment document: what each construct becomes, and what is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.importers import Imported, Standing, flagsmith
from buildflags_sdk.importers.flagsmith.paths import path_of


def state(value: Any = "base", *, enabled: bool = True, options: tuple[Any, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "feature": {"id": 1, "name": "f"},
        "enabled": enabled,
        "feature_state_value": value,
        "django_id": 7,
        "multivariate_feature_state_values": [
            {"id": at, "percentage_allocation": weight, "multivariate_feature_option": {"value": option, "key": option}}
            for at, (option, weight) in enumerate(options, 1)
        ],
        **more,
    }


def read(
    base: dict[str, Any], *segments: dict[str, Any], identities: tuple[Any, ...] = (), more: tuple[Any, ...] = ()
) -> Imported:
    document = {
        "api_key": "env",
        "name": "Production",
        "feature_states": [base, *more],
        "project": {"segments": list(segments)},
        "identity_overrides": list(identities),
    }
    return flagsmith.read(json.dumps(document).encode())


def segment(*conditions: dict[str, Any], override: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    rule = {"type": "ALL", "conditions": list(conditions), "rules": []}
    return {"id": 1, "name": "pros", "rules": [rule], "feature_states": [override or state("override")], **more}


def condition(name: str, operator: str, value: Any = "") -> dict[str, Any]:
    return {"property_": name, "operator": operator, "value": value}


def decide(imported: Imported, identifier: str | None = "alice", **traits: Any) -> Decision:
    flags, segments = (
        {name: json.dumps(entry).encode() for name, entry in table.items()}
        for table in (imported.flags, imported.segments)
    )
    world = PureWorld(now=lambda: 0.0, random=lambda: 0.5)
    context = imported.attributes.apply({**traits, "identifier": identifier})
    return Snapshot.from_lines(flags, segments).decide("f", context, world)


def said(imported: Imported, identifier: str | None = "alice", **traits: Any) -> tuple[Any, ...]:
    result = flagsmith.result_of(decide(imported, identifier, **traits), imported.flags["f"])
    return result["enabled"], result["value"], result["variant"], result["reason"]


PRO = condition("plan", "EQUAL", "pro")


def test_enabled_and_value_are_kept_apart():
    decision = decide(read(state("base", enabled=False)))

    assert (decision.value, decision.on) == ("base", False)


def test_a_feature_without_values_is_a_switch():
    imported = read(state(None), segment(PRO, override=state(None, enabled=False)))

    assert imported.flags["f"]["type"] == "boolean"
    assert (decide(imported).value, decide(imported, plan="pro").value) == (True, False)
    assert said(imported) == (True, None, None, "DEFAULT")


def test_one_value_of_null_among_others_is_the_callers_default():
    imported = read(state("base"), segment(PRO, override=state(None)))

    assert decide(imported, plan="pro").value is CALLER_DEFAULT


@pytest.mark.parametrize(
    ("values", "kind"),
    [(("a", ""), "string"), ((1, 2), "integer"), ((1, 2.5), "float"), ((True, True), "boolean"), ((False, False), "object"), ((1, "a"), "object")],
)  # fmt: skip
def test_a_flags_type_is_that_of_all_its_values(values, kind):
    imported = read(state(values[0]), segment(PRO, override=state(values[1])))

    assert imported.flags["f"]["type"] == kind
    assert (decide(imported).value, decide(imported, plan="pro").value) == values


def test_the_strongest_override_wins_and_the_first_of_equals():
    imported = read(
        state(),
        segment(PRO, id=1, name="weak", override=state("weak", feature_segment={"priority": 5})),
        segment(PRO, id=2, name="first", override=state("first", feature_segment={"priority": 1})),
        segment(PRO, id=3, name="second", override=state("second", feature_segment={"priority": 1})),
        segment(PRO, id=4, name="unsaid", override=state("unsaid")),
    )

    assert said(imported, plan="pro") == (True, "first", None, "TARGETING_MATCH; segment=first")


def test_an_identitys_own_value_is_stronger_than_any_segment():
    identities = ({"identifier": "alice", "identity_features": [state("alice's")]},)
    imported = read(state(), segment(PRO, override=state("x", feature_segment={"priority": 0})), identities=identities)

    assert (decide(imported, plan="pro").value, decide(imported, "bob", plan="pro").value) == ("alice's", "x")


def test_variants_are_split_by_environment_key_and_identifier():
    imported = read(state("base", options=(("red", 50), ("blue", 30))))
    outcomes = {said(imported, f"user-{at}") for at in range(60)}

    assert outcomes == {
        (True, "red", "red", "SPLIT; weight=50"),
        (True, "blue", "blue", "SPLIT; weight=30"),
        (True, "base", "control", "DEFAULT"),
    }
    assert said(imported, None) == (True, "base", None, "DEFAULT")
    assert imported.flags["f"]["rules"][0]["serve"]["split"]["seed"] == "7,env_"


@pytest.mark.parametrize(
    ("tested", "passes", "fails"),
    [
        (condition("x", "EQUAL", "7"), [7, "7", "007"], [7.5, "x", None]),
        (condition("x", "NOT_EQUAL", "a"), ["b"], ["a", 7, None]),
        (condition("x", "GREATER_THAN", "1.2.3:semver"), ["1.10.0"], ["1.2.3", None]),
        (condition("x", "CONTAINS", "r"), ["pro"], ["x", 7, None]),
        (condition("x", "REGEX", "[a-z]+"), ["ab1"], ["1ab", None]),
        (condition("x", "REGEX", "("), [], ["(", None]),
        (condition("x", "MODULO", "2|0"), [4, "4"], [3, "x", None]),
        (condition("x", "IN", "a,7"), ["a", 7, "7"], ["b", 7.0, True, None]),
        (condition("x", "IS_SET"), ["", 0], [None]),
        (condition("x", "IS_NOT_SET"), [None], [0]),
        (condition("$.identity.traits.x", "EQUAL", "a"), ["a"], ["b", None]),
        (condition("$.environment.name", "EQUAL", "Production"), [None], []),
        (condition("$.environment.name", "EQUAL", "Staging"), [], [None]),
        (condition("$.identity.identifier", "IN", "alice,bob"), [None], []),
        (condition("$.identity.key", "EQUAL", "env_alice"), [None], []),
        (condition("$.identity", "IS_NOT_SET"), [None], []),
        (condition("$.no path", "IS_NOT_SET"), [None], []),
        (condition("", "PERCENTAGE_SPLIT", "100"), [None], []),
        (condition("", "PERCENTAGE_SPLIT", "0"), [], [None]),
        (condition("x", "PERCENTAGE_SPLIT", "100"), ["a", 7, True], [None]),
        (condition("x", "PERCENTAGE_SPLIT", "half"), [], ["a"]),
    ],
)
def test_a_condition_holds_for(tested, passes, fails):
    imported = read(state(), segment(tested))

    assert imported.report.refused == 0
    assert [decide(imported, x=value).value for value in passes] == ["override"] * len(passes)
    assert [decide(imported, x=value).value for value in fails] == ["base"] * len(fails)


PATHS = [
    ("$.identity.key", "CONTAINS", "v_al", True),
    ("$.identity.key", "REGEX", "env_[a-z]+$", True),
    ("$.identity.key", "IN", "env_bob,env_alice", True),
    ("$.identity.key", "LESS_THAN", "env_b", True),
    ("$.identity['nothing', 'key']", "EQUAL", "env_alice", True),
    ("$.environment.name", "PERCENTAGE_SPLIT", "100", True),
    ("$.environment.key", "PERCENTAGE_SPLIT", "1", False),
    ("$.environment.nothing", "PERCENTAGE_SPLIT", "100", False),
    ("$.environment.*", "EQUAL", "env", True),
    ("$..name", "EQUAL", "Production", True),
    ("$..identifier", "EQUAL", "alice", True),
    ("$..plan", "EQUAL", "pro", True),
    ("$.identity.*", "EQUAL", "alice", True),
    ("$.*", "IS_SET", "", False),
    ("$.identity.traits['none', 'plan']", "EQUAL", "pro", True),
    ("$.identity.traits.roles", "IS_SET", "", False),
    ("$.identity.traits.my-trait", "EQUAL", "7", True),
    ("roles", "CONTAINS", "'dev'", True),
    ("$.features.f.enabled", "EQUAL", "true", True),
    ("$.features.*.value", "EQUAL", "base", True),
    ("$.segments['1'].rules[0].type", "EQUAL", "ALL", True),
    ("$.segments.*.rules[-1:].type", "EQUAL", "ALL", True),
    ("$.flags.missing", "IS_NOT_SET", "", True),
]


@pytest.mark.parametrize(("path", "operator", "value", "holds"), PATHS)
def test_a_path_leads_to_what_the_context_has_there(path, operator, value, holds):
    imported = read(state(), segment(condition(path, operator, value)))
    traits: dict[str, Any] = {"plan": "pro", "roles": ["dev"], "my-trait": 7}

    assert imported.report.refused == 0, imported.report.findings
    assert (decide(imported, **traits).value == "override") is holds


@pytest.mark.parametrize(
    ("path", "value", "who"),
    [
        ("$.flags.g.enabled", "true", ["pro"]),
        ("$.flags.g.value", "big", ["pro"]),
        ("$.flags['g'].reason", "DEFAULT", ["free"]),
        ("$.flags.g.reason", "TARGETING_MATCH; segment=big", ["pro"]),
        ("$.flags.g.*", "false", ["free"]),
        ("$.flags.g.name", "g", ["pro", "free"]),
        ("$.flags.g.metadata.id", "2", ["pro", "free"]),
        ("$.flags.g.variant", "", []),
    ],
)
def test_a_segment_may_read_the_result_of_another_flag(path, value, who):
    g = {"feature": {"id": 2, "name": "g"}, "django_id": 8}
    big = segment(PRO, id=2, name="big", override={**state("big"), **g})
    reads = segment(condition(path, "EQUAL", value), name="reads")
    imported = read(state(), reads, big, more=({**state("small", enabled=False), **g},))

    assert imported.report.refused == 0, imported.report.findings
    assert [plan for plan in ("pro", "free") if decide(imported, plan=plan).value == "override"] == who


def test_a_flag_that_reads_a_refused_one_is_refused_with_the_reason():
    g = {"feature": {"id": 2, "name": "g"}, "django_id": 8}
    odd = segment(condition("x", "SOUNDS_LIKE", "y"), id=2, name="odd", override={**state("big"), **g})
    reads = segment(condition("$.flags.g.enabled", "EQUAL", "true"), name="reads")
    imported = read(state(), reads, odd, more=({**state(), **g},))
    why = {finding.source_key: finding.why for finding in imported.report.findings}

    assert imported.report.refused == 4
    assert why["f"].startswith("segment reads: it reads the flag g, which is refused: segment odd: ")


def test_a_flag_that_depends_on_itself_is_refused():
    imported = read(state(), segment(condition("$.flags.f.enabled", "EQUAL", "true")))

    assert imported.report.refused == 2
    assert imported.report.findings[1].why.startswith("its overrides depend on its own result")


def test_a_chain_of_flags_that_is_too_long_is_refused():
    def named(number: int) -> dict[str, Any]:
        return {"feature": {"id": number, "name": f"f{number}"}, "django_id": number}

    count = 40
    segments = [
        segment(
            condition(f"$.flags.f{number + 1}.enabled", "EQUAL", "true"),
            id=number, name=f"reads {number}", override={**state(), **named(number)},
        )
        for number in range(count)
    ]  # fmt: skip
    imported = read(state(), *segments, more=tuple({**state(), **named(number)} for number in range(count + 1)))
    why = {finding.source_key: finding.why for finding in imported.report.findings}

    assert why["f0"].startswith("81 entries name each other in a row")
    assert (why["f40"], why["f39"]) == ("", "")


@pytest.mark.parametrize(
    ("tested", "known", "unknown"),
    [
        (condition("x", "EQUAL", "a"), "override", "base"),
        (condition("x", "IS_NOT_SET"), "base", "override"),
        (condition("$.identity.identifier", "IS_NOT_SET"), "base", "override"),
        (condition("$.environment.name", "EQUAL", "Production"), "override", "override"),
    ],
)
def test_traits_count_for_nothing_without_an_identity(tested, known, unknown):
    imported = read(state(), segment(tested))

    assert [decide(imported, who, x="a").value for who in ("alice", None)] == [known, unknown]


def test_of_a_refused_flag_the_result_says_so():
    imported = read(state(), segment(condition("x", "SOUNDS_LIKE", "y")))
    result = flagsmith.result_of(decide(imported), imported.flags["f"])

    assert (result["enabled"], result["value"], result["variant"]) == (False, None, None)
    assert result["reason"].startswith("ERROR; not imported from Flagsmith: segment pros: ")


@pytest.mark.parametrize("path", ["$.identity.identifier", "$.identity.key", "$.identity.traits.x"])
def test_a_percentage_of_a_path_counts_a_trait_of_that_very_name_first(path):
    of_path = read(state(), segment(condition(path, "PERCENTAGE_SPLIT", "50")))
    of_trait = read(state(), segment(condition("y", "PERCENTAGE_SPLIT", "50")))
    values = [f"value {at}" for at in range(20)]
    expected = [decide(of_trait, y=value).value for value in values]

    assert set(expected) == {"base", "override"}
    assert [decide(of_path, **{path: value, "x": "other"}).value for value in values] == expected


@pytest.mark.parametrize(("kind", "answers"), [("ALL", "100"), ("ANY", "110"), ("NONE", "001")])
def test_a_rules_type_joins_its_conditions(kind, answers):
    rule = {"type": kind, "conditions": [PRO, condition("age", "GREATER_THAN", "5")]}
    imported = read(state(), segment(rules=[rule]))
    subjects: list[dict[str, Any]] = [{"plan": "pro", "age": 7}, {"plan": "pro"}, {}]

    assert [decide(imported, **traits).value == "override" for traits in subjects] == [each == "1" for each in answers]


def test_a_segment_without_rules_has_no_members():
    assert decide(read(state(), segment(rules=[]))).value == "base"


@pytest.mark.parametrize(
    ("tested", "why"),
    [
        (condition("x", "SOUNDS_LIKE", "y"), "operator 'SOUNDS_LIKE' is unknown"),
        (condition("x", "EQUAL", 1), "holds text, not 1"),
        (condition("x", "GREATER_THAN", 1.5), "holds text, not 1.5"),
        (condition("x", "CONTAINS", True), "holds text, not True"),
        (condition("x", "REGEX", "(?=a)b"), "(?="),
        (condition("$.identity.traits[*]", "EQUAL", "y"), "whatever comes first in traits"),
        (condition("$.flags.*.enabled", "EQUAL", "y"), "whatever comes first in flags"),
        (condition("$.identity.traits.x[0]", "EQUAL", "y"), "whatever comes first in x"),
        (condition("$.identity.traits[?@ == 'a']", "EQUAL", "y"), "has a filter"),
        (condition("$.features[9007199254740992]", "EQUAL", "y"), "an index out of range"),
    ],
)
def test_a_segment_that_cannot_be_kept_is_refused_with_the_flags_that_name_it(tested, why):
    imported = read(state(), segment(tested))
    segment_finding, flag_finding = imported.report.findings

    assert [finding.standing for finding in (segment_finding, flag_finding)] == [Standing.REFUSED] * 2
    assert why in segment_finding.why
    assert flag_finding.why.startswith("segment pros")
    assert decide(imported).error_code == ErrorCode.PARSE_ERROR


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("$.identity.traits['my plan']", [(False, ("identity",)), (False, ("traits",)), (False, ("my plan",))]),
        ("$.a-b ['c', \"d\"] [*]", [(False, ("a-b",)), (False, ("c", "d")), (False, (None,))]),
        ("$..a[0, -1, 1:, ::2]", [(True, ("a",)), (False, (0, -1, slice(1, None), slice(None, None, 2)))]),
        ("$..[*].*", [(True, (None,)), (False, (None,))]),
        ("$['\\u0041\\'']", None),
        ("$.a['\\u0041\\'']", [(False, ("a",)), (False, ("A'",))]),
        ("plan", None),
        ("$.a is no path", None),
        ("$.a ", None),
        ("$.a[01]", None),
        ("$.a['\\x']", None),
        ("$.a[]", None),
        ("$.a[1", None),
        ("$.", None),
    ],
)
def test_a_path_is_read_or_is_a_traits_name(text, steps):
    assert path_of(text) == steps


@pytest.mark.parametrize("name", ["targetingKey", "$.identity.traits.targetingKey"])
def test_a_trait_called_like_our_targeting_key_is_a_trait(name):
    imported = read(state("base"), segment(condition(name, "EQUAL", "zz")))

    assert decide(imported, "alice", targetingKey="zz").value == "override"
    assert decide(imported, "zz").value == "base"
    assert decide(imported, None, targetingKey="zz").value == "base"  # nobody's trait


def test_a_trait_called_like_our_targeting_key_identifies_nobody():
    imported = read(state("base", options=(("a", 100),)))

    assert decide(imported, "alice").value == "a"
    assert decide(imported, None, targetingKey="zz").value == "base"


def test_a_trait_called_like_the_identifier_is_told():
    (found, _) = read(state("base"), segment(condition("identifier", "EQUAL", "zz"))).report.findings

    assert (found.kind, found.standing) == ("segment", Standing.APPROXIMATED)
    assert "identifier" in found.why
