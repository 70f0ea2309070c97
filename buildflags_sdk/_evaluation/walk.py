"""One evaluation on its way through entries that name each other: what was decided, what is being decided, and how it ends.

Only an entry with prerequisites, or a segment that names others, opens a walk. It stands in for the world it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .details import ErrorCode
from .lines import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .world import World

ABSENT: Final = object()
CYCLE: Final = object()
STOP: Final = "stop"
OFF: Final = "off"


class Ended(Exception):
    """A condition ended the whole flag: with its fallthrough (`STOP`), its off variant (`OFF`), or an error."""

    def __init__(self, end: str = "", code: ErrorCode | None = None, message: str | tuple[str, ...] = "") -> None:
        super().__init__(end)
        self.end = end
        self.code = code
        self.message = message  # a path, when the key to bucket by is missing


class WalkNeeded(Exception):
    """Raised where a chain of entries begins; the flag starts again with a walk."""


class Walk:
    """A world for one evaluation that remembers what each entry came to. An entry on the path answers `CYCLE`."""

    __slots__ = ("depth", "flags", "segments", "world")

    def __init__(self, world: World, flag_key: str) -> None:
        self.world = world
        self.flags: dict[str, Any] = {flag_key: CYCLE}
        self.segments: dict[str, Any] = {}
        self.depth = 1

    def now(self) -> float:
        """As the world says."""
        return self.world.now()

    def random(self) -> float:
        """As the world says."""
        return self.world.random()

    def is_member(self, list_id: str, key: str) -> bool | None:
        """As the world says."""
        return self.world.is_member(list_id, key)

    def assigned(self, experiment: str, key: str) -> str | None:
        """As the world says."""
        return self.world.assigned(experiment, key)

    def flag(self, key: str, context: Mapping[str, Any], snapshot: Any) -> Any:
        """The flag's `Decision`, or ABSENT, or CYCLE."""
        memo = self.flags
        if key not in memo:
            evaluate = snapshot.flag(key)
            memo[key] = ABSENT if evaluate is None else CYCLE
            if evaluate is not None:
                memo[key] = self._deeper(memo, key, evaluate, context, snapshot)
        return memo[key]

    def segment(self, key: str, test: Callable[..., Any], context: Mapping[str, Any], snapshot: Any) -> Any:
        """What a segment that names others says, or CYCLE."""
        memo = self.segments
        if key not in memo:
            memo[key] = CYCLE
            memo[key] = self._deeper(memo, key, test, context, snapshot)
        return memo[key]

    def _deeper(self, memo: dict[str, Any], key: str, test: Callable[..., Any], context: Any, snapshot: Any) -> Any:
        if self.depth == MAX_DEPTH:
            del memo[key]
            raise Ended(code=ErrorCode.PARSE_ERROR, message=f"more than {MAX_DEPTH} entries name each other in a row")
        self.depth += 1
        try:
            return test(context, snapshot, self)
        except Ended:
            del memo[key]
            raise
        finally:
            self.depth -= 1
