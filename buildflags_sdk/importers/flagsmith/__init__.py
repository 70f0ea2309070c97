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

from .conditions import IDENTIFIER, Flags
from .document import context_of
from .features import Candidate, Feature
from .fields import notes_of_context, notes_of_document
from .nodes import Contexts
from .segments import problems_of_chains, segments_of, spread_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision
    from buildflags_sdk.importers.report import Imported

    from .fields import Notes
    from .segments import Segment

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
            context, own_keys = context_of(source), False
        elif isinstance(source.get("environment"), dict) and source.keys() & {"features", "segments"}:
            context, own_keys = source, True
        else:
            msg = "this is no environment document of Flagsmith: export /api/v1/environment-document/"
            raise FlagFileError(msg)
        environment_key = str(an_object(context["environment"], "$.environment").get("key"))
        features = an_object(context.get("features") or {}, "$.features")
        segments = segments_of(draft, context)
        notes = notes_of_context(source) if own_keys else notes_of_document(source, context)
        draft.reserve("flag", features)
        entries, results, problems = _entries(draft, features, segments, environment_key, own_keys=own_keys)
    except Unsupported as problem:
        msg = f"this environment document of Flagsmith cannot be read: {problem}"
        raise FlagFileError(msg) from None
    contexts = Contexts(context, features, own_keys=own_keys)
    flags = Flags(lambda name: draft.name("flag", name), results)
    for segment in segments:
        segment.convert(contexts, flags, environment_key)
        if segment.problem is None:
            segment.problem = draft.problem_of_segment(segment.source, {"when": segment.when})
    problems = {**problems_of_chains(segments), **problems}
    spread_problems(segments, problems)
    _add_segments(draft, segments, notes)
    for name in features:
        where = notes.places["flag", name]
        if name in problems:
            draft.refuse_flag(name, problems[name], where=where)
        else:
            draft.add_flag(name, entries[name], where=where, why="; ".join(notes.flags.get(name, ())))
    return draft.done(AttributeMapping(IDENTIFIER, {TARGETING_KEY: MOVED}, _context_of))


def result_of(decision: Decision, definition: dict[str, Any]) -> dict[str, Any]:
    """Flagsmith's words for a decision of that flag: enabled, value, variant, reason, and the metadata of what it came to.

    Of a flag that was refused it says `ERROR` and why, neither enabled nor with a value.
    """
    said = definition["meta"].get("flagsmith")
    if said is None:
        return {"enabled": False, "value": None, "variant": None, "reason": f"ERROR; {definition.get('broken')}"}
    about = said["variants"].get(decision.variant, {"variant": None, "reason": "ERROR"})
    silent = decision.value is CALLER_DEFAULT or said.get("without_values", False)
    return {"enabled": decision.on, "value": None if silent else decision.value, **about}


def _context_of(context: Mapping[str, Any]) -> dict[str, Any]:
    """What Flagsmith's SDK takes, as the imported flags read it: a trait may come with how long it is to be kept."""
    traits = {name: value["value"] if _is_described(value) else value for name, value in context.items()}
    return AttributeMapping(IDENTIFIER, {TARGETING_KEY: MOVED}).apply(traits)


def _is_described(trait: Any) -> bool:
    return isinstance(trait, dict) and "value" in trait and trait.keys() <= {"value", "transient"}


def _entries(
    draft: Draft, features: dict[str, Any], segments: list[Segment], environment_key: str, *, own_keys: bool
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """The flags' entries, the results of each by variant, and the problems of those that have neither."""
    entries: dict[str, Any] = {}
    results: dict[str, Any] = {}
    problems: dict[str, str] = {}
    overrides = _overrides(segments)
    for name, raw in features.items():
        where = place("features", name)
        try:
            feature = Feature(an_object(raw, where), where, overrides.get(name, []), environment_key)
            entries[name] = feature.entry(explicit_keys=own_keys)
            results[name] = feature.results
            problem = draft.problem_of_flag(name, entries[name])
        except Unsupported as unsupported:
            problem = str(unsupported)
        if problem is not None:
            problems[name] = problem
    return entries, results, problems


def _add_segments(draft: Draft, segments: list[Segment], notes: Notes) -> None:
    for segment in segments:
        where = notes.places["segment", segment.key]
        if segment.problem is None:
            why = "; ".join(dict.fromkeys([*segment.notes, *notes.segments.get(segment.key, ())]))
            draft.add_segment(segment.source, {"when": segment.when}, where=where, why=why)
        else:
            draft.refuse_segment(segment.source, segment.problem, where=where)


def _overrides(segments: list[Segment]) -> dict[str, list[Candidate]]:
    """What segments push onto each feature: the lowest priority first, and the first segment of several with the same."""
    found: dict[str, list[Candidate]] = {}
    for segment in segments:
        for raw in segment.overrides:
            candidate = Candidate(raw, segment.name, {"segment": segment.ours})
            found.setdefault(str(raw.get("name")), []).append(candidate)
    return {name: sorted(several, key=lambda candidate: candidate.priority) for name, several in found.items()}
