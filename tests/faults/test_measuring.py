"""The verdicts of the matrix can be bad."""

from __future__ import annotations

import pytest

from .measuring import ROUNDS, slower
from .stage import most_polls, most_requests

HEALTHY = [0.00002] * ROUNDS


@pytest.mark.parametrize(
    ("faulty", "verdict"),
    [
        ([0.00005] * ROUNDS, False),  # the microseconds of a thread's turn
        ([*[0.00002] * (ROUNDS - 1), 0.02], False),  # one round in which the machine did something else
        ([0.002] * ROUNDS, True),
        ([*[0.00002] * (ROUNDS - 1), 0.2], True),  # no machine, but something waited for
    ],
)
def test_evaluations_that_are_slower_under_a_fault_are_told_from_a_busy_machine(
    faulty: list[float], verdict: bool
) -> None:
    assert slower(faulty, HEALTHY) is verdict


def test_evaluations_on_a_slow_machine_may_be_as_slow_under_a_fault() -> None:
    assert not slower([0.004] * ROUNDS, [0.003] * ROUNDS)
    assert slower([0.01] * ROUNDS, [0.003] * ROUNDS)


def test_a_fault_may_cost_one_poll_more_than_the_pace_and_no_second_one() -> None:
    assert most_polls("http_500", 2.0) == 12.0
    assert most_polls("http_401", 2.0) == 7.0
    assert most_requests("redirect_loop", 2.0) == 48.0
