"""A driver for the state machine that never sleeps: it moves two clocks by hand and answers as the test says."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._freshness import Moment
from buildflags_sdk._refresh.events import (
    Action,
    Adopt,
    Adopted,
    Answered,
    Event,
    Failed,
    FetchManifest,
    FetchPages,
    PagesFetched,
    Report,
    WaitUntil,
)
from buildflags_sdk._refresh.machine import Refresh
from buildflags_sdk._refresh.polling import Polling
from buildflags_sdk._wire.manifest import Manifest, decode_manifest, encode_manifest, etag_of
from buildflags_sdk._wire.page import page_name
from buildflags_sdk.errors import ConnectionFailed

EDGE = "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"


class Ruleset:
    """One published ruleset: its manifest's bytes, its pages, its ETag."""

    def __init__(self, revision: int, epoch: int = 1, pages: tuple[bytes, ...] | None = None, note: str = "") -> None:
        inline = '{"key":"a"}\n' if pages is None else None
        names = None if pages is None else [page_name(page) for page in pages]
        self.pages = {page_name(page): page for page in pages or ()}
        self.body = encode_manifest(
            workspace="acme",
            environment="production",
            epoch=epoch,
            revision=revision,
            published_at=note or "2026-11-23T09:00:00Z",
            pages_at="/p/secret/",
            pages=names,
            inline=inline,
        )
        self.etag = etag_of(self.body, None)
        self.order = (epoch, revision)

    @property
    def manifest(self) -> Manifest:
        return decode_manifest(self.body, workspace="acme", environment="production")

    def answer(self, asked: FetchManifest | None = None, **headers: Any) -> Answered:
        """What a backend that serves this says: 304 if the request named it, else 200. `headers` with _ for -."""
        given = {"cache-control": EDGE, "content-type": "application/json", "etag": self.etag}
        given |= {name.replace("_", "-"): str(value) for name, value in headers.items() if value is not None}
        if asked is not None and asked.etag == self.etag:
            return Answered(304, given)
        return Answered(200, given, self.body)


class Anybody:
    """Signing keys are pinned, and every signature fits."""

    def check(self, body: bytes, header: str | None) -> None:
        pass


class Driver:
    """Drives one machine. `dice` is what every throw gives."""

    def __init__(self, *, pinned_key: bool = False, dice: float = 0.0, **polling: float) -> None:
        self.machine = Refresh(
            workspace="acme",
            environment="production",
            polling=Polling(**polling),
            pins=Anybody() if pinned_key else None,
        )
        self.now = Moment(1000.0, 1_795_424_400.0)
        self.dice = dice
        self.reports: list[Report] = []

    def act(self) -> Action:
        return self.machine.next_action(self.now)

    def tell(self, event: Event) -> Report | None:
        report = self.machine.received(event, self.now, self.dice)
        if report is not None:
            self.reports.append(report)
        return report

    def advance(self, seconds: float) -> None:
        self.now = self.now.later(seconds)

    @property
    def wait(self) -> float:
        """Seconds until the machine would act."""
        action = self.act()
        assert isinstance(action, WaitUntil), action
        return action.monotonic - self.now.monotonic

    def asked(self) -> FetchManifest:
        """Let time pass until the machine asks, and give what it asks."""
        action = self.act()
        if isinstance(action, WaitUntil):
            self.advance(action.monotonic - self.now.monotonic)
            action = self.act()
        assert isinstance(action, FetchManifest), action
        return action

    def serve(self, ruleset: Ruleset, *, unconditional: bool = False, **headers: Any) -> Report | None:
        """Let the next poll be answered with a ruleset, and do all that follows until the machine waits again."""
        asked = self.asked()
        report = self.tell(ruleset.answer(None if unconditional else asked, **headers))
        return self.finish(ruleset) or report

    def finish(self, ruleset: Ruleset) -> Report | None:
        report = None
        while not self.machine.settled:
            action = self.act()
            if isinstance(action, FetchPages):
                report = self.tell(PagesFetched({name: ruleset.pages[name] for name in action.missing}))
            else:
                assert isinstance(action, Adopt), action
                report = self.tell(Adopted())
        return report

    def fail(self, error: Exception | None = None) -> Report | None:
        self.asked()
        return self.tell(Failed(error or ConnectionFailed("no route to host")))

    @property
    def order(self) -> tuple[int, int] | None:
        served = self.machine.served
        return None if served is None else served.manifest.order


@pytest.fixture
def make() -> type[Driver]:
    return Driver


@pytest.fixture
def driver() -> Driver:
    return Driver()


@pytest.fixture
def ruleset() -> type[Ruleset]:
    return Ruleset
