"""What differs between two revisions: lines compared as bytes, page by page, and everything that reaches a changed one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from .indexed_page import IndexedPage, Name

T = TypeVar("T")

_LINES_A_STEP = 128


class Contents(NamedTuple):
    """The pages of one revision by name, and for each key the page it stands in."""

    pages: dict[str, IndexedPage]
    flags: dict[str, IndexedPage]
    segments: dict[str, IndexedPage]

    def page_with(self, is_segment: bool, key: str) -> IndexedPage | None:
        """Give the page in which an entry stands, or None."""
        return (self.segments if is_segment else self.flags).get(key)


class Changes(NamedTuple):
    """The keys of flags, and of segments, that were added, changed or removed, or that reach one that was."""

    flags: frozenset[str]
    segments: frozenset[str]


def changes_in_steps(older: Contents, newer: Contents) -> Generator[None, None, Changes]:
    """Find what changed from one revision to another. Pages that both have cost nothing."""
    reached = yield from _changed_lines(older, newer)
    changed = (reached[0].copy(), reached[1].copy())
    while changed[0] or changed[1]:  # an entry whose own line changed is in already: only the newer one's names matter
        found: tuple[set[str], set[str]] = (set(), set())
        for page in newer.pages.values():
            for (is_segment, key), namers in page.named_by().items():
                if key in changed[is_segment]:
                    for namer_is_segment, namer in namers:
                        found[namer_is_segment].add(namer)
            yield
        changed = (found[0] - reached[0], found[1] - reached[1])
        reached[0].update(changed[0])
        reached[1].update(changed[1])
    yield
    flags = frozenset(reached[0])
    yield
    return Changes(flags, frozenset(reached[1]))


def run(steps: Generator[None, None, T]) -> T:
    """Take all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result


def _changed_lines(older: Contents, newer: Contents) -> Generator[None, None, tuple[set[str], set[str]]]:
    changed: tuple[set[str], set[str]] = (set(), set())
    for page in _pages_of_one(newer, older):
        for count, (is_segment, key) in enumerate(_names_in(page), 1):
            before = older.page_with(is_segment, key)
            if before is None or before.line(is_segment, key) != page.line(is_segment, key):
                changed[is_segment].add(key)
            if count % _LINES_A_STEP == 0:
                yield
        yield  # most pages are shorter than a step: without this all lines of all pages were one (15 ms at 10,000)
    for page in _pages_of_one(older, newer):
        for is_segment, key in _names_in(page):
            if newer.page_with(is_segment, key) is None:
                changed[is_segment].add(key)
        yield
    return changed


def _pages_of_one(one: Contents, other: Contents) -> Iterator[IndexedPage]:
    return (page for name, page in one.pages.items() if name not in other.pages)


def _names_in(page: IndexedPage) -> Iterator[Name]:
    for key in page.flags.keys:
        yield False, key
    for key in page.segments.keys:
        yield True, key
