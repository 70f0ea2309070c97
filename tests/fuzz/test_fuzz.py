"""No bytes from a network, a disk or a person raise anything but what is documented, or cost more than they are worth."""

from __future__ import annotations

import json
import logging
import time
import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import HOSTILE, SEEDS, bytes_for, corpus
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.property

EXAMPLES = 40
SECONDS = 3.0
"""Of the processor, for one hostile input: each takes well under half a second alone; a quadratic one took 2.5 to 160."""
MEBIBYTES = 24
"""Beside its own bytes. An inflated bomb would take 50."""

tried: Counter[str] = Counter()


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """What a broken flag logs is tested elsewhere; here it would be thousands of lines."""
    logger = logging.getLogger("buildflags_sdk")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)


@pytest.mark.parametrize("name", TARGETS)
def test_edited_and_arbitrary_bytes_raise_nothing_but_what_is_documented(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(bytes_for(name))
    def attempt(data: bytes) -> None:
        tried[name] += 1
        target(data)

    attempt()
    assert tried[name] >= EXAMPLES // 2


@pytest.mark.parametrize("name", TARGETS)
def test_what_once_went_wrong_goes_well(name: str) -> None:
    kept = corpus(name)
    assert kept, "every target has a corpus"
    for data in kept.values():
        tried[name] += 1
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_get_past_the_first_check(name: str) -> None:
    """Otherwise their edits would test one `raise`."""
    for data in SEEDS[name]:
        TARGETS[name](data)
        for cut in (1, len(data) // 2, len(data) - 1):
            tried[name] += 1
            TARGETS[name](data[:cut])


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_bytes_cost_little_time_and_memory(hostile: str) -> None:
    data = HOSTILE[hostile]()
    for name, target in TARGETS.items():
        began = time.process_time()
        target(data)
        took = time.process_time() - began
        tracemalloc.start()
        try:
            target(data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        tried[name] += 1
        assert took < SECONDS, f"{name} took {took:.2f} s over {hostile}"
        assert peak < MEBIBYTES * 2**20 + 40 * len(data), f"{name} took {peak / 2**20:.0f} MiB over {hostile}"


def test_a_reader_that_trusts_its_bytes_would_be_noticed() -> None:
    """The same inputs, against a careless reader of manifests: they must make it raise."""

    @settings(max_examples=EXAMPLES, database=None, report_multiple_bugs=False)
    @given(bytes_for("manifest"))
    def careless(data: bytes) -> None:
        json.loads(data)["pages_at"].lower()

    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        careless()


def test_the_count_of_inputs_tried_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        total = sum(tried.values())
        print(f"\nfuzzed: {total} inputs over {len(tried)} targets (make fuzz tries many more)")
