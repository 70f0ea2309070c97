"""The pages fetched for the manifest on its way, each checked before it is kept. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildflags_sdk._wire.page import verify_page
from buildflags_sdk.errors import PageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._wire.limits import Limits
    from buildflags_sdk._wire.manifest import Manifest


class Shelf:
    """Keeps what came, also when the rest failed: the next try asks only for what is still missing."""

    __slots__ = ("_limits", "pages")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.pages: dict[str, bytes] = {}

    def begin(self, manifest: Manifest, pages: Mapping[str, bytes]) -> None:
        """Drop what another manifest left here and this one does not name; put in `pages`, verified before."""
        at_hand = {**self.pages, **pages}
        self.pages = {name: at_hand[name] for name in manifest.wanted if name in at_hand}

    def missing(self, manifest: Manifest, served: Manifest | None) -> tuple[str, ...]:
        """The pages still to fetch: neither here nor held by the ruleset in service."""
        held = set() if served is None else set(served.pages)
        return tuple(name for name in manifest.wanted if name not in held and name not in self.pages)

    def put(self, pages: Mapping[str, bytes], wanted: tuple[str, ...]) -> PageError | None:
        """Keep those that are wanted and what their names say. Returns the first error."""
        first: PageError | None = None
        for name in wanted:
            body = pages.get(name)
            if body is None:
                continue
            try:
                verify_page(name, body, self._limits)
            except PageError as error:
                first = first or error
            else:
                self.pages[name] = body
        return first
