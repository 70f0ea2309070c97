"""The protocol's table of answers, row by row: what each does to the ruleset in service."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._refresh.events import (
    Adopt,
    Adopted,
    AdoptFailed,
    Answered,
    Cause,
    Failed,
    FetchManifest,
    FetchPages,
    PageRefused,
    PagesFetched,
    Requested,
    WaitUntil,
)
from buildflags_sdk.errors import AnswerRefused, ConnectionFailed, DeadlineExceeded, PageError, RulesetError

JSON = {"content-type": "application/json"}


def test_a_new_machine_asks_at_once_and_without_an_etag(driver: Any) -> None:
    assert driver.act() == FetchManifest(None, may_share=True)


def test_nothing_is_asked_while_something_is_under_way(driver: Any, ruleset: Any) -> None:
    forever = WaitUntil(float("inf"), float("inf"))
    driver.act()
    assert driver.act() == forever
    driver.tell(Requested())
    assert driver.act() == forever
    new = ruleset(1, pages=(b'{"key":"a"}\n',))
    driver.tell(new.answer())
    assert isinstance(driver.act(), FetchPages)
    assert driver.act() == forever
    driver.tell(PagesFetched(new.pages))
    assert isinstance(driver.act(), Adopt)
    assert driver.act() == forever


def test_a_higher_pair_is_fetched_built_and_served(driver: Any, ruleset: Any) -> None:
    pages = (b'{"key":"a"}\n', b'{"key":"b"}\n')
    new = ruleset(1, pages=pages)
    driver.asked()
    driver.tell(new.answer())
    fetch = driver.act()
    assert fetch == FetchPages(new.manifest, new.manifest.pages)
    driver.tell(PagesFetched(new.pages))
    adopt = driver.act()
    assert (adopt.manifest, adopt.pages, adopt.source) == (new.manifest, new.pages, "network")
    assert driver.machine.served is None
    driver.tell(Adopted())
    assert driver.order == (1, 1)
    assert driver.machine.swaps == 1


def test_only_pages_that_are_not_held_are_fetched(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1, pages=(b'{"key":"a"}\n', b'{"key":"b"}\n')))
    changed = ruleset(2, pages=(b'{"key":"a"}\n', b'{"key":"b","x":1}\n'))
    driver.asked()
    driver.tell(changed.answer())
    assert driver.act().missing == (changed.manifest.pages[1],)


def test_a_ruleset_of_known_pages_only_is_built_without_a_fetch(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1, pages=(b'{"key":"a"}\n', b'{"key":"b"}\n')))
    driver.asked()
    driver.tell(ruleset(2, pages=(b'{"key":"b"}\n',)).answer())
    assert isinstance(driver.act(), Adopt)


def test_a_published_roll_back_is_a_higher_revision_and_taken_at_once(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.serve(ruleset(2, note="other contents"))
    driver.serve(ruleset(3))
    assert driver.order == (1, 3)


def test_a_new_epoch_is_higher_whatever_the_revision(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(900))
    driver.serve(ruleset(1, epoch=2))
    assert driver.order == (2, 1)


def test_the_etag_sent_is_that_of_the_ruleset_in_service(driver: Any, ruleset: Any) -> None:
    first = ruleset(1)
    driver.serve(first)
    assert driver.asked().etag == first.etag


def test_the_etag_of_a_manifest_whose_pages_are_not_there_is_never_sent(driver: Any, ruleset: Any) -> None:
    first, second = ruleset(1), ruleset(2, pages=(b'{"key":"a"}\n',))
    driver.serve(first)
    driver.asked()
    driver.tell(second.answer())
    driver.act()
    driver.tell(PageRefused(second.manifest.pages[0], 404))
    assert driver.asked().etag == first.etag


def test_the_pair_it_has_is_fresh_again(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.advance(50)
    driver.serve(ruleset(1), unconditional=True)
    assert driver.machine.age(driver.now) == 0.0
    assert driver.machine.swaps == 1


def test_a_304_renews_with_its_own_headers(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1), buildflags_poll=30)
    assert driver.machine.poll == 30
    driver.serve(ruleset(1), buildflags_poll=90, age=4)
    assert driver.machine.not_modified == 1
    assert driver.machine.poll == 90
    assert driver.machine.age(driver.now) == 4.0
    assert driver.machine.served.headers["buildflags-poll"] == "90"


def test_a_304_that_says_less_keeps_the_headers_it_has_and_not_the_old_age(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1), buildflags_poll=30, age=9)
    driver.asked()
    driver.tell(Answered(304, {}))
    assert driver.machine.poll == 30
    assert driver.machine.age(driver.now) == 0.0
    assert "age" not in driver.machine.served.headers


def test_a_304_may_name_the_etag_strongly_or_weakly(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    asked = driver.asked()
    driver.tell(Answered(304, {"etag": asked.etag.removeprefix("W/")}))
    assert driver.machine.failures == 0


def test_a_304_nobody_asked_for_is_refused_and_the_next_request_is_unconditional(driver: Any, ruleset: Any) -> None:
    driver.asked()
    report = driver.tell(Answered(304, {}))
    assert report.cause is Cause.UNUSABLE
    assert driver.asked() == FetchManifest(None, may_share=False)
    driver.tell(ruleset(1).answer())
    driver.finish(ruleset(1))
    assert driver.order == (1, 1)


def test_a_304_about_another_etag_is_refused_and_the_next_request_is_unconditional(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.advance(60)
    driver.asked()
    driver.tell(Answered(304, {"etag": 'W/"another"'}))
    assert driver.machine.failures == 1
    assert driver.asked().etag is None
    driver.tell(ruleset(1).answer())
    assert driver.asked().etag == ruleset(1).etag


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_page_that_is_not_there_means_again_from_the_manifest_after_a_short_wait(
    driver: Any, ruleset: Any, status: int
) -> None:
    new = ruleset(1, pages=(b'{"key":"a"}\n', b'{"key":"b"}\n'))
    driver.dice = 1.0
    driver.asked()
    driver.tell(new.answer())
    driver.act()
    came = {new.manifest.pages[0]: new.pages[new.manifest.pages[0]]}
    assert driver.tell(PageRefused(new.manifest.pages[1], status, came)) is None, "a publish came between: no news"
    assert 0 < driver.wait <= 1.0
    driver.asked()
    driver.tell(new.answer())
    assert driver.act().missing == (new.manifest.pages[1],), "what came is kept"
    report = driver.tell(PageRefused(new.manifest.pages[1], status))
    assert report.cause is Cause.SUPERSEDED


@pytest.mark.parametrize(("status", "cause"), [(500, Cause.OVERLOADED), (429, Cause.OVERLOADED), (302, Cause.UNUSABLE)])
def test_a_page_answered_otherwise_is_a_failure(driver: Any, ruleset: Any, status: int, cause: Cause) -> None:
    new = ruleset(1, pages=(b'{"key":"a"}\n',))
    driver.asked()
    driver.tell(new.answer())
    driver.act()
    assert driver.tell(PageRefused(new.manifest.pages[0], status)).cause is cause


def test_a_page_with_the_wrong_hash_keeps_the_last_good_ruleset(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    new = ruleset(2, pages=(b'{"key":"a"}\n',))
    driver.asked()
    driver.tell(new.answer())
    driver.act()
    report = driver.tell(PagesFetched({new.manifest.pages[0]: b'{"key":"evil"}\n'}))
    assert report.cause is Cause.UNUSABLE
    assert "has the hash" in driver.machine.last_error
    assert driver.order == (1, 1)


def test_pages_may_come_in_parts(driver: Any, ruleset: Any) -> None:
    new = ruleset(1, pages=(b'{"key":"a"}\n', b'{"key":"b"}\n'))
    driver.asked()
    driver.tell(new.answer())
    first, second = driver.act().missing
    driver.tell(PagesFetched({first: new.pages[first]}))
    assert driver.act().missing == (second,)
    assert driver.tell(PagesFetched({})).cause is Cause.UNUSABLE, "no progress is a failure, not a loop"


def test_pages_that_came_before_a_failure_are_not_fetched_again(driver: Any, ruleset: Any) -> None:
    new = ruleset(1, pages=(b'{"key":"a"}\n', b'{"key":"b"}\n'))
    driver.asked()
    driver.tell(new.answer())
    first, second = driver.act().missing
    driver.tell(Failed(ConnectionFailed("reset"), {first: new.pages[first]}))
    driver.asked()
    driver.tell(new.answer())
    assert driver.act().missing == (second,)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b""),
        (JSON, b"{}"),
        (JSON, b"[1,2,3]"),
        (JSON, b"null"),
        (JSON, b"<html>"),
        (JSON, b'{"format":1'),
        (JSON, b"x" * 1_000_001),
        ({"content-type": "text/html"}, None),
        ({"content-type": "text/html; charset=utf-8"}, None),
    ],
    ids=["empty", "empty object", "list", "null", "html", "cut", "huge", "json as html", "html with charset"],
)
def test_an_answer_of_the_wrong_shape_keeps_the_last_good_ruleset_and_backs_off(
    driver: Any, ruleset: Any, headers: dict[str, str], body: bytes | None
) -> None:
    driver.serve(ruleset(1))
    driver.asked()
    report = driver.tell(Answered(200, headers, ruleset(2).body if body is None else body))
    assert (report.level, report.cause) == ("warning", Cause.UNUSABLE)
    assert driver.order == (1, 1)
    assert driver.wait <= 1.0
    assert driver.machine.served.etag == ruleset(1).etag


def test_a_manifest_of_another_environment_is_refused(driver: Any, ruleset: Any) -> None:
    driver.asked()
    body = ruleset(1).body.replace(b'"production"', b'"staging"')
    assert driver.tell(Answered(200, JSON, body)).cause is Cause.UNUSABLE
    assert "'staging'" in driver.machine.last_error


def test_a_content_type_may_have_parameters_or_be_missing(driver: Any, ruleset: Any) -> None:
    driver.asked()
    assert driver.tell(Answered(200, {"content-type": "Application/JSON; charset=utf-8"}, ruleset(1).body)) is None
    driver.finish(ruleset(1))
    driver.asked()
    assert driver.tell(Answered(200, {}, ruleset(2).body)) is None
    assert driver.machine.building


def test_an_empty_environment_is_taken(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1, pages=()))
    assert driver.order == (1, 1)


def test_an_unknown_format_is_said_once_with_what_is_understood(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    body = ruleset(2).body.replace(b'"format":1', b'"format":2')
    for _ in range(5):
        driver.asked()
        driver.tell(Answered(200, JSON, body))
    (report,) = driver.reports
    assert (report.level, report.cause) == ("error", Cause.NEWER_FORMAT)
    assert "it reads 1" in report.message
    assert driver.order == (1, 1)


def test_a_ruleset_that_cannot_be_built_keeps_the_last_good_one(driver: Any, ruleset: Any) -> None:
    driver.serve(ruleset(1))
    driver.asked()
    driver.tell(ruleset(2).answer())
    driver.act()
    report = driver.tell(AdoptFailed(RulesetError("the flag 'a' stands there twice")))
    assert report.cause is Cause.UNUSABLE
    assert driver.order == (1, 1)
    driver.serve(ruleset(3))
    assert driver.order == (1, 3)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (DeadlineExceeded("x"), Cause.UNREACHABLE),
        (ConnectionFailed("x"), Cause.UNREACHABLE),
        (AnswerRefused("x"), Cause.UNUSABLE),
        (PageError("x"), Cause.UNUSABLE),
        (ZeroDivisionError("x"), Cause.UNUSABLE),
    ],
)
def test_each_kind_of_error_has_its_cause(driver: Any, error: Exception, cause: Cause) -> None:
    assert driver.fail(error).cause is cause


@pytest.mark.parametrize("status", [100, 201, 204, 206, 302, 400, 418, 451])
def test_any_other_status_is_refused(driver: Any, ruleset: Any, status: int) -> None:
    driver.asked()
    assert driver.tell(Answered(status, JSON, ruleset(1).body)).cause is Cause.UNUSABLE
