"""Where the scene is shown: a live picture in a terminal, plain lines anywhere else. Both tell the same story."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, Self

from rich.live import Live
from rich.text import Text

from examples.demo.picture import frame, histograms

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from examples.demo.histogram import Histogram
    from examples.demo.scene import Scene

FRAMES_PER_SECOND = 12


class Screen(Protocol):
    """What the play shows itself on."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; what is shown stays."""
        ...

    def show(self, scene: Scene) -> None:
        """Show this moment."""
        ...


def make_screen(console: Console) -> Screen:
    """The screen that suits the console."""
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class LiveScreen:
    """One picture, redrawn in place; the last one stays."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, scene: Scene) -> None:
        """Draw the scene over the one before."""
        self._live.update(frame(scene), refresh=True)


class PlainScreen:
    """Lines, each written once, as things happen."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.flush()

    def show(self, scene: Scene) -> None:
        """Write what is new in the scene."""
        for line in scene.story[self._told :]:
            self._console.print(Text(line), soft_wrap=True)
        self._told = len(scene.story)


def show_histograms(console: Console, evaluations: Histogram, requests: Histogram, failed: int) -> None:
    """The end of the story."""
    console.print()
    console.print(histograms(evaluations, requests, failed))
