"""Processes that fork: children refresh, share no socket, and parents go on. The server lives in the parent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

import psutil
import pytest

from .stage import FAST, PATIENCE, ROOT, SLACK, Program, Stage, in_child, said, says, until, version

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def sockets_to(port: int) -> set[int]:
    """The local ports of this process's connections to a server."""
    found = psutil.Process().net_connections("tcp")
    return {each.laddr.port for each in found if each.raddr[1:] == (port,)}


def test_fork_children_refresh(stage: Stage) -> None:
    client = stage.started()

    def work() -> list[str]:
        first = said(client)
        until(lambda: said(client) == "v2")
        return [first, said(client)]

    publish = threading.Timer(0.3, stage.server.publish, [version(2)])
    publish.start()
    assert in_child(work) == ["v1", "v2"]
    publish.join()


def test_prefork_two_children_at_once(stage: Stage) -> None:
    """Made in the parent, started there, used in two children that only evaluate."""
    client = stage.started()
    read, write = os.pipe()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                until(lambda: said(client) == "v2", 20)
                os.write(write, b"2")
            finally:
                os._exit(0)
        children.append(child)
    os.close(write)
    stage.server.publish(version(2))
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"22"
    for child in children:
        os.waitpid(child, 0)
    assert says(client, "v2"), "the parent keeps refreshing"


def test_fork_before_start(stage: Stage) -> None:
    client = stage.client()
    assert in_child(lambda: [bool(client.start(wait=PATIENCE)), said(client)]) == [True, "v1"]
    assert said(client) == "default", "the child's start is the child's"
    assert client.start(wait=PATIENCE)


def test_fork_mid_refresh(stage: Stage) -> None:
    """The fork comes while a request hangs: the child asks anew, and the parent's refresh goes on to its deadline."""
    client = stage.started()
    stage.until_caught("hang")
    stage.server.well()
    stage.server.publish(version(2))

    def work() -> list[object]:
        first, began = said(client), time.monotonic()
        until(lambda: said(client) == "v2")
        return [first, time.monotonic() - began]

    first, took = in_child(work)
    assert first == "v1"
    assert took < 2 * FAST.interval + SLACK
    assert says(client, "v2")


def test_forks_break_no_refresh_off(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Twenty forks while answers are slow: the parent takes each publication, and fails at none."""
    client = stage.started()
    stage.fault("slow_3s")
    for number in range(2, 5):
        stage.server.publish(version(number))
        for _ in range(7):
            assert in_child(lambda: said(client)).startswith("v")
            time.sleep(0.02)
        assert says(client, f"v{number}")
    assert client.status().failures == 0
    assert caplog.records == []


def test_fork_while_pages_come_and_a_ruleset_is_built(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    from buildflags_sdk.testing import FaultServer, flag

    def ruleset(number: int) -> list[Any]:
        return [*version(number), *(flag(f"flag-{at:04d}", f"{number}") for at in range(2000))]

    with FaultServer(ruleset(1), bits=5) as server:
        client = stage.client(**server.options())
        assert client.start(wait=PATIENCE)
        for number in (2, 3, 4):
            server.publish(ruleset(number))
            while said(client) != f"v{number}":
                assert in_child(lambda: said(client)).startswith("v")
        client.close()
    assert caplog.records == []


def test_fork_shares_no_socket(stage: Stage) -> None:
    client = stage.started()
    ours = sockets_to(stage.server.port)
    assert ours, "the parent keeps its connection alive"

    def work() -> list[list[int]]:
        at_first = sockets_to(stage.server.port)
        polls = client.status().polls
        said(client)
        until(lambda: client.status().polls > polls)
        return [sorted(at_first), sorted(sockets_to(stage.server.port))]

    inherited, own = in_child(work)
    assert inherited == [], "a child holds no descriptor of its parent's connections"
    assert set(own).isdisjoint(ours)
    polls = client.status().polls
    until(lambda: client.status().polls > polls)
    assert sockets_to(stage.server.port) == ours, "the parent's connection was left alone"


def test_fork_mid_refresh_shares_no_socket_either(stage: Stage) -> None:
    """The thread that had the connection is not there in the child to let go of it."""
    stage.started()
    stage.until_caught("hang")
    assert in_child(lambda: sorted(sockets_to(stage.server.port))) == []


LOADING = """
import json, os, sys, threading, time
from buildflags_sdk import Client, Polling
options = json.loads(sys.argv[2])
options["polling"] = Polling(*options["polling"])
begun = threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1] and threading.current_thread() is not threading.main_thread():
            begun.set()
            time.sleep(0.5)

def arrives():
    began = time.monotonic()
    while client.get_value("greeting", "default") != "v1" and time.monotonic() - began < 10:
        time.sleep(0.01)
    return client.get_value("greeting", "default") == "v1"

sys.meta_path.insert(0, Slow())
client = Client(**options)
client.start(wait=0)
assert begun.wait(30), "a thread of the client loads it"
child = os.fork()
if child == 0:
    os._exit(0 if arrives() else 3)
