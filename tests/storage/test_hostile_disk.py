"""Disks that are full, read-only, or laid with traps."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from buildflags_sdk._storage.disk import DiskCopy
from buildflags_sdk._storage.paths import candidate_directories, usable_directory
from buildflags_sdk.errors import StorageError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
needs_no_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def path_of(copy, ending):
    return next(path for path in sorted(Path(copy.directory).iterdir()) if path.name.endswith(ending))


class FullDisk:
    """Opens new files, once it is full, so that not one byte fits: as files sealed at their size of 0."""

    def __init__(self):
        self.full = False

    def __call__(self, path, flags, mode=0o777):
        descriptor = os.open(path, flags, mode)
        if not (self.full and flags & os.O_EXCL):
            return descriptor
        import fcntl

        os.close(descriptor)
        sealed = os.memfd_create("full", os.MFD_ALLOW_SEALING)
        fcntl.fcntl(sealed, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
        return sealed


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs Linux's sealed files")
def test_a_disk_without_room_keeps_the_copy_it_has(make_copy, make_stored):
    disk = FullDisk()
    copy = make_copy(opener=disk)
    copy.save(make_stored(1))
    disk.full = True
    with pytest.raises(StorageError):
        copy.save(make_stored(2))
    disk.full = False
    assert make_copy().load() == make_stored(1)
    assert list(Path(copy.directory).glob("*.part")) == []
    assert copy.save(make_stored(2))
    assert make_copy().load() == make_stored(2)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO])
def test_every_refusal_of_the_system_is_a_storage_error_and_harms_nothing(make_copy, make_stored, code):
    def refuse(path, flags, mode=0o777):
        if flags & os.O_CREAT:
            raise OSError(code, os.strerror(code), path)
        return os.open(path, flags, mode)

    make_copy().save(make_stored(1))
    copy = make_copy(opener=refuse)
    assert copy.load() == make_stored(1)
    for act in (
        lambda: copy.save(make_stored(2)),
        lambda: copy.note_failure(1900.0, 1),
        lambda: copy.poll_turn(2000.0, 2010.0),
    ):
        with pytest.raises(StorageError, match=os.strerror(code)):
            act()
    assert make_copy().load() == make_stored(1)


@needs_no_root
def test_a_folder_that_may_only_be_read_is_still_loaded_from(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored(1))
    Path(copy.directory).chmod(0o500)
    try:
        assert make_copy().load() == make_stored(1)
        with pytest.raises(StorageError, match="permissions"):
            make_copy().save(make_stored(2))
    finally:
        Path(copy.directory).chmod(0o700)


@pytest.mark.parametrize("ending", [".head", ".page"])
def test_a_symbolic_link_in_place_of_a_file_is_not_followed(make_copy, make_stored, tmp_path, ending):
    copy = make_copy()
    copy.save(make_stored(1))
    path = path_of(copy, ending)
    path.replace(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError):
        make_copy().load()


INTRUDERS = {
    "a link": lambda path, victim: path.symlink_to(victim),
    "a link to nothing": lambda path, victim: path.symlink_to(victim.with_name("nowhere")),
    "a pipe": lambda path, _victim: os.mkfifo(path),
    "a folder": lambda path, _victim: path.mkdir(),
}


@pytest.fixture(params=list(INTRUDERS))
def intrude(request, tmp_path):
    """A function that puts something else in the place of a file. Nothing is ever done to what it points at."""
    victim = tmp_path / "victim"
    victim.write_text("precious")

    def put(path):
        path.unlink(missing_ok=True)
        INTRUDERS[request.param](path, victim)

    yield put
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("ending", [".head", ".page"])
def test_what_stands_in_a_files_place_is_not_read_and_the_next_save_replaces_it(
    make_copy, make_stored, intrude, ending
):
    copy = make_copy()
    copy.save(make_stored(1))
    intrude(path_of(copy, ending))
    with pytest.raises(StorageError, match="in place of a file"):
        make_copy().load()
    make_copy().note_failure(1500.0, 1)
    assert copy.save(make_stored(1, checked_at=1600.0)), "the process whose file it was"
    assert make_copy().load() == make_stored(1, checked_at=1600.0)
    intrude(path_of(copy, ending))
    assert make_copy().save(make_stored(2)), "another one"
    assert make_copy().load() == make_stored(2)


def test_what_stands_in_the_place_of_the_turn_is_replaced(make_copy, make_stored, intrude):
    copy = make_copy()
    copy.save(make_stored(1))
    intrude(path_of(copy, ".head").with_suffix(".poll"))
    with copy.poll_turn(2000.0, 2010.0) as turn:
        assert turn.is_exclusive
        assert make_copy().poll_turn(2001.0, 2011.0) is None


@pytest.mark.parametrize("ending", [".head", ".page", ".poll"])
def test_a_folder_with_something_in_it_stays_and_the_error_says_what_to_remove(make_copy, make_stored, ending):
    copy = make_copy()
    copy.save(make_stored(1))
    path = path_of(copy, ".head" if ending == ".poll" else ending).with_suffix(ending)
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "precious").write_text("precious")
    with pytest.raises(StorageError, match=rf"{path.name} is a folder.*remove it"):
        copy.poll_turn(2000.0, 2010.0) if ending == ".poll" else copy.save(make_stored(1, checked_at=1500.0))
    assert (path / "precious").read_text() == "precious"


def test_a_folder_that_is_a_link_is_refused(tmp_path, make_stored):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    copy = DiskCopy(tmp_path / "link", "https://flags.example", "acme", "production")
    for act in (copy.load, lambda: copy.save(make_stored()), lambda: copy.poll_turn(1.0, 2.0)):
        with pytest.raises(StorageError, match="symbolic link"):
            act()
    assert list((tmp_path / "real").iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_can_write_to_is_refused(make_copy, make_stored, mode):
    copy = make_copy()
    copy.save(make_stored())
    Path(copy.directory).chmod(mode)
    with pytest.raises(StorageError, match="others"):
        copy.load()


@needs_root
@pytest.mark.parametrize("ending", [".head", ".page"])
def test_a_file_of_another_user_is_refused(make_copy, make_stored, ending):
    copy = make_copy()
    copy.save(make_stored())
    os.chown(path_of(copy, ending), 12345, -1)
    with pytest.raises(StorageError, match="12345"):
        make_copy().load()


@needs_root
@pytest.mark.parametrize("ending", [".head", ".page", ".poll"])
def test_a_file_of_another_user_is_replaced_in_a_folder_of_ours(make_copy, make_stored, ending):
    copy = make_copy()
    copy.save(make_stored(1))
    copy.poll_turn(2000.0, 2010.0).release()
    os.chown(path_of(copy, ending), 12345, -1)
    assert make_copy().save(make_stored(1, checked_at=1500.0))
    make_copy().poll_turn(2000.0, 2010.0).release()
    assert make_copy().load() == make_stored(1, checked_at=1500.0)
    assert {path.stat().st_uid for path in Path(copy.directory).iterdir()} == {os.geteuid()}


@needs_root
def test_where_only_its_owner_may_remove_a_file_the_error_says_who_that_is():
    """As in a sticky folder, such as /tmp."""
    code = """
