"""The disk copy: the last good ruleset of one environment, shared by the processes of one user on one host.

What it reads it verifies as if the network had sent it. It raises StorageError only, waits for nobody longer than a
fraction of a second, never calls fsync (a checksum finds what a crash tore), and deletes nothing that may be in use.

Writers need no lock, so that none of them, stopped or dead, holds the others up. Each (1) makes a file of its own beside
the head, (2) deletes the files that other writers have made so, (3) reads the head, (4) renames its file into the head's
place. Of two writers, whoever comes second to (1) deletes the first one's file, unless that is renamed by then and so
is read in (3); and a file that is gone cannot be renamed. So nobody replaces a head that it has not read, however long
it was stopped in between; who loses its file begins again.
"""

# importing pathlib costs a cold start 5 to 12 ms, and this is on the first answer's path
# ruff: noqa: PTH108, PTH118
from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from buildflags_sdk._wire.limits import DEFAULT_LIMITS, Limits
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk._wire.page import verify_page
from buildflags_sdk.errors import RulesetError, StorageError

from .head import HEADER_BYTES, Place, Stored, checked_body, decode_head, encode_head
from .lock import HeldLock, try_turn
from .paths import FOLDER_VARIABLE, NotOurs, Opener, check_directory, is_own, read_own, storage_error
from .replacing import TEMPORARY, NewFile, outrun_others

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DiskCopy", "HeldLock", "Stored"]

KEPT_UNNAMED = 3600.0
"""Seconds for which a page stays that no head names: longer than any save takes."""

_PAUSES = (0.01, 0.02, 0.04, 0.08, 0.15)
_PAGE, _HEAD = ".page", ".head"


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
        generation that was loaded plus one. For the same manifest, the later check wins.

        Raises:
            RulesetError: the manifest is not of this environment (a defect of the caller's).
            StorageError: the folder cannot be written, or the disk is full. What was there before is still there.
        """
        manifest = self._place.manifest(stored.manifest_body, self._limits)
        missing = [name for name in manifest.wanted if name not in stored.pages]
        if missing:
            msg = f"page {missing[0]} is not among the pages to be saved"
            raise RulesetError(msg)
        left: Stored | None = None

        def successor(there: Stored | None) -> Stored | None:
            nonlocal left
            if there is not None and self._trusted(there) and not self._is_newer(stored, there):
                return None
            for name in manifest.wanted:
                self._put_page(name, stored.pages[name])
            left = there
            return stored

        saved = self._replace_head(successor)
        if saved and left is not None and left.manifest_body != stored.manifest_body:
            self._collect_garbage()
        return saved

    def note_failure(self, failed_at: float, failures: int) -> None:
        """Note that the backend gave no usable answer, for the other processes of this host to back off with.

        Without a copy there is nothing to note it in, and each process finds out itself.

        Raises:
            StorageError: as `save`.
        """

        def successor(there: Stored | None) -> Stored | None:
            if there is None or self._was_asked_since(failed_at, there):
                return None
            return there._replace(failed_at=failed_at, failures=failures)

        self._replace_head(successor)

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

    def _replace_head(self, successor: Callable[[Stored | None], Stored | None]) -> bool:
        """Put what `successor` makes of the head that is there (or of None) in its place; False if it makes nothing."""
        path = self._path(self._head_name)
        for pause in (0.0, *_PAUSES):
            if pause:
                self._sleep(pause * (0.5 + os.urandom(1)[0] / 256))
            check_directory(self.directory, make=True)
            with NewFile(path, self._opener) as new:
                if not outrun_others(new.path, path):
                    continue
                head = successor(self._head_there())
                if head is None:
                    return False
                if new.put(encode_head(self._place, head)):
                    return True
        msg = (
            f"{path} cannot be replaced: other processes keep deleting or holding the file that is to be renamed to it. "
            f"Keep them out of that folder, or set {FOLDER_VARIABLE} to another one"
        )
        raise StorageError(msg)

    def _head_there(self) -> Stored | None:
        """The head to be replaced. What is no file of ours is as good as none."""
        try:
            return self.peek()
        except NotOurs:
            return None

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
        if not (is_own(path) and self._is_whole(name, body) and self._touched(path)):
            with NewFile(path, self._opener) as new:
                if not new.put(body):
                    msg = (
                        f"{path} cannot be written: another process deleted it at once. Keep others out of that folder"
                    )
                    raise StorageError(msg)
        self._known.add(name)

    def _is_whole(self, name: str, body: bytes) -> bool:
        if name in self._known:
            return True
        try:
            return read_own(self._path(name + _PAGE), self._limits.page_bytes, self._opener) == body
        except StorageError:
            return False

    @staticmethod
    def _touched(path: str) -> bool:
        try:
            os.utime(path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise storage_error(error, path) from error
        return True

    def _collect_garbage(self) -> None:
        """Delete pages that no head names and that nobody has touched for an hour, and what killed writers left.

        A page is looked at once more just before it goes. Should a save touch it even later, the next save writes it anew.
        A head of a newer version may name pages in ways not known here: then everything stays.
        """
        before = self._wall() - KEPT_UNNAMED
        named: set[str] = set()
        old: list[str] = []
        try:
            with os.scandir(self.directory) as entries:
                for entry in entries:
                    if entry.name.endswith(_HEAD):
                        named.update(self._pages_of_head(entry.path))
                    elif entry.name.endswith((_PAGE, TEMPORARY)) and _is_older(entry.path, before):
                        old.append(entry.name)
            for name in old:
                path = self._path(name)
                if name.removesuffix(_PAGE) not in named and _is_older(path, before):
                    os.unlink(path)
        except (OSError, RulesetError, StorageError):
            return  # the copy itself is saved; what is left over takes some room until the next revision

    def _pages_of_head(self, path: str) -> tuple[str, ...]:
        data = read_own(path, self._limits.manifest_bytes + HEADER_BYTES, self._opener)
        body = checked_body(data or b"")
        if body is None:
            return ()  # damaged: nobody can load what it named
        return decode_manifest(body.partition(b"\n")[2], workspace=None, environment=None, limits=self._limits).wanted


def _is_older(path: str, moment: float) -> bool:
    try:
        return os.lstat(path).st_mtime < moment
    except FileNotFoundError:  # another process has deleted it
        return False
