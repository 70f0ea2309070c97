"""Processes that share one folder: they save at once, die while saving, fork, and take turns asking the backend."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from buildflags_sdk._storage.disk import DiskCopy
from buildflags_sdk.errors import StorageError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and flock")


def in_child(work):
    """Run a function in a forked child; give its process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def exit_code(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_two_processes_that_save_at_once_leave_the_newest_whole(make_copy, make_stored):
    def save(revisions):
        copy = make_copy(sleep=time.sleep)
        for revision in revisions:
            copy.save(make_stored(revision))

    children = [in_child(lambda start=start: save(range(start, 81, 2))) for start in (1, 2)]
    assert [exit_code(child) for child in children] == [0, 0]
    assert make_copy().load() == make_stored(80)


@pytest.mark.parametrize("writers", [1, 3])
def test_readers_see_a_whole_ruleset_that_never_goes_back_while_others_save(make_copy, make_stored, writers):
    make_copy().save(make_stored(1))

    def save(first):
        copy = make_copy(sleep=time.sleep)
        for revision in range(first, 100, writers):
            copy.save(make_stored(revision))

    running = {in_child(lambda first=first: save(first)) for first in range(2, 2 + writers)}
    last = 0
    while running:
        stored = make_copy().load()
        assert stored is not None
        revision = int(stored.manifest_body.split(b'"revision":')[1].split(b",")[0])
        assert revision >= last
        assert stored == make_stored(revision)
        last = revision
        ended = {child: code for child, code in (os.waitpid(child, os.WNOHANG) for child in running) if child}
        assert set(ended.values()) <= {0}
        running -= set(ended)
    assert make_copy().load() == make_stored(99)


@pytest.mark.parametrize("killed_at", range(1, 13))
def test_a_process_killed_while_saving_leaves_a_whole_ruleset(make_copy, make_stored, killed_at):
    make_copy().save(make_stored(1))
    calls = 0

    def die_at(path, flags, mode=0o777):
        nonlocal calls
        calls += 1
        if calls == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.open(path, flags, mode)

    child = in_child(lambda: make_copy(opener=die_at).save(make_stored(2)))
    code = exit_code(child)
    assert code in (0, -signal.SIGKILL)
    assert make_copy().load() in ([make_stored(1), make_stored(2)] if code else [make_stored(2)])
    assert make_copy().save(make_stored(3)), "the dead process holds no lock"
    assert make_copy().load() == make_stored(3)


def test_kills_at_any_moment_leave_a_whole_ruleset(make_copy, make_stored):
    def save_for_ever(told):
        copy = make_copy()
        revision = 1
        while True:
            revision += 1
            copy.save(make_stored(revision))
            os.write(told, b"x")

    make_copy().save(make_stored(1))
    for saves in (1, 2, 3, 5, 8):
        heard, told = os.pipe()
        child = in_child(lambda told=told: save_for_ever(told))
        for _ in range(saves):
            assert os.read(heard, 1) == b"x"
        os.kill(child, signal.SIGKILL)
        assert exit_code(child) == -signal.SIGKILL
        os.close(heard)
        os.close(told)
        assert make_copy().load() is not None


def between_reading_and_writing(act):
    """A seam of a disk copy: it is asked whether it trusts the head that it has read, before it replaces it. Acts once."""
    acts = [act]

    def trusted(_stored):
        while acts:
            acts.pop()()
        return True

    return trusted


def test_a_head_is_never_replaced_by_who_has_read_the_one_before_it(make_copy, make_stored):
    make_copy().save(make_stored(1))
    late = make_copy(trusted=between_reading_and_writing(lambda: make_copy().save(make_stored(3))))
    assert not late.save(make_stored(2))
    assert make_copy().load() == make_stored(3)
    late = make_copy(trusted=between_reading_and_writing(lambda: make_copy().note_failure(1500.0, 4)))
    assert late.save(make_stored(4, checked_at=1000.0)), "an outrun writer begins again"
    assert make_copy().load() == make_stored(4)


def stopped_child(work):
    """Run a function in a child that stops itself while doing it; give its process id once it has stopped."""
    child = in_child(work)
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
    return child


def test_a_writer_that_was_stopped_holds_nobody_up_and_goes_on_without_harm(make_copy, make_stored):
    make_copy().save(make_stored(1))
    stop_here = between_reading_and_writing(lambda: os.kill(os.getpid(), signal.SIGSTOP))
    child = stopped_child(lambda: make_copy(trusted=stop_here).save(make_stored(2)))
    try:
        pauses: list[float] = []
        copy = make_copy(sleep=pauses.append)
        assert copy.save(make_stored(1, checked_at=1500.0))
        copy.note_failure(1600.0, 1)
        assert copy.save(make_stored(3))
        assert pauses == []
    finally:
        os.kill(child, signal.SIGCONT)
    assert exit_code(child) == 0
    assert make_copy().load() == make_stored(3), "the older pair of the process that went on is not written over it"
    assert list(Path(copy.directory).glob("*.part")) == []


def test_a_save_that_something_always_spoils_ends_and_says_so(make_copy, make_stored):
    """Such as a cleaner that deletes each file as it appears."""
    make_copy().save(make_stored(1))
    tries: list[float] = []

    def cleaned(path, flags, mode=0o777):
        if path.endswith(".head"):
            for begun in Path(path).parent.glob("*.head.*.part"):
                begun.unlink()
        return os.open(path, flags, mode)

    copy = make_copy(sleep=tries.append, opener=cleaned)
    with pytest.raises(StorageError, match="other processes"):
        copy.save(make_stored(2))
    assert 0 < sum(tries) <= 1.0
    assert make_copy().load() == make_stored(1)


def test_only_one_process_of_a_host_has_the_turn(make_copy):
    turn = make_copy().poll_turn(2000.0, 2010.0)
    assert turn is not None
    assert turn.is_exclusive
    assert make_copy().poll_turn(2005.0, 2015.0) is None
    child = in_child(lambda: os._exit(7) if make_copy().poll_turn(2005.0, 2015.0) is None else None)
    assert exit_code(child) == 7
    turn.release()
    turn.release()
    with make_copy().poll_turn(2005.0, 2015.0) as again:
        assert again.is_exclusive


def test_each_environment_has_its_own_turn(make_copy):
    with make_copy().poll_turn(2000.0, 2010.0), make_copy(environment="staging").poll_turn(2000.0, 2010.0) as other:
        assert other.is_exclusive


@pytest.mark.parametrize("now", [2010.5, 1000.0], ids=["a holder stuck past its deadline", "a clock set back"])
def test_a_turn_that_cannot_be_true_any_more_passes_to_one_other(make_copy, now):
    with make_copy().poll_turn(2000.0, 2010.0), make_copy().poll_turn(now, now + 10.0) as turn:
        assert turn is not None
        assert turn.is_exclusive
        assert make_copy().poll_turn(now + 1.0, now + 11.0) is None


def test_a_holder_that_overran_takes_nothing_from_its_successor_as_it_lets_go(make_copy):
    overran = make_copy().poll_turn(2000.0, 2010.0)
    with make_copy().poll_turn(2011.0, 2021.0):
        overran.release()
        assert make_copy().poll_turn(2012.0, 2022.0) is None


def test_a_turn_whose_file_is_garbage_is_taken(make_copy):
    copy = make_copy()
    with copy.poll_turn(2000.0, 2010.0):
        next(Path(copy.directory).glob("*.poll")).write_text("soon")
        assert make_copy().poll_turn(2005.0, 2015.0) is not None


def test_a_turn_dropped_without_release_is_free(make_copy):
    copy = make_copy()
    copy.poll_turn(2000.0, 2010.0)
    with make_copy().poll_turn(2000.0, 2010.0) as turn:
        assert turn.is_exclusive


def test_a_forked_child_does_not_keep_its_dead_parents_turn(make_copy):
    """A flock lasts as long as any process has its descriptor: the child must have closed its copy."""
    waiting, release = os.pipe()
    started, tell = os.pipe()

    def hold_fork_and_die():
        turn = make_copy().poll_turn(2000.0, 2010.0)
        if os.fork() == 0:
            os.close(release)
            os.write(tell, b"x")
            os.read(waiting, 1)
            os._exit(0)
        assert turn is not None
        os.kill(os.getpid(), signal.SIGKILL)

    parent = in_child(hold_fork_and_die)
    assert exit_code(parent) == -signal.SIGKILL
    assert os.read(started, 1) == b"x"
    try:
        turn = make_copy().poll_turn(2001.0, 2011.0)
        assert turn is not None
        assert turn.is_exclusive
        turn.release()
    finally:
        os.close(release)
        os.close(waiting)
        os.close(started)
        os.close(tell)


def test_a_forked_child_does_not_give_its_parents_turn_away(make_copy):
    with make_copy().poll_turn(2000.0, 2010.0) as turn:
        assert exit_code(in_child(turn.release)) == 0
        assert make_copy().poll_turn(2005.0, 2015.0) is None


def test_locks_leave_no_descriptors_behind(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored(1))
    before = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
    for revision in range(2, 12):
        copy.save(make_stored(revision))
        with copy.poll_turn(2000.0, 2010.0):
            assert make_copy().poll_turn(2000.0, 2010.0) is None
        copy.load()
    assert not before or len(list(Path("/proc/self/fd").iterdir())) == before


WITHOUT_FCNTL = """
import pickle, sys
sys.modules["fcntl"] = None
from buildflags_sdk._storage.disk import DiskCopy, Stored
stored = Stored(**pickle.loads(sys.stdin.buffer.read()))
copy = DiskCopy(sys.argv[1], "https://flags.example", "acme", "production")
assert copy.save(stored)
assert copy.load() == stored
first, second = copy.poll_turn(1.0, 2.0), copy.poll_turn(1.0, 2.0)
assert first is not None and second is not None and not first.is_exclusive
"""


def test_without_flock_everything_works_but_taking_turns(tmp_path, make_copy, make_stored):
    import pickle

    stored = make_stored()
    subprocess.run(
        [sys.executable, "-c", WITHOUT_FCNTL, str(tmp_path / "cache")], input=pickle.dumps(stored._asdict()), check=True
    )
    assert make_copy().load() == stored


HEAVY = {"httpx", "pydantic", "cachetools", "asyncio", "ssl", "dataclasses", "email", "logging", "pathlib"}


def test_reading_the_copy_and_a_bundle_loads_nothing_heavy():
    code = "import sys; import buildflags_sdk._storage.disk, buildflags_sdk._storage.files; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=_import_path()
    )
    assert HEAVY & set(done.stdout.split()) == set()


def _import_path():
    import buildflags_sdk

    return {**os.environ, "PYTHONPATH": str(Path(buildflags_sdk.__file__).parent.parent)}


def test_a_disk_copy_reads_no_clock_and_opens_no_file_when_it_is_made(tmp_path):
    def refuse(*_args):
        raise AssertionError

    DiskCopy(tmp_path / "none", "u", "w", "e", opener=refuse, sleep=refuse, wall=refuse)
    assert list(tmp_path.iterdir()) == []
