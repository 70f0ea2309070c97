"""ConfigCat's config JSON, version 6 (`config_v6.json`, as the CDN serves it and `Download` saves it).

A user's Identifier is the targeting key (an empty text for a user without one); Email, Country and custom attributes
keep their names. A context without targeting key is ConfigCat's missing user object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, an_object, place
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY, AttributeMapping
from buildflags_sdk.importers.shape import unknown_fields
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .conditions import Conditions
from .fields import SETTING
from .settings import Setting

if TYPE_CHECKING:
    from buildflags_sdk._evaluation.details import Decision
    from buildflags_sdk.importers.report import Imported

__all__ = ["read", "result_of"]


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read a config JSON.

    Raises:
        FlagFileError: the bytes are no config JSON, or one of another version.
    """
    source = read_object(data, system="ConfigCat", max_bytes=max_bytes)
    settings = source.get("f")
    if not isinstance(settings, dict) or (settings and not any("t" in each for each in _objects(settings))):
        msg = 'this is no config JSON of ConfigCat: it has no object "f" of typed settings; download config_v6.json'
        raise FlagFileError(msg)
    if any(isinstance(raw, dict) and "v" in raw and not isinstance(raw["v"], dict) for raw in settings.values()):
        msg = "this config JSON of ConfigCat has version 5 or older: download config_v6.json"
        raise FlagFileError(msg)
    draft = Draft("ConfigCat", "config v6")
    draft.reserve("flag", settings)
    try:
        conditions = Conditions(draft, source)
    except Unsupported as problem:
        msg = f"this config JSON of ConfigCat cannot be read: {problem}"
        raise FlagFileError(msg) from None
    conditions.add_segments()
    made: dict[str, tuple[Setting, dict[str, Any]] | Unsupported] = {}
    for key, raw in settings.items():
        try:
            setting = Setting(key, an_object(raw, place("f", key)), place("f", key), conditions)
            made[key] = setting, setting.entry()
        except Unsupported as problem:
            made[key] = problem
    for key, read_as in made.items():
        where = place("f", key)
        if isinstance(read_as, Unsupported):
            draft.refuse_flag(key, str(read_as), where=where)
            continue
        setting, entry = read_as
        doubtful = [f"it asks {other!r}, which has no answer of its own here" for other in _doubtful(key, made)]
        notes = [*setting.notes, *doubtful, unknown_fields(setting.raw, SETTING, "f", key)]
        draft.add_flag(key, entry, where=where, why="; ".join(dict.fromkeys(filter(None, notes))))
    return draft.done(AttributeMapping("Identifier", {TARGETING_KEY: MOVED}))


def _doubtful(key: str, made: dict[str, tuple[Setting, dict[str, Any]] | Unsupported]) -> list[str]:
    """The settings that one asks, directly or through others, and that are refused or serve what is not of their type."""
    reached, ahead = {key: None}, [key]
    while ahead:
        found = made[ahead.pop()]
        for other in () if isinstance(found, Unsupported) else found[0].asked:
            if other in made and other not in reached:
                reached[other] = None
                ahead.append(other)
    others = [other for other in reached if other != key]
    return [other for other in others if isinstance(found := made[other], Unsupported) or found[0].mistyped]


def _objects(settings: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in settings.values() if isinstance(each, dict)]


def result_of(decision: Decision, definition: dict[str, Any]) -> str | None:
    """ConfigCat's variation id of a decision of that flag."""
    ids: dict[str, str] = definition.get("meta", {}).get("configcat", {}).get("variation_ids", {})
    return None if decision.variant is None else ids.get(decision.variant)
