"""Patterns of the RE2 dialect, searched for in bounded time: by `re2` where it is installed, by a screened `re` elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .operators.row import Unpreparable, shown

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare_pattern(pattern: str, *, ignore_case: bool = False, at_start: bool = False) -> Callable[[str], bool]:
    """Tell of a text whether it holds a match (or begins with one). Raises `Unpreparable`."""
    try:
        compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        msg = f"no pattern: {shown(pattern)}: {error}"
        raise Unpreparable(msg) from None
    find = compiled.match if at_start else compiled.search
    return lambda text: find(text) is not None
