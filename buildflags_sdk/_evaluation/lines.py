"""One line of a page, decoded: what both evaluators agree on before either looks at a rule. It knows no field's meaning."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_DEPTH: Final = 32
"""How deep objects and lists of one line may nest, the line's own object included; also how long a chain of entries
that name each other may be."""

MAX_POINTS: Final = 2**53
"""The largest `of`: beyond it floats, and other languages, lose points."""

FORMS: Final = frozenset(
    ("all", "any", "not", "attr", "segment", "flag", "share", "time", "member_of", "assigned", "expression", "error"),
)
"""The field that tells which form a condition has; a condition holds exactly one of them."""

_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"


class Refused(ValueError):
    """An entry says something that this version cannot take; the message names the place and the offending value."""


def decode_line(line: bytes | str) -> dict[str, Any]:
    """Decode one entry: strict JSON, an object, nested at most `MAX_DEPTH` deep. Raises `Refused`."""
    try:
        text = line if isinstance(line, str) else line.decode("utf-8")
        raw = _decode(text)
    except RecursionError:
        msg = f"nested deeper than {MAX_DEPTH}"
        raise Refused(msg) from None
    except ValueError as error:  # JSON, UTF-8 and oversized integers alike
        msg = f"not a line of JSON: {error}"
        raise Refused(msg) from None
    if not isinstance(raw, dict):
        msg = f"an entry is a JSON object, not {shown(raw)}"
        raise Refused(msg)
    # A line with few brackets cannot be deep, and one without escapes holds no lone surrogate: most lines are not walked.
    if text.count("{") + text.count("[") > MAX_DEPTH and _deeper_than(raw, MAX_DEPTH):
        msg = f"nested deeper than {MAX_DEPTH}"
        raise Refused(msg)
    if "\\u" in text:
        _refuse_surrogates(text, raw)
    return raw


def encode_entry(entry: Mapping[str, Any]) -> str:
    """The JSON text of an entry that is already decoded, so that it passes through `decode_line` like any other."""
    try:
        return json.dumps(entry, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"an entry is plain JSON: {error}"
        raise Refused(msg) from None


def within_floats(number: float) -> float:
    """The number as it is. Raises `Refused` for an integer beyond every float."""
    try:
        float(number)
    except OverflowError:
        msg = f"{shown(number)} is too large"
        raise Refused(msg) from None
    return number


def parse_time(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 moment, which names its offset. Raises `Refused`."""
    from datetime import datetime  # noqa: PLC0415 - only rules that tell the time pay for the import

    if re.fullmatch(_TIME, text, re.ASCII):
        try:
            return datetime.fromisoformat(text).timestamp()
        except ValueError:
            pass
    msg = f"a moment is RFC 3339 text with its offset, such as 2026-12-01T00:00:00Z, not {shown(text)}"
    raise Refused(msg)


def ramp_points(rows: Iterable[tuple[str, float]]) -> tuple[tuple[float, float], ...]:
    """The points of a ramp with their moments in seconds since 1970. Raises `Refused`."""
    points = tuple((parse_time(at), float(height)) for at, height in rows)
    if not points or any(later[0] <= earlier[0] for earlier, later in pairwise(points)):
        msg = "a ramp has one point or more, each later than the one before"
        raise Refused(msg)
    return points


def ramp_at(points: tuple[tuple[float, float], ...], now: float, *, stepped: bool) -> float:
    """The height of a ramp at a moment: flat before its first and after its last point."""
    before_at, before = points[0]
    if now <= before_at:
        return before
    for at, height in points:
        if now < at:
            return before if stepped else before + (height - before) * (now - before_at) / (at - before_at)
        before_at, before = at, height
    return before


def shown(value: object) -> str:
    """A value as messages show it: never longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (inf, -inf):
        msg = f"{digits} is too large"
        raise ValueError(msg)
    return number


# Made once: `json.loads` with these arguments makes a decoder per call (3 µs of each flag).
_decode: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode


def _deeper_than(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        return levels == 0 or any(_deeper_than(inner, levels - 1) for inner in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_deeper_than(inner, levels - 1) for inner in value)
    return False


def _refuse_surrogates(text: str, raw: object) -> None:
    try:
        json.dumps(raw, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        msg = f"half of a surrogate pair in {shown(text)}"
        raise Refused(msg) from None
