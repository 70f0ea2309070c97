"""AWS Lambda: no thread, freshness at an invocation's edge, and never longer than the budget."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import AsyncClient, Client, ConfigurationError, Freshness, Polling
from buildflags_sdk.integrations.aws_lambda import lambda_handler
from buildflags_sdk.testing import LocalBackend, ManualClock, flag

if TYPE_CHECKING:
    from buildflags_sdk.testing import FaultServer

GIVEN: dict[str, Any] = {
    "url": "https://flags.example",
    "sdk_key": "key",
    "workspace": "acme",
    "environment": "production",
}
LAMBDA = {"AWS_LAMBDA_FUNCTION_NAME": "shop"}
HOURS = 5 * 3600.0
SLACK = 3.0  # a busy machine may be late


def frozen(**more: Any) -> tuple[Client, LocalBackend, ManualClock]:
    """A client as on Lambda, whose time stands still."""
    clock, backend = ManualClock(), LocalBackend([flag("greeting", "v1")])
    options: dict[str, Any] = {**GIVEN, "mode": "lambda", "cache_dir": None, "clock": clock, "transport": backend}
    return Client(**options | more), backend, clock


def said(client: Client) -> str:
    return client.get_value("greeting", "default")


# In a real runtime.


def test_a_function_refreshes_at_an_invocation_and_runs_no_thread(function: Any, server: FaultServer) -> None:
    shop = function()
    first, _ = shop.invoke()
    assert first["greeting"] == "v1"
    assert not [name for name in first["threads"] if "buildflags" in name]
    server.publish([flag("greeting", "v2")])
    time.sleep(1.3)  # a poll interval and its jitter, in another process's time
    assert shop.invoke()[0]["greeting"] == "v2"


def test_a_function_that_was_frozen_is_fresh_in_its_first_invocation(function: Any, server: FaultServer) -> None:
    shop = function()
    assert shop.invoke()[0]["greeting"] == "v1"
    shop.freeze()
    server.publish([flag("greeting", "v2")])
    server.fault("idle_close")  # what was kept alive is dead when it thaws
    time.sleep(2.0)  # the freeze
    server.well()
    shop.thaw()
    assert shop.invoke()[0]["greeting"] == "v2"


def test_refreshing_after_the_handler_leaves_its_own_work_alone_and_the_next_one_has_the_news(
    function: Any, server: FaultServer
) -> None:
    shop = function(after=True)
    shop.invoke()
    shop.freeze()
    server.publish([flag("greeting", "v2")])
    time.sleep(1.5)  # the freeze
    shop.thaw()
    assert shop.invoke()[0]["greeting"] == "v1"
    assert shop.invoke()[0]["greeting"] == "v2"


def test_a_backend_that_hangs_costs_an_invocation_its_budget_and_then_nothing(
    function: Any, server: FaultServer
) -> None:
    shop = function(budget=0.3)
    shop.invoke()
    server.fault("hang")
    time.sleep(1.3)  # until a poll is due
    answer, took = shop.invoke()
    assert answer["greeting"] == "v1"
    assert took < 0.3 + SLACK
    server.well()
    server.publish([flag("greeting", "v2")])
    time.sleep(2.5)  # the backoff
    assert shop.invoke()[0]["greeting"] == "v2"


# By a clock that is moved by hand.


def test_after_hours_the_old_ruleset_is_served_at_once_and_refreshed_when_told() -> None:
    client, backend, clock = frozen()
    client.start()
    backend.publish([flag("greeting", "v2")])
    clock.advance(HOURS)
    found = client.get_details("greeting", "default")
    assert (found.value, found.freshness) == ("v1", Freshness.STALE)
    client.refresh_if_due()
    found = client.get_details("greeting", "default")
    assert (found.value, found.freshness) == ("v2", Freshness.FRESH)


@pytest.mark.parametrize("clocks", ["both", "wall alone", "monotonic alone"])
def test_time_that_passed_is_noticed_by_whichever_clock_ran_on(clocks: str) -> None:
    client, backend, clock = frozen()
    client.start()
    backend.publish([flag("greeting", "v2")])
    if clocks == "wall alone":  # the machine slept, and its monotonic clock with it
        clock.set_wall(clock.moment().wall + HOURS)
    else:
        clock.advance(HOURS)
    if clocks == "monotonic alone":  # the wall clock was set back meanwhile
        clock.set_wall(clock.moment().wall - HOURS)
    client.refresh_if_due()
    assert said(client) == "v2"


def test_no_poll_is_due_before_its_interval_however_often_it_is_asked() -> None:
    client, backend, clock = frozen(polling=Polling(interval=60.0))
    client.start()
    asked = len(backend.requests)
    for _ in range(100):
        client.refresh_if_due()
        clock.advance(0.5)
    assert len(backend.requests) == asked


def test_the_first_ruleset_may_come_with_an_invocation() -> None:
    client, _, _ = frozen()
    assert said(client) == "default"
    assert client.refresh_if_due()
    assert said(client) == "v1"


def test_without_a_budget_nothing_is_asked() -> None:
    client, backend, _ = frozen()
    client.start(wait=0)
    client.refresh_if_due(budget=0)
    assert backend.requests == []


def test_a_refresh_now_is_done_when_the_call_returns() -> None:
    client, backend, clock = frozen()
    client.start()
    backend.publish([flag("greeting", "v2")])
    clock.advance(5.0)
    client.refresh()
    assert said(client) == "v2"


def test_what_a_budget_cuts_off_is_gone_on_with_at_the_next_invocation() -> None:
    client, backend, clock = frozen()

    class Slow:
        """A backend whose every answer takes longer than the budget; the manifest comes, its pages do not."""

        def exchange(self, request: Any) -> Any:
            assert request.deadline < 0.51
            clock.advance(0.6)
            return backend.exchange(request)

        def close(self) -> None:
            pass

    client = Client(**GIVEN, mode="lambda", cache_dir=None, clock=clock, transport=Slow())
    backend.publish([flag(f"flag-{number}", "x" * 400) for number in range(200)])
    for _ in range(200):
        client.refresh_if_due(budget=0.5)
        if client.status().revision is not None:
            break
    assert client.get_value("flag-7", "default") == "x" * 400


def test_no_thread_is_started() -> None:
    before = set(threading.enumerate())
    client, backend, clock = frozen()
    client.start()
    for number in range(3):
        backend.publish([flag("greeting", f"v{number}")])
        clock.advance(HOURS)
        client.refresh_if_due()
    client.close()
    assert set(threading.enumerate()) == before


async def test_the_loop_goes_on_while_an_async_client_refreshes() -> None:
    backend = LocalBackend([flag("greeting", "v1")])
    clock = ManualClock()
    async with AsyncClient(**GIVEN, mode="lambda", cache_dir=None, clock=clock, transport=backend) as client:
        assert client.get_value("greeting", "default") == "v1"
        backend.publish([flag("greeting", "v2")])
        clock.advance(HOURS)
        assert (await client.refresh_if_due()).revision == 2
        assert client.get_value("greeting", "default") == "v2"


def test_other_environments_are_refreshed_within_the_same_budget() -> None:
    client, backend, _ = frozen()
    client.start()
    staging = client.in_environment("staging")
    client.refresh_if_due()
    assert [request for request in backend.requests if "/environments/staging/" in request.path]
    assert staging.get_value("greeting", "default") == "default"


def test_a_closed_client_goes_on_to_serve() -> None:
    client, _, _ = frozen()
    client.start()
    client.close()
    assert said(client) == "v1"


# Where it is.


@pytest.mark.parametrize(
    ("environ", "expected"), [(LAMBDA, "lambda"), ({"AWS_LAMBDA_RUNTIME_API": "x:1"}, "lambda"), ({}, "thread")]
)
def test_lambda_is_found_out(environ: dict[str, str], expected: str) -> None:
    client = Client.from_env(environ, **GIVEN, cache_dir=None)
    assert client._engine is not None
    assert client._engine.settings.mode == expected


def test_what_is_told_beats_what_is_found() -> None:
    client = Client.from_env(LAMBDA, **GIVEN, cache_dir=None, mode="thread")
    assert client._engine is not None
    assert client._engine.settings.mode == "thread"


def test_a_mode_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"mode='fast'.*'auto', 'thread', 'lambda'"):
        Client(**GIVEN, mode="fast")  # type: ignore[arg-type]


# The decorator.


class Invocation:
    """What Lambda gives a handler beside the event."""

    def __init__(self, left: float) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return int(self._left * 1000)


def test_an_invocation_reads_one_revision_with_its_own_context() -> None:
    client, backend, _ = frozen()

    @lambda_handler(client, context=lambda event: {"targetingKey": event["user"]})
    def handler(event: Any, context: Any) -> tuple[str, str]:
        before = said(client)
        backend.publish([flag("greeting", "v2")])
        return before, said(client)

    assert handler({"user": "ada"}, None) == ("v1", "v1")


def test_a_refresh_takes_half_of_the_time_that_is_left_at_most() -> None:
    client, backend, _ = frozen()

    @lambda_handler(client, budget=5.0)
    def handler(event: Any, context: Any) -> None: ...

    handler({}, Invocation(left=1.0))
    assert 0.0 < backend.requests[0].deadline < 0.51


def test_what_the_handler_raises_is_raised_and_the_refresh_is_done_all_the_same() -> None:
    client, _, _ = frozen()

    @lambda_handler(client, after=True)
    def handler(event: Any, context: Any) -> None:
        raise KeyError(event["user"])

    with pytest.raises(KeyError, match="ada"):
        handler({"user": "ada"}, None)
    assert said(client) == "v1"
