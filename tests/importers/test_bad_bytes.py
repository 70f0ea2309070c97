"""Bytes that are no export, to every importer there is: refused as a whole, with what to do."""

from __future__ import annotations

import json

import pytest

from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import SYSTEMS, read


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"{", "cut off"),
        (b'{"flags": {"f"', "cut off"),
        (b'[{"a": 1', "cut off"),
        (b"<html>", "no JSON|cut off"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"f": 1, "f": 2}', "'f' stands twice"),
        (b'{"f": NaN}', "NaN"),
        (b'{"f": 1e999}', "larger than any float"),
        (b"[" * 100, "deeper|cut off"),
    ],
)
def test_what_is_no_plain_json_is_refused_with_what_to_do(system: str, data: bytes, said: str) -> None:
    with pytest.raises(FlagFileError, match=said):
        read(system, data)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("export", [7, "text", None, True, {"hello": "world"}, {"version": 99}, ["x"]])
def test_an_export_of_something_else_or_of_another_version_is_refused_with_what_to_give(
    system: str, export: object
) -> None:
    with pytest.raises(FlagFileError, match=r"give|export|is a|no "):
        read(system, json.dumps(export).encode())


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_export_over_the_limit_is_refused_with_its_size(system: str) -> None:
    with pytest.raises(FlagFileError, match="1,001 bytes, over the limit of 1,000"):
        read(system, b" " * 1001, max_bytes=1000)