print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), arrives()]))
"""


@pytest.mark.parametrize("module", ["buildflags_sdk._transport.http", "httpcore", "encodings.idna", "httpx"])
def test_a_fork_while_the_refreshing_thread_loads_a_module_leaves_none_half_made(stage: Stage, module: str) -> None:
    options = {**stage.server.options(), "cache_dir": None, "polling": list(FAST)}
    options["url"] = options["url"].replace("127.0.0.1", "localhost")  # a name, to be looked up
    command = [sys.executable, "-W", "ignore", "-c", LOADING, module, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.strip() == "[0, true]", done.stdout + done.stderr
    assert "cannot import" not in done.stderr


def test_fork_parent_keeps_refreshing(stage: Stage) -> None:
    client = stage.started()
    for number in (2, 3):
        in_child(lambda: said(client))
        stage.server.publish(version(number))
        assert says(client, f"v{number}")
    assert sum(thread.name.startswith("buildflags-acme") for thread in threading.enumerate()) == 1


def test_fork_of_a_child(stage: Stage) -> None:
    client = stage.started()
    stage.server.publish(version(2))
    assert in_child(lambda: in_child(lambda: says(client, "v2"))) is True


def test_a_child_that_views_only_another_environment_refreshes_it(stage: Stage) -> None:
    client = stage.started()

    def work() -> bool:
        view = client.in_environment("staging")
        view.is_enabled("x")
        return until(lambda: view.status().polls > 0) >= 0.0

    assert in_child(work) is True


def test_fork_after_close(stage: Stage) -> None:
    client = stage.started()
    client.close()
    assert in_child(lambda: [said(client), threading.active_count()]) == ["v1", 1]


def test_close_in_forked_child(stage: Stage) -> None:
    client = stage.started()

    def work() -> list[object]:
        began = time.monotonic()
        client.close()
        return [time.monotonic() - began, said(client)]

    took, answer = in_child(work)
    assert took < SLACK
    assert answer == "v1"
    stage.server.publish(version(2))
    assert says(client, "v2")


def test_a_child_whose_parent_had_a_listener_hears_of_its_own_changes(stage: Stage) -> None:
    client = stage.started()
    heard: list[int] = []
    client.on_change(lambda change: heard.append(change.new_revision))
    stage.server.publish(version(2))
    until(lambda: heard == [2])
    stage.server.publish(version(3))

    def work() -> list[int]:
        said(client)
        until(lambda: 3 in heard)
        return heard

    assert in_child(work)[-1] == 3


def test_a_host_that_forks_past_the_hooks_is_noticed_where_a_scope_opens(stage: Stage) -> None:
    code = (
        "import ctypes; "
        "pid = ctypes.PyDLL(None).fork(); "
        "pid or (scoped(), os._exit(7 if until(lambda: said() == 'v2', 20) else 8)); "
        "status = os.waitpid(pid, 0)[1]"
    )
    with Program(stage) as program:
        stage.server.publish(version(2))
        program.run(f"globals().update(status=None); exec({code!r}, globals())")
        assert os.waitstatus_to_exitcode(program.evaluate("status")) == 7


def test_evaluating_while_the_interpreter_ends_raises_nothing(stage: Stage) -> None:
    """A forked child whose first call comes when no thread can be started any more."""
    code = (
        "pid = os.fork(); pid or (__import__('atexit').register(lambda: print(said(), file=sys.stderr)), sys.exit(5))"
    )
    with Program(stage) as program:
        program.tell(f"exec({code!r}, globals()); os.waitpid(pid, 0)")
        _took, status, told = program.ended()
    assert "v1" in told
    assert "Traceback" not in told
    assert status == 0


MULTIPROCESSING = """
import json, multiprocessing, sys, time
from buildflags_sdk import Client, Polling
options = json.loads(sys.argv[2])
options["polling"] = Polling(*options["polling"])

def work(queue):
    client = INHERITED if sys.argv[1] == "fork" else Client(**options)
    if sys.argv[1] != "fork":
        client.start(wait=30)
    began = time.monotonic()
    while client.get_value("greeting", "default") != "v2" and time.monotonic() - began < 30:
        time.sleep(0.01)
    queue.put(client.get_value("greeting", "default"))
    if sys.argv[1] != "fork":
        client.close()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with Client(**options) as INHERITED:
        INHERITED.start(wait=30)
        queue = context.Queue()
        children = [context.Process(target=work, args=(queue,)) for _ in range(2)]
        for child in children:
            child.start()
        print("started", flush=True)
        answers = [queue.get(timeout=60) for _ in children]
        for child in children:
            child.join(30)
        print(json.dumps([answers, [child.exitcode for child in children]]))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_refresh(stage: Stage, method: str) -> None:
    script = stage.folder / "program.py"
    script.write_text(MULTIPROCESSING)
    options = {**stage.server.options(), "cache_dir": None, "polling": list(FAST)}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), method, json.dumps(options)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        stage.server.publish(version(2))
        answers, codes = json.loads(process.stdout.readline())
        assert process.wait(PATIENCE) == 0
    assert answers == ["v2", "v2"]
    assert codes == [0, 0]


def test_subprocess_spawn_keeps_refresh(stage: Stage) -> None:
    client = stage.started()
    for preexec in (None, os.getpid):
        subprocess.run([sys.executable, "-c", ""], check=True, preexec_fn=preexec)
    stage.server.publish(version(2))
    assert says(client, "v2")
