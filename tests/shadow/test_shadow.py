"""Shadow mode: one system answers, the other is compared, and no caller feels it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pytest

from buildflags_sdk import AsyncClient, Client
from buildflags_sdk.importers import AttributeMapping
from buildflags_sdk.shadow import FlagCount, ShadowClient, same
from buildflags_sdk.testing import flag
from tests.faults.stage import in_child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Other:
    """Another system: answers from a dict, explains in a word."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.asked_on: set[int] = set()

    def value(self, key: str, default: Any, context: Mapping[str, Any]) -> Any:
        """What the dict says."""
        self.asked_on.add(threading.get_ident())
        found = self.values.get(key, default)
        if isinstance(found, Exception):
            raise found
        return found

    def explain(self, key: str, context: Mapping[str, Any]) -> str:
        """A word."""
        return f"{key} by hand"


OURS = Client.from_flags({"same": True, "differs": "a", "theme": {"x": 1}})


def test_differences_are_counted_by_flag_and_written_with_both_traces(tmp_path: Path) -> None:
    log = tmp_path / "differences.ndjson"
    theirs = Other({"same": True, "differs": "b", "theme": {"x": 1.0}})
    with ShadowClient(OURS, theirs, log=log) as shadow:
        assert shadow.is_enabled("same", {"targetingKey": "u"})
        assert shadow.get_value("differs", "", {"targetingKey": "u"}) == "b", "theirs answers until the switch"
        assert shadow.get_value("theme", {}) == {"x": 1}
        assert shadow.flush()
        report = shadow.report()
    assert report.flags == {"same": FlagCount(equal=1), "differs": FlagCount(different=1), "theme": FlagCount(equal=1)}
    assert (report.compared, report.different, report.dropped) == (3, 1, 0)
    (line,) = log.read_text().splitlines()
    written = json.loads(line)
    assert (written["key"], written["context"]) == ("differs", {"targetingKey": "u"})
    assert written["ours"]["value"] == "a"
    assert written["ours"]["trace"]
    assert written["theirs"] == {"value": "b", "trace": "differs by hand"}


def test_after_the_switch_ours_answers_and_theirs_is_asked_off_the_callers_path() -> None:
    theirs = Other({"differs": "b"})
    with ShadowClient(OURS, theirs, answer_from="ours") as shadow:
        assert shadow.get_value("differs", "") == "a"
        assert shadow.flush()
        assert threading.get_ident() not in theirs.asked_on
        assert shadow.report().different == 1


def test_only_the_sampled_share_is_compared() -> None:
    rolls = iter([0.05, 0.5, 0.09, 0.99])
    with ShadowClient(OURS, Other({"same": True}), rate=0.1, dice=lambda: next(rolls)) as shadow:
        for _ in range(4):
            assert shadow.is_enabled("same")
        assert shadow.flush()
        assert shadow.report().compared == 2


def test_a_system_that_fails_is_counted_and_the_other_answers(caplog: pytest.LogCaptureFixture) -> None:
    with ShadowClient(OURS, Other({"same": ValueError("down")})) as shadow:
        assert shadow.is_enabled("same")
        assert shadow.is_enabled("same")
    with ShadowClient(OURS, Other({"same": ValueError("down")}), answer_from="ours") as after:
        assert after.is_enabled("same")
        assert after.flush()
    assert shadow.report().flags == {"same": FlagCount(failed=2)}
    assert after.report().flags == {"same": FlagCount(failed=1)}
    assert len(caplog.records) == 2, "once per client, however often it fails"


def test_what_cannot_be_compared_in_time_is_dropped_and_counted() -> None:
    going = threading.Event()

    class Slow(Other):
        def value(self, key: str, default: Any, context: Mapping[str, Any]) -> Any:
            going.wait(10)
            return super().value(key, default, context)

    with ShadowClient(OURS, Slow({"same": True}), answer_from="ours", most_waiting=3) as shadow:
        for _ in range(10):
            assert shadow.is_enabled("same")
        going.set()
        assert shadow.flush()
        report = shadow.report()
    assert report.dropped >= 6
    assert report.compared + report.dropped == 10


def test_a_full_log_loses_no_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "differences.ndjson"
    with ShadowClient(OURS, Other({"differs": "b"}), log=log, log_limit=2_000) as shadow:
        for _ in range(20):
            shadow.get_value("differs", "", {"targetingKey": "u"})
        assert shadow.flush()
        report = shadow.report()
    written = log.read_text().splitlines()
    assert 0 < len(written) < 20
    assert all(json.loads(line)["key"] == "differs" for line in written)
    assert log.stat().st_size <= 2_000
    assert (report.different, report.unwritten) == (20, 20 - len(written))
    assert len([record for record in caplog.records if "move the file away" in record.message]) == 1


def test_half_of_a_surrogate_pair_leaves_the_log_readable(tmp_path: Path) -> None:
    log = tmp_path / "differences.ndjson"
    with ShadowClient(OURS, Other({"differs": "b"}), log=log) as shadow:
        shadow.get_value("differs", "", {"targetingKey": "u", "name": "\ud800"})
        assert shadow.flush()
    assert json.loads(log.read_text(encoding="utf-8"))["context"]["name"] == "\ud800"


