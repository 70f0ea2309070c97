"""What differs between two revisions: lines compared as bytes, page by page, and everything that reaches a changed one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from buildflags_sdk._snapshot.indexed_page import IndexedPage, Name

T = TypeVar("T")

_LINES_A_STEP = 128


class Contents(NamedTuple):
    """The pages of one revision by name, and for each key the page it stands in."""

    pages: dict[str, IndexedPage]
    flags: dict[str, IndexedPage]
    segments: dict[str, IndexedPage]

    def page_with(self, name: Name) -> IndexedPage | None:
        """Give the page in which an entry stands, or None."""
        is_segment, key = name
        return (self.segments if is_segment else self.flags).get(key)


class Changes(NamedTuple):
    """The keys of flags, and of segments, that were added, changed or removed, or that reach one that was."""

    flags: frozenset[str]
    segments: frozenset[str]


def changes_in_steps(older: Contents, newer: Contents) -> Generator[None, None, Changes]:
    """Find what changed from one revision to another. Pages that both have cost nothing."""
    changed = yield from _changed_lines(older, newer)
    reached = set(changed)
    while changed:  # an entry whose own line changed is in already, so only the newer revision's names matter
        found: set[Name] = set()
        for page in newer.pages.values():
            named_by = page.named_by()
            for name in named_by:
                if name in changed:
                    found.update(named_by[name])
            yield
        changed = found - reached
        reached |= changed
    return Changes(
        frozenset([key for is_segment, key in reached if not is_segment]),
        frozenset([key for is_segment, key in reached if is_segment]),
    )


def run(steps: Generator[None, None, T]) -> T:
    """Take all steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result


def _changed_lines(older: Contents, newer: Contents) -> Generator[None, None, set[Name]]:
    changed: set[Name] = set()
    for page in _pages_of_one(newer, older):
        for count, name in enumerate(_names_in(page)):
            before = older.page_with(name)
            if before is None or before.line(*name) != page.line(*name):
                changed.add(name)
            if count % _LINES_A_STEP == 0:
                yield
    for page in _pages_of_one(older, newer):
        changed.update([name for name in _names_in(page) if newer.page_with(name) is None])
        yield
    return changed


def _pages_of_one(one: Contents, other: Contents) -> Iterator[IndexedPage]:
    return (page for name, page in one.pages.items() if name not in other.pages)


def _names_in(page: IndexedPage) -> Iterator[Name]:
    for key in page.flags.keys:
        yield False, key
    for key in page.segments.keys:
        yield True, key
