"""A compiled condition, what its rule must know about it, and the small answers that conditions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from .pattern_budget import Patterns
    from .rows import PreparedTest
    from .world import World

    Holds = Callable[[Mapping[str, Any], Any, World], bool | None]
    Shared = MutableMapping[bytes, "Test"]


BROKEN: Final = object()
"""What the test of a broken segment answers."""
TRUTHS = (True, False, "undecided")
DAMAGES = ("flag", "rule", "condition")


class Equality(NamedTuple):
    """A condition that only compares one attribute with texts, so that rules in a row can become one lookup."""

    name: str
    texts: tuple[str, ...]
    test: Callable[[Any], bool | None]


class Test:
    """A compiled condition and what its rule must know about it. Shared for as long as an entry keeps it."""

    __slots__ = (
        "__weakref__",
        "constant",
        "dead",
        "ends",
        "equality",
        "holds",
        "names",
        "parts",
        "patterns",
        "undecidable",
    )

    def __init__(
        self,
        holds: Holds,
        *,
        undecidable: bool = False,
        ends: bool = False,
        names: frozenset[tuple[str, str]] = frozenset(),
        equality: Equality | None = None,
        constant: bool | None = None,
        patterns: Patterns = (),
    ) -> None:
        self.holds = holds
        self.undecidable = undecidable
        self.ends = ends
        self.dead = False
        self.names = names
        self.equality = equality
        self.constant = constant
        self.patterns = patterns
        self.parts: tuple[Test, ...] = ()


def always_holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
    return True


def never_holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
    return False


TRUE: Final = Test(always_holds, constant=True)
FALSE: Final = Test(never_holds, constant=False)


def broken_test(*, spoils_rule: bool) -> Test:
    """A condition whose values cannot be prepared: it does not hold, and may take its rule with it."""
    test = Test(never_holds, constant=False)
    test.dead = spoils_rule
    return test


def negated(test: Callable[[Any], bool | None]) -> Callable[[Any], bool | None]:
    def negated(found: Any) -> bool | None:
        answer = test(found)
        return None if answer is None else not answer

    return negated


def absence(prepared: PreparedTest | None, *, negate: bool) -> bool | None:
    """What holds for a missing attribute, when the condition does not say: only some operators look at absence."""
    if prepared is None or not prepared.sees_missing:
        return False
    return (negated(prepared.test) if negate else prepared.test)(None)


def truth(word: Any) -> bool | None:
    return None if word == "undecided" else word
