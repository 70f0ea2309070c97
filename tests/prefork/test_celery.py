"""Celery's prefork pool: a client made before the fork, in tasks that only ask `is_enabled`.

No child is killed here: Celery 5.7 on files then often hands out no task any more, without any client too.
"""

from __future__ import annotations

import itertools
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .hosting import NEVER, WORKERS, Host, until, version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from buildflags_sdk.testing import FaultServer

    from .conftest import Hosting

celery = pytest.importorskip("celery", reason="celery is not installed")


class Queue:
    """A queue of files in a folder, and the answers that tasks write there."""

    def __init__(self, folder: Path) -> None:
        messages = folder / "messages"
        messages.mkdir()
        self.transport = {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(folder / "control"),
        }
        self._folder = folder
        self._app = celery.Celery("asking", broker="filesystem://", set_as_current=False)
        self._app.conf.broker_transport_options = self.transport
        self._numbers = itertools.count()

    def answers(self, path: str = "") -> list[dict[str, Any]]:
        """What the workers say to some tasks at once."""
        paths = [self._folder / f"answer-{next(self._numbers)}{path}" for _ in range(2 * WORKERS)]
        for each in paths:
            self._app.send_task("say", [str(each)])
        until(lambda: all(each.exists() for each in paths))
        return [json.loads(each.read_text()) for each in paths]


@pytest.fixture
def start(host: Hosting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Host]:
    """Starts a Celery worker with some children, which are asked through its queue."""

    def start(*more: str, **settings: Any) -> Host:
        queue = Queue(tmp_path)
        started = host(
            [
                *(sys.executable, "-m", "celery", "-A", "tests.prefork.app_celery", "worker", "--loglevel", "INFO"),
                *("--pool", "prefork", "--concurrency", str(WORKERS)),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
                *more,
            ],
            transport=queue.transport,
            **settings,
        )
        monkeypatch.setattr(started, "answers", queue.answers)
        return started

    return start


def test_every_child_that_only_asks_is_enabled_sees_what_is_published_after_the_fork(
    start: Callable[..., Host], backend: FaultServer
) -> None:
    host = start()
    host.all_say("first")
    backend.publish(version(2))
    host.all_say("later")


def test_children_that_are_replaced_after_each_task_see_it_too(
    start: Callable[..., Host], backend: FaultServer
) -> None:
    """Each child answers once, with what its parent had when it was forked: the parent goes on refreshing."""
    host = start("--max-tasks-per-child", "1")
    until(lambda: {said["said"] for said in host.answers()} == {"first"}, about=lambda: host.log)
    first = host.answers()
    assert len({said["pid"] for said in first}) == len(first), "a new child for each"
    backend.publish(version(2))
    until(lambda: {said["said"] for said in host.answers()} == {"later"}, about=lambda: host.log)


def test_tasks_are_done_and_the_worker_stops_gracefully_while_the_backend_hangs(
    start: Callable[..., Host], backend: FaultServer
) -> None:
    host = start(deadline=NEVER)
    host.all_say("first")
    backend.fault("hang")
    until(lambda: sum(request.fault == "hang" for request in list(backend.requests)) >= WORKERS)
    host.all_say("first")
    host.signal(signal.SIGTERM)
    assert host.ended() == 0
