"""Compiled bucketing: where a context's point falls among ranges, and what a split or a share makes of it.

An index counts ranges; `MISS` is a point outside all of them, `NO_KEY` a context without a key that the scheme takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from . import checks
from .bucketing import bf1_thresholds, find_scheme, pick_by_bf1, prepare_ranges
from .context import TARGETING_KEY
from .details import Decision
from .hash_split import hash_split
from .lines import MAX_POINTS, Refused, ramp_at, ramp_points, shown
from .reading import key_text, reader
from .rows import RANDOM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .bucketing import Thresholds
    from .world import World

    Serve = Callable[[Mapping[str, Any], Any, World], Decision | None]
    Bound = Callable[[World], float]

MISS: Final = -1
NO_KEY: Final = -2
ON_MISSING_KEY: Final = ("error", "next", "stop", "first", "empty", "null", "random")
_SOUGHT = frozenset(("by", "or_by", "scheme", "seed", "of", "on_missing_key"))
_SPLIT = _SOUGHT | {"ranges", "on_miss", "sticky"}
_RANGE = frozenset(("from", "to", "to_inclusive", "variant"))
_SHARE = _SOUGHT | {"from", "to", "to_inclusive"}
_BY_KEY = (TARGETING_KEY,)
_BELOW = frozenset(("bf1", "growthbook_1", "growthbook_2", "eppo", "configcat", "statsig"))
_UP_TO = frozenset(("posthog_rollout", "launchdarkly", "unleash_rollout", "flagsmith", "flagsmith_identity"))
"""Schemes that take any text of ASCII for a key, but an empty one: with points below `of`, and up to `of` itself."""
_STAND_INS = {"empty": "", "null": "null"}


class Ranges:
    """Ranges of one scheme, seed and size; `pick` finds a key's range, or is None when that takes the clock or dice."""

    __slots__ = ("bounds", "of", "on_missing_key", "paths", "pick", "point", "random", "thresholds", "whole")

    def __init__(self, raw: dict[str, Any], bounds: list[tuple[Any, Any, bool]], place: str) -> None:
        alternatives = checks.rows(raw, "or_by", place, [])
        self.paths = [checks.path(raw, "by", place, _BY_KEY)]
        self.paths += [checks.path({"or_by": each}, "or_by", place) for each in alternatives]
        scheme, seed = checks.text(raw, "scheme", place), checks.text(raw, "seed", place, empty=True)
        self.of = checks.number(raw, "of", place)
        if self.of.__class__ is not int or not 0 < self.of <= MAX_POINTS:
            msg = f"{place}.of: an integer from 1 to 2^53 is needed, not {shown(self.of)}"
            raise Refused(msg)
        self.on_missing_key = checks.word(raw, "on_missing_key", place, ON_MISSING_KEY, "error")
        self.random = scheme == RANDOM
        self.bounds = bounds
        self.pick: Callable[[Any], int] | None = None
        self.point: Callable[[Any], Any] | None = None
        self.thresholds: Thresholds | None = None
        self.whole = False
        if self.random:
            return
        found = find_scheme(scheme)
        if found is None:
            msg = f"{place}.scheme: there is no bucketing scheme {shown(scheme)}"
            raise Refused(msg)
        try:
            self.point = found.prepare(seed, self.of)
            if not any(callable(to) for _, to, _ in bounds):
                rows = [(start, to, inclusive, at) for at, (start, to, inclusive) in enumerate(bounds)]
                if scheme == "bf1":
                    self.thresholds = bf1_thresholds(seed, self.of, rows)
                    self.pick = pick_by_bf1(self.thresholds)
                else:
                    self.pick = prepare_ranges(scheme, seed, self.of, rows)
                self.whole = len(rows) == 1 and _covers(scheme, self.of, *bounds[0])
        except ValueError as error:
            msg = f"{place}: {error}"
            raise Refused(msg) from None

    @property
    def simple(self) -> bool:
        """Tell whether the first path and `pick` are all there is to it."""
        return self.pick is not None and len(self.paths) == 1

    def find(self, context: Mapping[str, Any], world: World) -> int:
        """The range for this context."""
        if self.random:
            return self.of_dice(world)
        for path in self.paths:
            index = self.of_key(reader(path)(context), world)
            if index != NO_KEY:
                return index
        return NO_KEY

    def of_key(self, key: Any, world: World) -> int:
        """The range for this key."""
        if key is None:
            return NO_KEY
        if self.pick is not None:
            return self.pick(key)
        point = self.point(key) if self.point is not None else None
        return NO_KEY if point is None else self.of_point(point, world)

    def of_dice(self, world: World) -> int:
        """The range for a point that is drawn now."""
        return self.of_point(world.random() * self.of, world)

    def of_point(self, point: float, world: World) -> int:
        """The first range that holds the point."""
        for at, (start, to, inclusive) in enumerate(self.bounds):
            end = to(world) if callable(to) else to
            if start <= point and (point < end or (inclusive and point == end)):
                return at
        return MISS

    def without_key(self, world: World) -> int:
        """The range for a context without a key, where `on_missing_key` still asks for one; else NO_KEY."""
        stand_in = _STAND_INS.get(self.on_missing_key)
        if stand_in is not None:
            return max(self.of_key(stand_in, world), MISS)
        return self.of_dice(world) if self.on_missing_key == RANDOM else NO_KEY


def _covers(scheme: str, of: int, start: float, end: float, inclusive: bool) -> bool:
    """Tell whether a range holds every point of the scheme."""
    if start > 0 or scheme not in _BELOW | _UP_TO:
        return False
    return end > of or (end == of and (inclusive or scheme in _BELOW))


