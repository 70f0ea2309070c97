"""Patterns of the RE2 dialect, searched for in bounded time.

By the standard library's `re`, which backtracks, on patterns that `regex_dialect` has translated and `regex_cost` has
weighed; by `re2`, where that is installed, on those whose worst case grows faster than the text, and on long texts. A
pattern too dangerous for `re` is never tried on it.

A text that is too long for its pattern does not match. `re` takes up to 4,096 characters where the worst case is linear,
and as many as keep one search at about a millisecond where it is not: some 700 for one unanchored repeat of one
character, some 100 for two that overlap. RE2 takes 1,024 to 65,536, the fewer the larger its program is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from .operators.row import PATTERNS, Unpreparable, shown
from .regex_dialect import translate

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_PATTERN: Final = 1_000
LONGEST_LINEAR_SUBJECT: Final = 65_536
LEAST_LINEAR_SUBJECT: Final = 1_024
_LINEAR_WORK = 50_000  # characters times instructions that a long text may take
_LINEAR_STEPS = 2  # what one instruction costs for one character where RE2 falls back on simulating its program: 6 ns
_MEMORY = 1 << 20
_WIDE_RANGE = re.compile(
    r"-(?:[^\x00-\x7f]|\\[uUxN])"
)  # in any case Python reads each of its characters: 7 ms for 65,536
_MOST_WIDE_RANGES = 8


class _Search(NamedTuple):
    """How an engine searches texts of up to a length, and the steps that the worst of them takes."""

    find: Callable[[str], object]
    longest: int
    steps: int


def prepare_pattern(pattern: str, *, ignore_case: bool = False, at_start: bool = False) -> Callable[[str], bool]:
    """Tell of a text whether it holds a match, or begins with one. Raises `Unpreparable`.

    Where both engines can answer in linear time, `re` does: 0.2 µs a search against 4.1 through re2's Python binding,
    measured on `^[a-z]+@acme`. It leaves to re2 what is long, and folding the case of letters beyond ASCII, where they
    differ. What the worst search takes is added to the `PATTERNS` of who asks, so that an entry can be kept in bounds.
    """
    if len(pattern) > LONGEST_PATTERN:
        msg = f"a pattern has at most {LONGEST_PATTERN} characters, not {len(pattern)}"
        raise Unpreparable(msg)
    linear = _linear(pattern, ignore_case=ignore_case, at_start=at_start)
    try:
        backtracking, degree, folds = _screened(pattern, ignore_case=ignore_case, at_start=at_start)
    except Unpreparable:
        if linear is None:
            raise
        return _accounted(pattern, linear)
    if linear is None or (degree <= 1 and not folds and linear.longest <= backtracking.longest):
        return _accounted(pattern, backtracking)
    if degree > 1:
        return _accounted(pattern, linear)
    find, longest, _ = backtracking
    find_long = _accounted(pattern, linear._replace(steps=max(linear.steps, backtracking.steps)))

    def found(text: str) -> bool:
        if len(text) > longest or (folds and not text.isascii()):
            return find_long(text)
        return find(text) is not None

    return found


def is_pattern(text: str) -> bool:
    """Whether Python takes it for a pattern, whatever it might cost to search with it.

    One that is too long for `prepare_pattern`, or that Python would take long to read, counts as one.
    """
    if len(text) > LONGEST_PATTERN or len(_WIDE_RANGE.findall(text)) > _MOST_WIDE_RANGES:
        return True
    from warnings import catch_warnings, simplefilter  # noqa: PLC0415 - reached by patterns that are refused anyway

    try:
        with catch_warnings():
            simplefilter("ignore")  # of what a later Python may read otherwise
            re.compile(text)
    except (re.error, ValueError, OverflowError, RecursionError):
        return False
    return True


def linear_pattern(pattern: str, *, ignore_case: bool = False, at_start: bool = False) -> Callable[[str], bool] | None:
    """The same through RE2 alone; None where `re2` is not installed."""
    linear = _linear(pattern, ignore_case=ignore_case, at_start=at_start)
    return None if linear is None else _bounded(linear)


def screened_pattern(pattern: str, *, ignore_case: bool = False, at_start: bool = False) -> Callable[[str], bool]:
    """The same through `re` alone. Raises `Unpreparable` for what is outside the dialect or could backtrack too long."""
    return _bounded(_screened(pattern, ignore_case=ignore_case, at_start=at_start)[0])


def _accounted(pattern: str, search: _Search) -> Callable[[str], bool]:
    asked = PATTERNS.get()
    if asked is not None:
        asked.append((pattern, search.steps))
    return _bounded(search)


def _bounded(search: _Search) -> Callable[[str], bool]:
    find, longest, _ = search
    return lambda text: len(text) <= longest and find(text) is not None


def _linear(pattern: str, *, ignore_case: bool, at_start: bool) -> _Search | None:
    try:
        import re2  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        msg = f"no pattern: {shown(pattern)}: {error}"
        raise Unpreparable(msg) from None
    find = compiled.match if at_start else compiled.search

    def found(text: str) -> object:
        try:
            return find(text)
        except UnicodeError:  # half of a surrogate pair
            return None

    size: int = compiled.programsize
    longest = max(LEAST_LINEAR_SUBJECT, min(_LINEAR_WORK // size, LONGEST_LINEAR_SUBJECT))
    return _Search(found, longest, longest * size * _LINEAR_STEPS)


def _screened(pattern: str, *, ignore_case: bool, at_start: bool) -> tuple[_Search, int, bool]:
    """How `re` searches, the degree of its worst case, and whether case is folded anywhere."""
    translated = translate(pattern, ignore_case=ignore_case, at_start=at_start)
    longest = translated.cost.longest
    if not longest:
        msg = f"a pattern whose repeats overlap this much needs the re2 extra: {shown(pattern)}"
        raise Unpreparable(msg)
    try:
        compiled = re.compile(translated.text, re.IGNORECASE if translated.ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        msg = f"no pattern: {shown(pattern)}: {error}"
        raise Unpreparable(msg) from None
    folds = translated.ignore_case or "(?i:" in translated.text
    find = compiled.match if at_start else compiled.search
    return _Search(find, longest, translated.cost.steps(longest)), translated.cost.degree, folds
