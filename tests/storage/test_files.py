"""Files an application ships or a person writes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._storage.files import FlagsFile, read_file, read_flags
from buildflags_sdk._wire.bundle import Bundle, encode_bundle
from buildflags_sdk._wire.limits import Limits
from buildflags_sdk._wire.page import line_key
from buildflags_sdk.errors import FlagFileError, FormatVersionError, RulesetError

GOOD = {"type": "boolean", "variants": {"on": True, "off": False}, "fallthrough": {"variant": "on"}}


def flags_file(**flags):
    return json.dumps({"buildflags": 1, "flags": flags}).encode()


@pytest.fixture
def bundle(make_stored):
    stored = make_stored()
    return encode_bundle(
        manifest_body=stored.manifest_body,
        pages=stored.pages,
        etag=stored.etag,
        signature=None,
        saved_at=1000.0,
        url="https://flags.example",
    )


def test_a_bundle_is_read(tmp_path, bundle, make_stored):
    (tmp_path / "b").write_bytes(bundle)
    read = read_file(tmp_path / "b")
    assert isinstance(read, Bundle)
    assert (read.manifest_body, read.pages) == (make_stored().manifest_body, make_stored().pages)


def test_a_flags_file_is_read_into_canonical_lines(tmp_path):
    document = {"buildflags": 1, "flags": {"a": GOOD}, "segments": {"s": {"include": ["ada"]}}}
    (tmp_path / "flags.json").write_text(json.dumps(document, indent=2), encoding="utf-8-sig")
    read = read_file(str(tmp_path / "flags.json"))
    assert isinstance(read, FlagsFile)
    assert read.broken == {}
    assert line_key(read.flags["a"]) == (False, "a")
    assert line_key(read.segments["s"]) == (True, "s")
    assert json.loads(read.segments["s"])["include"] == ["ada"]


def test_short_forms_are_spelt_out():
    rules = [{"when": {"attr": "plan.name", "op": "in", "values": ["pro"]}, "serve": "on"}]
    read = read_flags(flags_file(a={**GOOD, "rules": rules, "fallthrough": "off"}))
    line = json.loads(read.flags["a"])
    assert read.broken == {}
    assert line["rules"][0]["when"]["attr"] == ["plan", "name"]
    assert line["rules"][0]["serve"] == {"variant": "on"}


def test_one_broken_flag_is_named_with_its_reason_and_the_good_ones_are_served():
    read = read_flags(flags_file(good=GOOD, bad={**GOOD, "type": "bool"}, worse=7, typo={**GOOD, "falltrough": 1}))
    assert set(read.broken) == {"bad", "worse", "typo"}
    assert "type" in read.broken["bad"]
    assert "falltrough" in read.broken["typo"]
    assert set(read.flags) == {"good", "bad", "worse", "typo"}


def test_a_broken_flag_answers_parse_error():
    from buildflags_sdk._evaluation.compiler import Pool, compile_flag

    read = read_flags(flags_file(bad={**GOOD, "type": "bool"}))
    compiled = compile_flag("bad", read.flags["bad"], Pool())
    assert compiled.broken is not None
    assert compiled.decision is not None
    assert compiled.decision.error_code == "PARSE_ERROR"


def test_a_flag_that_gives_another_key_than_its_name_is_broken():
    assert "make them one" in read_flags(flags_file(a={**GOOD, "key": "b"})).broken["a"]
    assert read_flags(flags_file(a={**GOOD, "key": "a"})).broken == {}


def test_a_broken_segment_is_named_as_one():
    read = read_flags(b'{"buildflags":1,"segments":{"s":{"includes":["x"]}}}')
    assert list(read.broken) == ["segment s"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "variants",
                    "rules",
                    "when",
                    "serve",
                    "split",
                    "ranges",
                    "share",
                    "attr",
                    "all",
                    "not",
                    "fallthrough",
                    "by",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_nothing_that_stands_under_a_key_harms_the_other_flags(entry):
    document = {"buildflags": 1, "flags": {"x": entry, "good": GOOD}, "segments": {"x": entry}}
    try:
        body = json.dumps(document).encode()
        read = read_flags(body)
    except RulesetError as error:
        assert "surrogate" in str(error) or "strict JSON" in str(error)  # noqa: PT017 - hypothesis may write those
        return
    assert "good" not in read.broken
    assert json.loads(read.flags["good"])["key"] == "good"
    assert set(read.flags) == {"x", "good"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b'{"buildflags":1',
        b'{"buildflags":1,"flags":[]}',
        b'{"buildflags":1,"segments":7}',
        b'{"buildflags":1,"flag":{}}',
        b'{"buildflags":1,"flags":{"a":{},"a":{}}}',
        b'{"buildflags":1,"flags":{"a":{"x":NaN}}}',
        b'{"buildflags":1,"flags":' + b"[" * 100_000,
        b"\xff\xfe",
        b'{"buildflags_bundle":1}\n',
        b'{"buildflags_bundle":1,"pages":7}\n',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_file_that_is_neither_is_refused_with_its_path(tmp_path, body):
    (tmp_path / "flags.json").write_bytes(body)
    with pytest.raises(FlagFileError, match=r"flags\.json"):
        read_file(tmp_path / "flags.json")


@pytest.mark.parametrize("body", [b'{"buildflags":2}', b'{"buildflags":true}', b'{"buildflags_bundle":2}\n'])
def test_a_file_of_another_version_says_which_are_understood(tmp_path, body):
    (tmp_path / "flags.json").write_bytes(body)
    with pytest.raises(FormatVersionError, match=r"flags\.json.*understood: 1"):
        read_file(tmp_path / "flags.json")


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(FlagFileError, match="cannot be read"):
            read_file(path)


def test_more_entries_than_the_limit_are_refused():
    with pytest.raises(FlagFileError, match="limit"):
        read_flags(flags_file(a=GOOD, b=GOOD), Limits(entries=1))


def test_an_empty_flags_file_is_an_empty_ruleset():
    assert read_flags(b'{"buildflags":1}') == FlagsFile({}, {}, {})
