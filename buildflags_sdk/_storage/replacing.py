"""Writing a file beside its place and renaming it there, whole or not at all. What stands there is replaced, never followed."""

# importing pathlib costs a cold start 5 to 12 ms, and this is on the first answer's path
# ruff: noqa: PTH105, PTH108
from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Self

from .paths import Opener, make_way, open_own, storage_error

if TYPE_CHECKING:
    from types import TracebackType

TEMPORARY = ".part"
"""How the names of files end that are being written, or that killed writers left."""


class NewFile:
    """A file being written; deleted at the end of a `with` block unless it was put into place. Raises StorageError only."""

    __slots__ = ("_descriptor", "_target", "path")

    def __init__(self, target: str, opener: Opener) -> None:
        self._target = target
        self.path = f"{target}.{os.getpid()}-{os.urandom(4).hex()}{TEMPORARY}"
        try:
            self._descriptor: int | None = open_own(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, opener)
        except OSError as error:
            raise storage_error(error, target) from error

    def put(self, data: bytes) -> bool:
        """Write all of it and rename the file into its place; False if another process has deleted it by then."""
        try:
            self._write(data)
            self._close()
            try:
                os.replace(self.path, self._target)
            except (IsADirectoryError, PermissionError):  # the system replaces a link or a pipe, but no folder
                make_way(self._target)
                os.replace(self.path, self._target)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise storage_error(error, self._target) from error
        return True

    def _write(self, data: bytes) -> None:
        if self._descriptor is not None:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)


def outrun_others(ours: str, target: str) -> bool:
    """Delete the files that other processes are about to rename to `target`; False if one cannot be (Windows: it is open).

    Raises:
        StorageError: the folder cannot be read.
    """
    folder, name = os.path.split(target)
    try:
        with os.scandir(folder) as entries:
            begun = [
                entry.path for entry in entries if entry.name.startswith(f"{name}.") and entry.name.endswith(TEMPORARY)
            ]
        for path in begun:
            if path != ours:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
    except PermissionError:
        return False
    except OSError as error:
        raise storage_error(error, folder) from error
    return True
