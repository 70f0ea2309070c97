"""Whatever is given as a context, and wherever: no evaluating method raises, and what is wrong with it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, field_validator

from buildflags_sdk import AsyncClient, Client, ErrorCode, FlagDefinition
from buildflags_sdk.importers import AttributeMapping

from .conftest import boolean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from buildflags_sdk._reading import Reading


class Torn(Mapping[str, Any]):
    """A mapping that cannot be read, as a lazy one over a closed connection."""

    def __getitem__(self, key: str) -> Any:
        raise ConnectionError

    def __iter__(self) -> Iterator[str]:
        raise ConnectionError

    def __len__(self) -> int:
        raise ConnectionError


WRONG: tuple[Any, ...] = (["x"], "text", 7, object(), Torn(), [], "", 0)
GOOD = {"targetingKey": "user-7"}
RULE = {"id": "r", "when": {"attr": ["country"], "op": "in", "values": ["DE"]}, "serve": {"variant": "on"}}
FLAGS = {"constant": True, "ruled": FlagDefinition.model_validate(boolean("ruled", on=False) | {"rules": [RULE]})}

READERS: dict[str, Callable[[Client], Reading]] = {
    "client": lambda client: client,
    "renamed": lambda client: client.with_attributes(AttributeMapping("userId", {})),
    "pinned": lambda client: client.pinned(GOOD),
    "pinned with more": lambda client: client.pinned(GOOD).pinned({"plan": "pro"}),
    "with a limit": lambda client: client.pinned(GOOD, max_staleness=3600),
}
SCOPES: dict[str, Callable[[Client], AbstractContextManager[Any]]] = {
    "no scope": lambda client: nullcontext(),
    "a scope": lambda client: client.scope(GOOD),
    "a scope without context": lambda client: client.scope(),
}


def _name(wrong: Any) -> str:
    """A test's name, which is the same in each process that collects it."""
    return repr(wrong).partition(" object at ")[0]


@pytest.mark.parametrize("wrong", WRONG, ids=_name)
@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_context_that_cannot_be_read_gives_the_default_in_a_scope_as_outside(
    read: Callable[[Client], Reading], scope: Callable[[Client], AbstractContextManager[Any]], wrong: Any
) -> None:
    client = Client.from_flags(FLAGS)
    with scope(client):
        reader = read(client)
        assert reader.is_enabled("constant", wrong) is True
        assert reader.get_value("constant", False, wrong) is True
        assert reader.get_details("constant", False, wrong).value is True
        for key in ("ruled", "unknown"):
            assert reader.is_enabled(key, wrong, default=True) is True
            assert reader.get_value(key, True, wrong) is True
            assert reader.get_details(key, True, wrong).value is True
        assert reader.get_details("ruled", True, wrong).error_code in (ErrorCode.INVALID_CONTEXT, ErrorCode.GENERAL)
        assert reader.get_details("unknown", True, wrong).error_code is ErrorCode.FLAG_NOT_FOUND
        assert reader.explain("ruled", wrong).decision.error_code is not None


@pytest.mark.parametrize("wrong", [each for each in WRONG if not isinstance(each, Torn)], ids=_name)
def test_in_a_scope_what_is_no_mapping_is_told_as_an_invalid_context(wrong: Any) -> None:
    client = Client.from_flags(FLAGS)
    outside = client.get_details("ruled", True, wrong)
    with client.scope(GOOD):
        inside = client.get_details("ruled", True, wrong)

    assert outside.error_code is inside.error_code is ErrorCode.INVALID_CONTEXT
    assert outside.error_message == inside.error_message


@pytest.mark.parametrize("wrong", WRONG, ids=_name)
def test_a_scope_opened_with_a_wrong_context_gives_defaults_and_closes(wrong: Any) -> None:
    client = Client.from_flags(FLAGS)
    for outer, inner in ((wrong, GOOD), (GOOD, wrong), (wrong, wrong)):
        with client.scope(outer), client.scope(inner) as pinned:
            for reader in (client, pinned, pinned.pinned(GOOD), client.pinned(GOOD), client.pinned(wrong)):
                for given in (None, GOOD, wrong):
                    assert reader.is_enabled("constant", given) is True
                    assert reader.is_enabled("ruled", given, default=True) is True
                    assert reader.get_details("ruled", True, given).error_code is not None
    assert client.is_enabled("ruled", {"country": "DE"}) is True


def test_a_view_of_an_environment_answers_in_a_scope_too(client: Client) -> None:
    view = client.in_environment("production")
    with client.scope(GOOD), view.scope(GOOD) as pinned:
        for wrong in WRONG:
            for reader in (view, pinned, view.pinned(GOOD), view.pinned(wrong)):
                assert reader.is_enabled("unknown", wrong, default=True) is True
                assert reader.get_value("unknown", 3, wrong) == 3
                assert reader.get_details("unknown", 3, wrong).value == 3


def test_an_async_client_answers_in_a_scope_too() -> None:
    async def ask() -> None:
        client = AsyncClient.from_flags(FLAGS)
        with client.scope(GOOD) as pinned:
            for wrong in WRONG:
                for reader in (client, pinned):
                    assert reader.is_enabled("constant", wrong) is True
                    assert reader.get_value("ruled", True, wrong) is True
                    assert reader.get_details("ruled", True, wrong).error_code is not None

    asyncio.run(ask())


def test_a_scope_adds_its_attributes_to_a_contexts_own() -> None:
    client = Client.from_flags(FLAGS)
    with client.scope({"country": "DE"}):
        assert client.is_enabled("ruled", GOOD) is True
        assert client.is_enabled("ruled", {"country": "FR"}) is False
        assert client.with_attributes(AttributeMapping("userId", {})).is_enabled("ruled", {"userId": "u"}) is True


def test_a_model_whose_validator_raises_anything_gives_the_default_in_get_details_too() -> None:
    class Strict(BaseModel):
        x: int

        @field_validator("x")
        @classmethod
        def positive(cls, x: int) -> int:
            return 1 // x

    client = Client.from_flags({"limits": {"x": 0}})
    default = Strict(x=1)

    assert client.get_value("limits", default) is default
    details = client.get_details("limits", default)
    assert (details.value, details.error_code) == (default, ErrorCode.GENERAL)
