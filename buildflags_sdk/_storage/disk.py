"""The disk copy: the last good ruleset of one environment, shared by the processes of one user on one host.

What it reads it verifies as if the network had sent it. It raises StorageError only, waits for nobody longer than a
fraction of a second, never calls fsync (a checksum finds what a crash tore), and deletes nothing that may be in use.
"""

# importing pathlib costs a cold start 5 to 12 ms, and this is on the first answer's path
# ruff: noqa: PTH105, PTH108, PTH118
from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from buildflags_sdk._wire.limits import DEFAULT_LIMITS, Limits
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk._wire.page import verify_page
from buildflags_sdk.errors import RulesetError, StorageError

from .head import HEADER_BYTES, Place, Stored, checked_body, decode_head, encode_head
from .lock import HeldLock, lock_with_retries, try_turn
from .paths import Opener, check_directory, open_own, read_own, storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DiskCopy", "HeldLock", "Stored"]

KEPT_UNNAMED = 3600.0
"""Seconds for which a page stays that no head names: longer than any save takes."""

_PAUSES = (0.01, 0.02, 0.04, 0.08, 0.15)
_PAGE, _HEAD, _TEMPORARY = ".page", ".head", ".part"


class DiskCopy:
    """The disk copy of one environment of one backend. One folder serves any number of them.

    `opener`, `sleep` and `wall` are there so that a test can fill the disk and stop the clock. A copy that is not `trusted`
    is not loaded, and yields to any that is saved.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        url: str,
        workspace: str,
        environment: str,
        limits: Limits = DEFAULT_LIMITS,
        *,
        opener: Opener = os.open,
        sleep: Callable[[float], None] = time.sleep,
        wall: Callable[[], float] = time.time,
        trusted: Callable[[Stored], bool] = lambda _: True,
    ) -> None:
        self.directory = os.fspath(directory)
        self._place = Place(url, workspace, environment)
        self._limits = limits
        self._opener = opener
        self._sleep = sleep
        self._wall = wall
        self._trusted = trusted
        self._known: set[str] = set()
        """Pages this object has itself verified or written here, so that saving the next revision writes only new ones."""

    def load(self) -> Stored | None:
        """Read the copy with its pages, every byte of it verified; None if there is none, or it is damaged.

        Raises:
            StorageError: the folder or a file is not ours alone, or cannot be read.
        """
        for _attempt in range(2):  # a head read just before it was replaced may name pages that are gone
            stored = self.peek()
            if stored is None or not self._trusted(stored):
                return None
            pages = self._read_pages(stored.manifest_body)
            if pages is not None:
                self._known.update(pages)
                return stored._replace(pages=pages)
        return None

    def peek(self) -> Stored | None:
        """Read the head alone, without pages: who asked the backend last, when, and what came of it; or None.

        Raises:
            StorageError: as `load`.
        """
        if not os.path.lexists(self.directory):
            return None
        check_directory(self.directory)
        data = read_own(self._path(self._head_name), self._limits.manifest_bytes + HEADER_BYTES, self._opener)
        try:
            if data is None:
                return None
            stored = decode_head(data, self._place, self._limits)
            self._place.manifest(stored.manifest_body, self._limits)
        except RulesetError:
            return None
        return stored

    def save(self, stored: Stored) -> bool:
        """Make this the copy, unless a newer one is there; tell whether it is now the one.

        Newer is a higher generation, then a higher (epoch, revision). For a step back that was accepted, give the
        generation that was loaded plus one. For the same manifest, the later check wins. False also when other processes
        kept writing: theirs is as good.

        Raises:
            RulesetError: the manifest is not of this environment (a defect of the caller's).
            StorageError: the folder cannot be written, or the disk is full. What was there before is still there.
        """
        manifest = self._place.manifest(stored.manifest_body, self._limits)
        missing = [name for name in manifest.wanted if name not in stored.pages]
        if missing:
            msg = f"page {missing[0]} is not among the pages to be saved"
            raise RulesetError(msg)
        with self._writing() as lock:
            if lock is None:
                return False
            there = self.peek()
            if there is not None and self._trusted(there) and not self._is_newer(stored, there):
                return False
            for name in manifest.wanted:
                self._put_page(name, stored.pages[name])
            self._put(self._head_name, encode_head(self._place, stored))
            if lock.is_exclusive and there is not None and there.manifest_body != stored.manifest_body:
                self._collect_garbage()
        return True

    def note_failure(self, failed_at: float, failures: int) -> None:
        """Note that the backend gave no usable answer, for the other processes of this host to back off with.

        Without a copy there is nothing to note it in, and each process finds out itself.

        Raises:
            StorageError: as `save`.
        """
        with self._writing() as lock:
            there = self.peek() if lock is not None else None
            if there is not None and not self._was_asked_since(failed_at, there):
                self._put(
                    self._head_name, encode_head(self._place, there._replace(failed_at=failed_at, failures=failures))
                )

    def poll_turn(self, now: float, deadline: float) -> HeldLock | None:
        """Take this host's turn to ask the backend, until `deadline` (both unix seconds); None while another has it.

        Release it after `save` or `note_failure`, or use it as a context manager. A forked child has no part in it.

        Raises:
            StorageError: the folder cannot be written. Ask the backend all the same.
        """
        check_directory(self.directory, make=True)
        return try_turn(self._path(self._place.file_name + ".poll"), now, deadline, self._opener)

    @property
    def _head_name(self) -> str:
        return self._place.file_name + _HEAD

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[HeldLock | None]:
        """Hold the folder's one write lock: heads and pages change, and pages are collected, under it alone."""
        check_directory(self.directory, make=True)
        lock = lock_with_retries(self._path("lock"), _PAUSES, self._sleep, self._opener)
        try:
            yield lock
        finally:
            if lock is not None:
                lock.release()

    def _is_newer(self, ours: Stored, theirs: Stored) -> bool:
        if ours.generation != theirs.generation:
            return ours.generation > theirs.generation
        if ours.manifest_body == theirs.manifest_body:
            return not self._was_asked_since(ours.checked_at, theirs)
        return self._order(ours) > self._order(theirs)

    def _was_asked_since(self, moment: float, there: Stored) -> bool:
        """Tell whether a later answer or failure is noted. One from the future is none: a clock was set back since."""
        now = self._wall()
        return any(moment < noted <= now for noted in (there.checked_at, there.failed_at))

    def _order(self, stored: Stored) -> tuple[int, int]:
        return self._place.manifest(stored.manifest_body, self._limits).order

    def _read_pages(self, manifest_body: bytes) -> dict[str, bytes] | None:
        pages: dict[str, bytes] = {}
        for name in self._place.manifest(manifest_body, self._limits).wanted:
            body = read_own(self._path(name + _PAGE), self._limits.page_bytes, self._opener)
            if body is None:
                return None
            try:
                verify_page(name, body, self._limits)
            except RulesetError:
                return None
            pages[name] = body
        return pages

    def _put_page(self, name: str, body: bytes) -> None:
        """See to it that a page is there, whole, and young enough to be left alone until a head names it."""
        path = self._path(name + _PAGE)
        try:
            if name not in self._known and read_own(path, self._limits.page_bytes, self._opener) != body:
                raise FileNotFoundError(path)  # noqa: TRY301 - damaged is as good as absent
            os.utime(path, follow_symlinks=False)
        except (FileNotFoundError, StorageError):
            self._put(name + _PAGE, body)
        except OSError as error:
            raise storage_error(error, path) from error
        self._known.add(name)

    def _put(self, name: str, data: bytes) -> None:
        """Write a file under another name, then rename it into place. A link that stands there is replaced, not followed."""
        path = self._path(name)
        temporary = self._path(f"{name}.{os.getpid()}-{os.urandom(4).hex()}{_TEMPORARY}")
        try:
            descriptor = open_own(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._opener)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(descriptor, view) :]
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise storage_error(error, path) from error

    def _collect_garbage(self) -> None:
        """Delete pages that no head names and that nobody has touched for an hour, and what killed writers left.

        A head of a newer version may name pages in ways not known here: then everything stays.
        """
        before = self._wall() - KEPT_UNNAMED
        named: set[str] = set()
        old: list[os.DirEntry[str]] = []
        try:
            with os.scandir(self.directory) as entries:
                for entry in entries:
                    if entry.name.endswith(_HEAD):
                        named.update(self._pages_of_head(entry.path))
                    elif (
                        entry.name.endswith((_PAGE, _TEMPORARY)) and entry.stat(follow_symlinks=False).st_mtime < before
                    ):
                        old.append(entry)
            for entry in old:
                if entry.name.removesuffix(_PAGE) not in named:
                    os.unlink(entry.path)
        except (OSError, RulesetError, StorageError):
            return  # the copy itself is saved; what is left over takes some room until the next revision

    def _pages_of_head(self, path: str) -> tuple[str, ...]:
        data = read_own(path, self._limits.manifest_bytes + HEADER_BYTES, self._opener)
        body = checked_body(data or b"")
        if body is None:
            return ()  # damaged: nobody can load what it named
        return decode_manifest(body.partition(b"\n")[2], workspace=None, environment=None, limits=self._limits).wanted
