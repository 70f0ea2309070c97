"""flagd's files: what each construct becomes, what is refused by name, and bytes that are no flagd file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk import Client
from buildflags_sdk._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from buildflags_sdk._evaluation.model import parse_flag
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import ConfigurationError, FlagFileError
from buildflags_sdk.importers import Imported, Standing, flagd

ON_OFF = {"on": True, "off": False}


def read(flag: dict[str, Any], **more: Any) -> Imported:
    whole = {"state": "ENABLED", "variants": ON_OFF, "defaultVariant": "off", **flag}
    options = {"fractional": more.pop("fractional")} if "fractional" in more else {}
    return flagd.read(json.dumps({"flags": {"f": whole}, **more}).encode(), **options)


def decide(imported: Imported, context: dict[str, Any] | None = None, key: str = "f") -> Decision:
    lines = {name: json.dumps(entry).encode() for name, entry in imported.flags.items()}
    world = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
    return Snapshot.from_lines(lines, {}).decide(key, context or {}, world)


def why(imported: Imported) -> str:
    (finding,) = imported.report.findings
    assert finding.standing == Standing.REFUSED
    assert decide(imported).error_code == ErrorCode.PARSE_ERROR
    return finding.why


@pytest.mark.parametrize("targeting", [None, {}])
def test_without_targeting_a_flag_is_static(targeting):
    decision = decide(read({"targeting": targeting}))

    assert (decision.variant, decision.reason) == ("off", Reason.STATIC)


def test_a_disabled_flag_is_the_callers_default():
    decision = decide(read({"state": "DISABLED"}))

    assert (decision.value, decision.reason, decision.decided) == (CALLER_DEFAULT, Reason.DISABLED, True)


@pytest.mark.parametrize("default", [None, ""])
def test_without_a_default_variant_it_is_the_callers_default(default):
    decision = decide(read({"defaultVariant": default, "targeting": {"if": [False, "on"]}}))

    assert (decision.value, decision.reason, decision.error_code) == (CALLER_DEFAULT, Reason.DEFAULT, None)


def test_a_default_that_is_no_variant_is_an_error_when_it_is_reached():
    imported = read({"defaultVariant": "gone", "targeting": {"if": [{"var": "vip"}, "on"]}})

    assert decide(imported, {"vip": True}).value is True
    assert decide(imported).error_code == ErrorCode.GENERAL


def test_targeting_names_the_variant_and_null_the_default():
    imported = read({"targeting": {"if": [{"ends_with": [{"var": "email"}, "@acme.com"]}, "on", None]}})

    assert decide(imported, {"email": "a@acme.com"}).reason == Reason.TARGETING_MATCH
    assert decide(imported, {"email": "a@b.c"}).reason == Reason.DEFAULT


def test_evaluators_are_put_in_where_they_are_named_also_in_each_other():
    evaluators = {"acme": {"ends_with": [{"var": "email"}, "@acme.com"]}, "not_acme": {"!": {"$ref": "acme"}}}
    imported = read({"targeting": {"if": [{"$ref": "not_acme"}, "on"]}}, **{"$evaluators": evaluators})

    assert decide(imported, {"email": "a@b.c"}).value is True
    assert decide(imported, {"email": "a@acme.com"}).value is False


def test_the_version_of_fractional_is_the_readers_to_say():
    targeting = {
        "fractional": [{"cat": [{"var": "$flagd.flagKey"}, {"var": "name"}]}, *([name, 25] for name in "abcd")]
    }
    flag = {"state": "ENABLED", "variants": {name: name for name in "abcd"}, "targeting": targeting}
    source = json.dumps({"flags": {"fractional-flag": flag}}).encode()

    def of(version: int) -> Any:
        return decide(flagd.read(source, fractional=version), {"name": "jack"}, "fractional-flag").value

    assert [of(version) for version in (1, 2, 3)] == ["d", "c", "b"]
    with pytest.raises(ConfigurationError, match="fractional"):
        flagd.read(source, fractional=4)


def test_a_renamed_flag_still_hashes_the_key_that_flagd_knows():
    targeting = {"fractional": [*([str(at), 1] for at in range(50))]}
    flag = {"state": "ENABLED", "variants": {str(at): at for at in range(50)}, "targeting": targeting}
    plain, odd = (flagd.read(json.dumps({"flags": {key: flag}}).encode()) for key in ("headline", "head line"))
    (key,) = odd.flags
    context = {"targetingKey": "user-1"}

    assert key != "head line"
    assert odd.report.findings[0].source_key == "head line"
    assert odd.flags[key]["rules"][0]["serve"]["computed"]["flag_key"] == "head line"
    assert decide(odd, context, key).value != decide(plain, context, "headline").value


def test_metadata_of_the_set_and_of_the_flag_are_one():
    imported = read({"metadata": {"team": "a", "tier": 1}}, metadata={"team": "set", "region": "eu"})

    meta = {name: value for name, value in imported.flags["f"]["meta"].items() if name != "imported"}
    assert meta == {"team": "a", "tier": 1, "region": "eu"}


def test_flags_may_stand_in_a_list():
    source = {"flags": [{"key": "f", "state": "ENABLED", "variants": ON_OFF, "defaultVariant": "on"}]}

    assert decide(flagd.read(json.dumps(source).encode())).value is True


def test_a_long_chain_of_ifs_nests_no_deeper_than_a_line_may():
    program: Any = None
    for at in reversed(range(40)):
        program = {"if": [{"==": [{"var": "n"}, at]}, "on" if at % 2 else "off", program]}
    source = b'{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"targeting":{"if":[true,%s,null]}}}}'

    # 40 levels are over what an export may nest at all, so the chain is given as a program already flat in its text.
    flat = [part for at in range(40) for part in ({"==": [{"var": "n"}, at]}, "on" if at % 2 else "off")]
    assert decide(read({"targeting": {"if": flat}}), {"n": 39}).value is True
    nested: Any = None
    for at in reversed(range(14)):
        nested = {"if": [{"==": [{"var": "n"}, at]}, "on" if at % 2 else "off", nested]}
    imported = read({"targeting": nested})
    assert imported.report.exact == 1
    assert [decide(imported, {"n": at}).value for at in range(14)] == [at % 2 == 1 for at in range(14)]
    with pytest.raises(FlagFileError, match="nests"):
        flagd.read(source % json.dumps(program).encode())


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ({"state": "ON"}, "state"),
        ({"variants": {}}, "variants"),
        ({"variants": {"a": True, "b": "x"}}, "one type"),
        ({"variants": {"a": None}}, "variants"),
        ({"variants": [1]}, "variants"),
        ({"targeting": {"no_such_word": [1]}}, "no_such_word"),
        ({"targeting": {"if": [{"$ref": "gone"}, "on"]}}, "gone"),
        ({"targeting": ["on"]}, "targeting"),
        ({"defaultVariant": 5}, "defaultVariant"),
        ({"metadata": [1]}, "metadata"),
        ({"variants": {"": True}}, "variants"),
        ({"targeting": {"cat": ["x" * 70_000]}}, "bytes"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(flag, said):
    assert said in why(read(flag))


def test_a_variant_without_a_name_is_left_out_and_its_name_is_no_variant_as_there():
    imported = read({"variants": {"": True, **ON_OFF}, "targeting": {"if": [{"var": "vip"}, "", "on"]}})

    assert "without a name" in imported.report.findings[0].why
    assert decide(imported, {"vip": True}).error_code == ErrorCode.GENERAL
    assert decide(imported).value is True


def test_metadata_called_as_what_an_import_notes_keeps_its_value_under_another_name():
    imported = read({"metadata": {"imported": "2024-01-01"}})

    assert imported.flags["f"]["meta"]["flagd.imported"] == "2024-01-01"
    assert imported.flags["f"]["meta"]["imported"]["key"] == "f"
    assert "flagd.imported" in imported.report.findings[0].why


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("level", ["file", "flag"])
def test_a_field_that_is_not_known_is_named_by_its_place_and_changes_nothing(level, listed):
    more = {"until": 5}
    flag: dict[str, Any] = {"state": "ENABLED", "variants": ON_OFF, "defaultVariant": "on", "targeting": {}}
    flag |= {"metadata": {"team": "a"}, **(more if level == "flag" else {}), **({"key": "f"} if listed else {})}
    source = {"$schema": "s", "$evaluators": {}, "metadata": {}, "flags": [flag] if listed else {"f": flag}}
    imported = flagd.read(json.dumps({**source, **(more if level == "file" else {})}).encode())

    place = "$.until" if level == "file" else "$.flags[0].until" if listed else "$.flags.f.until"
    assert imported.report.findings[0].why == f"fields that are not known were left out: {place}"
    assert decide(imported).value is True


def test_evaluators_that_name_each_other_in_a_ring_are_refused():
    ring = {"a": {"!": {"$ref": "b"}}, "b": {"!": {"$ref": "a"}}}

    assert "ring" in why(read({"targeting": {"if": [{"$ref": "a"}, "on"]}}, **{"$evaluators": ring}))


def test_a_refused_flag_leaves_the_others_alone():
    good = {"state": "ENABLED", "variants": ON_OFF, "defaultVariant": "on"}
    imported = flagd.read(json.dumps({"flags": {"good": good, "bad": 5}}).encode())

    assert decide(imported, key="good").value is True
    assert decide(imported, key="bad").error_code == ErrorCode.PARSE_ERROR
    assert (imported.report.exact, imported.report.refused) == (1, 1)


def test_integers_among_floats_and_unknown_fields_are_told():
    (finding,) = read({"variants": {"on": 1, "off": 0.5}, "colour": "red"}).report.findings

    assert finding.standing == Standing.APPROXIMATED
    assert "floats" in finding.why
    assert "colour" in finding.why


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"", "empty"),
        (b'{"flags": {"f": {"state"', "cut off"),
        (b"[]", "flagd"),
        (b"{}", "flags"),
        (b'{"flags": 5}', "flags"),
        (b'{"flags": {"f": {"on": true, "variations": [1]}}}', "another system"),
        (b'{"flags": {}, "$evaluators": [1]}', "evaluators"),
        (b'{"flags": {}, "metadata": [1]}', "metadata"),
        (b'{"flags": {"f": {"state": "ENABLED", "variants": {"a": NaN}}}}', "NaN"),
        (b'{"flags": {"f": 1, "f": 2}}', "twice"),
        (b"\xff\xfe{}", "UTF-8"),
    ],
)
def test_bytes_that_are_no_flagd_file_are_refused_with_what_to_do(source, said):
    with pytest.raises(FlagFileError, match=said):
        flagd.read(source)


def test_an_export_over_the_limit_is_refused_with_its_size():
    with pytest.raises(FlagFileError, match="over the limit"):
        flagd.read(b'{"flags": {}}', max_bytes=5)


def test_an_imported_file_runs_in_a_client_as_it_is():
    targeting = {"if": [{"sem_ver": [{"var": "version"}, ">=", "2.0.0"]}, {"fractional": [["on", 1], ["off", 0]]}]}
    imported = read({"targeting": targeting})

    with Client.from_flags({key: parse_flag(entry) for key, entry in imported.flags.items()}) as client:
        assert client.is_enabled("f", {"targetingKey": "ann", "version": "2.1"}) is True
        assert client.is_enabled("f", {"targetingKey": "ann", "version": "1.9"}) is False
        assert (
            client.get_details("f", False, {"targetingKey": "ann", "version": "2.1"}).reason == Reason.TARGETING_MATCH
        )
