"""Headers of an absurd length: the ruleset that came with them is taken, and they are not kept."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._refresh.events import Answered, Seeded
from buildflags_sdk._refresh.facts import Phase
from buildflags_sdk._wire.limits import HEADER_CHARACTERS

LONG = "x" * (HEADER_CHARACTERS + 1)


def test_an_etag_over_the_limit_is_not_kept_and_not_sent(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1), etag=f'"{LONG}"')
    assert driver.order == (1, 1)
    assert driver.machine.served.etag is None
    assert driver.asked().etag is None


def test_an_etag_over_the_limit_in_a_copy_is_not_sent(driver: Any, ruleset: Any) -> None:
    new = ruleset(1)
    driver.tell(Seeded(new.manifest, {}, LONG, {}, driver.now.wall))
    driver.finish(new)
    assert driver.machine.served.etag is None


@pytest.mark.parametrize("name", ["cache-control", "age", "buildflags-poll", "buildflags-signature"])
def test_a_field_over_the_limit_is_as_good_as_absent(driver: Any, ruleset: Any, name: str) -> None:
    driver.serve(ruleset(1), **{name.replace("-", "_"): "1" + " " * HEADER_CHARACTERS})
    assert driver.order == (1, 1)
    assert name not in driver.machine.served.headers
    assert driver.machine.age(driver.now) == 0.0
    assert driver.machine.poll == 60.0


def test_a_304_with_a_field_over_the_limit_leaves_the_one_it_has(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1), buildflags_poll=30)
    driver.asked()
    driver.tell(Answered(304, {"buildflags-poll": "90" + " " * HEADER_CHARACTERS}))
    assert driver.machine.phase is Phase.IDLE
    assert driver.machine.poll == 30.0
