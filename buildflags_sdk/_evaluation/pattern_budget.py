"""What the regular expressions of one entry may cost together. Counted when the entry is compiled, never while it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .lines import Refused, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

Patterns = tuple[tuple[str, int], ...]
"""Regular expressions, each with the most steps that one search by it takes."""

ENTRY_STEPS: Final = 10_000_000
"""The most steps (2 to 8 ns each) that one search by each pattern of an entry may take: some tens of milliseconds."""


def check_patterns(patterns: Iterable[tuple[str, int]]) -> None:
    """Raise `Refused` for patterns that could hold up whoever asks the entry, whatever the context; each once per use."""
    spent = 0
    for pattern, steps in patterns:
        spent += steps
        if spent > ENTRY_STEPS:
            msg = f"one evaluation could take too long: with the pattern {shown(pattern)} the patterns so far may cost {spent} steps, and {ENTRY_STEPS} are allowed; use fewer or simpler ones (with the re2 extra, more fit)"
            raise Refused(msg)
