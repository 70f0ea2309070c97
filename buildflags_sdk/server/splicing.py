"""From one revision's pages and some changed lines to the next one's pages. Pure: pages come and go as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from buildflags_sdk._wire.manifest import INLINE_LIMIT
from buildflags_sdk._wire.page import EMPTY_PAGE, choose_bits, encode_page, encode_pages, index_page, page_name, page_of
from buildflags_sdk.errors import PageError

Entry = tuple[bool, str]
"""Is it a segment, and its key."""
Changes = Mapping[Entry, bytes | None]
"""The new line of each changed entry; None for one that is gone."""


class Layout(NamedTuple):
    """How a ruleset lies: inline, or in 2**bits pages; with its entries and bytes, so that nobody counts them again."""

    bits: int
    entries: int
    total_bytes: int
    pages: tuple[str, ...]
    inline: str | None


EMPTY = Layout(bits=0, entries=0, total_bytes=0, pages=(), inline="")


class Spliced(NamedTuple):
    """The next layout, and the bodies of the pages that it does not share with the one before."""

    layout: Layout
    written: dict[str, bytes]


def splice(layout: Layout, read: Callable[[str], bytes], changes: Changes) -> Spliced:
    """Put changed lines into a ruleset. Only the pages that hold them are read and written, unless the number changes.

    Raises:
        RulesetError, PageError: a line that cannot stand in a page.
    """
    if layout.inline is not None or layout.bits == 0:
        lines = _lines_of(layout, read)
        _apply(lines, changes)
        return _layout(lines.values(), None)
    touched: dict[int, dict[Entry, bytes | None]] = {}
    for entry, line in changes.items():
        touched.setdefault(page_of(entry[1], layout.bits), {})[entry] = line
    entries, total = layout.entries, layout.total_bytes
    pages = list(layout.pages)
    written: dict[str, bytes] = {}
    for number, changed in touched.items():
        page = _index(_read(pages[number], read))
        entries -= len(page)
        total -= _size(page)
        _apply(page, changed)
        entries += len(page)
        total += _size(page)
        try:
            body = encode_page(page.values())
        except PageError:  # one page outgrew its cap while the mean is small: all are laid out anew
            return _all_anew(layout, read, changes)
        pages[number] = page_name(body)
        if body:
            written[pages[number]] = body
    if total <= INLINE_LIMIT or choose_bits(entries, total, layout.bits) != layout.bits:
        return _all_anew(layout, read, changes)
    return Spliced(Layout(layout.bits, entries, total, tuple(pages), None), written)


def lay_out(lines: Iterable[bytes]) -> Spliced:
    """Lay out a whole ruleset from nothing, in the number of pages that suits its size.

    Raises:
        RulesetError, PageError: a line that cannot stand in a page, or an entry that stands there twice.
    """
    return _layout(list(lines), None)


def _all_anew(layout: Layout, read: Callable[[str], bytes], changes: Changes) -> Spliced:
    lines = _lines_of(layout, read)
    _apply(lines, changes)
    return _layout(lines.values(), layout.bits)


def _layout(lines: Iterable[bytes], current_bits: int | None) -> Spliced:
    lines = list(lines)
    total = sum(map(len, lines)) + len(lines)
    if total <= INLINE_LIMIT:
        inline = encode_page(lines).decode()
        return Spliced(Layout(0, len(lines), total, (), inline), {})
    bits = choose_bits(len(lines), total, current_bits)
    bits, bodies = _encoded(lines, bits)
    names = tuple(page_name(body) for body in bodies)
    written = {name: body for name, body in zip(names, bodies, strict=True) if body}
    return Spliced(Layout(bits, len(lines), total, names, None), written)


def _encoded(lines: list[bytes], bits: int) -> tuple[int, list[bytes]]:
    """Encode with `bits`, or with more where one page would be over its cap."""
    while True:
        try:
            return bits, encode_pages(lines, bits)
        except PageError:
            if len(lines) < 2**bits:  # more pages cannot help: a single line is too long
                raise
            bits += 1


def _lines_of(layout: Layout, read: Callable[[str], bytes]) -> dict[Entry, bytes]:
    if layout.inline is not None:
        return _index(layout.inline.encode())
    lines: dict[Entry, bytes] = {}
    for name in layout.pages:
        lines.update(_index(_read(name, read)))
    return lines


def _read(name: str, read: Callable[[str], bytes]) -> bytes:
    return b"" if name == EMPTY_PAGE else read(name)


def _index(body: bytes) -> dict[Entry, bytes]:
    return {(is_segment, key): line for is_segment, key, line in index_page(body)}


def _apply(lines: dict[Entry, bytes], changes: Changes) -> None:
    for entry, line in changes.items():
        if line is None:
            lines.pop(entry, None)
        else:
            lines[entry] = line


def _size(lines: Mapping[Entry, bytes]) -> int:
    return sum(map(len, lines.values())) + len(lines)
