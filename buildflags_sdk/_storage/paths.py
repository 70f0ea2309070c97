"""Opening files that only this user could have made, and choosing the folder they stand in. Follows no symbolic link."""

# importing pathlib costs a cold start 5 to 12 ms, and this is on the first answer's path
# ruff: noqa: PTH100, PTH102, PTH103, PTH112, PTH114, PTH118, PTH120
from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Protocol

from buildflags_sdk.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FOLDER_VARIABLE = "BUILDFLAGS_CACHE_DIR"

# O_NONBLOCK: opening a pipe somebody put there must not wait for its other end. Windows has neither flag nor danger.
_SAFE = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class Opener(Protocol):
    """`os.open`, or a test's way to a full disk."""

    def __call__(self, path: str, flags: int, mode: int = 0o777, /) -> int: ...


class NotOurs(StorageError):
    """What stands in a file's place is no regular file of this user's. It is as good as none, and may be replaced."""


def candidate_directories(
    environ: Mapping[str, str],
    *,
    platform: str,
    home: str | None,
    temporary: str,
    user: str,
) -> tuple[str, ...]:
    """Give the folders for the disk copy, best first; if `$BUILDFLAGS_CACHE_DIR` names one, only that.

    >>> candidate_directories({}, platform="linux", home="/home/ada", temporary="/tmp", user="1000")
    ('/home/ada/.cache/buildflags', '/tmp/buildflags-1000')
    """
    chosen = environ.get(FOLDER_VARIABLE)
    if chosen:
        return (chosen,)
    fallback = os.path.join(temporary, f"buildflags-{user}")
    caches = _user_cache(environ, platform, home)
    return (fallback,) if caches is None else (os.path.join(caches, "buildflags"), fallback)


def usable_directory(candidates: Iterable[str]) -> str | None:
    """Give the first folder that can be made or is there, is this user's own and can be written; None if none is."""
    for candidate in candidates:
        try:
            check_directory(candidate, make=True)
        except StorageError:
            continue
        if os.access(candidate, os.W_OK | os.X_OK):
            return candidate
    return None


def check_directory(directory: str, *, make: bool = False) -> None:
    """Check that a folder is this user's own, no symbolic link, and that nobody else can write to it.

    Raises:
        StorageError: it is not, or it cannot be made.
    """
    try:
        if make:
            _make(directory)
        status = os.lstat(directory)
    except OSError as error:
        raise storage_error(error, directory) from error
    problem = None
    if stat.S_ISLNK(status.st_mode):
        problem = "is a symbolic link; give the real folder"
    elif not stat.S_ISDIR(status.st_mode):
        problem = "is not a folder"
    elif _is_foreign(status):
        problem = f"belongs to user {status.st_uid}; give a folder of your own"
    elif os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o022:
        problem = f"can be written by others (mode {stat.S_IMODE(status.st_mode):04o}); chmod it to 0700"
    if problem is not None:
        msg = f"the cache folder {directory} {problem}, or set {FOLDER_VARIABLE}, or turn the disk copy off"
        raise StorageError(msg)


def read_own(path: str, limit: int, opener: Opener = os.open) -> bytes | None:
    """Read a regular file of this user's, up to `limit` bytes; None if there is no such file or it is longer.

    Raises:
        NotOurs: it is a link, a folder, a pipe, or another user's.
        StorageError: it cannot be read.
    """
    try:
        descriptor = open_own(path, os.O_RDONLY, opener)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        size = os.fstat(descriptor).st_size
        return _read_all(descriptor, size) if size <= limit else None
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        os.close(descriptor)


def open_own(path: str, flags: int, opener: Opener = os.open) -> int:
    """Open a regular file of this user's, made with mode 0600 if `flags` say so; give its descriptor.

    Raises:
        OSError: as `os.open`.
        NotOurs: it is a link, a folder, a pipe, or another user's.
    """
    try:
        descriptor = opener(path, flags | _SAFE, 0o600)
    except (
        OSError
    ):  # ELOOP, EMLINK, EFTYPE, EISDIR, ENXIO or EACCES: each system has its own for what is not a file of ours
        _check_what_stands_at(path)
        raise
    try:
        _check_file(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_own(path: str) -> bool:
    """Tell whether a regular file of this user's stands there."""
    try:
        return _what_else(os.lstat(path)) is None
    except OSError:
        return False


def make_way(path: str) -> None:
    """Remove what stands in a file's place and is none of this user's: a link itself, never its target; a folder if empty.

    Raises:
        StorageError: it cannot be removed.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    problem = _what_else(status)
    if problem is None:
        return
    try:
        (os.rmdir if stat.S_ISDIR(status.st_mode) else os.unlink)(path)
    except FileNotFoundError:
        return
    except OSError as error:
        msg = (
            f"{path} {problem} in place of a file of this user's, and cannot be removed ({error.strerror}): remove it, or "
            f"set {FOLDER_VARIABLE} to another folder"
        )
        raise StorageError(msg) from error


def storage_error(error: OSError, path: str) -> StorageError:
    """Make the error that says what went wrong and what to do about it."""
    reason = error.strerror or str(error)
    return StorageError(
        f"{path}: {reason}. Free space or fix permissions there, set {FOLDER_VARIABLE} to another folder, or turn the disk "
        f"copy off with cache_dir=None; flags go on being served from memory"
    )


def _user_cache(environ: Mapping[str, str], platform: str, home: str | None) -> str | None:
    if platform == "win32":
        return environ.get("LOCALAPPDATA") or None
    if platform == "darwin":
        return os.path.join(home, "Library", "Caches") if home else None
    named = environ.get("XDG_CACHE_HOME", "")
    if named.startswith("/"):  # the XDG specification: a relative path is to be ignored
        return named
    return os.path.join(home, ".cache") if home else None


def _make(directory: str) -> None:
    """Make a folder with mode 0700, and its parents with it."""
    if os.path.isdir(directory) or os.path.islink(directory):
        return
    parent = os.path.dirname(os.path.abspath(directory))
    if not os.path.isdir(parent):
        os.makedirs(parent, 0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # another process was quicker
        os.mkdir(directory, 0o700)


def _check_what_stands_at(path: str) -> None:
    try:
        status = os.lstat(path)
    except OSError:
        return
    _check_file(status, path)


def _check_file(status: os.stat_result, path: str) -> None:
    problem = _what_else(status)
    if problem is not None:
        msg = f"{path} {problem} in place of a file of this user's: it is not read. The next save replaces it, or remove it"
        raise NotOurs(msg)


def _what_else(status: os.stat_result) -> str | None:
    """Say what it is, if not a regular file of this user's."""
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if stat.S_ISDIR(status.st_mode):
        return "is a folder"
    if not stat.S_ISREG(status.st_mode):
        return "is a pipe or a device"
    return f"belongs to user {status.st_uid}" if _is_foreign(status) else None


def _is_foreign(status: os.stat_result) -> bool:
    return hasattr(os, "geteuid") and status.st_uid != os.geteuid()


def _read_all(descriptor: int, size: int) -> bytes:
    chunks: list[bytes] = []
    while size > 0:
        chunk = os.read(descriptor, size)
        if not chunk:
            break
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
