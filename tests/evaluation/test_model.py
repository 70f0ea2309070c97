"""The model: what it lets through, what it refuses and how it says so, and that lines come back as they went in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from buildflags_sdk._evaluation.compiler import Pool, compile_flag
from buildflags_sdk._evaluation.model import expand_short_forms, flag_line, parse_flag, parse_segment, segment_line
from buildflags_sdk.errors import RulesetError

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "ruleset.md"
PEERS = re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
BOOLEAN: dict[str, Any] = {"key": "f", "type": "boolean", "variants": {"on": True, "off": False}}


def test_the_document_has_a_flag_of_each_of_eight_systems() -> None:
    assert len(PEERS) == 8


@pytest.mark.parametrize("text", PEERS)
def test_a_flag_of_each_system_can_be_written(text: str) -> None:
    definition = parse_flag(text)
    assert parse_flag(flag_line(definition)) == definition
    assert compile_flag(definition.key, text.encode(), Pool()).broken is None


def test_a_line_is_canonical_keys_in_model_order_and_defaults_left_out() -> None:
    given = {"variants": {"on": True}, "fallthrough": {"variant": "on"}, "type": "boolean", "key": "f"}
    assert flag_line(parse_flag(given)) == (
        b'{"key":"f","type":"boolean","variants":{"on":true},"enabled":true,"off":null,"rules":[],"fallthrough":{"variant":"on"}}'
    )
    assert segment_line(parse_segment({"include": ["é"], "segment": "s"})) == '{"segment":"s","include":["é"]}'.encode()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"colour": 1}, "colour"),
        ({"variants": {"on": 1}}, "variants.on"),
        ({"variants": {"on": {"value": True, "weight": 1}}}, "variants.on"),
        ({"off": "none"}, "off"),
        ({"enabled": "yes"}, "enabled"),
        ({"rules": [{"when": {"attr": ["a"], "op": "like"}, "serve": None}]}, "rules[0].when"),
        ({"rules": [{"when": {"attr": "a.b", "op": "exists"}, "serve": None}]}, "rules[0].when.attr"),
        ({"rules": [{"when": {"all": [{"eq": 1}]}, "serve": None}]}, "rules[0].when.all[0]"),
        ({"fallthrough": {"split": {"scheme": "md9", "seed": "", "of": 1, "ranges": []}}}, "fallthrough.split"),
    ],
)
def test_a_refusal_names_the_flag_and_the_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(RulesetError, match="flag 'f'") as refusal:
        parse_flag({**BOOLEAN, **change})
    assert place in str(refusal.value)


@pytest.mark.parametrize("line", [b"[]", b"{", b'{"key":NaN}', b'{"key":1e999}', b'{"key":"\\ud800"}', b"[" * 100_000])
def test_bytes_that_are_no_entry_are_refused(line: bytes) -> None:
    with pytest.raises(RulesetError):
        parse_flag(line)


def test_short_forms_become_the_page_form() -> None:
    short = {
        **BOOLEAN,
        "rules": [{"when": {"any": [{"attr": "a.b", "op": "in", "values": ["x"]}, {"share": 20000}]}, "serve": "on"}],
        "fallthrough": {"split": {"on": 20000, "off": 10000}},
    }
    long = parse_flag(expand_short_forms(short))
    assert json.loads(flag_line(long))["fallthrough"] == {
        "split": {
            "scheme": "bf1",
            "seed": "f",
            "of": 100000,
            "ranges": [{"from": 0, "to": 20000, "variant": "on"}, {"from": 20000, "to": 30000, "variant": "off"}],
        }
    }
