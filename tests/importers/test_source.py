"""Exports are decoded strictly: what JSON libraries quietly repair is refused, and the message says what to do."""

from __future__ import annotations

import pytest

from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import SYSTEMS, importer, launchdarkly, statsig
from buildflags_sdk.importers.source import read_json, read_object


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b'{"flags": {"a": {"on": tr', "cut off"),
        (b'{"flags": {"a": "text', "cut off"),
        (b'{"flags": {"a": [1, 2', "cut off"),
        (b'{"flags": [1,]}', "line 1"),
        (b'{"flags": 1} x', "Extra data"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' stands twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1e999}', "larger than any float"),
        (b'{"a": "\xff"}', "not UTF-8 from byte 7"),
        (b"[" * 70 + b"]" * 70, "deeper than 64"),
        (b"[" * 200_000, "deeper than 64"),
    ],
)
def test_what_is_no_plain_json_is_refused_with_what_to_do(data, said):
    with pytest.raises(FlagFileError, match=said):
        read_json(data)


def test_an_export_over_the_limit_is_refused_with_its_size_before_it_is_decoded():
    with pytest.raises(FlagFileError, match=r"33,554,433 bytes, over the limit of 33,554,432"):
        read_json(bytes(33_554_433))


def test_a_byte_order_mark_is_no_fault():
    assert read_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_an_export_that_is_no_object_is_refused_by_its_kind():
    with pytest.raises(FlagFileError, match="a JSON object, not a list"):
        read_object(b"[]", system="X")


def test_a_system_without_an_importer_is_named_with_those_that_have_one():
    with pytest.raises(ValueError, match=r"no importer for 'optimizely'.*launchdarkly"):
        importer("optimizely")


@pytest.mark.parametrize("module", [launchdarkly, statsig])
def test_an_importer_takes_the_limit_of_its_caller(module):
    with pytest.raises(FlagFileError, match="over the limit of 10"):
        module.read(b'{"flags": {}}', max_bytes=10)


def test_the_table_of_systems_names_modules():
    assert {"launchdarkly", "statsig"} <= SYSTEMS.keys()
    assert importer("statsig") is statsig
