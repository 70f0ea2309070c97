"""Reads flagd's flag files: variants, targeting in JSON Logic, shared evaluators, metadata.

A targeting program stays one program, which names the variant to serve: nothing of its meaning is taken apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._wire.limits import DEFAULT_LIMITS
from buildflags_sdk.errors import ConfigurationError, FlagFileError

from .draft import Draft, Unsupported, an_object, place
from .report import AttributeMapping, Imported
from .shape import unknown_fields
from .source import MAX_BYTES, read_object
from .value_types import common_type, mixes_numbers, variant_body

if TYPE_CHECKING:
    from .shape import Shape

FRACTIONAL_VERSIONS: Final = (1, 2, 3)
"""The hashes of `fractional`: abs(int32) in percent, (uint32 x total) >> 32, and that over CBOR. They agree on nobody."""

_SYSTEM = "flagd"
_DEEPEST: Final = 128  # levels of a program before chains of `if` are flattened
_ORIGIN, _ORIGIN_THERE = "imported", "flagd.imported"
_FLAG: Final[Shape] = dict.fromkeys(
    ("key", "state", "variants", "defaultVariant", "targeting", "metadata", "source", "selector")
)
_FILE: Final[Shape] = dict.fromkeys(("$schema", "flags", "$evaluators", "metadata"))


def read(data: bytes, *, max_bytes: int = MAX_BYTES, fractional: int = 2) -> Imported:
    """Read a flag file. `fractional` is the version of the hash that the flagd in use has.

    Raises:
        FlagFileError: the bytes are no flagd file, or larger than `max_bytes`.
        ConfigurationError: there is no such version of `fractional`.
    """
    if fractional not in FRACTIONAL_VERSIONS:
        msg = f"fractional has the versions 1, 2 and 3, not {fractional!r}"
        raise ConfigurationError(msg)
    raw = read_object(data, system=_SYSTEM, max_bytes=max_bytes)
    flags = _flags(raw)
    evaluators = raw.get("$evaluators") or {}
    metadata = raw.get("metadata") or {}
    if not isinstance(evaluators, dict) or not isinstance(metadata, dict):
        msg = "$evaluators and metadata of a flagd file are JSON objects: check the file with flagd's own schema"
        raise FlagFileError(msg)
    draft = Draft(_SYSTEM)
    draft.reserve("flag", [key for key, _, _ in flags])
    for key, steps, flag in flags:
        where = place(*steps)
        try:
            entry, notes = _entry(key, an_object(flag, where), where, evaluators, metadata, f"flagd_{fractional}")
        except Unsupported as error:
            draft.refuse_flag(key, str(error), where=where)
        else:
            notes += [unknown_fields(flag, _FLAG, *steps), unknown_fields(raw, _FILE)]
            draft.add_flag(key, entry, where=where, why="; ".join(filter(None, notes)))
    return draft.done(AttributeMapping("targetingKey", {}))


def _flags(raw: dict[str, Any]) -> list[tuple[str, tuple[str | int, ...], Any]]:
    """Key, the steps to its place, and body of each flag: an object of them, or a list of which each says its key."""
    flags = raw.get("flags")
    found: list[tuple[str, tuple[str | int, ...], Any]]
    if isinstance(flags, list):
        found = [
            (str(flag.get("key", at)) if isinstance(flag, dict) else str(at), ("flags", at), flag)
            for at, flag in enumerate(flags)
        ]
    elif isinstance(flags, dict):
        found = [(key, ("flags", key), flag) for key, flag in flags.items()]
    else:
        msg = "a flagd file has an object of flags under 'flags', and this has none: give the file that flagd reads"
        raise FlagFileError(msg)
    if found and not any(isinstance(flag, dict) and {"state", "variants"} & flag.keys() for _, _, flag in found):
        msg = "no flag of this file has flagd's 'state' and 'variants': it is another system's export"
        raise FlagFileError(msg)
    return found


def _entry(
    key: str, flag: dict[str, Any], where: str, evaluators: dict[str, Any], metadata: dict[str, Any], dialect: str
) -> tuple[dict[str, Any], list[str]]:
    """The flag's entry, and in what it differs from flagd."""
    state, named = flag.get("state"), an_object(flag.get("variants"), f"{where}.variants")
    variants = {name: value for name, value in named.items() if name}
    if state not in ("ENABLED", "DISABLED"):
        msg = f"{where}.state is {shown(state)}; flagd knows ENABLED and DISABLED"
        raise Unsupported(msg)
    flag_type = common_type(variants.values())
    if not variants or flag_type is None or None in variants.values():
        msg = f"{where}.variants: flagd needs one or more values of one type, not {shown(named)}"
        raise Unsupported(msg)
    targeting = flag.get("targeting")
    if targeting is not None and not isinstance(targeting, dict):
        msg = f"{where}.targeting is {shown(targeting)}, not a JSON Logic object"
        raise Unsupported(msg)
    own = {} if flag.get("metadata") is None else an_object(flag["metadata"], f"{where}.metadata")
    entry: dict[str, Any] = {
        "type": flag_type,
        "variants": {name: variant_body(value) for name, value in variants.items()},
        "enabled": state == "ENABLED",
        "off": None,
        "rules": [],
        "fallthrough": _default(flag.get("defaultVariant"), variants, where),
    }
    notes = ["integers among floats are read as floats here"] if mixes_numbers(variants.values()) else []
    if "" in named:
        notes.append("a variant without a name, which flagd never serves, was left out")
    if meta := {**metadata, **own}:
        entry["meta"] = {_ORIGIN_THERE if name == _ORIGIN else name: value for name, value in meta.items()}
        if _ORIGIN in meta:
            notes.append(f"the metadata's {_ORIGIN!r} is called {_ORIGIN_THERE!r} here, where an import notes its own")
    if targeting:
        program = _flattened(_Evaluators(evaluators, f"{where}.targeting").placed(targeting))
        computed = {"expression": program, "dialect": dialect, "flag_key": key}
        entry["rules"] = [{"id": "targeting", "serve": {"computed": computed}}]
    return entry, notes


