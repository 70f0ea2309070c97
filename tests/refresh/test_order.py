"""The total order and the guard: what counts as evidence for a step back, and when it is believed."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._refresh.events import Failed, FetchManifest
from buildflags_sdk._refresh.order import Guard, Verdict
from buildflags_sdk.errors import ConnectionFailed

STALE = {"age": 20}  # over max-age=15


def test_a_step_back_that_every_fresh_answer_says_for_a_minute_is_taken(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3))
    assert driver.order == (1, 5)
    report = driver.serve(ruleset(3))
    assert driver.order == (1, 3)
    assert report.stepped_back
    assert "from ruleset (1, 5) to (1, 3)" in report.message
    assert driver.machine.served.generation == 1
    assert driver.machine.step_backs == 2


def test_a_step_back_needs_a_minute_and_not_only_two_answers(make: Any, ruleset: Any) -> None:
    driver = make(interval=10.0)
    driver.serve(ruleset(5))
    driver.serve(ruleset(3))
    began = driver.now.monotonic
    while driver.order == (1, 5):
        driver.serve(ruleset(3))
    assert driver.now.monotonic - began == pytest.approx(60.0)


def test_a_step_back_needs_two_answers_and_not_only_time(make: Any, ruleset: Any) -> None:
    driver = make(interval=3600.0)
    driver.serve(ruleset(5))
    driver.serve(ruleset(3))
    assert driver.order == (1, 5)
    driver.serve(ruleset(3))
    assert driver.order == (1, 3)


def test_a_step_back_waits_twice_the_edges_max_age(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3), cache_control="max-age=100")
    began = driver.now.monotonic
    while driver.order == (1, 5):
        driver.serve(ruleset(3), cache_control="max-age=100")
    assert driver.now.monotonic - began == pytest.approx(240.0)


def test_a_max_age_without_measure_does_not_forbid_the_way_back(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    began = driver.now.monotonic
    while driver.order == (1, 5):
        driver.serve(ruleset(3), cache_control="max-age=2147483648")
    assert driver.now.monotonic - began < 3 * 3600


def test_the_same_pair_with_other_bytes_is_a_step_back(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    other = ruleset(5, note="restored elsewhere")
    driver.serve(other)
    assert driver.machine.served.manifest.raw == ruleset(5).body
    driver.serve(other)
    assert driver.machine.served.manifest.raw == other.body


def test_a_fresh_answer_with_the_pair_in_service_resets_the_evidence(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    for _ in range(50):
        driver.serve(ruleset(3))
        driver.serve(ruleset(5))
    assert driver.order == (1, 5)
    assert driver.machine.swaps == 1


def test_a_fresh_200_with_the_pair_in_service_resets_the_evidence_too(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3))
    driver.serve(ruleset(5), unconditional=True)
    driver.serve(ruleset(3))
    assert driver.order == (1, 5)


def test_a_higher_pair_whose_pages_never_come_resets_the_evidence_too(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3))
    driver.asked()
    driver.tell(ruleset(6, pages=(b'{"key":"a"}\n',)).answer())
    driver.tell(Failed(ConnectionFailed("reset")))
    driver.advance(60.0)
    driver.serve(ruleset(3))
    assert driver.order == (1, 5)


def test_of_two_edges_the_longer_max_age_counts(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3), cache_control="max-age=100")
    began = driver.now.monotonic
    while driver.order == (1, 5):
        driver.serve(ruleset(3), cache_control="max-age=15")
    assert driver.now.monotonic - began == pytest.approx(240.0)


def test_a_fresh_304_resets_the_evidence(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3))
    driver.serve(ruleset(5))
    assert driver.machine.not_modified == 1
    driver.serve(ruleset(3))
    assert driver.order == (1, 5)


def test_a_stale_answer_neither_counts_nor_resets(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    for _ in range(9):
        driver.serve(ruleset(3), **STALE)
    assert driver.order == (1, 5)
    driver.serve(ruleset(3))
    driver.serve(ruleset(5), unconditional=True, **STALE)
    driver.serve(ruleset(5), **STALE)
    driver.serve(ruleset(3))
    assert driver.order == (1, 3)


def test_another_step_back_begins_the_evidence_anew(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    for revision in (3, 4, 3, 4, 3, 4):
        driver.serve(ruleset(revision))
    assert driver.order == (1, 5)


def test_a_step_back_renews_nothing_and_its_etag_is_not_sent(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3), buildflags_poll=7)
    assert driver.machine.age(driver.now) == pytest.approx(60.0)
    assert driver.machine.poll == 60.0
    assert driver.asked() == FetchManifest(ruleset(5).etag, may_share=True)


def test_a_step_back_is_a_working_backend_and_ends_a_run_of_failures(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.fail()
    report = driver.serve(ruleset(3))
    assert "work again" in report.message
    assert driver.wait == pytest.approx(60.0)


def test_with_a_key_pinned_a_step_back_is_never_taken_by_waiting_but_a_new_epoch_is(make: Any, ruleset: Any) -> None:
    driver = make(pinned_key=True)
    driver.serve(ruleset(5))
    for _ in range(100):
        driver.serve(ruleset(3))
    assert driver.order == (1, 5)
    driver.serve(ruleset(3, epoch=2))
    assert driver.order == (2, 3)


def test_the_pair_left_behind_is_taken_again_only_from_a_fresh_answer(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(3))
    driver.serve(ruleset(3))
    for _ in range(5):
        driver.serve(ruleset(5), **STALE)
    assert driver.order == (1, 3)
    driver.serve(ruleset(5))
    assert driver.order == (1, 5)


def test_a_far_future_pair_does_not_freeze_a_reader(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    driver.serve(ruleset(1, epoch=2**62))
    driver.serve(ruleset(6))
    driver.serve(ruleset(6))
    assert driver.order == (1, 6)
    driver.serve(ruleset(7))
    assert driver.order == (1, 7), "what is published after the poison is a step forward again"


def test_a_dead_edge_does_not_undo_a_kill_switch(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(5))
    for age in range(100, 10_000, 60):
        driver.serve(ruleset(4), age=age)
    assert driver.order == (1, 5)


def test_each_step_back_that_was_undone_doubles_the_patience() -> None:
    guard = Guard()
    guard.served((1, 5), b"five", stepped_back=False)
    now, patience = 0.0, []
    for _ in range(10):
        began = now
        while guard.judge((1, 3), b"three", fresh=True, max_age=15, monotonic=now) is Verdict.KEEP:
            now += 1.0
        patience.append(now - began)
        guard.served((1, 3), b"three", stepped_back=True)
        assert guard.left_behind == (1, 5)
        assert guard.judge((1, 5), b"five", fresh=True, max_age=15, monotonic=now) is Verdict.TAKE
        guard.served((1, 5), b"five", stepped_back=False)
        assert guard.left_behind is None
    assert patience == [60, 120, 240, 480, 960, 1920, 3840, 3840, 3840, 3840]


@pytest.mark.parametrize("edges", [2, 3, 5])
def test_edges_that_take_turns_never_make_a_reader_flap(make: Any, ruleset: Any, edges: int) -> None:
    driver = make(interval=5.0)
    for turn in range(300):
        driver.serve(ruleset(10 - turn % edges))
    assert driver.order == (1, 10)
    assert driver.machine.swaps == 1
