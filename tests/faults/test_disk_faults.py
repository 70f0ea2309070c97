"""Disks that are full, closed, torn or not what they seem: a log line, and the backend is asked all the same."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import Source

from .stage import FAST, PATIENCE, Program, Stage, lines_of, said, until, version

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534

PATIENT = FAST._replace(deadline=PATIENCE)
"""For tests that count log lines: on a busy machine a second can pass before an answer, and that is a line of its own."""


@pytest.fixture
def disk(stage: Stage) -> Path:
    """A folder with a disk copy of `v1`."""
    folder = stage.folder / "disk"
    client = stage.started(cache_dir=folder)
    until(lambda: list(folder.glob("*.head")))
    client.close()
    return folder


def head_of(disk: Path) -> Path:
    """The one head file."""
    (head,) = disk.glob("*.head")
    return head


def starts_from(stage: Stage, disk: Path) -> str:
    """What a new process finds there while the backend is away."""
    stage.fault("refuse")
    client = stage.client(cache_dir=disk)
    client.start(wait=0.3)
    until(lambda: client.status().polls >= 1)
    found = said(client)
    stage.server.well()
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
    client.close()
    return found


def test_kill9_while_writing(stage: Stage) -> None:
    """A few kills, at any moment of a run of publications; each leaves a copy that can be loaded."""
    folder = stage.folder / "disk"
    for number in range(2, 6):
        with Program(stage, cache_dir=str(folder)) as program:
            assert program.ready
            for again in range(3):
                stage.server.publish(version(number * 10 + again))
                program.run("client.refresh(wait=0)")
            program.process.kill()
            program.process.wait()
        stage.fault("refuse")
        client = stage.client(cache_dir=folder)
        client.start(wait=PATIENCE)
        assert client.status().source is Source.DISK
        client.close()
        stage.server.well()


def test_cache_cut_in_half(stage: Stage, disk: Path) -> None:
    head = head_of(disk)
    head.write_bytes(head.read_bytes()[: head.stat().st_size // 2])
    assert starts_from(stage, disk) == "default"


def test_cache_garbage(stage: Stage, disk: Path) -> None:
    head_of(disk).write_bytes(os.urandom(4096))
    assert starts_from(stage, disk) == "default"


def test_cache_of_newer_format(stage: Stage, disk: Path) -> None:
    head = head_of(disk)
    head.write_bytes(head.read_bytes().replace(b'"buildflags_head":1', b'"buildflags_head":9'))
    assert starts_from(stage, disk) == "default"


def test_cache_unwritable(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """A file stands where the folder should be: the superuser cannot write there either."""
    (stage.folder / "in the way").write_text("")
    client = stage.started(cache_dir=stage.folder / "in the way")
    until(lambda: client.status().not_modified >= 2)
    assert len(lines_of(caplog)) == 1
    assert client.status().disk_error


@pytest.fixture
def folder_of_nobody() -> Iterator[Path]:
    """A folder for a disk copy that may be read by who owns it: by `nobody` when the tests run as root, else by them."""
    with tempfile.TemporaryDirectory() as folder:  # not in `tmp_path`, which only this user may enter
        yield Path(folder)
        Path(folder).chmod(0o700)


def may_write(folder: Path, *, allowed: bool) -> None:
    """Let the folder's owner write there, or only read. It comes to belong to `nobody` if this process is root's."""
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
    folder.chmod(0o700 if allowed else 0o500)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users and modes")
def test_a_folder_that_may_only_be_read_is_read_and_said_to_be_so_once(stage: Stage, folder_of_nobody: Path) -> None:
    """The superuser may write anywhere, so the process becomes `nobody` first."""
    disk = folder_of_nobody
    with Program(stage, cache_dir=str(disk), polling=PATIENT) as program:
        assert program.evaluate(f"until(lambda: any(n.endswith('.head') for n in os.listdir({str(disk)!r})))")
        program.run("client.close()")
        may_write(disk, allowed=False)
        if os.geteuid() == 0:
            program.run(f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})")
        program.run("globals().update(client=Client(**options)); client.start(wait=30)")
        assert program.evaluate("until(lambda: client.status().disk_error)")
        assert "fix permissions" in program.evaluate("client.status().disk_error")
        stage.server.publish(version(2))
        assert program.evaluate("until(lambda: said() == 'v2')")
        may_write(disk, allowed=True)
        assert program.evaluate("until(lambda: client.status().disk_error is None)")
        stage.server.publish(version(3))
        assert program.evaluate("until(lambda: said() == 'v3')")
        program.run("client.close()")
        _took, status, told = program.ended()
    assert status == 0
    assert told.count("the disk copy cannot be used") == 1
    assert len(told.splitlines()) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 64 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system, and only Linux has tmpfs")
    options = ["-t", "tmpfs", "-o", "size=64k,mode=0700"]
    done = subprocess.run([mount, *options, "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_without_room_is_said_once_and_used_again_when_there_is_room(
    stage: Stage, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = stage.started(cache_dir=small_disk, polling=PATIENT)
    until(lambda: list(small_disk.glob("*.head")))
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
    until(lambda: client.status().disk_error)
    assert "No space left" in client.status().disk_error
    assert "Free space" in client.status().disk_error
    stage.server.publish(version(3))
    until(lambda: said(client) == "v3")
    until(lambda: client.status().not_modified >= 2)
    assert len(lines_of(caplog)) == 1
    assert list(small_disk.glob("*.part")) == []
    filler.unlink()
    until(lambda: client.status().disk_error is None)
    client.close()
    assert starts_from(stage, small_disk) == "v3"


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_disk_full(stage: Stage) -> None:
    """No file may grow: every write fails in the middle. The client goes on, and says so once."""
    with Program(stage, cache_dir=str(stage.folder / "disk"), polling=PATIENT) as program:
        program.run("client.close()")
        program.run(
            "import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))"
        )
        stage.server.publish(version(2))
        program.run("globals().update(client=Client(**options)); client.start(wait=30)")
        assert program.evaluate("until(lambda: said() == 'v2')")
        assert program.evaluate("until(lambda: client.status().disk_error)")
        stage.server.publish(version(3))
        assert program.evaluate("until(lambda: said() == 'v3')")
        _took, status, told = program.ended()
    assert status == 0
    assert told.count("the disk copy cannot be used") == 1
    assert len(told.splitlines()) == 1


def test_cache_shared_by_processes(stage: Stage, disk: Path) -> None:
    with Program(stage, cache_dir=str(disk)) as one, Program(stage, cache_dir=str(disk)) as two:
        stage.server.publish(version(2))
        for program in (one, two):
            assert program.evaluate("until(lambda: said() == 'v2')")
            assert program.evaluate("client.status().disk_error") is None


def test_close_keeps_others_cache(stage: Stage, disk: Path) -> None:
    with Program(stage, cache_dir=str(disk)) as other:
        stage.started(cache_dir=disk).close()
        assert head_of(disk).exists()
        stage.server.publish(version(2))
        assert other.evaluate("until(lambda: said() == 'v2')")
        assert other.evaluate("client.status().disk_error") is None


def test_cache_never_executes_code(stage: Stage, disk: Path) -> None:
    """No pickle is read, and the disk's room knows none."""
    marker = stage.folder / "executed"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.system, (f"touch '{marker}'",))

    head_of(disk).write_bytes(pickle.dumps(Bomb()))
    assert starts_from(stage, disk) == "default"
    assert not marker.exists()
    code = "import sys, buildflags_sdk._storage.disk, buildflags_sdk._storage.files; print({'pickle', 'marshal', 'shelve'} & {n for n in sys.modules if n != 'marshal'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_cache_of_another_environment(stage: Stage, disk: Path) -> None:
    """The head of one environment under the name of another: its own text says what it is of."""
    staging = stage.client(cache_dir=disk, environment="staging")
    staging.start(wait=0.2)
    staging.close()
    assert said(staging) == "default"
    other = stage.folder / "other"
    shutil.copytree(disk, other)
    production = head_of(other)
    client = stage.client(cache_dir=other, environment="staging")
    place = client._engine.main._local._disk._head_name
    production.rename(other / place)
    client.start(wait=0.3)
    until(lambda: client.status().polls >= 1)
    assert said(client) == "default"
    assert client.status().source is Source.DEFAULT


def test_a_disk_that_fails_and_comes_back_is_said_once_each_time(
    stage: Stage, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = stage.started(cache_dir=disk)
    shutil.rmtree(disk)
    disk.write_text("in the way")
    until(lambda: client.status().disk_error)
    until(lambda: client.status().not_modified >= 4)
    assert len(lines_of(caplog)) == 1
    disk.unlink()
    until(lambda: client.status().disk_error is None)
    stage.server.publish(version(2))
    until(lambda: said(client) == "v2")
    until(lambda: list(disk.glob("*.head")))
