"""The ambient scope: contexts that merge, one revision, and ends in any order, on any thread or loop."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys

from buildflags_sdk import Client
from buildflags_sdk._scope import merge
from buildflags_sdk.testing import flag


def client_of_germans() -> Client:
    rule = {"when": {"attr": "country", "op": "in", "values": ["DE"]}, "serve": "on"}
    return Client.from_flags(
        {"german": flag("german", "off", variants={"on": True, "off": False}, rules=[rule])},
    )


def test_what_is_read_inside_has_the_scopes_context() -> None:
    client = client_of_germans()

    with client.scope({"country": "DE"}):
        assert client.is_enabled("german")

    assert not client.is_enabled("german")


def test_contexts_merge_from_ambient_to_call_and_the_last_wins() -> None:
    client = client_of_germans()

    with client.scope({"country": "FR"}), client.scope({"plan": "pro"}):
        assert not client.is_enabled("german")
        assert client.is_enabled("german", {"country": "DE"})
        assert client.pinned({"country": "DE"}).is_enabled("german")
        assert not client.pinned({"country": "DE"}).is_enabled("german", {"country": "FR"})


def test_only_one_context_is_not_copied() -> None:
    context = {"country": "DE"}

    assert merge(context, None) is context
    assert merge(None, context) is context
    assert merge({}, context) is context


def test_a_scope_that_ends_in_another_context_leaves_that_context_alone() -> None:
    client = client_of_germans()
    elsewhere = contextvars.copy_context()
    opened = client.scope({"country": "FR"})
    elsewhere.run(opened.__enter__)

    with client.scope({"country": "DE"}):
        opened.__exit__(None, None, None)
        assert client.is_enabled("german")


def test_scopes_that_end_in_the_wrong_order_leave_nothing_behind() -> None:
    client = client_of_germans()
    outer, inner = client.scope({"country": "FR"}), client.scope({"country": "DE"})
    outer.__enter__()
    inner.__enter__()

    outer.__exit__(None, None, None)
    assert client.is_enabled("german")
    inner.__exit__(None, None, None)

    assert not client.is_enabled("german")
    assert client.pinned().context == {}


def test_a_task_that_outlives_its_request_keeps_the_requests_context() -> None:
    client = client_of_germans()

    async def request_and_task() -> list[bool]:
        answers: list[bool] = []
        over = asyncio.Event()

        async def task() -> None:
            await over.wait()
            with client.scope({"plan": "pro"}):
                answers.append(client.is_enabled("german"))
            answers.append(client.is_enabled("german"))

        with client.scope({"country": "DE"}):
            running = asyncio.create_task(task())
        over.set()
        await running
        return [*answers, client.is_enabled("german")]

    assert asyncio.run(request_and_task()) == [True, True, False]


def test_until_a_scope_is_opened_reads_take_the_table_itself() -> None:
    code = (
        "from buildflags_sdk import Client\n"
        "client = Client.from_flags({'a': True})\n"
        "assert client.is_enabled('a') and client._table is not None\n"
        "with client.scope({'targetingKey': 'user-7'}):\n"
        "    assert client.is_enabled('a')\n"
        "assert client._table is None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
