"""JavaScript's coercions over JSON values (ECMA-262 §7.1, §7.2): truth, numbers, text, and its two equalities."""

from __future__ import annotations

from math import isnan, nan
from typing import Any

from .operators.wording import plain_text

_SAFE = 2**53
_BASES = {"0x": 16, "0o": 8, "0b": 2}
_SPACES = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


def truthy(value: Any) -> bool:
    """JSON Logic's truth: JavaScript's, but an empty list is false."""
    if isinstance(value, dict):
        return True
    return bool(value) and not (isinstance(value, float) and isnan(value))


def to_number(value: Any) -> float:
    """Number(value): null, false and empty text are 0; NaN when there is none."""
    if isinstance(value, (bool, int, float)):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if value is None:
        return 0.0
    if isinstance(value, str):
        return _spelt(value.strip(_SPACES))
    if isinstance(value, (list, tuple)):
        return to_number(to_text(value))
    return nan


def _spelt(text: str) -> float:
    if not text:
        return 0.0
    if not text.isascii() or "_" in text or text != text.strip():  # Python also reads other scripts' digits
        return nan
    unsigned = text.lstrip("+-")
    if unsigned[:1].lower() in ("n", "i") and unsigned != "Infinity":  # Python also reads nan, inf and iNFINITY
        return nan
    try:
        base = _BASES.get(text[:2].lower())
        return float(text) if base is None else float(int(text[2:], base)) if text[2:].isalnum() else nan
    except ValueError:
        return nan
    except OverflowError:
        return float("inf")


def leading_number(value: Any) -> float:
    """parseFloat(value): the number that its text begins with."""
    from re import ASCII, match  # noqa: PLC0415 - only additions pay for the import

    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return to_number(value)
    found = match(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", to_text(value)[:1024], ASCII)
    return float(found[1]) if found else nan


def to_text(value: Any) -> str:
    """String(value): lists as their texts between commas, null inside them as nothing."""
    if value is None:
        return "null"
    if isinstance(value, (list, tuple)):
        return ",".join("" if element is None else to_text(element) for element in value)
    return plain_text(value) or ("" if isinstance(value, str) else "[object Object]")


def whole(number: float) -> int | float:
    """The integer that a float is, where floats still tell integers apart; else the float."""
    return int(number) if float(number).is_integer() and abs(number) <= _SAFE else number


def strictly_equal(left: Any, right: Any) -> bool:
    """`===`: no coercion; lists and objects are equal only to themselves."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return left is right


def loosely_equal(left: Any, right: Any) -> bool:
    """`==`: null equals only null; otherwise what differs in kind is compared as numbers, lists as their text."""
    if left is None or right is None:
        return left is right
    structures = isinstance(left, (list, tuple, dict)), isinstance(right, (list, tuple, dict))
    if all(structures):
        return left is right
    if structures[0]:
        left = to_text(left)
    if structures[1]:
        right = to_text(right)
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return to_number(left) == to_number(right)