import os, sys
from buildflags_sdk._storage.paths import make_way
from buildflags_sdk.errors import StorageError
os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    make_way(sys.argv[1])
except StorageError as error:
    print(error)
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        theirs = Path(folder) / "theirs"
        theirs.write_text("precious")
        said = subprocess.run(
            [sys.executable, "-c", code, str(theirs)], capture_output=True, text=True, check=True
        ).stdout
        assert theirs.read_text() == "precious"
    assert "belongs to user 0" in said
    assert "remove it" in said


@needs_root
def test_a_folder_of_another_user_is_refused(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored())
    os.chown(copy.directory, 12345, -1)
    with pytest.raises(StorageError, match="12345"):
        copy.load()


@pytest.mark.parametrize(
    ("environ", "platform", "home", "expected"),
    [
        ({"BUILDFLAGS_CACHE_DIR": "/srv/flags", "XDG_CACHE_HOME": "/x"}, "linux", "/home/ada", ("/srv/flags",)),
        ({"XDG_CACHE_HOME": "/x"}, "linux", "/home/ada", ("/x/buildflags", "/tmp/buildflags-7")),
        ({"XDG_CACHE_HOME": "relative"}, "linux", "/home/ada", ("/home/ada/.cache/buildflags", "/tmp/buildflags-7")),
        ({"BUILDFLAGS_CACHE_DIR": ""}, "linux", "/home/ada", ("/home/ada/.cache/buildflags", "/tmp/buildflags-7")),
        ({}, "linux", None, ("/tmp/buildflags-7",)),
        ({}, "darwin", "/Users/ada", ("/Users/ada/Library/Caches/buildflags", "/tmp/buildflags-7")),
        ({}, "win32", None, ("/tmp/buildflags-7",)),
    ],
)
def test_the_folder_is_the_chosen_one_else_the_users_cache_else_a_temporary_one(environ, platform, home, expected):
    assert candidate_directories(environ, platform=platform, home=home, temporary="/tmp", user="7") == expected


def test_the_first_folder_that_works_is_taken(tmp_path):
    (tmp_path / "file").write_text("")
    candidates = (str(tmp_path / "file" / "cache"), str(tmp_path / "new" / "cache"), str(tmp_path / "other"))
    assert usable_directory(candidates) == candidates[1]
    assert not (tmp_path / "other").exists()
    assert usable_directory(candidates[:1]) is None
