"""The lock of the process that asks the backend for its host. Nobody waits for it, and none survives into a forked child."""

# importing pathlib costs a cold start 5 to 12 ms, and this is on the first answer's path
# ruff: noqa: PTH108
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from buildflags_sdk._living import Living

from .paths import NotOurs, Opener, make_way, open_own, read_own, storage_error

try:
    import fcntl
except ImportError:  # Windows: processes do not coordinate there; renaming and checksums keep the files whole
    _HAS_FLOCK = False
else:
    _HAS_FLOCK = True

if TYPE_CHECKING:
    from types import TracebackType


class HeldLock:
    """A lock that is held until `release`, the end of a `with` block, or the end of the process.

    `descriptor` is None where nothing needs to be let go: without flock.
    """

    __slots__ = ("__weakref__", "_descriptor")

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            _held.add(self)

    @property
    def is_exclusive(self) -> bool:
        """Whether other processes are really kept out."""
        return self._descriptor is not None

    def write(self, text: bytes) -> None:
        """Put text into the lock's file, in place of what stood there. Raises OSError, on a full disk for one."""
        if self._descriptor is not None:
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))

    def release(self) -> None:
        """Let go. More than once does no harm."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            _held.discard(self)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child forked this instant may hold the descriptor too
            finally:
                os.close(descriptor)

    def forget(self) -> None:
        """Close the descriptor without unlocking: what a forked child does with its parent's lock."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()


def try_turn(path: str, now: float, deadline: float, opener: Opener = os.open) -> HeldLock | None:
    """Take the lock for one exchange that ends by `deadline` (unix seconds); None while another's exchange may still run.

    The file tells when the holder will have ended. One whose holder has overrun (it was stopped), or whose end lies
    further ahead than this exchange's own would (a clock was set back), makes way for a new file. Two processes may find
    that out in the same instant: the worst is one request more.

    Raises:
        StorageError: the file cannot be opened, written or replaced.
    """
    if not _HAS_FLOCK:
        return HeldLock(None)
    lock = None
    try:
        lock = _try_lock(path, opener)
        if lock is None:
            until = _read_until(path, opener)
            if until is not None and now <= until <= now + 2 * (deadline - now):
                return None
            os.unlink(path)
            lock = _try_lock(path, opener)
        if lock is not None:
            lock.write(f"{deadline:.3f}\n".encode())
    except FileNotFoundError:  # another process made way first, and the turn is its
        return None
    except OSError as error:
        if lock is not None:
            lock.release()
        raise storage_error(error, path) from error
    return lock


def _try_lock(path: str, opener: Opener) -> HeldLock | None:
    """Take a lock on a file, made if need be, without waiting; None while another process or thread has it."""
    try:
        descriptor = open_own(path, os.O_RDWR | os.O_CREAT, opener)
    except NotOurs:
        make_way(path)
        descriptor = open_own(path, os.O_RDWR | os.O_CREAT, opener)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = os.path.samestat(os.fstat(descriptor), os.lstat(path))  # else it is the lock of a file that made way
    except BlockingIOError:
        held = False
    except BaseException:
        os.close(descriptor)
        raise
    if not held:
        os.close(descriptor)
        return None
    return HeldLock(descriptor)


def _read_until(path: str, opener: Opener) -> float | None:
    try:
        return float(read_own(path, 64, opener) or b"")
    except ValueError:
        return None


_held: Living[HeldLock] = Living()


def _forget_in_child() -> None:
    for lock in _held:
        lock.forget()
    _held.clear()


# A lock lasts as long as any process has its descriptor open: a child that kept its parent's copy would hold the lock of
# a parent that was killed. This room's own hook, because nothing else may need to know its locks.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
