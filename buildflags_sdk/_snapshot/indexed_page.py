"""A page's bytes with the keys found in them. Shared by all revisions that name the page; decodes no entry."""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

from buildflags_sdk._wire.page import FLAG_START, line_key, page_lines
from buildflags_sdk.errors import PageError, RulesetError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from buildflags_sdk._wire.limits import Limits

Name: TypeAlias = "tuple[bool, str]"
"""(is a segment, key): what an entry is called, and what one entry calls another by."""

LARGE_LINE = 8192
"""An entry longer than this takes long enough to compile that no caller should wait for it."""

_LINES_A_STEP = 128
_PLAIN_LINES = 1024
"""As many lines as are indexed in one step where that is quick: 0.3 ms."""


class Entries:
    """The keys of one kind in a page, and where each one's line begins: 12 bytes an entry beside the key."""

    __slots__ = ("_starts", "keys")

    def __init__(self, keys: tuple[str, ...], starts: array[int]) -> None:
        self.keys = keys
        self._starts = starts

    def start_of(self, key: str) -> int:
        """Tell where the line of a key that is here begins."""
        position = bisect_left(self.keys, key)
        if position == len(self.keys) or self.keys[position] != key:
            position = self.keys.index(key)  # a page whose lines are not sorted; its hash is right all the same
        return self._starts[position]


class IndexedPage:
    """A page that has been verified and indexed. `unreadable` tells, by place, which lines are no entries."""

    __slots__ = ("_named_by", "body", "flags", "large", "segments", "unreadable")

    def __init__(
        self,
        body: bytes,
        flags: Entries,
        segments: Entries,
        large: tuple[Name, ...] = (),
        unreadable: Mapping[str, str] | None = None,
    ) -> None:
        self.body = body
        self.flags = flags
        self.segments = segments
        self.large = large
        self.unreadable = unreadable or {}
        self._named_by: dict[Name, tuple[Name, ...]] | None = None

    def entries(self, is_segment: bool) -> Entries:
        """Give the entries of one kind."""
        return self.segments if is_segment else self.flags

    def line(self, is_segment: bool, key: str) -> bytes:
        """Give the raw line of an entry that is here."""
        start = self.entries(is_segment).start_of(key)
        end = self.body.find(b"\n", start)
        return self.body[start:] if end < 0 else self.body[start:end]

    def named_by(self) -> Mapping[Name, tuple[Name, ...]]:
        """Give which entries here name which segment or flag: none is left out, a few may be too many.

        Found by a search of the bytes on first use, then kept: revisions come, most pages stay.
        """
        if self._named_by is None:
            self._named_by = _find_names(self.body)
        return self._named_by


def index_in_steps(name: str, body: bytes, limits: Limits) -> Generator[None, None, IndexedPage]:
    """Index a verified page, pausing between some lines. A line that is no entry is noted, the rest is used.

    Raises:
        PageError: a line is over its limit.
    """
    lines = page_lines(body)
    plain = _plain_flags(lines, limits.line_bytes) if len(lines) <= _PLAIN_LINES else None
    if plain is not None:
        return IndexedPage(body, plain, Entries((), array("L")))
    keys: tuple[list[str], list[str]] = ([], [])
    starts: tuple[array[int], array[int]] = (array("L"), array("L"))
    large: list[Name] = []
    unreadable: dict[str, str] = {}
    start, most = 0, limits.line_bytes
    for number, line in enumerate(lines, 1):
        size = len(line)
        if size > most:
            msg = f"line {number} of page {name} has {size} bytes, over the limit of {limits.line_bytes}"
            raise PageError(msg)
        try:
            is_segment, key = line_key(line)
        except RulesetError as error:
            unreadable[f"page {name} line {number}"] = str(error)
        else:
            keys[is_segment].append(key)
            starts[is_segment].append(start)
            if size > LARGE_LINE:
                large.append((is_segment, key))
        start += size + 1
        if number % _LINES_A_STEP == 0:
            yield
    flags, segments = (Entries(tuple(keys[kind]), starts[kind]) for kind in (False, True))
    return IndexedPage(body, flags, segments, tuple(large), unreadable)


