"""`get_value` and `get_details` answer in the type of the default, for every view of a client."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from pydantic import BaseModel

from buildflags_sdk import AsyncClient, Client, Environment, EvaluationDetails, Pinned

JSON = dict[str, Any] | list[Any] | str | int | float | bool | None


class Limits(BaseModel):
    seats: int = 5


def a_scalar_default_gives_its_own_type(client: Client) -> None:
    assert_type(client.get_value("flag", True), bool)
    assert_type(client.get_value("flag", 20), int)
    assert_type(client.get_value("flag", 0.5), float)
    assert_type(client.get_value("flag", "blue"), str)


def none_gives_any_json_value(client: Client) -> None:
    assert_type(client.get_value("flag", None), JSON)


def an_optional_scalar_stays_optional(
    client: Client, flag: bool | None, number: int | None, share: float | None, text: str | None
) -> None:
    assert_type(client.get_value("flag", flag), bool | None)
    assert_type(client.get_value("flag", number), int | None)
    assert_type(client.get_value("flag", share), float | None)
    assert_type(client.get_value("flag", text), str | None)


def a_pydantic_instance_gives_its_class(client: Client) -> None:
    assert_type(client.get_value("flag", Limits()), Limits)


def mappings_give_dicts_and_sequences_give_lists(
    client: Client, plain: dict[str, int], mapping: Mapping[str, int], numbers: list[int], sequence: Sequence[int]
) -> None:
    assert_type(client.get_value("flag", plain), dict[str, Any])
    assert_type(client.get_value("flag", mapping), dict[str, Any])
    assert_type(client.get_value("flag", numbers), list[Any])
    assert_type(client.get_value("flag", sequence), list[Any])


def details_carry_the_type_of_the_default(client: Client) -> None:
    assert_type(client.get_details("flag", 20), EvaluationDetails[int])
    assert_type(client.get_details("flag", 20).value, int)
    assert_type(client.get_details("flag", "blue"), EvaluationDetails[str])


def being_enabled_is_a_bool(client: Client) -> None:
    assert_type(client.is_enabled("flag"), bool)
    assert_type(client.is_enabled("flag", {"targetingKey": "user-7"}, default=True), bool)


def every_view_answers_alike(client: Client, environment: Environment, pinned: Pinned, other: AsyncClient) -> None:
    assert_type(client.in_environment("staging"), Environment)
    assert_type(client.pinned(), Pinned)
    assert_type(environment.get_value("flag", 20), int)
    assert_type(pinned.get_value("flag", 20), int)
    assert_type(other.get_value("flag", 20), int)


def evaluating_is_never_awaited(other: AsyncClient) -> None:
    assert_type(other.is_enabled("flag"), bool)


def what_is_no_default_is_refused(client: Client) -> None:
    client.get_value("flag")  # E
    client.get_value("flag", Limits)  # E
    client.get_value("flag", default=20)  # E
    client.is_enabled("flag", None, True)  # E
    client.is_enabled(7)  # E
