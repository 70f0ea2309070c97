"""The texts that Statsig compares, as its core in Rust writes them: an attribute's numbers are doubles, an operand's are JSON's."""

from __future__ import annotations

from typing import Any

from .wording import integer_text, rust_number, rust_text

_LEAST, _MOST, _MOST_SIGNED = -(2**63), 2**64 - 1, 2**63 - 1


def attribute_text(value: Any) -> str | None:
    """A list as JSON, anything else as Rust writes it: numbers with all digits of their double; None for what has no text.

    >>> attribute_text([2**63]), operand_text([2**63])
    ('[9.223372036854776e18]', '[9223372036854775808]')
    """
    return _text(value, _MOST_SIGNED) if isinstance(value, (list, tuple)) else rust_text(value)


def operand_text(value: Any) -> str | None:
    """Text as it is, anything else as the JSON that its core writes of it; None where that has too many digits or levels.

    >>> operand_text(1000.0), operand_text(1e21), operand_text(None)
    ('1000.0', '1e21', 'null')
    """
    return value if isinstance(value, str) else _text(value, _MOST)


def _text(value: Any, most: int) -> str | None:
    try:
        return _json(value, most)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def _json(value: Any, most: int) -> str:
    """A whole number beyond `most` is a double: those of an attribute are signed."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and _LEAST <= value <= most:
        return integer_text(value) or ""
    if isinstance(value, (int, float)):
        return _float(float(value))
    from json import dumps  # noqa: PLC0415 - only lists and objects pay for the import

    if isinstance(value, (list, tuple)):
        if all(each.__class__ is str or each.__class__ is bool for each in value):
            return dumps(value, ensure_ascii=False, separators=(",", ":"))
        return "[" + ",".join(_json(each, most) for each in value) + "]"
    if isinstance(value, dict):
        named = (f"{dumps(str(name), ensure_ascii=False)}:{_json(of, most)}" for name, of in value.items())
        return "{" + ",".join(named) + "}"
    return dumps(value, ensure_ascii=False)


def _float(value: float) -> str:
    """Exponents below -5 and above 15 are written, without a sign or zeros in front; whole numbers end in `.0`.

    What is not finite becomes the nearest signed integer, as JSON has no word for it: 0 for no number.
    """
    if value - value != 0:
        return "0" if value != value else str(_MOST_SIGNED if value > 0 else _LEAST)  # noqa: PLR0124 - NaN alone
    mantissa, _, exponent = float.__repr__(value).partition("e")
    if exponent == "-05":
        return rust_number(value)
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
