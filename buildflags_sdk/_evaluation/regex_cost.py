"""What a search of a translated pattern may cost in Python's `re`: how often its parts can be tried, at the worst.

A step is the smallest unit: 2 to 8 ns, by what is tried. Costs are bounds, counted and never measured, so that they are
the same wherever an entry is compiled.
"""

from __future__ import annotations

from math import factorial, prod
from typing import Final, NamedTuple

MOST_CHOICES: Final = 256
"""Ways through alternatives and optional parts that overlap."""

SEARCH_STEPS: Final = 250_000
"""The most that one search may cost: a millisecond, two at the worst."""

LONGEST_SUBJECT: Final = 4_096
LEAST_SUBJECT: Final = 48
"""A pattern that could not even search so short a text within `SEARCH_STEPS` is not given to `re`."""


class Cost(NamedTuple):
    """The worst case of a search grows as the power `degree` of the text's length, `weight` steps at a time."""

    degree: int
    weight: int

    def steps(self, length: int) -> int:
        """The most steps that a search of a text of this length takes."""
        # Positions that `degree` parts take one after the other: as many as there are ways to choose them in order.
        power: int = length**self.degree
        return self.weight * power // factorial(self.degree)

    @property
    def longest(self) -> int:
        """The longest text whose search stays within `SEARCH_STEPS`; 0 when that is too short to be of use."""
        low, high = LEAST_SUBJECT, LONGEST_SUBJECT
        if self.steps(low) > SEARCH_STEPS:
            return 0
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.steps(middle) <= SEARCH_STEPS else (low, middle - 1)
        return low


class Piece(NamedTuple):
    """A translated part: what it may consume, how it may begin, and how it may vary."""

    text: str
    mask: int = 0
    first: int = 0
    nullable: bool = False
    variable: bool = False
    single: bool = False
    closed: bool = False  # the text takes a repeat sign as it is
    clean: bool = True  # what it consumes, it consumes in one way only
    repeats: tuple[int, ...] = ()
    choices: int = 1
    size: int = 0  # how many tries one walk through it takes
    slow: bool = False  # a repeat in it is tried round by round, not in one run of `re`
    parts: tuple[Piece, ...] = ()


def joined(parts: list[Piece]) -> Piece:
    """The parts one after the other."""
    if len(parts) == 1:
        return parts[0]
    mask = first = 0
    nullable, choices, repeats = True, 1, ()
    for part in parts:
        mask |= part.mask
        first |= part.first if nullable else 0
        nullable = nullable and part.nullable
        repeats += part.repeats  # type: ignore[assignment]
        choices *= part.choices
    return Piece(
        "".join(part.text for part in parts),
        mask,
        first,
        nullable=nullable,
        variable=any(part.variable for part in parts),
        clean=_clean(parts),
        repeats=repeats,
        choices=min(choices, MOST_CHOICES + 1),
        size=sum(part.size for part in parts),
        slow=any(part.slow for part in parts),
        parts=tuple(parts),
    )


def cost_of(whole: Piece, *, anchored: bool) -> Cost:
    """The worst case of a search; of a match at one place when `anchored`."""
    parts = whole.parts or (whole,)
    choices = prod(part.choices for at, part in enumerate(parts) if part.choices > 1 and not _settled(parts, at))
    pace = 4 if whole.slow or choices > 1 else 1
    return Cost(_degree(parts) + (not anchored), pace * choices * (1 + whole.size // 3))


def _settled(parts: tuple[Piece, ...], at: int) -> bool:
    """Tell whether a part leaves no choice: it reads in one way, and no other part can take what it leaves."""
    others = union([part.mask for place, part in enumerate(parts) if place != at])
    return parts[at].clean and not parts[at].mask & others


def _degree(parts: tuple[Piece, ...]) -> int:
    """The degree of one match.

    A certain character which nothing since the last such character can consume stands at one place only. So repeats
    before it multiply those after it only by the ways to reach that place.
    """
    highest = ways = mask = 0
    repeats: tuple[int, ...] = ()
    for part in parts:
        if part.single and not part.mask & mask:
            highest = max(highest, ways + _overlapping(repeats))
            ways += max(0, _overlapping(repeats) - 1)
            mask, repeats = 0, ()
        else:
            mask |= part.mask
            repeats += part.repeats
    return max(highest, ways + _overlapping(repeats))


def _overlapping(repeats: tuple[int, ...]) -> int:
    overlapping = sum(
        any(at != other and mask & repeats[other] for other in range(len(repeats))) for at, mask in enumerate(repeats)
    )
    return overlapping or (1 if repeats else 0)


def union(masks: list[int]) -> int:
    """All that any of the masks holds."""
    together = 0
    for mask in masks:
        together |= mask
    return together


def marked(piece: Piece) -> bool:
    """Tell whether rounds of a repeat can be told apart: by a mark, and cleanly from each mark to the next."""
    mark = _mark(piece.parts)
    return mark is not None and piece.clean and _clean(piece.parts[mark:] + piece.parts[: mark - 1])


def _clean(parts: list[Piece] | tuple[Piece, ...]) -> bool:
    """Tell whether a sequence reads in one way only: parts that overlap have a certain, other character between them."""
    if not all(part.clean for part in parts):
        return False
    if not any(part.variable for part in parts):
        return True
    before, after = _neighbours(parts)
    for left, first in enumerate(parts):
        reach = 0  # up to there, without it, the stretch from `left` on has a mark
        for right in range(left, len(parts)):
            last = parts[right]
            if last.single and before[right] < left:
                reach = max(reach, after[right])
            if right > left and last.mask & first.mask and (first.variable or last.variable) and reach <= right:
                return False
    return True


def _neighbours(parts: list[Piece] | tuple[Piece, ...]) -> tuple[list[int], list[int]]:
    """For each part that is a certain character: the places of the last part before and the first after that take it too."""
    before, after = [-1] * len(parts), [len(parts)] * len(parts)
    for at, part in enumerate(parts):
        if part.single:
            before[at] = next((place for place in range(at - 1, -1, -1) if parts[place].mask & part.mask), -1)
            after[at] = next(
                (place for place in range(at + 1, len(parts)) if parts[place].mask & part.mask), len(parts)
            )
    return before, after


def _mark(parts: tuple[Piece, ...]) -> int | None:
    """The place, counted from 1, of a part that is one certain character which no other part can consume."""
    before, after = _neighbours(parts)
    for at, part in enumerate(parts):
        if part.single and before[at] == -1 and after[at] == len(parts):
            return at + 1
    return None
