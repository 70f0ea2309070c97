"""What of a GrowthBook payload is not known here: operators of conditions, types of saved groups, and any other field.

An operator or a type that is not known makes its condition neither true nor false, and its negation neither: it is met by
nobody. GrowthBook's SDK judges so, and the findings name it: another version of that SDK may know it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk._evaluation.operators.growthbook import is_known, is_operators
from buildflags_sdk.importers.draft import place
from buildflags_sdk.importers.patterns import javascript_note
from buildflags_sdk.importers.shape import unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from buildflags_sdk.importers.shape import Shape

    Steps = tuple[str | int, ...]

_SPLIT: Final[dict[str, Shape]] = {
    **dict.fromkeys((
        "key", "name", "phase", "seed", "condition", "variations", "weights", "coverage", "namespace", "ranges",
        "hashAttribute", "fallbackAttribute", "hashVersion", "bucketVersion", "minBucketVersion",
        "disableStickyBucketing", "metadata",
    )),
    "meta": [dict.fromkeys(("key", "name", "passthrough"))],
    "filters": [dict.fromkeys(("seed", "attribute", "hashVersion", "ranges"))],
    "parentConditions": [dict.fromkeys(("id", "condition", "gate"))],
}  # fmt: skip
"""Names, phases and metadata are for people and for analysis; so are a rule's `tracks` and a bandit's version."""
_RULE: Final[Shape] = {
    **_SPLIT,
    **dict.fromkeys(("id", "force", "range", "tracks", "type")),
    **dict.fromkeys(("contextualVariations", "contextualBanditRef", "banditVersion")),
}
_BANDIT: Final[Shape] = {"banditVersion": None, "contexts": [dict.fromkeys(("leafId", "condition", "weights"))]}
_REFERENCE: Final[Shape] = {"id": None, "attributeKey": None}
GROUP: Final[Shape] = dict.fromkeys(("type", "attributeKey", "values", "condition"))
_EXPERIMENT: Final[Shape] = {**_SPLIT, **dict.fromkeys(("active", "status", "force", "customFields"))}
_SECTIONS: Final = ("features", "experiments", "savedGroups", "contextualBandits")
ENCRYPTED: Final = {name: f"encrypted{name[0].upper()}{name[1:]}" for name in _SECTIONS}
"""The sections of a payload, and what each is called when it is encrypted."""
_PAYLOAD: Final[Shape] = {
    **dict.fromkeys(("status", "dateUpdated", "experiments", *ENCRYPTED.values())),
    "features": {"*": {"defaultValue": None, "rules": [_RULE], "metadata": None}},
    "savedGroups": {"*": GROUP},
    "contextualBandits": {"*": _BANDIT},
}

_LISTED: Final = ("$and", "$or", "$nor")
_CALLED: Final = ("$inGroup", "$notInGroup")
_PATTERNS: Final = ("$regex", "$regexi", "$notRegex", "$notRegexi")
_NAMED = 6


class Asked(NamedTuple):
    """What conditions ask for: unknown operators and types of groups by their places, unknown fields, and all groups."""

    unknown: list[Steps]
    fields: list[str]
    groups: set[str]


def is_new_type(group: Any) -> bool:
    """Tell whether a saved group is of a type that is not known, which is for its SDK what an unknown operator is."""
    return isinstance(group, dict) and group.get("type") not in ("list", "condition")


def is_undecided(condition: Any, groups: Mapping[str, Any]) -> bool:
    """Tell whether a condition, or a saved group that it names directly or not, asks for what is not known."""
    return bool(_asked([(condition, ())], groups).unknown)


def is_undecided_value(operand: Any, groups: Mapping[str, Any]) -> bool:
    """Tell the same of what stands under a path."""
    return is_undecided({"": operand}, groups)


def notes_on_feature(key: str, payload: Mapping[str, Any], features: Mapping[str, Any]) -> Iterator[str]:
    """What the finding of a feature says: of it, of the groups and bandits that it names, and of what is for all features."""
    rules = list(_each(features[key].get("rules"), ("features", key, "rules")))
    groups, bandits = (payload.get(name) or {} for name in ("savedGroups", "contextualBandits"))
    named = {str(rule.get("contextualBanditRef")) for rule, _ in rules}
    used = {name: bandits[name] for name in sorted(named) if isinstance(bandits.get(name), dict)}
    conditions = [each for rule, steps in rules for each in _conditions(rule, steps)]
    for name, bandit in used.items():
        for leaf, steps in _each(bandit.get("contexts"), ("contextualBandits", name, "contexts")):
            conditions += _conditions(leaf, steps)
    asked = _asked(conditions, groups)
    yield from _notes(asked)
    named_groups = {name: groups[name] for name in sorted(asked.groups) if not is_new_type(groups[name])}
    touched = {**payload, "features": {key: features[key]}, "savedGroups": named_groups, "contextualBandits": used}
    yield unknown_fields(touched, _PAYLOAD)


def notes_on_experiment(experiment: Mapping[str, Any]) -> Iterator[str]:
    """What the finding of an inline experiment says."""
    yield from _notes(_asked(_conditions(experiment, ()), {}))
    yield unknown_fields(experiment, _EXPERIMENT)


def _conditions(holder: Any, steps: Steps) -> list[tuple[Any, Steps]]:
    """The conditions of a rule, an experiment or a leaf, with their places."""
    found = holder if isinstance(holder, dict) else {}
    parents = _each(found.get("parentConditions"), (*steps, "parentConditions"))
    holders = [(found, steps), *((parent, at) for parent, at in parents if isinstance(parent, dict))]
    return [(each["condition"], (*at, "condition")) for each, at in holders if "condition" in each]


def _notes(asked: Asked) -> Iterator[str]:
    yield from dict.fromkeys(asked.fields)
    if asked.unknown:
        places = [place(*steps) for steps in asked.unknown]
        more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        what = "operators and types of saved groups that are not known are met by nobody, negated or not"
        yield f"{what}: {', '.join(places[:_NAMED])}{more}"


def _asked(conditions: list[tuple[Any, Steps]], groups: Mapping[str, Any]) -> Asked:
    found = Asked([], [], set())
    pending = list(conditions)
    walked: set[str] = set()
    for condition, steps in pending:  # grows while it is walked
        for kind, what, inside in _words(condition, steps):
            if kind == "operator":
                found.unknown.append(inside)
                continue
            if kind == "pattern":
                found.fields.extend(filter(None, [javascript_note(str(what))]))
                continue
            if kind == "reference" and (unknown := unknown_fields(what, _REFERENCE, *inside)):
                found.fields.append(unknown)
            name = what.get("id") if isinstance(what, dict) else what
            if not isinstance(name, str) or name not in groups:
                continue
            group = groups[name]
            if is_new_type(group) and name not in found.groups:
                found.unknown.append(("savedGroups", name, "type"))
            found.groups.add(name)
            if kind == "reference" and isinstance(group, dict) and name not in walked:
                walked.add(name)
                pending.append((group.get("condition"), ("savedGroups", name, "condition")))
    return found


def _words(condition: Any, steps: Steps) -> Iterator[tuple[str, Any, Steps]]:
    """The unknown operators, patterns, references to groups and names of groups in a condition, with their places."""
    for word, operand in condition.items() if isinstance(condition, dict) else ():
        here = (*steps, word)
        if word == "$not":
            yield from _words(operand, here)
        elif word in _LISTED:
            for part, inside in _each(operand, here):
                yield from _words(part, inside)
        elif word == "$savedGroup":
            yield "reference", operand, here
        else:
            yield from _words_of_value(operand, here)


def _words_of_value(operand: Any, steps: Steps) -> Iterator[tuple[str, Any, Steps]]:
    for word, inner in operand.items() if is_operators(operand) else ():
        here = (*steps, word)
        if word in _CALLED:
            yield "name", inner, here
        elif word in _PATTERNS:
            yield "pattern", inner, here
        elif word in ("$not", "$size"):
            yield from _words_of_value(inner, here)
        elif word in ("$all", "$alli"):
            for part, inside in _each(inner, here):
                yield from _words_of_value(part, inside)
        elif word == "$elemMatch":
            yield from (_words if asks_fields(inner) else _words_of_value)(inner, here)
        elif not is_known(word):
            yield "operator", word, here


def asks_fields(condition: Any) -> bool:
    """Tell whether an `$elemMatch` is over the fields of an element, not over the element."""
    return not is_operators(condition) or any(word in (*_LISTED, "$savedGroup") for word in condition)


def _each(raw: Any, steps: Steps) -> Iterable[tuple[Any, Steps]]:
    return [(part, (*steps, at)) for at, part in enumerate(raw if isinstance(raw, list) else ())]
