"""The points of other systems' bucketing, each in that system's own arithmetic: same hash, same rounding, same ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .hashes import canonical_cbor, fnv1a32, fnv1a32_by_character, murmur3_32
from .operators.flagsmith import trait_text
from .operators.row import is_number
from .operators.wording import configcat_text, integer_text, javascript_text, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Point = Callable[[Any], Any]
    Prepare = Callable[[str, int], Point]
    Read = Callable[[Any], str | None]

_LONG_SCALE = float(16**15 - 1)
_UNLEASH_VARIANT_SEED = 86_028_157


def text_or_integer(key: Any) -> str | None:
    """Text, or an integer's digits; anything else counts as missing."""
    if isinstance(key, str):
        return key
    return integer_text(key) if isinstance(key, int) and not isinstance(key, bool) else None


def growthbook_text(key: Any) -> str | None:
    """Text that is not empty, or a number's: what is falsy in JavaScript, a bool or not finite counts as missing."""
    if isinstance(key, str):
        return key or None
    if not is_number(key) or not key:
        return None
    text = javascript_text(key)
    return None if text in ("NaN", "Infinity", "-Infinity") else text


def text_alone(key: Any) -> str | None:
    """Text; anything else counts as missing."""
    return key if isinstance(key, str) else None


def _of_bytes(read: Read, between: str, number: Callable[[bytes, int], Any], after: str = "") -> Prepare:
    """A row: seed, `between`, the key as text, `after`, all as UTF-8, through `number(data, of)`."""

    def prepare(seed: str, of: int) -> Point:
        before = seed + between

        def point(key: Any) -> Any:
            text = read(key)
            if text is None:
                return None
            try:
                return number((before + text + after).encode(), of)
            except UnicodeEncodeError:
                return None

        return point

    return prepare


def _long_fraction(data: bytes, of: int) -> float:
    """LaunchDarkly and PostHog: the first fifteen hex digits of SHA-1 over the greatest such number."""
    from hashlib import sha1  # noqa: PLC0415 - OpenSSL's hashes cost a cold start 2.6 ms; only their users pay

    fraction = (int.from_bytes(sha1(data, usedforsecurity=False).digest()[:8], "big") >> 4) / _LONG_SCALE
    return fraction if of == 1 else fraction * of


def _unleash_rollout(data: bytes, of: int) -> int:
    return murmur3_32(data) % of + 1


def _unleash_variant(data: bytes, of: int) -> int:
    return murmur3_32(data, _UNLEASH_VARIANT_SEED) % of + 1


def _eppo(data: bytes, of: int) -> int:
    from hashlib import md5  # noqa: PLC0415

    return int.from_bytes(md5(data, usedforsecurity=False).digest()[:4], "big") % of


def _configcat(data: bytes, of: int) -> int:
    from hashlib import sha1  # noqa: PLC0415

    return (int.from_bytes(sha1(data, usedforsecurity=False).digest()[:4], "big") >> 4) % of


def _statsig(data: bytes, of: int) -> int:
    from hashlib import sha256  # noqa: PLC0415

    return int.from_bytes(sha256(data).digest()[:8], "big") % of


def flagd_1(data: bytes, of: int) -> float:
    """The first fractional of flagd: percent of the greatest int32, from a signed hash without its sign."""
    unsigned = murmur3_32(data)
    percent = (unsigned if unsigned < 1 << 31 else (1 << 32) - unsigned) / (2**31 - 1) * 100
    return percent if of == 100 else percent * of / 100


def flagd_2(data: bytes, of: int) -> int:
    """The second fractional of flagd, whose third differs only in what is hashed."""
    return murmur3_32(data) * of >> 32


def _flagd_3(seed: str, of: int) -> Point:
    if seed:
        msg = f"flagd_3 hashes the key alone; flagd_3_pair takes the seed {seed!r}"
        raise ValueError(msg)

    def point(key: Any) -> int | None:
        if key is None or isinstance(key, (list, tuple)):
            return None
        try:
            return flagd_2(canonical_cbor(key), of)
        except (ValueError, OverflowError, RecursionError):
            return None

    return point


def _flagd_3_pair(seed: str, of: int) -> Point:
    def point(key: Any) -> int | None:
        try:
            return flagd_2(canonical_cbor([seed, key]), of) if isinstance(key, str) else None
        except ValueError:
            return None

    return point


