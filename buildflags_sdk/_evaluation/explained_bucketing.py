"""Bucketing as the interpreter does it: the point first, then the ranges one by one, and a record of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .bucketing import SCHEMES
from .condition_model import Ramp, Share
from .details import ErrorCode
from .lines import ramp_at
from .model import Range, Split
from .reading import NOTHING, find, key_text
from .rows import RANDOM
from .trace import Bucket
from .walk import STOP, Ended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .peer_words import Words
    from .world import World


class Bucketing:
    """Points and ranges, as the model says them."""

    def __init__(self, context: Mapping[str, Any], world: World, words: Words) -> None:
        self.context = context
        self.world = world
        self.words = words

    def of_split(self, split: Split) -> tuple[Range | str, Bucket]:
        """The range that serves, or "next", "stop", "error"; and the bucketing."""
        if split.sticky is not None:
            kept = self._stored(split, split.sticky)
            if kept is not None:
                return kept, self._bucket(split, "stored", None, kept, kept.variant)
        key, point = self._point(split)
        found: Range | str | None = self._holding(split.ranges, point) if point is not None else None
        if point is None:
            policy = split.on_missing_key
            if policy == "first":
                found = split.ranges[0] if split.ranges else split.on_miss
            elif policy in ("error", "next", "stop"):
                found = policy
            else:
                point = self._stand_in(split)
                found = None if point is None else self._holding(split.ranges, point)
        found = found if found is not None else split.on_miss
        bounds = found if isinstance(found, Range) else None
        return found, self._bucket(split, key, point, bounds, found.variant if isinstance(found, Range) else found)

    def of_share(self, share: Share) -> tuple[bool, Bucket]:
        """Whether the point lies in the share; and the bucketing. Raises `Ended`."""
        key, point = self._point(share)
        if point is None:
            policy = share.on_missing_key
            if policy == "error":
                raise Ended(code=ErrorCode.TARGETING_KEY_MISSING, message=share.by)
            if policy == "stop":
                raise Ended(STOP)
            point = {"first": 0, "next": None}.get(policy) if policy in ("first", "next") else self._stand_in(share)
        inside = point is not None and self._holding((share,), point) is not None
        return inside, self._bucket(share, key, point, share, "inside" if inside else "outside")

    def _point(self, bucketing: Split | Share) -> tuple[Any, Any]:
        """The first key that the scheme takes, and its point; None for no point."""
        if bucketing.scheme == RANDOM:
            return None, self.world.random() * bucketing.of
        point_of = SCHEMES[bucketing.scheme].prepare(bucketing.seed, bucketing.of)
        for path in (bucketing.by, *bucketing.or_by):
            key = find(self.context, path)
            point = None if key is None or key is NOTHING else point_of(key)
            if point is not None:
                return key, point
        return None, None

    def _stand_in(self, bucketing: Split | Share) -> Any:
        if bucketing.on_missing_key == "random":
            return self.world.random() * bucketing.of
        text = "" if bucketing.on_missing_key == "empty" else "null"
        return SCHEMES[bucketing.scheme].prepare(bucketing.seed, bucketing.of)(text)

    def _holding(self, ranges: tuple[Any, ...], point: Any) -> Any:
        return next((each for each in ranges if self._holds(each, point)), None)

    def _holds(self, each: Range | Share, point: Any) -> bool:
        to = self._end(each)
        return each.start <= point and (point < to or (each.to_inclusive and point == to))

    def _end(self, each: Range | Share) -> float:
        to = each.to
        return ramp_at(to.points, self.world.now(), stepped=to.stepped) if isinstance(to, Ramp) else to

    def _stored(self, split: Split, experiment: str) -> Range | None:
        keys = (key_text(find(self.context, path)) for path in (split.by, *split.or_by))
        key = next((key for key in keys if key is not None), None)
        variant = None if key is None else self.world.assigned(experiment, key)
        return next((each for each in split.ranges if each.variant == variant), None)

    def _bucket(self, asked: Split | Share, key: Any, point: Any, bounds: Any, outcome: str) -> Bucket:
        at = None if point is None else float(point)
        held = None if bounds is None or point is None else (float(bounds.start), float(self._end(bounds)))
        by, named = ".".join(asked.by), self.words.attribute(asked.by)
        return Bucket(by, key, asked.scheme, asked.seed, asked.of, at, held, outcome, None if named == by else named)
