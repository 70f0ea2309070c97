"""The demo's histogram tells the truth about what was measured."""

from __future__ import annotations

from itertools import pairwise

import pytest

from examples.demo.histogram import EDGES, Histogram, duration_text


def test_percentiles_are_within_six_percent():
    latencies = Histogram()
    for nanoseconds in range(100, 100_100, 100):
        latencies.add(nanoseconds)
    assert latencies.percentile(50) == pytest.approx(50_000, rel=0.06)
    assert latencies.percentile(99) == pytest.approx(99_000, rel=0.06)
    assert latencies.percentile(100) == pytest.approx(100_000, rel=0.06)
    assert latencies.longest == 100_000


def test_nothing_measured_has_no_percentile():
    assert Histogram().percentile(50) is None
    assert duration_text(None) == "–"


def test_two_histograms_together_hold_all_counts():
    one, other = Histogram(), Histogram()
    one.add(500)
    other.add(5_000_000_000)
    one.merge(Histogram(other.counts.items(), other.longest))
    assert (one.total, one.longest) == (2, 5_000_000_000)


def test_every_duration_lies_in_exactly_one_row():
    latencies = Histogram()
    durations = [10, 11, 99, 100, 101, 316, 317, 999, 1000, 1001, 3_162_278, 10**9, 99 * 10**9]
    for nanoseconds in durations:
        latencies.add(nanoseconds)
    edges = EDGES[::10]
    assert sum(latencies.between(low, high) for low, high in pairwise(edges)) == len(durations)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(340, "340 ns"), (1234, "1.2 µs"), (87_000_000, "87 ms"), (3_100_000_000, "3.1 s")],
)
def test_durations_are_told_in_the_unit_that_suits_them(nanoseconds, text):
    assert duration_text(nanoseconds) == text
