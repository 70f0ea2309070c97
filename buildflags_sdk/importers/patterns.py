r"""Patterns of other systems' engines, which this package reads as RE2 does: what they mean alike, what differs, what is lost.

Findings name what differs. Not among it are line breaks other than `\n` in a text that a pattern is searched in and, in
JavaScript, characters beyond U+FFFF, which it counts twice, and the Kelvin sign and long s, which are a k and an s in any case.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.operators import Unpreparable, prepare
from buildflags_sdk._evaluation.regex import LONGEST_PATTERN, is_pattern, linear_pattern
from buildflags_sdk._evaluation.regex_classes import POSIX
from buildflags_sdk._evaluation.regex_dialect import translate

from .draft import Unsupported

_POSIX_NAME: Final = rf"\[:\^?(?:{'|'.join(POSIX)}):\]"
_CLASS_ESCAPE = re.compile(r"\\[dDwWsS]")
_ESCAPE = re.compile(
    r"\\(?:[pP](?:[A-Z]|\{[A-Z][A-Za-z_]*\})|x\{[^}]*\}|x(?=[0-9A-Fa-f]{2})|[^0QECuUxpP<>])|" + _POSIX_NAME, re.DOTALL
)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_IN_CLASS = re.compile("\\[\\^?\\]?[^\\]]*?(?:\\[|&&|--|~~|\0-[^\\]])")
_REPEAT: Final = r"(?:[*+?]|\{\d+(?:,\d*)?\})"
_APART = re.compile(rf"\\|{_REPEAT}(?:[*+]|\{{|\?[*+?{{])|\{{(?!\d+(?:,\d*)?\}})|\(\?[a-zA-Z-]*[xuR]|\(\?\)", re.ASCII)
_GROUP_NAME = re.compile(r"\(\?P?<(?![=!])([^>]*)>")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_FLAGS = re.compile(r"\(\?([a-zA-Z]*)-?([a-zA-Z]*)[:)]")
_OCTAL = re.compile(r"\\[1-7][0-7]")
_LARGE_IN_RUST = re.compile(r"\\[wWdDsSpP].*\{\d{3}", re.DOTALL)
_DEEPEST: Final = 200
_BACKTRACKING_ONLY = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=|\(\?>")
_NOT_FOR_SURE = re.compile(r"repetition size|repeat count|too large|\\\\[pP]")
_UNICODE_IN_RUST: Final = frozenset("wWdDsSbB")
_OTHERWISE_IN_PYTHON = re.compile(rf"\\[wWdDsSbB]|\(\?[a-zA-Z]*i|\$|{_POSIX_NAME}|\{{,\d*\}}", re.ASCII)
_OTHERWISE_IN_JAVASCRIPT = re.compile(
    rf"\\(?:[sSAzQECapP0]|x\{{)|{_POSIX_NAME}|\(\?(?![:=!]|<[=!A-Za-z_])|\[\^?\]|(?:\^|\\[bB])(?:[*+?]|\{{\d)", re.ASCII
)


class RustEngine(NamedTuple):
    """Rust's `regex`, whose classes are Unicode's. `whose`: as a finding names it. `backtracks`: it takes more than RE2 does."""

    whose: str
    backtracks: bool = False

    def takes(self, pattern: str, where: str, *, ignore_case: bool = False) -> bool:
        """Whether a pattern can be searched for, here as there; it matches nothing there when it cannot.

        Raises:
            Unsupported: it is too long, only `re2` can tell, or that engine reads it in a way of its own.
        """
        if len(pattern) > LONGEST_PATTERN:
            msg = f"{where}: a pattern of {len(pattern)} characters, over the limit of {LONGEST_PATTERN}"
            raise Unsupported(msg)
        if _reads_apart(pattern):
            msg = f"{where}: RE2 and {self.whose} read the pattern {shown(pattern)} differently, or one of them not at all"
            raise Unsupported(msg)
        try:
            if linear_pattern(pattern, ignore_case=ignore_case) is None:
                translate(pattern, ignore_case=ignore_case, at_start=False)
        except Unpreparable as error:
            if self.backtracks or not _is_foreign(pattern, str(error)):
                msg = f"{where}: {error}; what it matches in {self.whose} cannot be told here"
                raise Unsupported(msg) from None
            return False
        return True

    def note(self, pattern: str, where: str) -> str:
        """What a finding says of a pattern that means less here beyond ASCII; empty for any other."""
        if "[:^" not in pattern and _UNICODE_IN_RUST.isdisjoint(re.findall(r"\\(.)", pattern, re.DOTALL)):
            return ""
        return (
            f"{where}: classes and word boundaries of the pattern {shown(pattern)} are ASCII's here, as in RE2; "
            f"{self.whose} reads them in Unicode"
        )


def python_note(pattern: str) -> str:
    """What a finding says of a pattern that Python's `re` reads otherwise than RE2; empty for any other."""
    if len(pattern) > LONGEST_PATTERN:
        return ""  # which is refused
    if not is_pattern(pattern):
        try:
            prepare("matches", "strict", [pattern])
        except Unpreparable:
            return ""  # for neither
        return f"the pattern {shown(pattern)} is none for Python, and is read as RE2 reads it"
    if not _OTHERWISE_IN_PYTHON.search(re.sub(r"\\[^wWdDsSbB]", "", pattern, flags=re.DOTALL)):
        return ""
    return (
        f"the pattern {shown(pattern)} reads classes, case and ends of lines as RE2 does: "
        "it may differ beyond ASCII and before a line break at the end"
    )


def javascript_note(pattern: str) -> str:
    """What a finding says of a pattern that JavaScript reads otherwise than RE2; empty for any other."""
    if len(pattern) > LONGEST_PATTERN:
        return ""  # which is refused
    if not _OTHERWISE_IN_JAVASCRIPT.search(pattern.replace("\\\\", "")):
        return ""
    return f"the pattern {shown(pattern)} is read as RE2 reads it: JavaScript reads its escapes, classes or flags otherwise"


def _reads_apart(pattern: str) -> bool:
    """Whether it holds what RE2 and Rust's `regex` do not agree on, such as operations in classes or `{` as text."""
    pattern = pattern.replace("\\\\", "a")
    if _OCTAL.search(pattern) or _LARGE_IN_RUST.search(pattern):
        return True
    plain = _ESCAPE.sub("a", _CLASS_ESCAPE.sub("\0", pattern))
    names = _GROUP_NAME.findall(plain)
    if len(names) > len(set(names)) or not all(map(_NAME.fullmatch, names)) or plain.count("(") > _DEEPEST:
        return True
    if any(len(flags) > len(set(flags)) for flags in map("".join, _FLAGS.findall(plain))):
        return True
    return bool(_IN_CLASS.search(plain) or _APART.search(_CLASS.sub("a", plain)))


def _is_foreign(pattern: str, problem: str) -> bool:
    """Whether a pattern that was refused is outside the RE2 dialect for sure, not just too much for one engine here."""
    if _BACKTRACKING_ONLY.search(pattern):
        return True
    if _NOT_FOR_SURE.search(problem):
        return False
    if linear_pattern("") is not None:
        return True
    return not is_pattern(pattern)