def _plain_flags(lines: list[bytes], most: int) -> Entries | None:
    """Index a page of nothing but flags with short lines and plain keys, as most are; None for any other.

    It says what the loop over `line_key` says, in a quarter of the time: of 20 ms for 10,000 flags it saves 7.
    """
    sizes = [len(line) for line in lines]
    if not lines or max(sizes) > min(most, LARGE_LINE):
        return None
    ends = [line.find(b'"', 8) for line in lines if line[:8] == FLAG_START]
    if len(ends) != len(lines) or -1 in ends:
        return None
    raw = b'"'.join([line[8:end] for line, end in zip(lines, ends, strict=True)])  # no key holds the quote that ends it
    if b"\\" in raw or not raw.isascii():
        return None
    starts = accumulate([size + 1 for size in sizes[:-1]], initial=0)
    return Entries(tuple(raw.decode().split('"')), array("L", starts))


def page_of_lines(flag_lines: Mapping[str, bytes], segment_lines: Mapping[str, bytes]) -> IndexedPage:
    """Make a page of lines at hand, each under the key given for it.

    Raises:
        RulesetError: a line holds a newline.
    """
    lines: list[bytes] = []
    start = 0

    def entries_of(given: Mapping[str, bytes]) -> Entries:
        nonlocal start
        starts = array("L")
        for key in sorted(given):
            if b"\n" in given[key]:
                msg = f"the line of {key!r} holds a newline; write it as canonical JSON"
                raise RulesetError(msg)
            lines.append(given[key])
            starts.append(start)
            start += len(given[key]) + 1
        return Entries(tuple(sorted(given)), starts)

    flags, segments = entries_of(flag_lines), entries_of(segment_lines)
    return IndexedPage(b"\n".join(lines), flags, segments)


_QUOTED_NAME = rb'\s*:\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"'


def _find_names(body: bytes) -> dict[Name, tuple[Name, ...]]:
    """Search a page for "segment":"..." and "flag":"...", wherever they stand."""
    found: dict[Name, dict[Name, None]] = {}
    namers: dict[int, Name | None] = {}
    # Not at import: a cold start, which compares nothing, saves 0.4 ms.
    match_name = re.compile(_QUOTED_NAME, re.DOTALL).match
    for is_segment, needle in ((True, b'"segment"'), (False, b'"flag"')):
        position = body.find(needle)
        while position >= 0:
            start = body.rfind(b"\n", 0, position) + 1
            match = None if position == start + 1 else match_name(body, position + len(needle))
            if match is not None:
                if start not in namers:  # a line may name thousands: its own key is read once
                    namers[start] = _name_of(body, start)
                _note(found, (is_segment, match[1]), namers[start])
            position = body.find(needle, position + len(needle))
    if b"\\u" in body:  # a name, or the word before it, may be written in escapes: those lines are read as JSON
        _find_escaped_names(found, body)
    return {name: tuple(namers) for name, namers in found.items()}


def _name_of(body: bytes, start: int) -> Name | None:
    end = body.find(b"\n", start)
    try:
        return line_key(body[start:] if end < 0 else body[start:end])
    except RulesetError:  # the line is no entry: it reaches nothing
        return None


def _note(found: dict[Name, dict[Name, None]], name: tuple[bool, bytes], namer: Name | None) -> None:
    is_segment, raw = name
    try:
        key = json.loads(b'"' + raw + b'"') if b"\\" in raw else raw.decode()
    except ValueError:  # the line's JSON is broken: it reaches nothing
        return
    if namer is not None:
        found.setdefault((is_segment, key), {})[namer] = None


def _find_escaped_names(found: dict[Name, dict[Name, None]], body: bytes) -> None:
    for line in page_lines(body):
        if b"\\u" not in line:
            continue
        names: list[Name] = []

        def collect(pairs: list[tuple[str, Any]], names: list[Name] = names) -> None:
            names += [
                (key == "segment", text) for key, text in pairs if key in {"segment", "flag"} and type(text) is str
            ]

        try:
            namer = line_key(line)
            json.loads(line, object_pairs_hook=collect)
        except (ValueError, RecursionError):
            continue
        for name in names:
            if name != namer:
                found.setdefault(name, {})[namer] = None
