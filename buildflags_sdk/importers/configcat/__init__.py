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
    for key, raw in settings.items():
        where = place("f", key)
        try:
            setting = Setting(key, an_object(raw, where), where, conditions)
            entry = setting.entry()
            notes = filter(None, [*dict.fromkeys(setting.notes), unknown_fields(raw, SETTING, "f", key)])
            draft.add_flag(key, entry, where=where, why="; ".join(notes))
        except Unsupported as problem:
            draft.refuse_flag(key, str(problem), where=where)
    return draft.done(AttributeMapping("Identifier", {TARGETING_KEY: MOVED}))


def _objects(settings: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in settings.values() if isinstance(each, dict)]


def result_of(decision: Decision, definition: dict[str, Any]) -> str | None:
    """ConfigCat's variation id of a decision of that flag."""
    ids: dict[str, str] = definition.get("meta", {}).get("configcat", {}).get("variation_ids", {})
    return None if decision.variant is None else ids.get(decision.variant)
