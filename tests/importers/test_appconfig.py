"""AWS AppConfig and Powertools: what each construct becomes, and what is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import Imported, Standing, appconfig

THURSDAY_NOON = 1_700_136_000.0  # 2023-11-16T12:00:00Z


def decide(imported: Imported, context: dict[str, Any] | None = None, key: str = "f") -> Decision:
    flags = {name: json.dumps(entry).encode() for name, entry in imported.flags.items()}
    world = PureWorld(now=lambda: THURSDAY_NOON, random=lambda: 0.5)
    return Snapshot.from_lines(flags, {}).decide(key, context or {}, world)


def read(source: dict[str, Any]) -> Imported:
    return appconfig.read(json.dumps(source).encode())


# ---------------------------------------------------------------------------------------------------------- Powertools


def ruled(action: str, value: Any, key: str = "x") -> Imported:
    rule = {"when_match": True, "conditions": [{"action": action, "key": key, "value": value}]}
    return read({"f": {"default": False, "rules": {"rule": rule}}})


@pytest.mark.parametrize("source", [{"f": {"default": True}}, {"features": {"f": {"default": True}}, "log": "INFO"}])
def test_features_stand_at_the_top_or_in_an_envelope(source):
    assert decide(read(source)).value is True


@pytest.mark.parametrize(
    ("default", "matched", "kind"),
    [("a", "b", "string"), (1, 2, "integer"), (1, 2.5, "float"), ({"a": 1}, [1], "object"), ("a", None, "object")],
)
def test_a_feature_of_any_json_keeps_its_values(default, matched, kind):
    rules = {"rule": {"when_match": matched, "conditions": [{"action": "EQUALS", "key": "x", "value": 1}]}}
    imported = read({"f": {"default": default, "boolean_type": False, "rules": rules}})

    assert imported.flags["f"]["type"] == kind
    assert (decide(imported).value, decide(imported, {"x": 1}).value) == (default, matched)


@pytest.mark.parametrize(
    ("action", "value", "passes", "fails"),
    [
        ("EQUALS", "a", ["a"], ["b", None]),
        ("NOT_EQUALS", "a", ["b", 1, None], ["a"]),
        ("KEY_GREATER_THAN_VALUE", 5, [6], [5, "6", None]),
        ("KEY_GREATER_THAN_OR_EQUAL_VALUE", 5, [5], [4]),
        ("KEY_LESS_THAN_VALUE", 5, [4], [5]),
        ("KEY_LESS_THAN_OR_EQUAL_VALUE", 5, [5], [6]),
        ("STARTSWITH", "a", ["ab"], ["ba", 1]),
        ("ENDSWITH", "a", ["ba"], ["ab"]),
        ("IN", ["a", 1], ["a", 1], ["b"]),
        ("NOT_IN", ["a"], ["b", None], ["a"]),
        ("KEY_IN_VALUE", ["a"], ["a"], ["b"]),
        ("KEY_NOT_IN_VALUE", ["a"], ["b"], ["a"]),
        ("VALUE_IN_KEY", "a", [["a"], "cat"], [["b"], 1]),
        ("VALUE_NOT_IN_KEY", "a", [["b"]], [["a"], 1, None]),
        ("ALL_IN_VALUE", ["a", "b"], [["a"], []], [["c"], "a"]),
        ("ANY_IN_VALUE", ["a", "b"], [["a", "c"]], [["c"], "a"]),
        ("NONE_IN_VALUE", ["a"], [["c"]], [["a"], "c"]),
        ("MODULO_RANGE", {"BASE": 10, "START": 0, "END": 4}, [4, 13], [5, "4"]),
    ],
)
def test_an_action_holds_for(action, value, passes, fails):
    imported = ruled(action, value)

    assert imported.report.exact == 1
    assert [decide(imported, {"x": given}).value for given in passes] == [True] * len(passes)
    assert [decide(imported, {"x": given}).value for given in fails] == [False] * len(fails)
    assert decide(imported, {}).value is False  # a key that is not there never holds


@pytest.mark.parametrize(
    ("action", "key", "value", "holds"),
    [
        ("SCHEDULE_BETWEEN_TIME_RANGE", "CURRENT_TIME", {"START": "11:00", "END": "12:00"}, True),
        ("SCHEDULE_BETWEEN_TIME_RANGE", "CURRENT_TIME", {"START": "22:00", "END": "11:59"}, False),
        ("SCHEDULE_BETWEEN_TIME_RANGE", "CURRENT_TIME", {"START": "12:30", "END": "13:30", "TIMEZONE": "Europe/Copenhagen"}, True),
        ("SCHEDULE_BETWEEN_TIME_RANGE", "CURRENT_TIME", {"START": "14:30", "END": "15:30", "TIMEZONE": "UTC+3"}, True),
        ("SCHEDULE_BETWEEN_TIME_RANGE", "CURRENT_TIME", {"START": "00:00", "END": "23:59", "TIMEZONE": []}, False),
        ("SCHEDULE_BETWEEN_DAYS_OF_WEEK", "CURRENT_DAY_OF_WEEK", {"DAYS": ["THURSDAY"]}, True),
        ("SCHEDULE_BETWEEN_DAYS_OF_WEEK", "CURRENT_DAY_OF_WEEK", {"DAYS": ["FRIDAY"], "TIMEZONE": "Pacific/Kiritimati"}, True),
        ("SCHEDULE_BETWEEN_DATETIME_RANGE", "CURRENT_DATETIME", {"START": "2023-11-16T12:00:00", "END": "2023-11-17"}, True),
        ("SCHEDULE_BETWEEN_DATETIME_RANGE", "CURRENT_DATETIME", {"START": "2023-11-16T12:00:01", "END": "2023-11-17"}, False),
    ],
)  # fmt: skip
def test_a_schedule_holds_at_the_moment_of_the_evaluation(action, key, value, holds):
    assert decide(ruled(action, value, key)).value is holds


@pytest.mark.parametrize(
    ("imported", "said"),
    [
        (lambda: ruled("SOUNDS_LIKE", "x"), "action 'SOUNDS_LIKE' is unknown"),
        (lambda: ruled("EQUALS", None), "EQUALS of 'x' and None"),
        (lambda: ruled("ALL_IN_VALUE", "x"), "takes a list"),
        (lambda: ruled("MODULO_RANGE", {"BASE": 5, "START": 4, "END": 9}), "0 <= START <= END < BASE"),
        (lambda: ruled("SCHEDULE_BETWEEN_TIME_RANGE", {"START": "8", "END": "9"}, "CURRENT_TIME"), "time of day"),
        (lambda: ruled("SCHEDULE_BETWEEN_TIME_RANGE", {}, "x"), "compares CURRENT_TIME"),
        (lambda: ruled("SCHEDULE_BETWEEN_DATETIME_RANGE", {"START": "2023-01-01T00:00:00Z", "END": "2024-01-01"}, "CURRENT_DATETIME"), "TIMEZONE"),
        (lambda: read({"f": {"default": None}}), "None in a boolean feature"),
        (lambda: read({"f": {"default": None, "boolean_type": False}}), "no default"),
        (lambda: read({"f": {"default": True, "rules": [1]}}), "not an object"),
        (lambda: read({"f": {"default": True, "rules": {"r": {"when_match": True, "conditions": []}}}}), "no conditions"),
        (lambda: read({"f": {"default": True, "rules": {"r": {"when_match": 1, "conditions": []}}}}), "1 in a boolean"),
    ],
)  # fmt: skip
def test_what_powertools_cannot_mean_is_refused_by_name(imported, said):
    refused(imported(), said)


def hours(**more: Any) -> dict[str, Any]:
    return {"START": "08:00", "END": "20:00", "TIMEZONE": "UTC", **more}


def feature(
    *, value: dict[str, Any] | None = None, condition: Any = None, rule: Any = None, **more: Any
) -> dict[str, Any]:
    said = {
        "action": "SCHEDULE_BETWEEN_TIME_RANGE", "key": "CURRENT_TIME", "value": value or hours(), **(condition or {}),
    }  # fmt: skip
    rules = {"by day": {"when_match": True, "conditions": [said], **(rule or {})}}
    return {"features": {"f": {"default": False, "boolean_type": True, "rules": rules, **more}}, "log": "INFO"}


def test_a_feature_that_is_all_understood_has_no_note():
    assert read(feature()).report.exact == 1


@pytest.mark.parametrize("zone", [None, "", False, 0])
def test_no_time_zone_is_the_hosts_own_there_and_utc_here(zone):
    noted(read(feature(value=hours(TIMEZONE=zone))), "Powertools takes the zone of its host, here it is UTC")


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (feature(until=1), "$.features.f.until"),
        (feature(rule={"percent": 5}), '$.features.f.rules["by day"].percent'),
        (feature(condition={"negate": True}), '$.features.f.rules["by day"].conditions[0].negate'),
        (feature(value=hours(DAYS=["MONDAY"])), '$.features.f.rules["by day"].conditions[0].value.DAYS'),
    ],
)
def test_a_field_of_a_feature_that_is_not_known_is_named(source, place):
    noted(read(source), f"fields that are not known were left out: {place}")


# ------------------------------------------------------------------------------------------------- AppConfig's own flags


def variants(*several: dict[str, Any]) -> Imported:
    return read({"version": "1", "flags": {"f": {"name": "F"}}, "values": {"f": {"_variants": list(several)}}})


def by_rule(rule: Any) -> Imported:
    return variants({"name": "on", "enabled": True, "rule": rule}, {"name": "off", "enabled": False})


def test_a_switch_is_boolean_and_one_with_attributes_an_object():
    imported = read({"version": "1", "values": {"f": {"enabled": True}, "g": {"enabled": False, "color": "red"}}})

    assert (decide(imported).value, imported.report.exact) == (True, 2)
    other = decide(imported, key="g")
    assert (other.value, other.on) == ({"color": "red"}, False)


def test_the_flags_that_appconfig_serves_are_read_too():
    assert decide(read({"f": {"enabled": True, "limit": 5}})).value == {"limit": 5}


def test_a_flag_without_values_is_the_callers_default():
    assert decide(read({"version": "1", "flags": {"f": {"name": "F"}}, "values": {}})).value is CALLER_DEFAULT


def test_the_first_variant_whose_rule_holds_is_served_and_called_approximated():
    imported = variants(
        {"name": "pro", "enabled": True, "attributeValues": {"limit": 9}, "rule": '(eq $plan "pro")'},
        {"name": "old", "enabled": True, "attributeValues": {"limit": 5}, "rule": "(gte $age 65)"},
        {"name": "default", "enabled": False, "attributeValues": {"limit": 1}},
    )

    assert imported.report.findings[0].standing == Standing.APPROXIMATED
    asked: list[dict[str, Any]] = [{"plan": "pro", "age": 70}, {"age": "70"}, {}]
    assert [decide(imported, context).variant for context in asked] == ["pro", "old", "default"]
    assert decide(imported, {"plan": "pro"}).value == {"limit": 9}


@pytest.mark.parametrize(
    ("rule", "passes", "fails"),
    [
        ('(eq $x "Virginia")', ["Virginia"], ["virginia", None]),
        ("(eq $x 7)", [7, "7", 7.0], [8]),
        ("(eq $x true)", [True, "true"], [False]),
        ("(gt $x -1.5e0)", [0, "0"], [-2, "x"]),
        ('(begins_with $x "A")', ["Ab"], ["bA"]),
        ('(ends_with $x "a.com")', ["b@a.com"], ["a.com.x"]),
        ('(contains $x "WI\\"N")', ['xWI"Nx'], ["WIN"]),
        ('(in $x ["123", 456])', ["123", 456, "456"], ["7"]),
        ('(exists key::"x")', ["", 0], [None]),
        ('(not (eq $x "a"))', ["b", None], ["a"]),
        ("(and (gt $x 1) (lt $x 5) (lte $x 3))", [2], [4, 1]),
        ("(or (eq $x 1)\n  (eq $x 2))", [1, 2], [3]),
    ],
)  # fmt: skip
def test_a_rule_holds_for(rule, passes, fails):
    imported = by_rule(rule)

    assert imported.report.refused == 0, imported.report.findings
    assert [decide(imported, {"x": value}).value for value in passes] == [True] * len(passes)
    assert [decide(imported, {"x": value}).value for value in fails] == [False] * len(fails)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('(split pct::10 by::$userId seed::"abc")', "AWS publishes no hash"),
        ('(matches in::$x pattern::"h.*y")', "whether a pattern must match"),
        ("(gt $x 2012-03-04T05:06:07-08:00)", "timestamp 2012-03-04T05:06:07-08:00"),
        ("(gt $x 2024-01)", "timestamp 2024-01"),
        ('(eq "a" $x)', "not a context value with a constant"),
        ("(like $x 1)", "like compares x"),
        ("(eq $x 1", "breaks off"),
        ("(eq $x 1) (eq $x 2)", "goes on after its end"),
        ("$x", "where a condition should"),
        ("(eq $x 'a')", "cannot be read from"),
        (7, "rule is 7"),
        ("(not " * 40 + ")" * 40, "deeper than"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused_by_name(rule, said):
    refused(by_rule(rule), said)


def test_a_default_variant_that_is_not_last_is_refused():
    refused(variants({"name": "a", "enabled": True}, {"name": "b", "enabled": True}), "comes after the default variant")


def test_a_profile_of_another_version_is_refused():
    with pytest.raises(FlagFileError, match="version '2', not '1'"):
        read({"version": "2", "values": {}})


STAMPS = {"_createdAt": "2024-01-01T00:00:00Z", "_updatedAt": "2024-02-01T00:00:00Z"}


def profile(values: dict[str, Any], **definition: Any) -> dict[str, Any]:
    attributes = {"limit": {"description": "a limit", "constraints": {"type": "number", "minimum": 0}}}
    known = {"name": "F", "description": "d", "attributes": attributes, "_deprecation": {"status": "planned"}, **STAMPS}
    return {"version": "1", "flags": {"f": {**known, **definition}}, "values": {"f": {**STAMPS, **values}}}


def test_appconfigs_own_stamps_are_no_attributes_and_need_no_note():
    imported = read(profile({"enabled": True, "limit": 5}))

    assert (decide(imported).value, imported.report.exact) == ({"limit": 5}, 1)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (profile({"enabled": True}, owner="me"), "$.flags.f.owner"),
        (profile({"enabled": True, "_until": 1}), "$.values.f._until"),
        (profile({"_variants": [{"name": "a", "enabled": True}], "seed": 1}), "$.values.f.seed"),
        (profile({"_variants": [{"name": "a", "enabled": True, "split": 5}]}), "$.values.f._variants[0].split"),
        ({"f": {"enabled": True, "_until": 1}}, "$.f._until"),
    ],
)
def test_a_field_of_a_flag_that_is_not_known_is_named(source, place):
    noted(read(source), f"fields that are not known were left out: {place}")


def test_what_the_agent_served_one_context_is_called_so():
    imported = read({"f": {"enabled": True, "limit": 5, "_variant": "pro"}})

    assert decide(imported).value == {"limit": 5}
    noted(imported, "what one context was given")


def noted(imported: Imported, said: str) -> None:
    (finding,) = imported.report.findings
    assert (finding.standing, said in finding.why) == (Standing.APPROXIMATED, True), finding.why


def refused(imported: Imported, said: str) -> None:
    (finding,) = imported.report.findings
    assert (finding.standing, said in finding.why) == (Standing.REFUSED, True), finding.why
    assert decide(imported).error_code == ErrorCode.PARSE_ERROR
