"""Unleash's patterns: its engine takes those of Rust's `regex`, most of which RE2 and this package read alike."""

from __future__ import annotations

import re
from typing import Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable
from buildflags_sdk._evaluation.regex import LONGEST_PATTERN, linear_pattern
from buildflags_sdk._evaluation.regex_dialect import translate
from buildflags_sdk.importers.draft import Unsupported

_BACKTRACKING_ONLY = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=|\(\?>")
_ESCAPE = re.compile(r"\\(?:[pP]\{[^}]*\}|x\{[^}]*\}|[^QECuUx<>])|\\x(?=[0-9A-Fa-f]{2})|\[:\^?[a-z]+:\]", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_IN_CLASS = re.compile(r"\[\^?\]?[^\]]*?(?:\[|&&|--|~~)")
_REPEAT: Final = r"(?:[*+?]|\{\d+(?:,\d*)?\})"
_APART = re.compile(rf"\\|{_REPEAT}(?:[*+]|\{{|\?[*+?{{])|\{{(?!\d+(?:,\d*)?\}})|\(\?[a-zA-Z-]*[xuR]", re.ASCII)
_UNICODE_THERE: Final = frozenset("wWdDsSbB")


def is_pattern(pattern: str, where: str, *, ignore_case: bool) -> bool:
    """Whether a pattern can be searched for; Unleash lets any other match nothing.

    Raises:
        Unsupported: it is too long, only `re2` can tell, or Unleash's engine reads it in a way of its own.
    """
    if len(pattern) > LONGEST_PATTERN:
        msg = f"{where}: a pattern of {len(pattern)} characters, over the limit of {LONGEST_PATTERN}"
        raise Unsupported(msg)
    if _reads_apart(pattern):
        msg = f"{where}: RE2 and Unleash's engine read the pattern {shown(pattern)} differently, or one of them not at all"
        raise Unsupported(msg)
    try:
        if linear_pattern(pattern, ignore_case=ignore_case) is None:
            translate(pattern, ignore_case=ignore_case, at_start=False)
    except Unpreparable:
        if not _foreign(pattern):
            msg = f"{where}: only the re2 extra can tell whether {shown(pattern)} is a pattern; install it and import again"
            raise Unsupported(msg) from None
        return False
    return True


def note_of(pattern: str, where: str) -> str:
    """What a finding says of a pattern that means less here beyond ASCII; empty for any other."""
    if "[:^" not in pattern and _UNICODE_THERE.isdisjoint(re.findall(r"\\(.)", pattern, re.DOTALL)):
        return ""
    return (
        f"{where}: classes and word boundaries of the pattern {shown(pattern)} are ASCII's here, as in RE2; "
        "Unleash's engine reads them in Unicode"
    )


def _reads_apart(pattern: str) -> bool:
    """Whether it holds what RE2 and Rust's `regex` do not agree on: operations in classes, repeats of repeats, `{` as text."""
    plain = _ESCAPE.sub("a", pattern)
    return bool(_IN_CLASS.search(plain) or _APART.search(_CLASS.sub("a", plain)))


def _foreign(pattern: str) -> bool:
    """Whether a pattern that was refused is outside the RE2 dialect for sure, and not just too dangerous for `re`."""
    if linear_pattern("") is not None or _BACKTRACKING_ONLY.search(pattern):
        return True
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return True
    return False
