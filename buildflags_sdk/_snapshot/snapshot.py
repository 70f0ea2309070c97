"""A snapshot: one revision of a ruleset and its compiled entries, and the table that evaluating methods read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import ref

from buildflags_sdk._evaluation.compiler import CompiledFlag, CompiledSegment, Pool, compile_flag, compile_segment
from buildflags_sdk._evaluation.details import Decision, ErrorCode, Fallback, Reason
from buildflags_sdk._wire.manifest import Manifest
from buildflags_sdk._wire.page import digest_name

from .changes import Changes, Contents, changes_in_steps, run
from .indexed_page import Name, page_of_lines

if TYPE_CHECKING:
    from collections.abc import Callable, KeysView, Mapping


NOT_FOUND: Final = Fallback("", reason=Reason.ERROR, error_code=ErrorCode.FLAG_NOT_FOUND).always
"""The entry of every key that is not in the ruleset. `Snapshot.decide` makes the decision that names its key."""


class Table(dict[str, Any]):
    """Key -> True or False for a constant boolean flag, else (context, snapshot, world) -> Decision.

    A flag is compiled when it is first asked for. Two threads that ask at once get the same entry; nobody waits.
    What is not in the ruleset is not stored, asking for wrong keys does not grow the table: it gives `NOT_FOUND`, one
    entry for all of them, since making each key its own decision costs 0.8 µs and only details show it.
    `pin` is the identity of the view that reads it, for scopes.
    """

    __slots__ = ("__weakref__", "_known", "pin", "snapshot")

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self._known = snapshot.keys()
        self.snapshot = snapshot
        self.pin: object = None

    def __missing__(self, key: str) -> Any:
        compiled = self.snapshot.compiled(key) if key in self._known else None
        if compiled is None:
            return NOT_FOUND
        entry = self[key] = compiled.entry
        return entry


class Snapshot:
    """One revision in memory. What it answers never changes; entries are compiled on first use, without a lock.

    It keeps the pages' bytes and cuts a line out when it is needed (measured at 10,000 flags, 5.4 MB: 1.2 times the
    payload). Pages and compiled entries refer to no snapshot, so that each old one dies with its last reader.
    """

    __slots__ = (
        "__weakref__",
        "_changes",
        "_compiled_flags",
        "_compiled_segments",
        "_contents",
        "_flags",
        "_pool",
        "_segments",
        "_table",
        "identity",
        "manifest",
    )

    def __init__(self, manifest: Manifest, contents: Contents, carried: Carried) -> None:
        self.manifest = manifest
        self._contents = contents
        self._flags = contents.flags
        self._segments = contents.segments
        self._compiled_flags = carried.flags
        self._compiled_segments = carried.segments
        self._pool = carried.pool
        self._changes = (carried.since, carried.changes)
        self.identity = object()
        self._table: ref[Table] | None = None

    @classmethod
    def from_lines(
        cls,
        flag_lines: Mapping[str, bytes],
        segment_lines: Mapping[str, bytes],
        revision: int = 0,
    ) -> Snapshot:
        """Make a snapshot of lines at hand, each under the key given for it: of an application's own flags, or a test's.

        Raises:
            RulesetError: a line holds a newline.
        """
        page = page_of_lines(flag_lines, segment_lines)
        contents = Contents(
            {digest_name(page.body): page},
            dict.fromkeys(flag_lines, page),
            dict.fromkeys(segment_lines, page),
        )
        return cls(Manifest(1, "", "", 0, revision, "", "/", (), None, b""), contents, Carried.nothing())

    @property
    def order(self) -> tuple[int, int]:
        """(epoch, revision): the higher one is newer."""
        return self.manifest.order

    @property
    def epoch(self) -> int:
        """The first half of the order."""
        return self.manifest.epoch

    @property
    def revision(self) -> int:
        """The second half of the order: what people call the version."""
        return self.manifest.revision

    @property
    def table(self) -> Table:
        """The table of this snapshot: one as long as somebody holds it, and it holds the snapshot.

        The snapshot refers to it weakly: a cycle would leave each old revision to the garbage collector.
        """
        table = self._table() if self._table is not None else None
        if table is None:
            table = Table(self)
            self._table = ref(table)
        return table

    @property
    def pages(self) -> dict[str, bytes]:
        """The exact bytes of the pages that the manifest names."""
        return {name: self._contents.pages[name].body for name in self.manifest.wanted}

    def keys(self) -> KeysView[str]:
        """Give the keys of all flags."""
        return self._flags.keys()

    def segment_keys(self) -> KeysView[str]:
        """Give the keys of all segments."""
        return self._segments.keys()

    def line(self, key: str) -> bytes | None:
        """Give the raw line of a flag, or None."""
        page = self._flags.get(key)
        return None if page is None else page.line(False, key)

    def segment_line(self, key: str) -> bytes | None:
        """Give the raw line of a segment, or None."""
        page = self._segments.get(key)
        return None if page is None else page.line(True, key)

    def compiled(self, key: str) -> CompiledFlag | None:
        """Give a flag's compiled entry, made now if this is its first use; None without such a flag."""
        found = self._compiled_flags.get(key)
        if found is None:
            line = self.line(key)
            if line is None:
                return None
            # Of two threads that compile at once, both get the first one's: a decision is one object for all.
            found = self._compiled_flags.setdefault(key, compile_flag(key, line, self._pool))
        return found

    def flag(self, key: str) -> Callable[[Mapping[str, Any], Any, Any], Decision] | None:
        """Give what decides a flag (another flag's prerequisite), or None without such a flag."""
        return self.compiled(key)

    def segment(self, key: str) -> CompiledSegment | None:
        """Give a segment, compiled now if this is its first use, or None."""
        found = self._compiled_segments.get(key)
        if found is None:
            line = self.segment_line(key)
            if line is None:
                return None
            found = self._compiled_segments.setdefault(key, compile_segment(key, line, self._pool))
        return found

    def decide(self, key: str, context: Mapping[str, Any], world: Any) -> Decision:
        """Decide a flag for a context. A flag that is not there is decided too: FLAG_NOT_FOUND."""
        compiled = self.compiled(key)
        if compiled is None:
            return not_found(key)
        return compiled(context, self, world)

    def broken(self) -> dict[str, str]:
        """Give what is known to be broken and why: flags by key, else "segment ..." or "page ... line ...".

        Entries are decoded on first use, so a broken one that nobody has asked for is not known yet.
        """
        found = {key: flag.broken for key, flag in self._compiled_flags.copy().items() if flag.broken is not None}
        for key, segment in self._compiled_segments.copy().items():
            if segment.broken is not None:
                found[f"segment {key}"] = segment.broken
        for page in self._contents.pages.values():
            found.update(page.unreadable)
        return found

    def changed_since(self, older: Snapshot | None) -> frozenset[str]:
        """Give the keys of flags that were added, changed or removed, and of all that reach a changed flag or segment."""
        if older is None:
            return frozenset(self._flags)
        since, changes = self._changes
        if since is not older.identity:
            changes = run(changes_in_steps(older.contents(), self._contents))
        return changes.flags

    def contents(self) -> Contents:
        """Give the pages and where each entry stands, for the next revision to share."""
        return self._contents

    def carried(self, changes: Changes) -> Carried:
        """Give what the next revision takes over, those changes being between it and this one."""
        flags, segments = self._compiled_flags.copy(), self._compiled_segments.copy()
        dropped = [(False, key) for key in changes.flags if flags.pop(key, None) is not None]
        dropped += [(True, key) for key in changes.segments if segments.pop(key, None) is not None]
        return Carried(self._pool, flags, segments, tuple(dropped), changes, self.identity)


class Carried(NamedTuple):
    """What one revision takes over from another: compiled entries that nothing they reach has changed.

    The pool goes along too, so that what is compiled later shares conditions with what was compiled before.
    `dropped` names the entries that were compiled and are not taken over; `since` is the identity of the other one,
    which is not kept alive by it.
    """

    pool: Pool
    flags: dict[str, CompiledFlag]
    segments: dict[str, CompiledSegment]
    dropped: tuple[Name, ...]
    changes: Changes
    since: object

    @classmethod
    def nothing(cls) -> Carried:
        """Give the start of a first revision."""
        return cls(Pool(), {}, {}, (), Changes(frozenset(), frozenset()), object())


def not_found(key: str) -> Decision:
    """Make the decision about a flag that is not in the ruleset."""
    return Fallback(
        key,
        reason=Reason.ERROR,
        error_code=ErrorCode.FLAG_NOT_FOUND,
        error_message=f"no flag {key!r} in this ruleset",
    )
