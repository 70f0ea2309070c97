"""What a finding says of a flag or segment that is imported: fields and operators that are not known, settings not read.

The shapes hold what LaunchDarkly's SDKs are sent. What is only for events, for client-side SDKs or for the store of the
data changes nobody's variation, and is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import place
from buildflags_sdk.importers.patterns import python_note
from buildflags_sdk.importers.shape import unknown_fields

from .clauses import OPERATORS, SEGMENT_MATCH
from .fields import items, objects, text

if TYPE_CHECKING:
    from buildflags_sdk.importers.shape import Shape

    Json = dict[str, Any]

_NAMED = 6


def _fields(names: str, **inner: Shape) -> dict[str, Shape]:
    return {**dict.fromkeys(names.split()), **inner}


_CLAUSES: Final = [_fields("attribute op values negate contextKind")]
_ROLLOUT: Final = _fields("kind contextKind bucketBy seed", variations=[_fields("variation weight untracked")])
_TARGETS: Final = [_fields("variation values contextKind")]
_KEYS: Final = [_fields("contextKind values")]
_FLAG: Final = _fields(
    "key version deleted on variations offVariation salt trackEvents trackEventsFallthrough debugEventsUntilDate "
    "clientSide samplingRatio excludeFromSummaries migration",
    clientSideAvailability=_fields("usingMobileKey usingEnvironmentId"),
    prerequisites=[_fields("key variation")],
    targets=_TARGETS,
    contextTargets=_TARGETS,
    rules=[_fields("id variation trackEvents", rollout=_ROLLOUT, clauses=_CLAUSES)],
    fallthrough=_fields("variation", rollout=_ROLLOUT),
)
_SEGMENT: Final = _fields(
    "key version deleted included excluded salt unbounded unboundedContextKind generation",
    includedContexts=_KEYS,
    excludedContexts=_KEYS,
    rules=[_fields("id weight bucketBy rolloutContextKind", clauses=_CLAUSES)],
)


def on_flag(key: str, raw: Json) -> str:
    """What there is to say of a flag that was read. Empty when every part of it was."""
    steps = ("flags", key)
    migration = "migration" in raw and f"{place(*steps, 'migration')}: a migration's settings were left out"
    return joined(unknown_fields(raw, _FLAG, *steps), *_on_clauses(raw, *steps), migration or "")


def on_segment(key: str, raw: Json) -> str:
    """The same of a segment."""
    steps = ("segments", key)
    return joined(unknown_fields(raw, _SEGMENT, *steps), *_on_clauses(raw, *steps))


def joined(*notes: str) -> str:
    """The notes that say something, as one."""
    return "; ".join(note for note in notes if note)


def _on_clauses(raw: Json, *steps: str) -> list[str]:
    unknown, patterns = [], []
    for rule, rule_place in objects(raw, "rules", place(*steps)):
        for clause, where in objects(rule, "clauses", rule_place):
            operator = text(clause, "op", where) or ""
            if operator == "matches":
                patterns += [python_note(value) for value in items(clause, "values", where) if isinstance(value, str)]
            elif operator not in OPERATORS and operator != SEGMENT_MATCH:
                unknown.append(f"{shown(operator)} at {where}")
    patterns = list(dict.fromkeys(filter(None, patterns)))
    if len(patterns) > _NAMED:
        patterns = [*patterns[:_NAMED], f"and {len(patterns) - _NAMED} more patterns"]
    if not unknown:
        return patterns
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    return [
        f"operators that are not known match nothing, as in its SDKs: {', '.join(unknown[:_NAMED])}{more}",
        *patterns,
    ]
