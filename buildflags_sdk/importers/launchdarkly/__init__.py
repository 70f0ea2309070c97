"""LaunchDarkly's rulesets: the SDK's payload, which Relay and the file data source share.

`{"flags": {…}, "segments": {…}}`, also inside `{"data": {…}}` as the stream wraps it, and `flagValues` of the file data
source. Follows the evaluation of server-side SDKs as of 2026. Where they would find a flag malformed, so is ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, place
from buildflags_sdk.importers.links import Links, too_long
from buildflags_sdk.importers.report import AttributeMapping, Imported
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from . import notes
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
    twins = _settle_errors(reader, made, refused)
    _add_flags(reader, made, refused, twins)
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
            why = notes.joined(why, notes.on_segment(key, raw))
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
            why = notes.joined(why, notes.on_flag(key, raw))
        except Unsupported as error:
            made[key] = Made(None, str(error), where)
        else:
            problem = reader.draft.problem_of_flag(key, entry)
            made[key] = Made(entry, why, where) if problem is None else Made(None, problem, where)
    for (kind, named), height in reader.links.heights().items():
        problem = too_long(height)
        if kind == "flag" and named in made and problem:
            made[named] = Made(None, problem, made[named].where)
    return made


def _settle_errors(reader: Reader, made: dict[str, Made], refused: set[Node]) -> dict[str, str]:
    """Decide what a prerequisite's error means. Gives the names of the twins that are needed for it, by key.

    A cycle, a malformed clause or what is refused here ends also the flag that names it; an outcome that is an error merely
    fails. Of a flag that can come to both, the others ask a twin, to which such an outcome is the caller's default: what is
    still an error there ends them. One that is off fails whatever is in it.
    """
    links = reader.links
    cyclic = links.names.keys() - links.heights().keys()
    ending = links.reaching(reader.malformed | cyclic | refused)
    taken = {key for key, _ in reader.prerequisites} | made.keys()
    twins: dict[str, str] = {}
    for key, condition in reader.prerequisites:
        entry = made[key].entry if key in made else None
        if ("flag", key) not in ending or (entry and not entry["enabled"]):
            continue
        del condition["on_error"]
        if entry and key in reader.asked:
            if key not in twins:
                twins[key] = reader.draft.name("flag", _free(f"{key}-as-a-prerequisite", taken))
            condition["flag"] = twins[key]
    return twins


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "-"
    return name


def _add_flags(reader: Reader, made: dict[str, Made], refused: set[Node], twins: dict[str, str]) -> None:
    draft, shadowed = reader.draft, reader.links.reaching(refused)
    for key, (entry, why, where) in made.items():
        if entry is None:
            draft.refuse_flag(key, why, where=where)
            continue
        follows = "it names an entry that is refused: there it is an error" if ("flag", key) in shadowed else ""
        draft.add_flag(key, entry, where=where, why=notes.joined(why, follows))
        if key in twins:
            whose = f"what the flags ask that name {key!r} as a prerequisite: an outcome in error is none to them"
            draft.add_flag(key, reader.asked[key], where=where, why=whose, named=twins[key])


def _object(raw: Any, where: str) -> Json:
    if not isinstance(raw, dict):
        msg = f"{where} is no object"
        raise Unsupported(msg)
    return raw