def bounds_of(raw: dict[str, Any], place: str, default_start: Any = checks.REQUIRED) -> tuple[Any, Any, bool]:
    """A range's two ends, the upper one a function of the world when it is a ramp, and whether it is inside."""
    start = checks.number(raw, "from", place, default_start)
    to = raw.get("to")
    end = _ramp(to, f"{place}.to") if to.__class__ is dict else checks.number(raw, "to", place)
    return start, end, checks.switch(raw, "to_inclusive", place, default=False)


def compile_share(raw: Any, place: str) -> Ranges:
    """A share: one range."""
    share = checks.fields(raw, _SHARE, place)
    return Ranges(share, [bounds_of(share, place, 0)], place)


def compile_split(
    raw: Any,
    place: str,
    without_a_key: Callable[[tuple[str, ...]], Serve],
    decision_of: Callable[[Any, str], Decision],
    declined: Decision | Serve,
    stopped: Decision | Serve,
) -> Serve:
    """What a split decides: `declined` is what comes after a point that misses all ranges, `stopped` the fallthrough."""
    split = checks.fields(raw, _SPLIT, place)
    bounds, hits = [], []
    for at, row in enumerate(checks.rows(split, "ranges", place)):
        where = f"{place}.ranges[{at}]"
        checks.fields(row, _RANGE, where)
        bounds.append(bounds_of(row, where))
        hits.append(decision_of(checks.text(row, "variant", where, empty=True), where))
    ranges = Ranges(split, bounds, place)
    on_miss = stopped if checks.word(split, "on_miss", place, ("next", "stop"), "next") == "stop" else declined
    sticky = checks.optional_text(split, "sticky", place, empty=False)
    if sticky is None and ranges.on_missing_key == "error" and (on_miss is decline or on_miss.__class__ is Decision):
        outcomes = (*hits, None if on_miss is decline else on_miss)  # MISS is the last one's index
        short = hash_split(ranges.thresholds, ranges.paths, outcomes)  # type: ignore[arg-type]
        if short is not None:
            return short
    missed, after_stop = as_serve(on_miss), as_serve(stopped)
    by_policy = {"next": as_serve(declined), "stop": after_stop, "error": without_a_key(ranges.paths[0])}
    without_key = by_policy.get(ranges.on_missing_key) or _stand_in(ranges, hits, missed)
    if sticky is not None:
        return _sticky(sticky, ranges, hits, missed, without_key)
    if not ranges.simple:

        def serve(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision | None:
            at = ranges.find(context, world)
            return (
                hits[at]
                if at >= 0
                else missed(context, snapshot, world)
                if at == MISS
                else without_key(context, snapshot, world)
            )

        return serve
    return _simple_split(ranges, tuple(hits), missed, without_key)


def _simple_split(ranges: Ranges, hits: tuple[Decision, ...], missed: Serve, without_key: Serve) -> Serve:
    pick, path = ranges.pick, ranges.paths[0]
    assert pick is not None  # noqa: S101 - `simple` says so
    if len(path) == 1:
        name = path[0]

        def serve_by_name(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision | None:
            key = context.get(name)
            at = NO_KEY if key is None else pick(key)
            return (
                hits[at]
                if at >= 0
                else missed(context, snapshot, world)
                if at == MISS
                else without_key(context, snapshot, world)
            )

        return serve_by_name
    read = reader(path)

    def serve(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision | None:
        key = read(context)
        at = NO_KEY if key is None else pick(key)
        return (
            hits[at]
            if at >= 0
            else missed(context, snapshot, world)
            if at == MISS
            else without_key(context, snapshot, world)
        )

    return serve


def _sticky(experiment: str, ranges: Ranges, hits: list[Decision], missed: Serve, without_key: Serve) -> Serve:
    stored = {decision.variant: decision for decision in reversed(hits)}

    def serve(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision | None:
        for path in ranges.paths:
            key = key_text(reader(path)(context))
            if key is not None:
                kept = stored.get(world.assigned(experiment, key))
                if kept is not None:
                    return kept
                break
        at = ranges.find(context, world)
        return (
            hits[at]
            if at >= 0
            else missed(context, snapshot, world)
            if at == MISS
            else without_key(context, snapshot, world)
        )

    return serve


def _stand_in(ranges: Ranges, hits: list[Decision], missed: Serve) -> Serve:
    """What a split serves a context without a key when `on_missing_key` stands in for it."""
    if ranges.on_missing_key == "first":
        return (lambda context, snapshot, world: hits[0]) if hits else missed

    def serve(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision | None:
        at = ranges.without_key(world)
        return hits[at] if at >= 0 else missed(context, snapshot, world)

    return serve


def as_serve(served: Decision | Serve) -> Serve:
    """A decision as what serves it; what serves, as it is."""
    return served.always if isinstance(served, Decision) else served


def decline(context: Mapping[str, Any], snapshot: Any, world: World) -> None:
    return None


def _ramp(raw: dict[str, Any], place: str) -> Bound:
    ramp = checks.fields(raw, frozenset(("ramp", "stepped")), place)
    stepped = checks.switch(ramp, "stepped", place, default=False)
    points = checks.rows(ramp, "ramp", place)
    for row in points:
        if row.__class__ is not list or len(row) != 2 or row[0].__class__ is not str:
            msg = f"{place}.ramp: each point is a moment and a height, not {shown(row)}"
            raise Refused(msg)
        checks.number({"ramp": row[1]}, "ramp", place)
    fixed = ramp_points(points)
    return lambda world: ramp_at(fixed, world.now(), stepped=stepped)