def _flagsmith(read: Read, between: str) -> Prepare:
    def prepare(seed: str, of: int) -> Point:
        from hashlib import md5  # noqa: PLC0415

        def point(key: Any) -> float | None:
            text = read(key)
            if text is None:
                return None
            try:
                ids = (seed + between + text).encode()
            except UnicodeEncodeError:
                return None
            hashed = ids
            while True:
                percent = int.from_bytes(md5(hashed, usedforsecurity=False).digest(), "big") % 9999 / 9998 * 100
                if percent < 100:
                    return percent if of == 100 else percent * of / 100
                hashed += b"," + ids  # exactly 100 is no percentage: the list is hashed once more over

        return point

    return prepare


def _growthbook_1(fnv: Callable[[str], int]) -> Prepare:
    def prepare(seed: str, of: int) -> Point:
        def point(key: Any) -> float | None:
            text = growthbook_text(key)
            return None if text is None else _scaled(fnv(text + seed) % 1000, 1000, of)

        return point

    return prepare


def _growthbook_2(fnv: Callable[[str], int]) -> Prepare:
    def prepare(seed: str, of: int) -> Point:
        def point(key: Any) -> float | None:
            text = growthbook_text(key)
            return None if text is None else _scaled(fnv(str(fnv(seed + text))) % 10000, 10000, of)

        return point

    return prepare


def _scaled(part: int, whole: int, of: int) -> float:
    return part if of == whole else part / whole if of == 1 else part * of / whole


def _devcycle(suffix: str) -> Prepare:
    def prepare(seed: str, of: int) -> Point:
        target = murmur3_32(_devcycle_bytes(seed), 1)

        def point(key: Any) -> float | None:
            text = plain_text(key)
            if text is None:
                return None
            fraction = murmur3_32(_devcycle_bytes(text + suffix), target) / (2**32 - 1)
            return fraction if of == 1 else fraction * of

        return point

    return prepare


def _devcycle_bytes(text: str) -> bytes:
    """What the bucketing library of DevCycle's Python SDK hashes: a backslash for each UTF-16 unit beyond ASCII."""
    if not text.isascii():
        text = "".join("\\" * (1 + (each > "\uffff")) if each > "\x7f" else each for each in text)
    return text.encode()


def _modulo(seed: str, of: int) -> Point:
    if seed:
        msg = f"modulo takes no seed, not {seed!r}"
        raise ValueError(msg)

    def point(key: Any) -> int | None:
        if isinstance(key, bool):
            return None
        if isinstance(key, int):
            return key % of
        if isinstance(key, str) and len(key) <= 40 and key.isascii() and key.isdigit():
            return int(key) % of
        return None

    return point


PEERS: dict[str, Prepare] = {
    "launchdarkly": _of_bytes(text_or_integer, ".", _long_fraction),
    "unleash_rollout": _of_bytes(plain_text, ":", _unleash_rollout),
    "unleash_variant": _of_bytes(plain_text, ":", _unleash_variant),
    "growthbook_1": _growthbook_1(fnv1a32),
    "growthbook_2": _growthbook_2(fnv1a32),
    "growthbook_1_python": _growthbook_1(fnv1a32_by_character),
    "growthbook_2_python": _growthbook_2(fnv1a32_by_character),
    "eppo": _of_bytes(plain_text, "-", _eppo),
    "flagd_1": _of_bytes(text_alone, "", flagd_1),
    "flagd_2": _of_bytes(text_alone, "", flagd_2),
    "flagd_3": _flagd_3,
    "flagd_3_pair": _flagd_3_pair,
    "flagsmith": _flagsmith(plain_text, ","),
    "flagsmith_identity": _flagsmith(plain_text, ""),
    "flagsmith_trait": _flagsmith(trait_text, ","),
    "posthog_rollout": _of_bytes(plain_text, ".", _long_fraction),
    "posthog_variant": _of_bytes(plain_text, ".", _long_fraction, "variant"),
    "configcat": _of_bytes(configcat_text, "", _configcat),
    "statsig": _of_bytes(plain_text, ".", _statsig),
    "devcycle": _devcycle(""),
    "devcycle_rollout": _devcycle("_rollout"),
    "modulo": _modulo,
}
