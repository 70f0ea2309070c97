"""The evaluation context as typed on a command line."""

from __future__ import annotations

import json

import click
import pytest

from buildflags_sdk.cli._context import read_context


def test_name_equals_is_text_whatever_it_looks_like():
    assert read_context(["version=1.10", "plan=pro", "empty="]) == {"version": "1.10", "plan": "pro", "empty": ""}


def test_name_colon_equals_is_json():
    assert read_context(["age:=30", 'tags:=["a","b"]', "beta:=true"]) == {"age": 30, "tags": ["a", "b"], "beta": True}


def test_a_value_may_hold_equals_signs():
    assert read_context(["query=a=b"]) == {"query": "a=b"}


def test_a_json_object_and_a_file_are_taken_whole(tmp_path):
    file = tmp_path / "context.json"
    file.write_text(json.dumps({"country": "DE", "plan": "free"}), encoding="utf-8")
    assert read_context([f"@{file}", '{"plan":"pro"}']) == {"country": "DE", "plan": "pro"}


def test_the_targeting_key_option_wins_over_the_parts():
    assert read_context(['{"targetingKey":"a"}'], "b") == {"targetingKey": "b"}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("plan", "no part of a context"),
        ("=pro", "no part of a context"),
        ("age:=thirty", "not valid JSON"),
        ("{broken", "not valid JSON"),
        ("@/no/such/file.json", "cannot read"),
    ],
)
def test_what_is_no_context_says_which_forms_there_are(part, said):
    with pytest.raises(click.BadParameter, match=said):
        read_context([part])


def test_a_file_that_holds_no_object_is_refused(tmp_path):
    file = tmp_path / "context.json"
    file.write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(click.BadParameter, match="not a JSON object"):
        read_context([f"@{file}"])