def _default(name: Any, variants: dict[str, Any], where: str) -> dict[str, Any] | None:
    """The fallthrough: none is the caller's default, and a name that is no variant is flagd's GENERAL when it is reached."""
    if isinstance(name, bool):
        name = "true" if name else "false"
    if name is None or name == "":
        return None
    if not isinstance(name, str):
        msg = f"{where}.defaultVariant is {shown(name)}, not a variant's name"
        raise Unsupported(msg)
    return {"variant": name} if name in variants else {"computed": {"expression": name}}


class _Evaluators:
    """A program with each `{"$ref": name}` replaced by the evaluator of that name, in evaluators too."""

    def __init__(self, evaluators: dict[str, Any], where: str) -> None:
        self._evaluators = evaluators
        self._where = where
        self._left = DEFAULT_LIMITS.line_bytes  # each part takes a byte at least

    def placed(self, logic: Any, inside: tuple[str, ...] = (), depth: int = 0) -> Any:
        """The logic in full. Raises `Unsupported` for one that would never end or take more than an entry may."""
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            much = (
                f"more than {DEFAULT_LIMITS.line_bytes:,} parts" if self._left < 0 else f"more than {_DEEPEST} levels"
            )
            msg = f"{self._where}: it has {much} with its $evaluators in their places, over the limit for one entry"
            raise Unsupported(msg)
        if isinstance(logic, list):
            return [self.placed(inner, inside, depth + 1) for inner in logic]
        if not isinstance(logic, dict):
            return logic
        if "$ref" not in logic:
            return {word: self.placed(inner, inside, depth + 1) for word, inner in logic.items()}
        name = logic["$ref"]
        if len(logic) != 1 or not isinstance(name, str) or name not in self._evaluators:
            msg = f"{self._where}: there is no evaluator {shown(name)} under $evaluators"
            raise Unsupported(msg)
        if name in inside:
            msg = f"{self._where}: the evaluators {' -> '.join((*inside, name))} refer to each other in a ring"
            raise Unsupported(msg)
        return self.placed(self._evaluators[name], (*inside, name), depth + 1)


def _flattened(logic: Any) -> Any:
    """Chains of `if` in their last place as one `if`, which means the same and nests less deep."""
    if isinstance(logic, list):
        return [_flattened(inner) for inner in logic]
    if not isinstance(logic, dict) or len(logic) != 1:  # any other object is data
        return logic
    flat = {word: _flattened(inner) for word, inner in logic.items()}
    operands = flat.get("if")
    if isinstance(operands, list) and len(operands) % 2 and len(operands) > 1:
        last = operands[-1]
        if isinstance(last, dict) and last.keys() == {"if"} and isinstance(last["if"], list) and last["if"]:
            return {"if": [*operands[:-1], *last["if"]]}
    return flat
