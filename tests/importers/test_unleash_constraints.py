"""Unleash's constraints where its engine reads them in a way of its own: values, quotes and patterns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.importers import Imported, Standing, unleash

if TYPE_CHECKING:
    from buildflags_sdk._evaluation.details import Decision


def read(*strategies: dict[str, Any]) -> Imported:
    feature = {"name": "f", "enabled": True, "strategies": list(strategies)}
    return unleash.read(json.dumps({"version": 2, "features": [feature]}).encode())


def constrained(operator: str, **more: Any) -> Imported:
    return read({"name": "default", "constraints": [{"contextName": "plan", "operator": operator, **more}]})


def decide(imported: Imported, plan: str | None = None, user: str = "u") -> Decision:
    flags = {name: json.dumps(entry).encode() for name, entry in imported.flags.items()}
    world = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
    context = {"userId": user} if plan is None else {"userId": user, "plan": plan}
    return Snapshot.from_lines(flags, {}).decide("f", imported.attributes.apply(context), world)


@pytest.mark.parametrize(
    ("operator", "value", "passes", "fails"),
    [
        ("SEMVER_GT", "1.0", ["2", "1.5"], ["1.0", "2.0.0", "x"]),
        ("NUM_GT", "1.0.0", ["1.0.1"], ["2", "1.0.0-rc.1"]),
        ("DATE_AFTER", "5", ["6"], ["2024-05-01T00:00:00Z"]),
        ("DATE_BEFORE", "1.0.0", ["0.9.0"], ["0", "2024-05-01T00:00:00Z"]),
    ],
)
def test_a_value_is_compared_as_what_it_looks_like_whatever_the_operators_name(operator, value, passes, fails):
    straight, inverted = constrained(operator, value=value), constrained(operator, value=value, inverted=True)

    assert straight.report.exact == inverted.report.exact == 1
    assert [decide(straight, plan).on for plan in passes + fails] == [True] * len(passes) + [False] * len(fails)
    assert [decide(inverted, plan).on for plan in passes + fails] == [False] * len(passes) + [True] * len(fails)
    assert decide(inverted).on is True


@pytest.mark.parametrize("operator", ["NUM_EQ", "SEMVER_GTE", "NUM_LTE"])
def test_a_moment_is_compared_by_before_and_after_alone(operator):
    imported = constrained(operator, value="2024-05-01T00:00:00Z")

    assert imported.report.findings[0].standing == Standing.REFUSED
    assert "a moment" in imported.report.findings[0].why


@pytest.mark.parametrize("inverted", [False, True])
def test_a_version_that_begins_with_v_holds_for_nobody_and_spoils_nothing(inverted):
    versioned = {"contextName": "plan", "operator": "SEMVER_EQ", "value": "v1.0.0", "inverted": inverted}
    imported = read({"name": "default", "constraints": [versioned]})

    assert [decide(imported, plan).on for plan in ("v1.0.0", "1.0.0", "2.0.0", None)] == [False] * 4
    assert decide(read({"name": "default", "constraints": [versioned]}, {"name": "default"})).on is True


@pytest.mark.parametrize(
    "strategy",
    [
        {"constraints": [{"contextName": "plan", "operator": "NOT_IN", "values": ["C:\\"]}]},
        {"constraints": [{"contextName": "plan", "operator": "REGEX", "value": "(\\", "inverted": True}]},
        {"constraints": [{"contextName": 'pl"an', "operator": "NOT_IN", "values": ["a"]}]},
        {"constraints": [{"contextName": "plan\\", "operator": "NOT_IN", "values": ["a"]}]},
        {"name": "userWithId", "parameters": {"userIds": "a,b\\"}},
        {"name": "flexibleRollout", "parameters": {"rollout": "99", "stickiness": "userId", "groupId": 'g"'}},
    ],
    ids=["last backslash", "pattern", "quoted name", "name", "list of users", "group"],
)
def test_text_that_breaks_out_of_its_quotes_in_the_engine_turns_the_flag_off(strategy):
    imported = read({"name": "default"}, {"name": "default", **strategy})

    assert imported.report.findings[0].standing == Standing.APPROXIMATED
    assert "Unleash cannot use it" in imported.report.findings[0].why
    assert decide(imported).on is False


@pytest.mark.parametrize("rollout", ["x", "", " 5", "-1", "5.0", "18446744073709551616"])
def test_a_group_is_not_looked_at_where_the_rollout_is_no_number(rollout):
    given = {"rollout": rollout, "stickiness": "userId", "groupId": 'g"'}
    imported = read({"name": "default"}, {"name": "flexibleRollout", "parameters": given})

    assert decide(imported).on is True
    assert decide(read({"name": "flexibleRollout", "parameters": given})).on is False


def test_quotes_and_backslashes_within_values_are_values():
    assert decide(constrained("IN", values=['a"b']), 'a"b').on is True
    assert decide(constrained("IN", values=["a\\b"]), "a\\b").on is True


def test_a_groups_quote_after_a_backslash_is_hashed_without_the_backslash():
    def rollout(group: str) -> Imported:
        return read(
            {"name": "flexibleRollout", "parameters": {"rollout": "50", "stickiness": "userId", "groupId": group}}
        )

    def let_in(imported: Imported) -> set[int]:
        return {at for at in range(40) if decide(imported, user=f"u{at}").on}

    seed = rollout('a\\"b').flags["f"]["rules"][0]["when"]["share"]["seed"]
    assert seed == 'a"b'
    assert let_in(rollout('a\\"b')) != let_in(rollout("ab"))


@pytest.mark.parametrize(
    "pattern", ["[a&&b]", "[[a]b]", "[a--b]", "a**", "a{,2}", "{", r"\Qa.b\E", "(?x)a b", r"\u0061"]
)
def test_a_pattern_that_re2_and_unleashs_engine_read_differently_is_refused(pattern):
    finding = constrained("REGEX", value=pattern).report.findings[0]

    assert (finding.standing, "differently" in finding.why) == (Standing.REFUSED, True), finding.why


@pytest.mark.parametrize(
    "pattern",
    ["[+*-]+", "[]a]", r"\{a\}", r"[\[{]", "a{2}", "a{1,2}?", "a+?", r"\p{L}", r"\x{61}", "[[:alpha:]]", r"\\b"],
)
def test_a_pattern_that_only_looks_like_one_of_those_is_kept(pattern):
    finding = constrained("REGEX", value=pattern).report.findings[0]

    assert finding.standing == Standing.EXACT or "re2 extra" in finding.why, finding.why


def test_a_pattern_with_classes_that_mean_more_there_is_told():
    for pattern in (r"^\w+$", r"\d", r"\bé", r"[\S]"):
        finding = constrained("REGEX", value=pattern).report.findings[0]
        assert (finding.standing, "in Unicode" in finding.why) == (Standing.APPROXIMATED, True), pattern
    assert constrained("REGEX", value=r"a\\d").report.exact == 1


def test_the_text_of_the_present_is_told_since_only_unleash_writes_it():
    asked = {"contextName": "currentTime", "operator": "STR_STARTS_WITH", "values": ["20"]}
    finding = read({"name": "default", "constraints": [asked]}).report.findings[0]

    assert (finding.standing, "text of currentTime" in finding.why) == (Standing.APPROXIMATED, True)
