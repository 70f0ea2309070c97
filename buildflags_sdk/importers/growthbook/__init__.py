"""Reads GrowthBook's features payload: conditions, forced values, experiments, holdouts, prerequisites, saved groups.

Where GrowthBook's own SDKs disagree, the JavaScript one is followed, as its published cases do: a bare value is compared
with JavaScript's looseness, and the end of a forced value's coverage is inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, ErrorCode
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, an_object, place
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY, AttributeMapping, Imported
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .conditions import Conditions
from .rules import GATE, UNNAMED, Feature, Payload
from .unknown import ENCRYPTED, notes_on_experiment, notes_on_feature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision

__all__ = ["read", "read_experiment", "result_of"]

_SYSTEM = "GrowthBook"


def read(
    data: bytes,
    *,
    max_bytes: int = MAX_BYTES,
    sticky_buckets: bool = False,
    forced_variations: bool = False,
) -> Imported:
    """Read a features payload, as GrowthBook's API serves it, or the object of features alone.

    `sticky_buckets` says that the application gives the SDK a sticky bucket service: stored assignments then win, asked of
    the client's store as experiment `<key>__<version>`, and fallback attributes count. `forced_variations` reads the
    attribute `forcedVariations`, an object of variation indexes by experiment; it costs a condition for each variation.

    Raises:
        FlagFileError: the bytes are no such payload, are encrypted, or larger than `max_bytes`.
    """
    raw = read_object(data, system=_SYSTEM, max_bytes=max_bytes)
    features = _features(raw)
    whole = raw if features is not raw else {}
    groups, bandits = (_table(whole.get(name), name) for name in ("savedGroups", "contextualBandits"))
    draft = Draft(_SYSTEM, str(whole.get("dateUpdated") or ""))
    draft.reserve("flag", features)
    payload = Payload(draft, Conditions(draft, groups), bandits, sticky_buckets, forced_variations)
    for key, body in features.items():
        where = place("features", key)
        try:
            feature = Feature(payload, key, an_object(body, where), where)
            entry = feature.entry()
            notes = filter(None, [*feature.notes, *notes_on_feature(key, whole, features)])
            draft.add_flag(key, entry, where=where, why="; ".join(notes))
        except Unsupported as error:
            draft.refuse_flag(key, str(error), where=where)
    _refuse_page_experiments(draft, whole.get("experiments"), features)
    return draft.done(AttributeMapping("id", {TARGETING_KEY: MOVED}))


def read_experiment(data: bytes, *, max_bytes: int = MAX_BYTES, forced_variations: bool = False) -> Imported:
    """Read one inline experiment, as `gb.run()` takes it, as a flag of its key. Who is not in it gets the caller's default.

    Raises:
        FlagFileError: the bytes are no experiment, or larger than `max_bytes`.
    """
    rule = read_object(data, system=_SYSTEM, max_bytes=max_bytes)
    key, chosen, where = rule.get("key"), rule.get("force"), "$"
    known = chosen is None or (isinstance(chosen, int) and not isinstance(chosen, bool))
    if not known or not isinstance(key, str) or not isinstance(rule.get("variations"), list):
        msg = "this is no experiment of GrowthBook: it needs a key and variations, and force is a variation's index"
        raise FlagFileError(msg)
    draft = Draft(_SYSTEM)
    payload = Payload(draft, Conditions(draft, {}), {}, sticky_buckets=False, forced_variations=forced_variations)
    try:
        feature = Feature(payload, key, {"rules": [rule]}, where, inline=True)
        entry = feature.entry()
        draft.add_flag(
            key, entry, where=where, why="; ".join(filter(None, [*feature.notes, *notes_on_experiment(rule)]))
        )
    except Unsupported as error:
        draft.refuse_flag(key, str(error), where=where)
    return draft.done(AttributeMapping("id", {TARGETING_KEY: MOVED}))


def result_of(decision: Decision, definition: Mapping[str, Any] | None) -> dict[str, Any]:
    """Our decision in GrowthBook's words: value, source, ruleId and, for an experiment, its key and the variation.

    `definition` is the imported entry, None for a flag that there is not. Of a flag that was refused, or needs one that was,
    the source is `refused`, which GrowthBook has no word for.
    """
    value = None if decision.value is CALLER_DEFAULT else decision.value
    rule_id = decision.rule_id or ""
    shown_id = "" if rule_id.startswith((GATE, UNNAMED)) else rule_id
    result: dict[str, Any] = {"value": value, "ruleId": shown_id}
    meta = (definition or {}).get("meta") or {}
    experiment = (meta.get("growthbook") or {}).get("variants", {}).get(decision.variant)
    if decision.error_code == ErrorCode.FLAG_NOT_FOUND:
        return {**result, "source": "unknownFeature"}
    if decision.error_code is not None:
        cyclic = "is part of a cycle" in (decision.error_message or "")
        return {**result, "source": "cyclicPrerequisite" if cyclic else "refused"}
    if rule_id.startswith(GATE):
        return {**result, "source": "prerequisite"}
    if experiment is not None:
        key, index, variation = experiment
        return {**result, "source": "experiment", "experiment": key, "variationId": index, "key": variation}
    return {**result, "source": "force" if rule_id else "defaultValue"}


def _features(raw: dict[str, Any]) -> dict[str, Any]:
    for name, encrypted in ENCRYPTED.items():
        if raw.get(encrypted) and not raw.get(name):
            msg = f"the payload is encrypted: decrypt {encrypted} with the SDK connection's key and put it in as {name}"
            raise FlagFileError(msg)
    found = raw.get("features")
    if isinstance(found, dict) and not _is_feature(found):
        return found
    if raw and all(map(_is_feature, raw.values())):
        return raw
    msg = "this is no payload of GrowthBook: it has no object of features under 'features'"
    raise FlagFileError(msg)


def _is_feature(raw: Any) -> bool:
    return isinstance(raw, dict) and bool({"defaultValue", "rules"} & raw.keys())


def _table(raw: Any, name: str) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        msg = f"{name} of a GrowthBook payload is a JSON object: this is another system's export, or a broken one"
        raise FlagFileError(msg)
    return raw


def _refuse_page_experiments(draft: Draft, raw: Any, features: Mapping[str, Any]) -> None:
    """Experiments that change pages or redirect: a browser runs them, and nobody evaluates them as flags."""
    for at, each in enumerate(raw if isinstance(raw, list) else []):
        key = each.get("key") if isinstance(each, dict) else None
        if isinstance(key, str) and key not in features:
            why = "an experiment that changes pages or redirects is run by a browser's SDK"
            draft.refuse_flag(key, why, where=place("experiments", at))
