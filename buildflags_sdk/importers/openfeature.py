"""Reads the flag file of OpenFeature's own test suite: variants, a default, and a one-line expression over the context.

The expression is `conditions ? 'variant' : ''`: comparisons joined by `&&`, the empty name standing for the default.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.errors import FlagFileError

from .draft import Draft, Unsupported, an_object, place
from .report import TARGETING_KEY, AttributeMapping, Imported
from .shape import unknown_fields
from .source import MAX_BYTES, read_object
from .value_types import common_type, variant_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from .shape import Shape

_SYSTEM = "OpenFeature"
_ORIGIN, _ORIGIN_THERE = "imported", "openfeature.imported"
_FLAG: Final[Shape] = dict.fromkeys(("variants", "defaultVariant", "disabled", "contextEvaluator", "flagMetadata"))
_PROGRAM = re.compile(r"(?P<conditions>.+?)\s*\?\s*'(?P<variant>[^']+)'\s*:\s*''", re.DOTALL)
_PRESENT = re.compile(r"(?P<negated>!?)\s*(?P<name>\w+)")
_COMPARED = re.compile(
    r"(?P<name>\w+)\s*(?P<word>===?|!==?|<=|>=|<|>)\s*(?:'(?P<text>[^']*)'|(?P<number>-?\d+(?:\.\d+)?))"
)
_ORDERINGS: Final = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read a flag file.

    Raises:
        FlagFileError: the bytes are no such file, or larger than `max_bytes`.
    """
    raw = read_object(data, system=_SYSTEM, max_bytes=max_bytes)
    if raw and not any(isinstance(flag, dict) and "variants" in flag for flag in raw.values()):
        msg = "no flag of this file has 'variants' at its top: it is another system's export"
        raise FlagFileError(msg)
    draft = Draft(_SYSTEM)
    draft.reserve("flag", raw)
    for key, flag in raw.items():
        where = place(key)
        try:
            entry, note = _entry(an_object(flag, where), where)
            notes = filter(None, (note, unknown_fields(flag, _FLAG, key)))
            draft.add_flag(key, entry, where=where, why="; ".join(notes))
        except Unsupported as error:
            draft.refuse_flag(key, str(error), where=where)
    return draft.done(AttributeMapping(TARGETING_KEY, {}))


def _entry(flag: dict[str, Any], where: str) -> tuple[dict[str, Any], str]:
    """The flag's entry, and what of it is otherwise here."""
    variants = an_object(flag.get("variants"), f"{where}.variants")
    flag_type = common_type(variants.values())
    if not variants or flag_type is None or None in variants.values():
        msg = f"{where}.variants: one or more values of one type are needed, not {shown(variants)}"
        raise Unsupported(msg)
    default = flag.get("defaultVariant")
    entry: dict[str, Any] = {
        "type": flag_type,
        "variants": {name: variant_body(value) for name, value in variants.items()},
        "enabled": flag.get("disabled") is not True,
        "off": None,
        "rules": [],
        "fallthrough": None if default is None else {"variant": default},
    }
    note = ""
    if flag.get("flagMetadata") is not None:
        meta = an_object(flag["flagMetadata"], f"{where}.flagMetadata")
        entry["meta"] = {_ORIGIN_THERE if name == _ORIGIN else name: value for name, value in meta.items()}
        if _ORIGIN in meta:
            note = f"the metadata's {_ORIGIN!r} is called {_ORIGIN_THERE!r} here, where an import notes its own"
    if flag.get("contextEvaluator"):
        entry["rules"] = [_rule(flag["contextEvaluator"], f"{where}.contextEvaluator")]
    return entry, note


def _rule(program: Any, where: str) -> dict[str, Any]:
    found = _PROGRAM.fullmatch(program.strip()) if isinstance(program, str) else None
    if found is None:
        msg = f"{where} is {shown(program)}, not of the form: conditions ? 'variant' : ''"
        raise Unsupported(msg)
    conditions = [_condition(text.strip(), where) for text in found["conditions"].split("&&")]
    when = conditions[0] if len(conditions) == 1 else {"all": conditions}
    return {"id": "contextEvaluator", "when": when, "serve": {"variant": found["variant"]}}


def _condition(text: str, where: str) -> dict[str, Any]:
    if found := _PRESENT.fullmatch(text):
        truthy = {"attr": [found["name"]], "op": "satisfies", "dialect": "growthbook", "values": [True]}
        return {"not": truthy} if found["negated"] else truthy
    found = _COMPARED.fullmatch(text)
    if found is None:
        msg = f"{where}: the condition {shown(text)} is none that can be read here"
        raise Unsupported(msg)
    number: Callable[[str], Any] = float if "." in (found["number"] or "") else int
    value: Any = found["text"] if found["number"] is None else number(found["number"])
    condition = {"attr": [found["name"]], "values": [value]}
    if found["word"] in _ORDERINGS:
        if isinstance(value, str):
            msg = f"{where}: {shown(text)} orders text, which cannot be read here"
            raise Unsupported(msg)
        return {**condition, "op": _ORDERINGS[found["word"]]}
    equal = {**condition, "op": "equals" if isinstance(value, str) else "eq"}
    return {"not": equal} if found["word"].startswith("!") else equal