def test_clients_that_share_a_log_write_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "differences.ndjson"
    clients = [ShadowClient(OURS, Other({"differs": "b"}), log=log) for _ in range(4)]
    long = {"targetingKey": "u", "note": "é" * 20_000}  # more than one buffer of a file
    for _ in range(25):
        for shadow in clients:
            shadow.get_value("differs", "", long)
    for shadow in clients:
        assert shadow.flush(30)
        shadow.close()
    lines = log.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["context"] == long for line in lines] == [True] * 100


@pytest.mark.parametrize("wrong", [{"rate": 1.5}, {"rate": -1}, {"answer_from": "both"}])
def test_a_setting_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ShadowClient(OURS, Other({}), **wrong)


def test_values_are_compared_as_flag_values() -> None:
    assert same(1, 1.0)
    assert not same(True, 1)
    assert same({"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]})
    assert not same({"a": 1}, {"a": True})
    assert not same([1], [1, 2])


@pytest.mark.parametrize("answer_from", ["ours", "theirs"])
def test_a_context_that_cannot_be_given_our_names_raises_into_no_caller(answer_from: Literal["ours", "theirs"]) -> None:
    class Strict:
        def apply(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
            raise KeyError(*context)

    when = {"attr": ["userId"], "op": "in", "values": ["u"], "negate": True}
    ours = Client.from_flags({"x": flag("x", False, rules=[{"id": "r", "when": when, "serve": {"variant": "on"}}])})
    with ShadowClient(ours, Other({"x": True}), attributes=Strict(), answer_from=answer_from) as shadow:
        answer = shadow.get_value("x", False, {"id": 1})
        assert shadow.flush()
    assert answer is (answer_from == "theirs"), "ours has no answer but the default"
    assert shadow.report().flags == {"x": FlagCount(different=1)}


@pytest.mark.parametrize("context", ["user-7", 7, ["user-7"]])
def test_a_context_that_is_none_raises_into_no_caller(context: Any) -> None:
    with ShadowClient(OURS, Other({"same": True})) as shadow:
        assert shadow.is_enabled("same", context)


async def test_an_asyncio_application_is_answered_at_once_and_compared_on_another_thread() -> None:
    ours, theirs = AsyncClient.from_flags({"same": True, "differs": "a"}), Other({"same": True, "differs": "b"})
    with ShadowClient(ours, theirs, answer_from="ours") as shadow:
        answers = [shadow.get_value(key, None, {"targetingKey": "u"}) for key in ("same", "differs")]
        assert await asyncio.to_thread(shadow.flush)
    assert answers == [True, "a"]
    assert shadow.report().flags == {"same": FlagCount(equal=1), "differs": FlagCount(different=1)}
    assert threading.get_ident() not in theirs.asked_on


def test_a_forked_child_compares_on_its_own_whoever_held_the_lock() -> None:
    class Stuck(Other):
        def value(self, key: str, default: Any, context: Mapping[str, Any]) -> Any:
            if context.get("stuck"):
                going.wait(10)
            return super().value(key, default, context)

    def compared_in_the_child() -> list[int]:
        signal.alarm(20)  # a child that waits for a lock which nobody holds any more ends by itself
        assert shadow.is_enabled("same")
        assert shadow.flush()
        report = shadow.report()
        return [report.compared, report.different]

    going = threading.Event()
    with ShadowClient(OURS, Stuck({"same": True, "differs": "b"}), answer_from="ours") as shadow:
        shadow.get_value("same", False, {"stuck": True})
        shadow.get_value("differs", "", {})  # waits for the first
        with holding(shadow):
            assert in_child(compared_in_the_child) == [1, 0]
        going.set()
        assert shadow.flush()
        assert shadow.report().compared == 2


@contextmanager
def holding(shadow: ShadowClient) -> Iterator[None]:
    """Another thread holds the client's lock meanwhile."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with shadow._condition:
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_each_system_is_asked_in_its_own_names() -> None:
    rule = {"id": "r", "when": {"attr": ["targetingKey"], "op": "in", "values": ["u1"]}, "serve": {"variant": "on"}}
    ours = Client.from_flags({"x": flag("x", False, rules=[rule])})

    class Named(Other):
        def value(self, key: str, default: Any, context: Mapping[str, Any]) -> Any:
            assert "targetingKey" not in context
            return context["userId"] == "u1"

    with ShadowClient(ours, Named({}), attributes=AttributeMapping("userId", {})) as shadow:
        assert shadow.is_enabled("x", {"userId": "u1"})
        assert not shadow.is_enabled("x", {"userId": "u2"})
        assert shadow.flush()
        assert shadow.report().flags == {"x": FlagCount(equal=2)}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stack of that size is refused in another way")
def test_where_there_are_no_more_threads_answers_go_on_and_are_compared_later() -> None:
    with ShadowClient(Client.from_flags({"x": True}), Other({"x": False})) as shadow:
        before = threading.stack_size(1 << 46)  # no address space has room for it: every thread is refused
        try:
            assert shadow.get_value("x", False) is False
        finally:
            threading.stack_size(before)
        assert shadow.get_value("x", False) is False
        assert shadow.flush(30)
        assert shadow.report().different == 2
