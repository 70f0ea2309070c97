"""Values as text, the way each system writes them: the coercions that its comparisons and hashes begin with."""

from __future__ import annotations

from typing import Any

_SAFE = 2**53  # the integers up to it are doubles


def plain_text(value: Any) -> str | None:
    """Text as it is, true and false in lower case, numbers as JavaScript writes them; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return integer_text(value)
    if isinstance(value, float):
        return javascript_number(value)
    return None


def integer_text(value: int) -> str | None:
    """Decimal digits; None when there are more of them than Python agrees to write."""
    try:
        return int.__repr__(value)
    except ValueError:
        return None


def javascript_number(value: float) -> str:
    """A float as ECMAScript's Number::toString writes it (ECMA-262 §6.1.6.1.20): 1.0 is `1`, 1e16 all its digits."""
    if value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return "0"
    mantissa, _, exponent = float.__repr__(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    shift = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return ("-" if value < 0 else "") + _laid_out(digits, shift)


def rust_number(value: float) -> str:
    """A float as Rust's Display writes it: the fewest digits that tell it from others, and no exponent."""
    if value - value != 0:  # not finite
        return "NaN" if value != value else "inf" if value > 0 else "-inf"  # noqa: PLR0124 - NaN alone differs from itself
    mantissa, _, exponent = float.__repr__(value).partition("e")
    if not exponent:
        return mantissa.removesuffix(".0")
    from decimal import Decimal  # noqa: PLC0415 - few numbers have an exponent

    return f"{Decimal(float.__repr__(value)):f}"


def rust_text(value: Any) -> str | None:
    """Text as it is, true and false in lower case, numbers with all digits of their double; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (int, float)):
        return None
    try:
        return rust_number(float(value))
    except OverflowError:
        return None


def javascript_text(value: Any) -> str | None:
    """As `plain_text`, but an integer is the double that JavaScript holds of it: beyond 2^53 its last digits are lost."""
    if not isinstance(value, int) or isinstance(value, bool) or -_SAFE <= value <= _SAFE:
        return plain_text(value)
    try:
        return javascript_number(float(value))
    except OverflowError:
        return "Infinity" if value > 0 else "-Infinity"


def _laid_out(digits: str, point: int) -> str:
    """Digits with the decimal point after the first `point` of them."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def python_text(value: Any) -> str | None:
    """What Python's `str` gives; None when it cannot."""
    if value.__class__ is str:
        return value
    try:
        return str(value)
    except (ValueError, RecursionError):  # endless digits, bottomless nesting
        return None


def unaltered(text: str) -> str:
    """The text itself: the case mode of those who compare exactly."""
    return text


def configcat_text(value: Any) -> str | None:
    """As ConfigCat's Python SDK: moments as seconds since 1970, lists of texts as compact JSON, whole floats as integers.

    All else is Python's own text: exponents as `1e-07`, `True`, other lists. Its SDKs for other languages write theirs.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - only this system's rules pay for the imports

    if value is None:
        return None
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, list) and all(isinstance(element, str) for element in value):
        import json  # noqa: PLC0415

        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(value, float):
        return python_text(value)
    if value - value != 0:  # not finite
        return javascript_number(value)
    text = float.__repr__(value)
    return text if "e" in text else text.removesuffix(".0") if value else "0"
