"""GrowthBook's arithmetic of ranges: the very floats that its SDKs add up, so that no user moves at an edge."""

from __future__ import annotations

from typing import Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported

Range = tuple[float, float]


def equal_weights(count: int) -> list[float]:
    """As many equal shares."""
    return [1 / count] * count if count > 0 else []


def is_distribution(weights: list[float], count: int) -> bool:
    """Tell whether there is a weight for each variation and they sum to about 1."""
    return len(weights) == count and 0.99 <= sum(weights) <= 1.01


def bucket_ranges(count: int, coverage: float, weights: list[float] | None) -> list[Range]:
    """Each variation's range: it begins where the full weights before it end, and spans its covered part.

    Weights of the wrong count, or that do not sum to about 1, become equal ones.
    """
    covered = min(max(coverage, 0), 1)
    if weights is None or not is_distribution(weights, count):
        weights = equal_weights(count)
    ranges, start = [], 0.0
    for weight in weights:
        ranges.append((start, start + covered * weight))
        start += weight
    return ranges


def without(ranges: list[tuple[Range, Any]], cut: Range) -> list[tuple[Range, Any]]:
    """The ranges, half open, without what lies in another one."""
    parts = []
    for (start, end), owner in ranges:
        parts += [((start, min(end, cut[0])), owner), ((max(start, cut[1]), end), owner)]
    return [part for part in parts if part[0][0] < part[0][1]]


def a_range(raw: Any, where: str) -> Range:
    """Two numbers. Raises `Unsupported`."""
    if not isinstance(raw, list) or len(raw) != 2 or not all(map(_is_number, raw)):
        msg = f"{where} is {shown(raw)}, not a range of two numbers"
        raise Unsupported(msg)
    return raw[0], raw[1]


def numbers(raw: Any, where: str) -> list[float] | None:
    """A list of numbers, or None without one. Raises `Unsupported`."""
    if raw is None:
        return None
    if not isinstance(raw, list) or not all(map(_is_number, raw)):
        msg = f"{where} is {shown(raw)}, not a list of numbers"
        raise Unsupported(msg)
    return raw


def number(raw: Any, where: str, default: float | None) -> float | None:
    """A number, or the default without one. Raises `Unsupported`."""
    if raw is None:
        return default
    if not _is_number(raw):
        msg = f"{where} is {shown(raw)}, not a number"
        raise Unsupported(msg)
    found: float = raw
    return found


def _is_number(raw: Any) -> bool:
    if not isinstance(raw, (int, float)) or isinstance(raw, bool):
        return False
    try:
        float(raw)
    except OverflowError:  # an integer beyond every float
        return False
    return True
