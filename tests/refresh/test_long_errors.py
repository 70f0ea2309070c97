"""What a peer can make an error say, at any length: a status and a log line hold the beginning of it."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._refresh.events import Answered
from buildflags_sdk.errors import MOST_CHARACTERS, ConnectionFailed

LONG = b"k" * 300_000
JSON = {"content-type": "application/json"}


class Mute(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        msg = "no words"
        raise RuntimeError(msg)

    __repr__ = __str__


def test_an_error_at_the_limit_is_said_in_full_and_one_over_it_is_cut(driver: Any) -> None:
    driver.fail(ConnectionFailed("x" * MOST_CHARACTERS))
    assert driver.machine.last_error == "x" * MOST_CHARACTERS
    driver.fail(ConnectionFailed("x" * 300_000))
    assert driver.machine.last_error == "x" * MOST_CHARACTERS + "… (300,000 characters)"


@pytest.mark.parametrize(
    "body",
    [
        b'{"' + LONG + b'":1,"' + LONG + b'":2}',
        b'{"format":"' + LONG + b'"}',
        b'{"format":1,"workspace":"' + LONG + b'"',
    ],
    ids=["a key twice", "a format", "cut in a name"],
)
def test_a_manifest_with_a_text_of_any_length_makes_no_long_line(driver: Any, body: bytes) -> None:
    driver.asked()
    report = driver.tell(Answered(200, JSON, body))
    assert len(driver.machine.last_error) < 600
    assert len(report.message) < 900


def test_the_name_of_a_foreign_workspace_makes_no_long_line(driver: Any, ruleset: Any) -> None:
    driver.asked()
    body = ruleset(1).body.replace(b'"acme"', b'"' + LONG + b'"')
    report = driver.tell(Answered(200, JSON, body))
    assert "(300," in driver.machine.last_error
    assert len(report.message) < 900


def test_an_error_that_cannot_be_shown_is_a_failure_like_any_other(driver: Any) -> None:
    report = driver.fail(Mute())
    assert driver.machine.last_error == "Mute"
    assert "(Mute)" in report.message
    assert driver.machine.settled
