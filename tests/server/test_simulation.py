from __future__ import annotations

import asyncio

import pytest

from buildflags_sdk.server.simulation import Latency, with_latency


class Stage:
    """A clock, a dice and a sleep that only note what was asked of them."""

    def __init__(self, latency=Latency()):  # noqa: B008 - frozen
        self.now, self.dice, self.slept, self.served = 1000.0, 0.5, [], 0
        self.app = with_latency(self._serve, latency, clock=lambda: self.now, dice=lambda: self.dice, sleep=self._sleep)

    async def _serve(self, scope, receive, send):
        self.served += 1

    async def _nothing(self, message=None):
        raise AssertionError

    async def _sleep(self, seconds):
        self.slept.append(seconds)

    def request(self, after=0.0, kind="http"):
        self.now += after

        async def ask() -> None:
            await self.app({"type": kind}, self._nothing, self._nothing)

        asyncio.run(ask())
        return self.slept[-1] if self.slept else None


def test_the_first_request_waits_for_a_cold_start_and_the_next_is_warm():
    stage = Stage()
    assert stage.request() == 3.0
    assert stage.request(after=3.1) == pytest.approx(0.125)
    assert stage.served == 2


def test_requests_during_a_cold_start_wait_for_the_rest_of_it():
    stage = Stage()
    stage.request()
    assert stage.request(after=1.0) == pytest.approx(2.0)


def test_after_an_idle_time_it_is_cold_again():
    stage = Stage(Latency(idle=60))
    stage.request()
    assert stage.request(after=62) == pytest.approx(0.125)
    assert stage.request(after=61) == 3.0


@pytest.mark.parametrize(("dice", "seconds"), [(0.0, 0.05), (0.999, 0.2)])
def test_warm_latency_lies_between_50_and_200_ms(dice, seconds):
    stage = Stage()
    stage.request()
    stage.dice = dice
    assert stage.request(after=5) == pytest.approx(seconds, abs=0.001)


def test_what_is_no_request_does_not_wait():
    stage = Stage()
    assert stage.request(kind="lifespan") is None
    assert stage.served == 1
