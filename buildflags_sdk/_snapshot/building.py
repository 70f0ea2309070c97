"""Building a snapshot from verified pages in steps of about 0.1 ms, so that whoever evaluates meanwhile notices nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildflags_sdk._wire.limits import DEFAULT_LIMITS, Limits
from buildflags_sdk._wire.page import digest_name, verify_page
from buildflags_sdk.errors import PageError, RulesetError

from .changes import Contents, changes_in_steps, run
from .indexed_page import IndexedPage, index_in_steps
from .snapshot import Carried, Snapshot

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from buildflags_sdk._wire.manifest import Manifest

_KEYS_A_STEP = 1024


def build(
    manifest: Manifest,
    pages: Mapping[str, bytes],
    previous: Snapshot | None,
    limits: Limits = DEFAULT_LIMITS,
) -> Generator[None, None, Snapshot]:
    """Build the snapshot that a manifest describes, as the value of a generator of small steps.

    `pages` needs to hold only pages that `previous` has not; those it has are shared, with their index. Compiled entries
    of `previous` are taken over where nothing they reach has changed. What was compiled and did change, and every entry
    over 8 KB, is compiled before the end: after the swap no caller pays for the refresh.

    Raises:
        PageError: a page is missing, too large, or not what its name says.
        RulesetError: a key stands there twice, or there are more entries than the limit.
    """
    contents = yield from _contents_in_steps(manifest, pages, previous, limits)
    carried = Carried.nothing()
    if previous is not None:
        changes = yield from changes_in_steps(previous.contents(), contents)
        carried = previous.carried(changes)
        yield
    snapshot = Snapshot(manifest, contents, carried)
    for is_segment, key in carried.dropped:
        _ = snapshot.segment(key) if is_segment else snapshot.compiled(key)
        yield
    for page in contents.pages.values():
        for is_segment, key in page.large:
            _ = snapshot.segment(key) if is_segment else snapshot.compiled(key)
            yield
    return snapshot


def build_now(
    manifest: Manifest,
    pages: Mapping[str, bytes],
    previous: Snapshot | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Snapshot:
    """Build a snapshot at once: `build`, run to its end."""
    return run(build(manifest, pages, previous, limits))


def _contents_in_steps(
    manifest: Manifest,
    pages: Mapping[str, bytes],
    previous: Snapshot | None,
    limits: Limits,
) -> Generator[None, None, Contents]:
    known = {} if previous is None else previous.contents().pages
    contents = Contents({}, {}, {})
    keys_since_pause = 0
    for name, body in _bodies(manifest, pages, known):
        page = known.get(name)
        if page is None:
            if manifest.inline is None:
                verify_page(name, body, limits)
                yield
            page = yield from index_in_steps(name, body, limits)
        contents.pages[name] = page
        _add(contents.flags, page.flags.keys, page, "flag")
        _add(contents.segments, page.segments.keys, page, "segment")
        if len(contents.flags) + len(contents.segments) > limits.entries:
            msg = f"the ruleset has more than {limits.entries} entries, the limit; raise it or split the environment"
            raise RulesetError(msg)
        keys_since_pause += len(page.flags.keys) + len(page.segments.keys)
        if keys_since_pause >= _KEYS_A_STEP or name not in known:
            keys_since_pause = 0
            yield
    return contents


def _bodies(
    manifest: Manifest,
    pages: Mapping[str, bytes],
    known: Mapping[str, IndexedPage],
) -> Iterator[tuple[str, bytes]]:
    """Give name and bytes of each page; an inline ruleset is one page, under the hash of its bytes."""
    if manifest.inline is not None:
        body = manifest.inline.encode()
        yield digest_name(body), body
    for name in manifest.wanted:
        if name in known:
            yield name, known[name].body
        elif name in pages:
            yield name, pages[name]
        else:
            msg = f"page {name} is missing; fetch it from {manifest.pages_at}"
            raise PageError(msg)


def _add(index: dict[str, IndexedPage], keys: tuple[str, ...], page: IndexedPage, kind: str) -> None:
    """Add a page's keys to the index of the whole, in C; count to find a key that stands there twice."""
    before = len(index)
    index.update(dict.fromkeys(keys, page))
    if len(index) != before + len(keys):
        msg = f"a {kind} stands twice in the ruleset, once in a page with {keys[0]!r} to {keys[-1]!r}; publish it again"
        raise RulesetError(msg)
