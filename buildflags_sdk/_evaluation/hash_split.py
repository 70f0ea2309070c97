"""The split that most flags have, in its small form: bf1 ranges with fixed ends, by one attribute.

As an object of five fields whose bound method serves, it takes 140 bytes beside its thresholds; as closures over closures
(`serving`, which has every other form) 700, and a call more for each evaluation (25 ns of 570).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from .bucketing import bf1_text
from .details import Decision, ErrorCode
from .outcomes import failed, missing_key_message

try:
    from _sha1 import sha1  # type: ignore[import-not-found,unused-ignore]
except ImportError:  # a build without the bundled hashes
    from hashlib import sha1

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .bucketing import Thresholds
    from .world import World

    Serve = Callable[[Mapping[str, Any], Any, World], Decision | None]


def hash_split(
    thresholds: Thresholds | None, paths: Sequence[tuple[str, ...]], outcomes: Sequence[Decision | None]
) -> Serve | None:
    """What serves the split, or None when it is not of this form. The last outcome is that of a miss."""
    if thresholds is None or len(paths) != 1 or len(paths[0]) != 1:
        return None
    known = next((outcome for outcome in outcomes if outcome is not None), None)
    if known is None:
        return None
    served = tuple([outcomes[index] for index in thresholds.indexes])
    split = HashSplit(paths[0][0], thresholds, served, known)
    return split.serve_one_of_two if len(served) == 2 else split.serve


class HashSplit:
    """bf1 ranges by one attribute, ready to serve.

    `known` is any decision of the flag: until a context comes without a key, which few do, it stands in for the
    TARGETING_KEY_MISSING of this split.
    """

    __slots__ = ("bounds", "missing", "name", "prefix", "served")

    def __init__(self, name: str, thresholds: Thresholds, served: tuple[Decision | None, ...], known: Decision) -> None:
        self.name = name
        self.prefix = thresholds.prefix
        self.bounds: Any = thresholds.bounds[0] if len(served) == 2 else thresholds.bounds
        self.served = served
        self.missing: MissingKey | Decision = known

    def serve(self, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision | None:
        """Serve by any number of thresholds."""
        key = context.get(self.name)
        if key.__class__ is not str or not key:
            key = bf1_text(key)
            if key is None:
                return self._without_key(context, snapshot, world)
        try:
            return self.served[bisect_right(self.bounds, sha1((self.prefix + key).encode()).digest())]
        except UnicodeEncodeError:
            return self._without_key(context, snapshot, world)

    def serve_one_of_two(self, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision | None:
        """Serve by one threshold: a comparison, where bisecting costs a call (50 ns)."""
        key = context.get(self.name)
        if key.__class__ is not str or not key:
            key = bf1_text(key)
            if key is None:
                return self._without_key(context, snapshot, world)
        try:
            if sha1((self.prefix + key).encode()).digest() < self.bounds:
                return self.served[0]
        except UnicodeEncodeError:
            return self._without_key(context, snapshot, world)
        return self.served[1]

    def _without_key(self, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        missing = self.missing
        if missing.__class__ is not MissingKey:
            missing = self.missing = MissingKey(missing.flag_key, missing.type, (self.name,))  # type: ignore[union-attr]
        return missing(context, snapshot, world)


class MissingKey:
    """TARGETING_KEY_MISSING for one split; the decision is made once for each message."""

    __slots__ = ("_made", "flag_key", "flag_type", "path")

    def __init__(self, flag_key: str, flag_type: str, path: tuple[str, ...]) -> None:
        self.flag_key = flag_key
        self.flag_type = flag_type
        self.path = path
        self._made: dict[str, Decision] | None = None

    def __call__(self, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        message = missing_key_message(self.path, context)
        made = self._made = self._made or {}
        if message not in made:
            made[message] = failed(self.flag_key, ErrorCode.TARGETING_KEY_MISSING, message, self.flag_type)
        return made[message]
