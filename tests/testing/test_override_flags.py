"""`override_flags`: who sees it, what it decorates, when it ends."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from buildflags_sdk import Client, Source, UnknownFlagError, override_flags

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def client() -> Client:
    return Client.from_flags({"new-checkout": False, "page-size": 20, "theme": {"colour": "grey"}})


def in_another_thread(work: Callable[[], Any]) -> Any:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    thread.join()
    return answers[0]


def test_a_with_block_answers_as_told_and_nothing_is_left_after_it(client: Client) -> None:
    with override_flags({"new-checkout": True, "page-size": 50}):
        assert client.is_enabled("new-checkout")
        assert client.get_value("page-size", 10) == 50

    assert not client.is_enabled("new-checkout")
    assert client.get_value("page-size", 10) == 20


def test_a_name_with_underscores_means_the_flag_with_dashes(client: Client) -> None:
    with override_flags(new_checkout=True):
        assert client.is_enabled("new-checkout")


def test_a_name_with_underscores_is_taken_as_it_stands_where_such_a_flag_exists() -> None:
    client = Client.from_flags({"new_checkout": False, "new-checkout": False})

    with override_flags(new_checkout=True):
        assert client.is_enabled("new_checkout")
        assert not client.is_enabled("new-checkout")


def test_a_name_reaches_a_client_made_inside_the_block_under_either_spelling() -> None:
    with override_flags(new_checkout=True, everywhere=True, unknown="ignore"):
        dashed = Client.from_flags({"new-checkout": False})
        underscored = Client.from_flags({"new_checkout": False})

        assert dashed.is_enabled("new-checkout")
        assert underscored.is_enabled("new_checkout")


def test_details_say_that_an_override_decided(client: Client) -> None:
    with override_flags(new_checkout=True):
        details = client.get_details("new-checkout", False)

    assert (details.source, details.decided, details.error_code) == (Source.OVERRIDE, True, None)
    assert client.get_details("new-checkout", False).source is not Source.OVERRIDE


def test_an_object_value_is_the_callers_own_copy(client: Client) -> None:
    with override_flags(theme={"colour": "teal"}):
        client.get_value("theme", {})["colour"] = "spoilt"

        assert client.get_value("theme", {}) == {"colour": "teal"}


def test_a_model_may_be_given_where_a_model_is_read(client: Client) -> None:
    class Theme(BaseModel):
        colour: str = "white"

    with override_flags(theme=Theme(colour="teal")):
        assert client.get_value("theme", Theme()) == Theme(colour="teal")


def test_another_thread_does_not_see_what_only_this_one_overrides(client: Client) -> None:
    with override_flags(new_checkout=True):
        assert not in_another_thread(lambda: client.is_enabled("new-checkout"))


def test_a_thread_that_runs_a_copy_of_the_context_does_see_it(client: Client) -> None:
    with override_flags(new_checkout=True):
        context = contextvars.copy_context()

        assert in_another_thread(lambda: context.run(client.is_enabled, "new-checkout"))


def test_everywhere_reaches_other_threads_and_is_gone_after_the_block(client: Client) -> None:
    with override_flags(new_checkout=True, everywhere=True):
        assert in_another_thread(lambda: client.is_enabled("new-checkout"))

    assert not in_another_thread(lambda: client.is_enabled("new-checkout"))


def test_everywhere_reaches_clients_that_are_made_inside_and_lets_go_of_them() -> None:
    with override_flags({"late": True}, everywhere=True, unknown="ignore"):
        late = Client.from_flags({"late": False})
        assert late.is_enabled("late")

    assert not late.is_enabled("late")


def test_blocks_nest_and_the_inner_one_wins(client: Client) -> None:
    with override_flags(page_size=1, new_checkout=True):
        with override_flags(page_size=2):
            assert client.get_value("page-size", 0) == 2
            assert client.is_enabled("new-checkout")
        assert client.get_value("page-size", 0) == 1


def test_what_is_nearest_to_the_caller_wins_over_what_lies_on_the_client(client: Client) -> None:
    with client.override({"page-size": 1}), override_flags(page_size=2):
        assert client.get_value("page-size", 0) == 2

    with override_flags(page_size=1, everywhere=True), client.override({"page-size": 2}):
        assert client.get_value("page-size", 0) == 2


def test_blocks_may_end_in_any_order(client: Client) -> None:
    first, second = override_flags(page_size=1), override_flags(page_size=2)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert client.get_value("page-size", 0) == 2

    second.__exit__(None, None, None)
    assert client.get_value("page-size", 0) == 20


def test_an_override_inside_a_scope_is_seen_by_what_the_scope_pinned_already(client: Client) -> None:
    with client.scope({"targetingKey": "user-7"}):
        assert not client.is_enabled("new-checkout")
        with override_flags(new_checkout=True):
            assert client.is_enabled("new-checkout")
        assert not client.is_enabled("new-checkout")
        with override_flags(new_checkout=True, everywhere=True):
            assert client.is_enabled("new-checkout")
        assert not client.is_enabled("new-checkout")


def test_a_scope_opened_under_an_override_hands_out_a_view_that_sees_it(client: Client) -> None:
    with override_flags(new_checkout=True), client.scope({"targetingKey": "user-7"}) as flags:
        assert flags.is_enabled("new-checkout")
        assert client.pinned().is_enabled("new-checkout")


def test_two_tasks_override_the_same_flag_each_for_itself(client: Client) -> None:
    async def size(wanted: int, turn: asyncio.Barrier) -> int:
        with override_flags(page_size=wanted):
            await turn.wait()
            return client.get_value("page-size", 0)

    async def both() -> list[int]:
        turn = asyncio.Barrier(2)
        return [*await asyncio.gather(size(1, turn), size(2, turn))]

    assert asyncio.run(both()) == [1, 2]


def test_it_decorates_a_function(client: Client) -> None:
    @override_flags(new_checkout=True)
    def asked(suffix: str) -> str:
        return f"{client.is_enabled('new-checkout')}{suffix}"

    assert asked("!") == "True!"
    assert asked.__name__ == "asked"
    assert not client.is_enabled("new-checkout")


def test_it_decorates_a_coroutine_function_across_its_awaits(client: Client) -> None:
    @override_flags(new_checkout=True)
    async def asked() -> bool:
        await asyncio.sleep(0)
        return client.is_enabled("new-checkout")

    async def inside_and_after() -> tuple[bool, bool]:
        return await asked(), client.is_enabled("new-checkout")

    assert asyncio.run(inside_and_after()) == (True, False)


def test_a_decorated_function_may_call_itself(client: Client) -> None:
    @override_flags(new_checkout=True)
    def count_down(steps: int) -> bool:
        return client.is_enabled("new-checkout") if steps == 0 else count_down(steps - 1)

    assert count_down(3)
    assert not client.is_enabled("new-checkout")


def test_it_decorates_the_test_methods_of_a_class_the_inherited_ones_too(client: Client) -> None:
    class Inherited:
        def test_inherited(self) -> bool:
            return client.is_enabled("new-checkout")

    @override_flags(new_checkout=True)
    class Decorated(Inherited):
        def test_method(self) -> bool:
            return client.is_enabled("new-checkout")

        @staticmethod
        def test_static() -> bool:
            return client.is_enabled("new-checkout")

        @classmethod
        def test_class(cls) -> bool:
            return client.is_enabled("new-checkout")

        def other(self) -> bool:
            return client.is_enabled("new-checkout")

    tests = Decorated()
    assert tests.test_method()
    assert tests.test_inherited()
    assert tests.test_static()
    assert tests.test_class()
    assert not tests.other()
    assert not Inherited().test_inherited()


def test_it_refuses_a_generator_which_would_lose_the_overrides_at_its_yield() -> None:
    with pytest.raises(TypeError, match="buildflags"):

        @override_flags(new_checkout=True)
        def fixture() -> Any:
            yield


def test_a_misspelt_flag_is_an_error_that_names_the_nearest(client: Client) -> None:
    with (
        pytest.raises(UnknownFlagError, match=r"'new-chekout'.*did you mean 'new-checkout'"),
        override_flags({"new-chekout": True}),
    ):
        pass
    with pytest.raises(UnknownFlagError, match="did you mean 'new-checkout'"), override_flags(new_chekout=True):
        pass


def test_a_misspelt_flag_may_be_a_warning_or_nothing(client: Client) -> None:
    with pytest.warns(UserWarning, match="new-chekout"), override_flags({"new-chekout": True}, unknown="warn"):
        pass
    with override_flags({"new-chekout": True}, unknown="ignore"):
        assert client.is_enabled("new-chekout")


def test_a_flag_that_some_client_knows_is_known(client: Client) -> None:
    other = Client.from_flags({"other": False})

    with override_flags({"other": True, "new-checkout": True}):
        assert other.is_enabled("other")


def test_while_a_client_has_no_ruleset_no_flag_is_unknown(client: Client) -> None:
    waiting = Client(
        "https://flags.example.com",
        sdk_key="bf_server_0123456789abcdef",
        workspace="acme",
        environment="test",
        cache_dir=None,
    )

    with override_flags({"not-there-yet": True}):
        assert waiting.is_enabled("not-there-yet")
        assert waiting.get_details("not-there-yet", False).decided


def test_it_gives_a_client_without_ruleset_its_answers_and_takes_them_back() -> None:
    waiting = Client(
        "https://flags.example.com",
        sdk_key="bf_server_0123456789abcdef",
        workspace="acme",
        environment="test",
        cache_dir=None,
    )

    with override_flags(new_checkout=True, everywhere=True):
        assert waiting.is_enabled("new-checkout")

    assert not waiting.is_enabled("new-checkout")
