r"""The RE2 dialect read, translated for Python's `re`, and weighed: how badly could its matching backtrack?

A repeat of something that itself varies is refused unless each round can be read in one way only and holds a character
found nowhere else in it, as in `([a-z]+\.)*`. Repeats that follow each other and overlap raise the degree of the worst case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from .operators.row import Unpreparable, shown
from .regex_classes import ANYTHING, BEYOND_ASCII, PERL, POSIX, Ranges, class_text, complement, mask_of
from .regex_cost import MOST_CHOICES, Piece, cost_of, joined, marked, union

if TYPE_CHECKING:
    from .regex_cost import Cost

_DEEPEST = 50  # groups
_FREE_COUNT = 8  # a counted repeat that varies by less is a choice, not a repeat
_MOST_REPEATS = 1000  # RE2's own bound
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_COUNTS = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)
_MOST_FOLDED = 1 << 18
_DOTTED, _DOTLESS = 0x130, 0x131
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


class Translated(NamedTuple):
    """A pattern for `re`, and what its search may cost."""

    text: str
    ignore_case: bool
    cost: Cost


def translate(pattern: str, *, ignore_case: bool = False, at_start: bool = False) -> Translated:
    """Read a pattern. Raises `Unpreparable` for what the dialect lacks or what cannot be bounded."""
    reader = _Reader(pattern, "i" if ignore_case else "")
    whole = reader.alternatives(0)
    if reader.at < len(pattern):
        reader.refuse("an unmatched )")
    parts = list(whole.parts or (whole,))
    anchored = at_start or parts[0].text == r"\A"
    if not anchored:  # for the yes or no of a search, any characters around a match are nothing
        parts = _without_leading_anything(parts)
    while len(parts) > 1 and parts[-1].text in _ANYTHING_AT_ALL:
        parts.pop()
    kept = joined(parts)
    if kept.choices > MOST_CHOICES:
        reader.refuse("too many optional or alternative parts that overlap")
    return Translated(kept.text, "i" in reader.base, cost_of(kept, anchored=anchored))


_ANYTHING_AT_ALL = frozenset({".*", ".*?", "(?s:.)*", "(?s:.)*?"})


def _without_leading_anything(parts: list[Piece]) -> list[Piece]:
    at = 0
    while at < len(parts) - 1 and parts[at].text in _ANYTHING_AT_ALL:
        at += 1
    return parts[at:]


class _Reader:
    """Walks a pattern once, left to right, with the flags in force."""

    def __init__(self, pattern: str, flags: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.folded = 0  # characters of classes in any case: Python reads each of them
        self.flags = frozenset(flags)
        leading = _FLAGS.match(pattern)
        if leading and leading[3] == ")" and not leading[2]:
            self.flags |= frozenset(leading[1])
            self.at = leading.end()
        self.base = self.flags  # what the whole is compiled with; parts that differ say so

    def refuse(self, what: str) -> NoReturn:
        msg = f"{what} in the pattern {shown(self.pattern)}"
        raise Unpreparable(msg)

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def alternatives(self, depth: int) -> Piece:
        if depth > _DEEPEST:
            self.refuse("groups nested too deep")
        branches = [self.sequence(depth)]
        while self.peek() == "|":
            self.at += 1
            branches.append(self.sequence(depth))
        if len(branches) == 1:
            return branches[0]
        seen, clear = 0, True
        for branch in branches:
            clear = clear and not (branch.first & seen) and not branch.nullable
            seen |= branch.first
        return Piece(
            "(?:" + "|".join(branch.text for branch in branches) + ")",
            mask=union([branch.mask for branch in branches]),
            first=seen,
            nullable=any(branch.nullable for branch in branches),
            variable=not clear or any(branch.variable for branch in branches),
            single=all(branch.single for branch in branches) and clear,
            closed=True,
            clean=clear and all(branch.clean for branch in branches),
            size=sum(branch.size + 3 for branch in branches),
            slow=any(branch.slow for branch in branches),
            repeats=tuple(mask for branch in branches for mask in branch.repeats),
            choices=min(max(branch.choices for branch in branches) * (1 if clear else len(branches)), MOST_CHOICES + 1),
        )

    def sequence(self, depth: int) -> Piece:
        parts: list[Piece] = []
        while self.peek() not in ("", "|", ")"):
            piece = self.atom(depth)
            if piece is not None:
                parts.append(self.repeated(piece))
        return joined(parts) if parts else Piece("", nullable=True)

    def repeated(self, piece: Piece) -> Piece:
        counts = self.counts()
        if counts is None:
            return piece
        least, most = counts
        lazy = self.peek() == "?"
        self.at += lazy
        if (self.peek() and self.peek() in "*+?") or _COUNTS.match(self.pattern, self.at):
            self.refuse("a repeat of a repeat")
        varies = most is None or most > 1
        if varies and piece.nullable:
            self.refuse("a repeat of what may be empty")
        if varies and piece.variable and not marked(piece):
            self.refuse("a repeat within a repeat that could backtrack without end")
        mark = "{%d}" % least if least == most else "{%d,%s}" % (least, "" if most is None else most)  # noqa: UP031 - braces
        mark = {"{0,}": "*", "{1,}": "+", "{0,1}": "?"}.get(mark, mark) + ("?" if lazy else "")
        spread = 0 if most is None else most - least
        many = most is None or spread >= _FREE_COUNT
        return Piece(
            (piece.text if piece.closed else f"(?:{piece.text})") + mark,
            piece.mask,
            piece.first,
            nullable=least == 0 or piece.nullable,
            variable=least != most or piece.variable,
            single=piece.single and least == most == 1,
            clean=piece.clean and not piece.nullable,
            size=(piece.size + (0 if piece.single else 8)) * (least + 1 if many else most or 1),
            slow=piece.slow or (many and (lazy or not piece.single)),
            repeats=(piece.mask,)
            if many
            else piece.repeats,  # rounds are told apart: those within go on one after the other
            choices=min(piece.choices * (1 if many else spread + 1), MOST_CHOICES + 1),
        )

    def counts(self) -> tuple[int, int | None] | None:
        sign = self.peek()
        if sign in ("*", "+", "?") and sign:
            self.at += 1
            return (1 if sign == "+" else 0), (1 if sign == "?" else None)
        found = _COUNTS.match(self.pattern, self.at)
        if found is None:
            return None
        self.at = found.end()
        least = int(found[1][:5])
        most = least if found[2] is None else int(found[3][:5]) if found[3] else None
        if least > _MOST_REPEATS or (most is not None and not least <= most <= _MOST_REPEATS):
            self.refuse("a bad repeat count")
        return least, most

    def atom(self, depth: int) -> Piece | None:
        sign = self.peek()
        if sign == "(":
            return self.group(depth)
        self.at += 1
        if sign == "[":
            return self.bracket()
        if sign == "\\":
            return self.escape()
        if sign == "^":
            return self.zero_width(r"(?m:^)" if "m" in self.flags else r"\A")
        if sign == "$":
            return self.zero_width(r"(?m:$)" if "m" in self.flags else r"\Z")
        if sign == ".":
            text, mask = ("(?s:.)", ANYTHING) if "s" in self.flags else (".", ANYTHING & ~(1 << 10))
            return Piece(text, mask, mask, single=True, closed=True, size=1)
        if sign in "*+?":
            self.refuse("a repeat of nothing")
        return self.of([(ord(sign), ord(sign))])

    def zero_width(self, text: str) -> Piece:
        if self.peek() in ("*", "+", "?", "{") and self.peek():
            self.refuse("a repeat of what has no width")
        return Piece(text, nullable=True, size=1)

    def of(self, ranges: Ranges, *, negated: bool = False) -> Piece:
        """One character in (or outside) the ranges, in the case mode in force."""
        ignore_case = "i" in self.flags
        if ignore_case:
            self.folded += sum(high - low for low, high in ranges)
            if self.folded > _MOST_FOLDED:
                self.refuse("classes too large to be read in any case")
        if ignore_case and _is_dotless(ranges):
            self.refuse("U+0130 or U+0131 in any case, which Python takes for an i,")
        low, high = ranges[0] if len(ranges) == 1 and not negated else (0, 1)
        text = re.escape(chr(low)) if low == high else class_text(ranges, negated=negated)
        if ignore_case != ("i" in self.base):
            text = f"(?{'' if ignore_case else '-'}i:{text})"
        mask = mask_of(ranges, ignore_case=ignore_case)
        if negated:
            mask = (ANYTHING & ~mask) | BEYOND_ASCII
        return Piece(text, mask, mask, single=True, closed=True, size=1)

    def group(self, depth: int) -> Piece | None:
        """A group captures nothing here: the dialect has no backreferences. Flags last until its end."""
        outside = self.flags
        flags = _FLAGS.match(self.pattern, self.at)
        named = re.compile(r"\(\?P?<[A-Za-z_]\w*>").match(self.pattern, self.at)
        if flags:
            self.flags = (self.flags | frozenset(flags[1])) - frozenset(flags[2] or "")
            self.at = flags.end()
            if flags[3] == ")":
                return None
        elif named:
            self.at = named.end()
        elif self.pattern.startswith("(?", self.at):
            self.refuse("lookaround, or a group that the dialect lacks,")
        else:
            self.at += 1
        inside = self.alternatives(depth + 1)
        if self.peek() != ")":
            self.refuse("a missing )")
        self.at += 1
        self.flags = outside
        return inside._replace(text=inside.text if inside.closed else f"(?:{inside.text})", closed=True)

    def escape(self) -> Piece | None:
        sign = self.peek()
        self.at += 1
        if sign in ("A", "z"):
            return self.zero_width(r"\A" if sign == "A" else r"\Z")
        if sign in ("b", "B"):  # before Python 3.14 no \B was found in an empty text
            return self.zero_width(r"(?a:\b)" if sign == "b" else r"(?:(?a:\B)|\A\Z)")
        if sign == "Q":
            end = self.pattern.find("\\E", self.at)
            quoted = self.pattern[self.at :] if end < 0 else self.pattern[self.at : end]
            self.at = len(self.pattern) if end < 0 else end + 2
            if len(quoted) > 1 and self.peek() and self.peek() in "*+?{":
                self.refuse("a repeat of quoted text")
            return joined([self.of([(ord(c), ord(c))]) for c in quoted]) if quoted else None
        if sign in ("D", "W", "S"):
            return self.of(PERL[sign.lower()], negated=True)
        self.at -= 1
        return self.of(self.escaped_ranges())

    def escaped_ranges(self) -> Ranges:
        """After a backslash: a class, a control, a code point, or punctuation as itself."""
        sign = self.peek()
        self.at += 1
        if sign.lower() in PERL and sign:
            return PERL[sign] if sign.islower() else complement(PERL[sign.lower()])
        if sign in _CONTROLS and sign:
            return [(_CONTROLS[sign], _CONTROLS[sign])]
        if sign == "x":
            found = re.compile(r"\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2})").match(self.pattern, self.at)
            if found is None or int(found[1] or found[2], 16) > 0x10FFFF:
                self.refuse("a bad code point")
            self.at = found.end()
            return [(int(found[1] or found[2], 16),) * 2]
        if not sign or sign.isalnum():
            self.refuse(f"\\{sign}, a backreference or an escape that needs the re2 extra,")
        return [(ord(sign), ord(sign))]

    def bracket(self) -> Piece:
        negated = self.peek() == "^"
        self.at += negated
        ranges: Ranges = []
        begun = self.at
        while self.peek() != "]" or self.at == begun:
            if not self.peek():
                self.refuse("a missing ]")
            low = self.class_item()
            dash = self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] not in (
                "]",
                "",
            )
            if not dash:
                ranges += low
                continue
            self.at += 1
            high = self.class_item()
            if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or not low[0][0] <= high[0][0] == high[0][1]:
                self.refuse("a bad range")
            ranges.append((low[0][0], high[0][0]))
        self.at += 1
        return self.of(ranges, negated=negated)

    def class_item(self) -> Ranges:
        named = re.compile(r"\[:(\^?)([a-z]+):\]").match(self.pattern, self.at)
        if named:
            if named[2] not in POSIX:
                self.refuse(f"no class [:{named[2]}:]")
            self.at = named.end()
            return complement(POSIX[named[2]]) if named[1] else POSIX[named[2]]
        sign = self.peek()
        self.at += 1
        return self.escaped_ranges() if sign == "\\" else [(ord(sign), ord(sign))]


def _is_dotless(ranges: Ranges) -> bool:
    """Whether they hold U+0130 or U+0131 and no ASCII i: Python, but not RE2, takes the three for one letter in any case."""
    holds = [any(low <= code <= high for low, high in ranges) for code in (_DOTTED, _DOTLESS, ord("i"), ord("I"))]
    return any(holds[:2]) and not any(holds[2:])
