"""An export's bytes, decoded once and strictly: nothing that JSON libraries quietly repair gets past this."""

from __future__ import annotations

import json
from collections import Counter
from math import inf
from typing import Any, Final, NoReturn

from buildflags_sdk.errors import FlagFileError

MAX_BYTES: Final = 33_554_432
"""How large an export may be unless the caller says otherwise: 32 MiB, some 100,000 flags.

It is read whole: reading takes about twenty times its size in memory (measured with LaunchDarkly's form: 10 MB, 200 MB).
"""

MAX_DEPTH: Final = 64
"""How deep an export may nest: a ruleset nests twice as deep as one of its entries at most."""


def read_json(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """Decode an export.

    >>> read_json(b'{"flags": {}}')
    {'flags': {}}

    Raises:
        FlagFileError: it is larger than `max_bytes`, nested deeper than `max_depth`, cut off, no JSON, holds a key twice
            in one object, or a number that is none (NaN, Infinity, beyond every float). The message says what to do.
    """
    check_size(len(data), max_bytes)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"the export is not UTF-8 from byte {error.start:,} on: save it as UTF-8"
        raise FlagFileError(msg) from None
    try:
        raw = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise FlagFileError(_json_problem(text, error)) from None
    except RecursionError:
        msg = f"the export nests deeper than {max_depth}: it is no ruleset"
        raise FlagFileError(msg) from None
    except ValueError as error:
        msg = f"the export is no plain JSON: {error}"
        raise FlagFileError(msg) from None
    if _deeper_than(raw, max_depth):
        msg = f"the export nests deeper than {max_depth}: it is no ruleset"
        raise FlagFileError(msg)
    return raw


def check_size(size: int, max_bytes: int = MAX_BYTES) -> None:
    """Refuse an export by its size, which a file tells before it is read. Raises `FlagFileError` as `read_json` does."""
    if size > max_bytes:
        msg = (
            f"the export has {size:,} bytes, over the limit of {max_bytes:,}: "
            "export one project or environment at a time, or raise max_bytes (--max-bytes)"
        )
        raise FlagFileError(msg)


def read_object(data: bytes, *, system: str, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Decode an export that must be a JSON object. Raises `FlagFileError` as `read_json` does."""
    raw = read_json(data, max_bytes=max_bytes)
    if not isinstance(raw, dict):
        msg = f"an export of {system} is a JSON object, not {_kind(raw)}"
        raise FlagFileError(msg)
    return raw


def _json_problem(text: str, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "the export is empty: export it again"
    if text.rstrip()[-1] not in "}]" and error.msg != "Extra data":
        return f"the export is cut off after {len(text):,} characters ({error.msg}): export it again, whole"
    return f"the export is no JSON: {error.msg} in line {error.lineno}, column {error.colno}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        msg = f"the key {twice!r} stands twice in one object, and which one counts is nobody's guess"
        raise ValueError(msg)
    return made


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is no JSON number"
    raise ValueError(msg)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (inf, -inf):
        msg = f"{digits[:40]} is larger than any float"
        raise ValueError(msg)
    return number


def _deeper_than(raw: Any, levels: int) -> bool:
    layer = [raw]
    for _ in range(levels):
        deeper: list[Any] = []
        for value in layer:
            if isinstance(value, dict):
                deeper.extend(inner for inner in value.values() if isinstance(inner, (dict, list)))
            elif isinstance(value, list):
                deeper.extend(inner for inner in value if isinstance(inner, (dict, list)))
        if not deeper:
            return False
        layer = deeper
    return True


def _kind(raw: Any) -> str:
    words = {list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return words.get(type(raw), "null")
