"""Comparisons with values that the ruleset holds only as salted hashes, so that it gives no address or name away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .equality import text_only
from .row import Operator, Rows, Unpreparable, of_any_element, only, shown, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    Holds = Callable[[bytes], bool]


def salted(text: bytes, salt: bytes) -> str:
    """Lower-case hex of SHA-256 over the text and then the salt."""
    from hashlib import sha256  # noqa: PLC0415 - costs a cold start 2.6 ms; only these rules pay

    return sha256(text + salt).hexdigest()


def read_operand(values: list[Any]) -> tuple[bytes, list[str]]:
    """Salt and hashes of the one operand `{"salt": text, "hashes": [hex, …]}`."""
    operand = only(values)
    if not isinstance(operand, dict) or operand.keys() != {"salt", "hashes"} or not isinstance(operand["salt"], str):
        msg = f'a hashed operator takes {{"salt": text, "hashes": [hex, …]}}, not {shown(operand)}'
        raise Unpreparable(msg)
    if not isinstance(operand["hashes"], list):
        msg = f"hashes are a list, not {shown(operand['hashes'])}"
        raise Unpreparable(msg)
    return operand["salt"].encode("utf-8", "surrogatepass"), texts(operand["hashes"])


def one_of(values: list[Any]) -> Holds:
    """Tell of bytes whether their salted hash is one of the operand's."""
    salt, hashes = read_operand(values)
    wanted = frozenset(text.lower() for text in hashes)
    return lambda text: salted(text, salt) in wanted


def affix_of(values: list[Any], *, at_end: bool) -> Holds:
    """As `one_of`, of the first or last n bytes; the operand's hashes are written `n_hash`."""
    salt, hashes = read_operand(values)
    by_length: dict[int, set[str]] = {}
    for text in hashes:
        length, mark, digest = text.lstrip(" ").partition("_")
        if not mark or not (length.isascii() and length.isdigit()) or len(length) > 6:
            msg = f"a hashed beginning or end is written length_hash, not {shown(text)}"
            raise Unpreparable(msg)
        by_length.setdefault(int(length), set()).add(digest.lower())

    def holds(text: bytes) -> bool:
        return any(
            len(text) >= length and salted(text[len(text) - length :] if at_end else text[:length], salt) in wanted
            for length, wanted in by_length.items()
        )

    return holds


FORMS: dict[str, Callable[[list[Any]], Holds]] = {
    "in": one_of,
    "starts_with": lambda values: affix_of(values, at_end=False),
    "ends_with": lambda values: affix_of(values, at_end=True),
}


def utf8(text: str) -> bytes | None:
    """The text's UTF-8; None when it holds half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _native(form: Callable[[list[Any]], Holds]) -> Callable[[list[Any]], Callable[[Any], bool]]:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        holds = form(values)

        def of_one(thing: Any) -> bool:
            text = text_only(thing)
            encoded = None if text is None else utf8(text)
            return encoded is not None and holds(encoded)

        return of_any_element(of_one)

    return prepare


def _prepare_id_list(values: list[Any]) -> Callable[[Any], bool]:
    """Statsig's id lists: the first eight characters of base64(SHA-256(id))."""
    from base64 import b64encode  # noqa: PLC0415 - only these lists pay for the imports
    from hashlib import sha256  # noqa: PLC0415

    wanted = frozenset(texts(values))

    def test(attribute: Any) -> bool:
        from .wording import plain_text  # noqa: PLC0415

        text = plain_text(attribute)
        encoded = None if text is None else utf8(text)
        return encoded is not None and b64encode(sha256(encoded).digest())[:8].decode() in wanted

    return test


ROWS: Rows = {
    (op, "salted_sha256"): Operator(
        _native(form), 'one {"salt":text,"hashes":[hex…]}' + ("" if op == "in" else ", hashes written length_hash")
    )
    for op, form in FORMS.items()
}
ROWS["in", "statsig_id_list"] = Operator(_prepare_id_list, "eight characters of base64(SHA-256(id)) each")
