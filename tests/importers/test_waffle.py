"""django-waffle's dump: flags, switches and samples, what is only approximated, and bytes that are no dump."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk._evaluation.details import Decision, ErrorCode
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import Imported, Standing, waffle

NOBODY = {
    "everyone": None,
    "percent": None,
    "testing": False,
    "superusers": False,
    "staff": False,
    "authenticated": False,
}


def row(model: str = "flag", name: str = "f", **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = (
        {**NOBODY, "languages": "", "groups": [], "users": [], "note": ""} if model == "flag" else {}
    )
    return {"model": f"waffle.{model}", "pk": 1, "fields": {"name": name, **given, **fields}}


def read(*rows: dict[str, Any]) -> Imported:
    return waffle.read(json.dumps(list(rows)).encode())


def decide(imported: Imported, context: dict[str, Any] | None = None, key: str = "f", *, dice: float = 0.5) -> Decision:
    lines = {name: json.dumps(entry).encode() for name, entry in imported.flags.items()}
    world = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: dice)
    return Snapshot.from_lines(lines, {}).decide(key, context or {}, world)


@pytest.mark.parametrize(
    ("fields", "context", "on"),
    [
        ({}, {"is_superuser": True, "language": "de"}, False),
        ({"everyone": True}, {}, True),
        ({"everyone": False, "superusers": True}, {"is_superuser": True}, False),
        ({"superusers": True}, {"is_superuser": True}, True),
        ({"superusers": True}, {"is_superuser": False}, False),
        ({"staff": True}, {"is_staff": True}, True),
        ({"authenticated": True}, {"is_authenticated": True}, True),
        ({"authenticated": True}, {}, False),
        ({"languages": "en, de"}, {"language": "de"}, True),
        ({"languages": "en, de"}, {"language": "de-at"}, False),
        ({"users": [7]}, {"targetingKey": "7"}, True),
        ({"users": [7]}, {"targetingKey": "8"}, False),
        ({"users": [["ada"]]}, {"targetingKey": "8", "username": "ada"}, True),
        ({"groups": [3]}, {"groups": [2, 3]}, True),
        ({"groups": [3]}, {"groups": [2]}, False),
        ({"groups": [["editors"]]}, {"groups": ["editors"]}, True),
        ({"percent": "100.0"}, {}, True),
        ({"percent": "0.0"}, {}, False),
    ],
)
def test_a_flag_is_on_for_whom_waffle_says(fields, context, on):
    imported = read(row(**fields))
    assert decide(imported, context).value is on
    assert imported.report.exact == 1


def test_a_percentage_is_a_stable_share_of_the_targeting_keys_and_is_reported_as_such():
    imported = read(row(percent="30.5"))
    inside = sum(bool(decide(imported, {"targetingKey": f"user-{at}"}).value) for at in range(1_000))
    assert 250 < inside < 360
    assert decide(imported, {"targetingKey": "user-1"}).value is decide(imported, {"targetingKey": "user-1"}).value
    (finding,) = imported.report.findings
    assert finding.standing == Standing.APPROXIMATED
    assert "cookie" in finding.why
    assert decide(imported, {"targetingKey": "user-1"}).rule_id == "percent"


def test_people_who_are_named_are_in_whatever_the_percentage():
    imported = read(row(percent="0.1", users=[7]))
    assert decide(imported, {"targetingKey": 7}).value is True


def test_testing_mode_lets_nobody_in_and_says_so():
    imported = read(row(testing=True, staff=True))
    assert decide(imported, {}).value is False
    assert decide(imported, {"is_staff": True}).value is True
    assert "dwft_f" in imported.report.findings[0].why


def test_a_switch_is_on_or_off_and_a_sample_is_drawn_each_time():
    imported = read(
        row("switch", "s", active=True), row("switch", "t", active=False), row("sample", "u", percent="40.0")
    )
    assert decide(imported, key="s").value is True
    assert decide(imported, key="t").value is False
    assert decide(imported, key="u", dice=0.39).value is True
    assert decide(imported, key="u", dice=0.41).value is False
    assert imported.report.exact == 3


STAMPS = {"note": "", "created": "2024-01-01T00:00:00Z", "modified": "2024-01-01T00:00:00Z"}


@pytest.mark.parametrize("level", ["row", "fields"])
@pytest.mark.parametrize(
    "known",
    [
        row(everyone=True, rollout=True, **STAMPS),
        row("switch", active=True, **STAMPS),
        row("sample", percent="100.0", **STAMPS),
    ],
    ids=["flag", "switch", "sample"],
)
def test_a_field_that_is_not_known_is_named_by_its_place_and_changes_nothing(known, level):
    more = {**known, "until": 5} if level == "row" else {**known, "fields": {**known["fields"], "until": 5}}
    imported = read(row("switch", "first"), more)
    found = next(each for each in imported.report.findings if each.source_key == "f")
    place = "$[1].until" if level == "row" else "$[1].fields.until"
    assert found.why == f"fields that are not known were left out: {place}"
    assert decide(imported).value is True
    assert read(known).report.exact == 1


def test_a_field_that_is_left_out_of_a_dump_has_its_models_default():
    raw = row(superusers=False)
    del raw["fields"]["superusers"]
    assert decide(read(raw), {"is_superuser": True}).value is True


def test_a_flag_model_of_the_applications_own_is_read_as_waffles_and_says_what_it_may_lack():
    own = {"model": "shop.flag", "pk": 1, "fields": {**row(staff=True)["fields"], "regions": ["eu"]}}
    imported = read(row("switch", "s", active=True), own)
    assert decide(imported, {"is_staff": True}).value is True
    why = next(each.why for each in imported.report.findings if each.source_key == "f")
    assert "shop.flag" in why
    assert "$[1].fields.regions" in why


def test_kinds_that_share_a_name_are_told_apart():
    imported = read(row("switch", active=True), row(everyone=False), row("sample", percent=100))
    assert decide(imported).value is False
    assert decide(imported, key="f.switch").value is True
    assert decide(imported, key="f.sample").value is True


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (row(everyone="yes"), "everyone is 'yes'"),
        (row(percent="lots"), "percent is 'lots'"),
        (row(percent=101), "percent is 101"),
        (row(percent="nan"), "percent is 'nan'"),
        (row(users=[{"pk": 1}]), "users[0]"),
        (row(groups=5), "not a list"),
        (row(languages=["en"]), "languages is"),
    ],
)
def test_a_flag_of_the_wrong_shape_is_refused_alone(broken, said):
    imported = read(broken, row(name="whole", everyone=True))
    refused = next(each for each in imported.report.findings if each.source_key == "f")
    assert refused.standing == Standing.REFUSED
    assert said in refused.why
    assert decide(imported).error_code == ErrorCode.PARSE_ERROR
    assert decide(imported, key="whole").value is True


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'[{"model":"waffle.flag","fields":{', "cut off"),
        (b'[{"model":"waffle.flag","model":"waffle.flag"}]', "twice"),
        (b"[]", "dumpdata waffle"),
        (b'{"flags":{}}', "dumpdata waffle"),
        (b'[{"model":"shop.flag","fields":{"name":"f"}}]', "only shop.flag"),
        (b'[{"model":"waffle.flag","fields":{}}]', "no name of a flag"),
    ],
)
def test_bytes_that_are_no_dump_say_what_to_give_instead(data, said):
    with pytest.raises(FlagFileError, match=said):
        waffle.read(data)
