"""The copies on this machine, as one feed uses them: the disk copy and the bootstrap file. A disk that fails is a log line.

Processes that share a folder share their polls: who is due takes the answer that another got, or the turn to ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from buildflags_sdk._evaluation.details import Source
from buildflags_sdk._refresh.events import NeighbourAsks, NeighbourFailed, Seeded
from buildflags_sdk._storage.disk import DiskCopy, HeldLock, Stored
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk.errors import BuildFlagsError, FlagFileError, StorageError, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from buildflags_sdk._config import Settings
    from buildflags_sdk._freshness import Moment
    from buildflags_sdk._refresh.events import Served
    from buildflags_sdk._refresh.machine import Refresh
    from buildflags_sdk._snapshot import Snapshot
    from buildflags_sdk._wire.signing import Pins


T = TypeVar("T")


class LocalCopies:
    """Reads and keeps copies for one environment. `say(level, message)` is called once per change of the disk's state."""

    def __init__(
        self, settings: Settings, directory: str | None, say: Callable[..., None], pins: Pins | None = None
    ) -> None:
        self._settings = settings
        self._pins = pins
        self._say = say
        self.directory = directory
        self._errors: dict[str, str] = {}
        self._disk = (
            None
            if directory is None
            else DiskCopy(
                directory,
                settings.url,
                settings.workspace,
                settings.environment,
                settings.limits,
                trusted=lambda stored: self._trusts(stored.manifest_body, stored.signature),
            )
        )
        self._turn: HeldLock | None = None
        self._noted: tuple[float, float] = (0.0, 0.0)

    @property
    def error(self) -> str | None:
        """What is wrong with the disk, or None."""
        return next(iter(self._errors.values()), None)

    def seeds(self) -> Iterator[Seeded]:
        """What there is before the network answers, best first: the disk copy, then the bootstrap file."""
        stored = self._try("read", self._disk.load) if self._disk is not None else None
        if stored is not None:
            yield self._seeded(stored)
        if self._settings.bootstrap is not None:
            seed = self._bootstrap(self._settings.bootstrap)
            if seed is not None:
                yield seed

    def shared(self, machine: Refresh, now: Moment) -> Seeded | NeighbourFailed | NeighbourAsks | None:
        """What another process of this host knows or does; None when it is this process's turn to ask."""
        disk = self._disk
        if disk is None:
            return None
        head = self._try("read", disk.peek)
        if head is not None and machine.settled_by(head.checked_at, now):
            stored = self._try("read", disk.load)
            if stored is not None:
                return self._seeded(stored)
        if head is not None and machine.settled_by_failure(head.failed_at, head.failures, now):
            return NeighbourFailed(head.failed_at, head.failures)
        try:
            self._turn = disk.poll_turn(now.wall, now.wall + self._settings.polling.deadline)
        except (StorageError, OSError) as error:
            self._failed("write", error)
            return None
        return NeighbourAsks() if self._turn is None else None

    def note(self, machine: Refresh, snapshot: Snapshot | None, now: Moment) -> None:
        """Keep what the backend said, once a refresh has ended, and give up the turn to ask."""
        disk, served = self._disk, machine.served
        if disk is None:
            return
        try:
            if machine.failures and not machine.failure_is_own:
                if self._turn is not None:
                    self._noted = (self._noted[0], now.wall)
                    self._try("write", lambda: disk.note_failure(now.wall, machine.backoff_step))
            elif served is not None and snapshot is not None and self._is_news(served, snapshot):
                self._noted = (served.checked_at, self._noted[1])
                stored = _stored(served, snapshot)
                self._try("write", lambda: disk.save(stored))
        finally:
            self.give_up_turn()

    def _is_news(self, served: Served, snapshot: Snapshot) -> bool:
        return (
            served.source is Source.NETWORK
            and served.checked_at > self._noted[0]
            and served.manifest.order == snapshot.order
        )

    def forked(self) -> None:
        """The parent's turn is not the child's."""
        self._turn = None

    def give_up_turn(self) -> None:
        """Let another process of this host ask the backend."""
        turn, self._turn = self._turn, None
        if turn is not None:
            self._try("turn", turn.release)

    def _trusts(self, body: bytes, signature: str | None) -> bool:
        return self._pins is None or self._pins.trust(body, signature)

    def _seeded(self, stored: Stored) -> Seeded:
        settings = self._settings
        manifest = decode_manifest(
            stored.manifest_body,
            workspace=settings.workspace,
            environment=settings.environment,
            limits=settings.limits,
        )
        return Seeded(
            manifest, stored.pages, stored.etag, stored.headers, stored.checked_at, Source.DISK, stored.generation
        )

    def _bootstrap(self, path: Path | str) -> Seeded | None:
        from buildflags_sdk._storage.files import FlagsFile, read_file  # noqa: PLC0415 - only with a bootstrap file

        settings = self._settings
        try:
            bundle = read_file(path, settings.limits)
            if isinstance(bundle, FlagsFile):
                msg = "it is a flags file for people; make the bootstrap file with `buildflags pull -o FILE`"
                raise FlagFileError(msg)
            if self._pins is not None:
                self._pins.check(bundle.manifest_body, bundle.signature)
            manifest = decode_manifest(
                bundle.manifest_body,
                workspace=settings.workspace,
                environment=settings.environment,
                limits=settings.limits,
            )
        except (BuildFlagsError, OSError) as error:
            self._say("error", f"the bootstrap file {path} cannot be used: {words_of(error)}")
            return None
        headers = {} if bundle.signature is None else {"buildflags-signature": bundle.signature}
        return Seeded(manifest, bundle.pages, bundle.etag, headers, bundle.saved_at, Source.BOOTSTRAP)

    def _try(self, what: str, work: Callable[[], T]) -> T | None:
        try:
            result = work()
        except (BuildFlagsError, OSError) as error:
            self._failed(what, error)
            return None
        self._errors.pop(what, None)
        return result

    def _failed(self, what: str, error: Exception) -> None:
        """Note what went wrong; say so if nothing was wrong before. A full disk can be read all the time."""
        words = words_of(error)
        if not self._errors:
            self._say("warning", f"the disk copy cannot be used: {words}", directory=self.directory)
        self._errors[what] = words


def _stored(served: Served, snapshot: Snapshot) -> Stored:
    return Stored(
        generation=served.generation,
        manifest_body=served.manifest.raw,
        pages=snapshot.pages,
        etag=served.etag,
        headers=dict(served.headers),
        signature=served.headers.get("buildflags-signature"),
        checked_at=served.checked_at,
    )
