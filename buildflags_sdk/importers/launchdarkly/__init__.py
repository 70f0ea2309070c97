"""LaunchDarkly's rulesets: the SDK's payload, which Relay and the file data source share.

`{"flags": {…}, "segments": {…}}`, also inside `{"data": {…}}` as the stream wraps it, and `flagValues` of the file data
source. Follows the evaluation of server-side SDKs as of 2026. Where they would find a flag malformed, so is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._evaluation.lines import MAX_DEPTH
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, place
from buildflags_sdk.importers.links import Links
from buildflags_sdk.importers.report import AttributeMapping, Imported
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .contexts import context_of
from .flags import Reader, raw_variation
from .results import result_of

if TYPE_CHECKING:
    from buildflags_sdk.importers.links import Node

    Json = dict[str, Any]

__all__ = ["context_of", "read", "result_of"]

_HOW = "give what SDKs receive: the answer of /sdk/latest-all, or Relay's or the file data source's flags.json"


class Made(NamedTuple):
    """What a flag became: its entry, and in which way it is not exact; or no entry, and why."""

    entry: Json | None
    why: str
    where: str


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read an export. Contexts go through `attributes.apply`, which is `context_of`.

    Raises:
        FlagFileError: the bytes are no such export; the message says what to give instead.
    """
    export = _payload(read_object(data, system="LaunchDarkly", max_bytes=max_bytes))
    flags, segments = _entries(export, "flags"), _entries(export, "segments")
    values = _table(export, "flagValues")
    for key, value in values.items():
        if key in flags:
            msg = f"flag {key!r} stands in flags and in flagValues: leave one of them out"
            raise FlagFileError(msg)
        flags[key] = {"on": True, "fallthrough": raw_variation(0), "variations": [value]}
    draft, links = Draft("launchdarkly"), Links()
    draft.reserve("flag", flags)
    draft.reserve("segment", segments)
    reader = Reader(draft, links, segments)
    _read_segments(reader, segments)
    made = _read_flags(reader, flags, values)
    refused: set[Node] = {("flag", key) for key, each in made.items() if each.entry is None}
    refused |= {("segment", key) for key in segments if draft.name("segment", key) not in draft.segments}
    _settle_errors(reader, refused)
    _add_flags(reader, made, refused)
    return draft.done(AttributeMapping("key", {}, context_of))


def _payload(raw: Json) -> Json:
    data = raw.get("data")
    if isinstance(data, dict) and "flags" not in raw and "flagValues" not in raw:
        raw = data
    if not raw.keys() & {"flags", "segments", "flagValues"}:
        kind = "an answer of the REST API" if "items" in raw or "_links" in raw else "no export of LaunchDarkly"
        msg = f"this is {kind}, with the fields {sorted(raw)[:8]}: {_HOW}"
        raise FlagFileError(msg)
    return raw


def _table(export: Json, name: str) -> Json:
    table = export.get(name)
    if table is None:
        return {}
    if not isinstance(table, dict):
        msg = f"{name} must be an object by key: {_HOW}"
        raise FlagFileError(msg)
    return table


def _entries(export: Json, name: str) -> Json:
    """The entries by key, without the tombstones of deleted ones. Client-side payloads hold values and no rules."""
    table = _table(export, name)
    kept = {key: raw for key, raw in table.items() if not (isinstance(raw, dict) and raw.get("deleted") is True)}
    if (
        name == "flags"
        and kept
        and all(isinstance(raw, dict) and "value" in raw and "variations" not in raw for raw in kept.values())
    ):
        msg = f"this is a client-side payload, which holds one user's values and no rules: {_HOW}"
        raise FlagFileError(msg)
    return kept


def _read_segments(reader: Reader, segments: Json) -> None:
    draft = reader.draft
    for key, raw in segments.items():
        where = place("segments", key)
        try:
            entry, why = reader.segment(key, _object(raw, where), where)
        except Unsupported as error:
            draft.refuse_segment(key, str(error), where=where)
        else:
            draft.add_segment(key, entry, where=where, why=why)


def _read_flags(reader: Reader, flags: Json, values: Json) -> dict[str, Made]:
    made: dict[str, Made] = {}
    for key, raw in flags.items():
        where = place("flagValues" if key in values else "flags", key)
        try:
            entry, why = reader.flag(key, _object(raw, where), where)
        except Unsupported as error:
            made[key] = Made(None, str(error), where)
        else:
            problem = reader.draft.problem_of_flag(key, entry)
            made[key] = Made(entry, why, where) if problem is None else Made(None, problem, where)
    for (kind, named), height in reader.links.heights().items():
        if kind == "flag" and named in made and height > MAX_DEPTH:
            problem = f"{height} entries name each other in a row, over the limit of {MAX_DEPTH}"
            made[named] = Made(None, problem, made[named].where)
    return made


def _settle_errors(reader: Reader, refused: set[Node]) -> None:
    """Decide what a prerequisite's error means.

    One that ends in a cycle or a malformed clause ends the flag that names it, and so does one that is refused here; one
    whose own variation does not exist merely fails.
    """
    links = reader.links
    cyclic = links.names.keys() - links.heights().keys()
    ending = links.reaching(reader.malformed | cyclic | refused)
    for named, condition in reader.prerequisites:
        if named in ending:
            del condition["on_error"]


def _add_flags(reader: Reader, made: dict[str, Made], refused: set[Node]) -> None:
    shadowed = reader.links.reaching(refused)
    for key, (entry, why, where) in made.items():
        if entry is None:
            reader.draft.refuse_flag(key, why, where=where)
        elif ("flag", key) in shadowed and not why:
            reader.draft.add_flag(
                key, entry, where=where, why="it names an entry that is refused: there it is an error"
            )
        else:
            reader.draft.add_flag(key, entry, where=where, why=why)


def _object(raw: Any, where: str) -> Json:
    if not isinstance(raw, dict):
        msg = f"{where} is no object"
        raise Unsupported(msg)
    return raw
