"""Character classes of the RE2 dialect, as ranges of code points, and their shadow: a bit mask to tell overlap by."""

from __future__ import annotations

import re
from typing import Final

Ranges = list[tuple[int, int]]

LAST: Final = 0x10FFFF
BEYOND_ASCII: Final = 1 << 128
ANYTHING: Final = (1 << 129) - 1

DIGITS: Ranges = [(0x30, 0x39)]
_UPPER: Ranges = [(0x41, 0x5A)]
_LOWER: Ranges = [(0x61, 0x7A)]
_WORD: Ranges = [*DIGITS, *_UPPER, (0x5F, 0x5F), *_LOWER]
_SPACE: Ranges = [(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)]  # RE2's \s leaves out the vertical tab
_PUNCTUATION: Ranges = [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)]

POSIX: dict[str, Ranges] = {
    "alnum": [*DIGITS, *_UPPER, *_LOWER],
    "alpha": [*_UPPER, *_LOWER],
    "ascii": [(0, 0x7F)],
    "blank": [(0x09, 0x09), (0x20, 0x20)],
    "cntrl": [(0, 0x1F), (0x7F, 0x7F)],
    "digit": DIGITS,
    "graph": [(0x21, 0x7E)],
    "lower": _LOWER,
    "print": [(0x20, 0x7E)],
    "punct": _PUNCTUATION,
    "space": [(0x09, 0x0D), (0x20, 0x20)],
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": [*DIGITS, (0x41, 0x46), (0x61, 0x66)],
}
"""The names of `[[:alpha:]]`, ASCII only as RE2 has them."""

PERL: dict[str, Ranges] = {"d": DIGITS, "w": _WORD, "s": _SPACE}


def complement(ranges: Ranges) -> Ranges:
    """All code points outside the ranges."""
    outside, start = [], 0
    for low, high in sorted(ranges):
        if low > start:
            outside.append((start, low - 1))
        start = max(start, high + 1)
    if start <= LAST:
        outside.append((start, LAST))
    return outside


def class_text(ranges: Ranges, *, negated: bool = False) -> str:
    """The ranges as a class of Python's `re`."""
    return ("[^" if negated else "[") + "".join(_range_text(low, high) for low, high in ranges) + "]"


def _range_text(low: int, high: int) -> str:
    return re.escape(chr(low)) if low == high else f"{re.escape(chr(low))}-{re.escape(chr(high))}"


def mask_of(ranges: Ranges, *, ignore_case: bool) -> int:
    """One bit for each ASCII character in the ranges, and one for all that lies beyond."""
    mask = 0
    for low, high in ranges:
        if high > 127:
            mask |= BEYOND_ASCII
        top = min(high, 127)
        if low <= top:
            mask |= (1 << (top + 1)) - (1 << low)
    return _both_cases(mask) if ignore_case else mask


def _both_cases(mask: int) -> int:
    letters = ((1 << 26) - 1) << 0x41
    both = mask | (mask & letters) << 32 | (mask >> 32) & letters
    if both & (1 << ord("k") | 1 << ord("s")) or mask & BEYOND_ASCII:  # the Kelvin sign and the long s fold to them
        both |= BEYOND_ASCII | 1 << ord("k") | 1 << ord("K") | 1 << ord("s") | 1 << ord("S")
    return both
