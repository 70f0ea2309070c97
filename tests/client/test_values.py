"""`get_value` answers in the type of the default, and object values are the caller's own."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from buildflags_sdk import Client, ErrorCode, EvaluationContext
from buildflags_sdk.testing import LocalBackend, flag


class Theme(BaseModel):
    """What the flag `theme` says."""

    model_config = ConfigDict(frozen=True)

    colour: str = "grey"
    sizes: list[int] = []


def test_a_pydantic_default_gives_one_validated_instance_per_revision() -> None:
    client = Client.from_flags({"theme": {"colour": "teal", "sizes": [1, 2]}})
    default = Theme()
    first = client.get_value("theme", default)
    assert first == Theme(colour="teal", sizes=[1, 2])
    assert client.get_value("theme", default) is first
    assert client.pinned().get_value("theme", default) is first


def test_a_value_that_the_model_refuses_gives_the_default_and_type_mismatch() -> None:
    client = Client.from_flags({"theme": {"colour": 7}})
    default = Theme()
    assert client.get_value("theme", default) is default
    assert client.get_details("theme", default).error_code is ErrorCode.TYPE_MISMATCH


def test_a_new_revision_is_validated_anew() -> None:
    backend = LocalBackend([flag("theme", {"colour": "teal"})])
    client = Client(
        "http://127.0.0.1:9", sdk_key="k", workspace="acme", environment="production", cache_dir=None, transport=backend
    )
    assert client.start(wait=60)
    assert client.get_value("theme", Theme()).colour == "teal"
    backend.publish([flag("theme", {"colour": "red"})])
    client.refresh(wait=60)
    assert client.get_value("theme", Theme()).colour == "red"
    client.close()


def test_an_object_value_is_the_callers_own() -> None:
    client = Client.from_flags({"theme": {"colour": "teal", "sizes": [1, 2]}, "sizes": [1, [2]]})
    mine = client.get_value("theme", {})
    mine["colour"] = "red"
    mine["sizes"].append(3)
    assert client.get_value("theme", {}) == {"colour": "teal", "sizes": [1, 2]}
    assert client.get_value("sizes", []) == [1, [2]]
    assert client.get_value("theme", None) == {"colour": "teal", "sizes": [1, 2]}


def test_is_enabled_answers_on_for_a_flag_of_any_type() -> None:
    client = Client.from_flags({"page-size": 50, "empty": "", "off": False})
    assert client.is_enabled("page-size")
    assert client.is_enabled("empty"), "a variant is on unless it says otherwise"
    assert not client.is_enabled("off")


def test_a_context_of_any_mapping_is_read() -> None:
    rule: dict[str, Any] = {
        "id": "de",
        "when": {"attr": ["country"], "op": "in", "values": ["DE"]},
        "serve": {"variant": "on"},
    }
    client = Client.from_flags({"x": flag("x", False, rules=[rule])})
    assert client.is_enabled("x", EvaluationContext("user-7", country="DE"))
    assert client.is_enabled("x", {"country": "DE"})
    assert not client.is_enabled("x", {"country": "FR"})
    assert not client.is_enabled("x")
    assert client.pinned({"country": "DE"}).is_enabled("x")
    assert not client.pinned({"country": "DE"}).is_enabled("x", {"country": "FR"}), "the call's context wins"
    with client.scope({"country": "DE"}):
        assert client.is_enabled("x")
        assert client.is_enabled("x", {"plan": "pro"}), "contexts are merged"
        assert not client.is_enabled("x", {"country": "FR"})
    assert not client.is_enabled("x")
