"""Patterns of the RE2 dialect, searched for in bounded time.

By the standard library's `re`, which backtracks, on patterns that `regex_dialect` has translated and weighed; by `re2`,
where that is installed, on the others. A pattern too dangerous for `re` is never tried on it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .operators.row import Unpreparable, shown
from .regex_dialect import translate

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_PATTERN: Final = 1_000
LONGEST_SUBJECT: Final = {0: 4_096, 1: 4_096, 2: 1_024, 3: 256}
"""The longest text that `re` is given, by the degree of the pattern's worst case; a longer one does not match.

At these lengths the worst inputs found take 30 ms at most."""
LONGEST_LINEAR_SUBJECT: Final = 65_536
_MEMORY = 1 << 20


def prepare_pattern(pattern: str, *, ignore_case: bool = False, at_start: bool = False) -> Callable[[str], bool]:
    """Tell of a text whether it holds a match, or begins with one. Raises `Unpreparable`.

    Where both engines can answer, `re` does: 0.2 µs a search against 4.1 through re2's Python binding, measured on
    `^[a-z]+@acme`. It leaves to re2 what is long, and folding the case of letters beyond ASCII, where they differ.
    """
    if len(pattern) > LONGEST_PATTERN:
        msg = f"a pattern has at most {LONGEST_PATTERN} characters, not {len(pattern)}"
        raise Unpreparable(msg)
    linear = linear_pattern(pattern, ignore_case=ignore_case, at_start=at_start)
    if linear is None:
        return screened_pattern(pattern, ignore_case=ignore_case, at_start=at_start)
    try:
        find, longest, folds = _screened(pattern, ignore_case=ignore_case, at_start=at_start)
    except Unpreparable:
        return linear

    def found(text: str) -> bool:
        if len(text) > longest or (folds and not text.isascii()):
            return linear(text)
        return find(text) is not None

    return found


def linear_pattern(pattern: str, *, ignore_case: bool = False, at_start: bool = False) -> Callable[[str], bool] | None:
    """The same through RE2; None where `re2` is not installed."""
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

    def found(text: str) -> bool:
        try:
            return len(text) <= LONGEST_LINEAR_SUBJECT and find(text) is not None
        except UnicodeError:  # half of a surrogate pair
            return False

    return found


def screened_pattern(pattern: str, *, ignore_case: bool = False, at_start: bool = False) -> Callable[[str], bool]:
    """The same through `re`. Raises `Unpreparable` for what is outside the dialect or could backtrack without end."""
    find, longest, _ = _screened(pattern, ignore_case=ignore_case, at_start=at_start)
    return lambda text: len(text) <= longest and find(text) is not None


def _screened(pattern: str, *, ignore_case: bool, at_start: bool) -> tuple[Callable[[str], object], int, bool]:
    """How to search, in texts of what length, and whether case is folded anywhere."""
    translated = translate(pattern, ignore_case=ignore_case, at_start=at_start)
    longest = LONGEST_SUBJECT.get(translated.degree)
    if longest is None:
        msg = f"a pattern whose repeats overlap this much needs the re2 extra: {shown(pattern)}"
        raise Unpreparable(msg)
    try:
        compiled = re.compile(translated.text, re.IGNORECASE if translated.ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        msg = f"no pattern: {shown(pattern)}: {error}"
        raise Unpreparable(msg) from None
    folds = translated.ignore_case or "(?i:" in translated.text
    return (compiled.match if at_start else compiled.search), longest, folds
