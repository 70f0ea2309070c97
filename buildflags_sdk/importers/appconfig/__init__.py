"""AWS AppConfig: its own feature flags (`AWS.AppConfig.FeatureFlags`, basic and multi-variant), and Powertools' schema.

Powertools (3.37; before it a missing key was compared as null) keeps its features in a freeform profile; an envelope
around them is found by itself. Any key of a context may be the targeting key there, since no rule hashes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, place
from buildflags_sdk.importers.report import TARGETING_KEY, AttributeMapping
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .powertools import Feature
from .variants import flag_entry, notes_of

if TYPE_CHECKING:
    from buildflags_sdk.importers.report import Imported

__all__ = ["features_of", "read"]


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read a feature flag profile, the flags that AppConfig serves from one, or a Powertools schema.

    Raises:
        FlagFileError: the bytes are none of them.
    """
    source = read_object(data, system="AWS AppConfig", max_bytes=max_bytes)
    if isinstance(source.get("values"), dict) and not _is_feature(source["values"]):
        if source.get("version") != "1":
            msg = f"this feature flag profile of AWS AppConfig has version {source.get('version')!r}, not '1'"
            raise FlagFileError(msg)
        definitions = source.get("flags")
        return _flags(source["values"], definitions if isinstance(definitions, dict) else {}, ("values",))
    if source and all(isinstance(raw, dict) and isinstance(raw.get("enabled"), bool) for raw in source.values()):
        return _flags(source, {}, ())
    steps, features = features_of(source)
    if features is None:
        msg = (
            "this is neither a feature flag profile of AWS AppConfig nor a Powertools schema, whose features each have "
            "a default: give what GetLatestConfiguration answers, or the file that was uploaded"
        )
        raise FlagFileError(msg)
    draft = Draft("AWS AppConfig", "Powertools 3.37")
    draft.reserve("flag", features)
    for key, raw in features.items():
        where = place(*steps, key)
        try:
            feature = Feature(raw, where)
            draft.add_flag(key, feature.entry(), where=where, why=feature.why(*steps, key))
        except Unsupported as problem:
            draft.refuse_flag(key, str(problem), where=where)
    return draft.done(AttributeMapping(TARGETING_KEY, {}))


def _flags(values: dict[str, Any], definitions: dict[str, Any], steps: tuple[str, ...]) -> Imported:
    draft = Draft("AWS AppConfig", "AWS.AppConfig.FeatureFlags 1")
    keys = {**values, **definitions}
    draft.reserve("flag", keys)
    for key in keys:
        where = place(*steps, key) if key in values else place("flags", key)
        try:
            entry = flag_entry(values.get(key), definitions.get(key), where)
            notes = notes_of(values.get(key), definitions.get(key), (*steps, key), ("flags", key))
            draft.add_flag(key, entry, where=where, why="; ".join(notes))
        except Unsupported as problem:
            draft.refuse_flag(key, str(problem), where=where)
    return draft.done(AttributeMapping(TARGETING_KEY, {}))


def features_of(source: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any] | None]:
    """Powertools' features and where they stand: at the top, or in an envelope of one step."""
    if _arefeatures_of(source):
        return (), source
    found = [(key, inner) for key, inner in source.items() if isinstance(inner, dict) and _arefeatures_of(inner)]
    return ((found[0][0],), found[0][1]) if len(found) == 1 else ((), None)


def _arefeatures_of(raw: dict[str, Any]) -> bool:
    return any(map(_is_feature, raw.values())) and all(isinstance(each, dict) for each in raw.values())


def _is_feature(raw: Any) -> bool:
    return isinstance(raw, dict) and "default" in raw and not isinstance(raw.get("enabled"), bool)
