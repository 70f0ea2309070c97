"""Flags given once, by a file or by hand: what a view is bound to when there is no backend. Serves without being started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildflags_sdk._evaluation.details import Source
from buildflags_sdk._reports import Status
from buildflags_sdk._standing import FixedStanding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk._snapshot import Snapshot, Table
    from buildflags_sdk._standing import Standing

    from .dispatcher import Dispatcher


class GivenFlags:
    """One ruleset that never changes."""

    ready = True
    closed = False

    def __init__(
        self, snapshot: Snapshot, *, workspace: str, environment: str, broken: Mapping[str, str] | None = None
    ) -> None:
        self.table: Table = snapshot.table
        self.workspace = workspace
        self.environment = environment
        self.name = f"given {workspace}/{environment}"
        self._broken = dict(broken or {})
        self._standing = FixedStanding(Source.FILE)
        self._dispatcher: Dispatcher | None = None

    @property
    def dispatcher(self) -> Dispatcher:
        """A dispatcher that never has anything to tell."""
        if self._dispatcher is None:
            from .dispatcher import Dispatcher  # noqa: PLC0415 - loads threading, which a first answer does not need

            self._dispatcher = Dispatcher(lambda _listener, _error: None)
        return self._dispatcher

    def attach(self, told: Callable[[], None]) -> None:
        """Nothing to tell: these flags never change."""

    def come_back(self) -> bool:
        """Nothing to wake."""
        return True

    def standing_of(self, snapshot: Snapshot) -> Standing:  # noqa: ARG002 - there is only one
        """They come from a file or from the caller, and do not age."""
        return self._standing

    def status(self) -> Status:
        """How it stands: there is nothing to refresh."""
        snapshot = self.table.snapshot
        return Status(
            workspace=self.workspace,
            environment=self.environment,
            source=Source.FILE,
            epoch=snapshot.epoch,
            revision=snapshot.revision,
            freshness=None,
            age=None,
            flags=len(snapshot.keys()),
            last_error=None,
            failures=0,
            failing_for=None,
            next_refresh_in=None,
            refreshing=False,
            polls=0,
            not_modified=0,
            swaps=0,
            step_backs=0,
            disk=None,
            disk_error=None,
            broken={**snapshot.broken(), **self._broken},
            closed=self.closed,
        )
