"""Flagsmith's environment document, and the evaluation context that its engine (flag_engine 10 and later) reads.

A segment there pushes overrides onto features; here each feature lists its overrides as rules, the strongest first. The
identifier is the targeting key, traits are attributes. An identity key that is not `<environment key>_<identifier>`
(evaluation contexts have them) goes into the attribute `flagsmithIdentityKey`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, an_object, place
from buildflags_sdk.importers.report import MOVED, TARGETING_KEY, AttributeMapping
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .document import context_of
from .features import Candidate, Feature
from .segments import IDENTIFIER, Segments

if TYPE_CHECKING:
    from buildflags_sdk._evaluation.details import Decision
    from buildflags_sdk.importers.report import Imported

__all__ = ["read", "result_of"]


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read an environment document or an evaluation context. An `identity` in the latter is left alone.

    Raises:
        FlagFileError: the bytes are neither.
    """
    source = read_object(data, system="Flagsmith", max_bytes=max_bytes)
    draft = Draft("Flagsmith", "engine 11")
    try:
        if "feature_states" in source:
            context, explicit_keys = context_of(source), False
        elif isinstance(source.get("environment"), dict) and source.keys() & {"features", "segments"}:
            context, explicit_keys = source, True
        else:
            msg = "this is no environment document of Flagsmith: export /api/v1/environment-document/"
            raise FlagFileError(msg)
        environment = an_object(context["environment"], "$.environment")
        features = an_object(context.get("features") or {}, "$.features")
        segments = Segments(draft, context, explicit_keys=explicit_keys)
        draft.reserve("flag", features)
        segments.convert()
        overrides = _overrides(segments)
    except Unsupported as problem:
        msg = f"this environment document of Flagsmith cannot be read: {problem}"
        raise FlagFileError(msg) from None
    for name, raw in features.items():
        where = place("features", name)
        try:
            feature = Feature(an_object(raw, where), where, overrides.get(name, []), str(environment.get("key")))
            draft.add_flag(name, feature.entry(explicit_keys=explicit_keys), where=where)
        except Unsupported as problem:
            draft.refuse_flag(name, str(problem), where=where)
    return draft.done(AttributeMapping(IDENTIFIER, {TARGETING_KEY: MOVED}))


def result_of(decision: Decision, definition: dict[str, Any]) -> dict[str, Any]:
    """Flagsmith's words for a decision of that flag: enabled, value, variant, reason, and the feature's metadata."""
    said = definition["meta"]["flagsmith"]
    about = said["variants"].get(decision.variant, {"variant": None, "reason": "ERROR"})
    silent = decision.value is CALLER_DEFAULT or said.get("without_values", False)
    result = {"enabled": decision.on, "value": None if silent else decision.value, **about}
    return {**result, "metadata": said["metadata"]} if "metadata" in said else result


def _overrides(segments: Segments) -> dict[str, list[Candidate]]:
    """What segments push onto each feature: the lowest priority first, and the first segment of several with the same."""
    found: dict[str, list[Candidate]] = {}
    for segment, raw in segments.overrides():
        if isinstance(raw, dict):
            candidate = Candidate(raw, segment.name, segment.condition, segment.problem)
            found.setdefault(str(raw.get("name")), []).append(candidate)
    return {name: sorted(several, key=lambda candidate: candidate.priority) for name, several in found.items()}
