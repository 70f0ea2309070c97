"""What of a GrowthBook payload is not known here: operators of conditions, types of saved groups, and any other field.

An operator or a type that is not known makes its condition neither true nor false, and its negation neither: it is met by
nobody. GrowthBook's SDK judges so, and the findings name it: another version of that SDK may know it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.operators.growthbook import is_known, is_operators
from buildflags_sdk.importers.draft import place
from buildflags_sdk.importers.shape import unknown_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Steps = tuple[str | int, ...]

_LISTED: Final = ("$and", "$or", "$nor")
_CALLED: Final = ("$inGroup", "$notInGroup")
_TYPES: Final = ("list", "condition")
_REFERENCE: Final = {"id": None, "attributeKey": None}
_GROUP: Final = {"type": None, "attributeKey": None, "values": None, "condition": None}


def is_new_type(group: Any) -> bool:
    """Tell whether a saved group is of a type that is not known, which is for its SDK what an unknown operator is."""
    return isinstance(group, dict) and group.get("type") not in _TYPES


def is_undecided(condition: Any, groups: dict[str, Any]) -> bool:
    """Tell whether a condition, or a saved group that it names directly or not, asks for what is not known."""
    return any(word is not None for word, _ in _asked(condition, (), groups))


def is_undecided_value(operand: Any, groups: dict[str, Any]) -> bool:
    """Tell the same of what stands under a path."""
    return is_undecided({"": operand}, groups)


def notes_on(condition: Any, steps: Steps, groups: dict[str, Any]) -> list[str]:
    """What a finding says of a condition: unknown operators and groups by their places, and the groups' unknown fields."""
    return [note for _, note in _asked(condition, steps, groups)]


def _asked(condition: Any, steps: Steps, groups: dict[str, Any]) -> Iterator[tuple[str | None, str]]:
    """Each thing that is not known, with a note: the word that makes the condition undecided, or None for a mere field."""
    seen: set[str] = set()
    pending = [(condition, steps)]
    while pending:
        raw, here = pending.pop()
        for kind, found, inside in _words(raw, here):
            if kind == "operator":
                yield found, f"the operator {found} is not known and met by nobody, negated or not: {place(*inside)}"
            elif kind == "reference" and (unknown := unknown_fields(found, _REFERENCE, *inside)):
                yield None, unknown
            name = found.get("id") if isinstance(found, dict) else found
            if kind == "operator" or not isinstance(name, str) or name in seen or name not in groups:
                continue
            seen.add(name)
            group, at = groups[name], ("savedGroups", name)
            if is_new_type(group):
                why = f"the saved group's type {group.get('type')!r} is not known"
                yield name, f"{why} and met by nobody, negated or not: {place(*at)}"
            elif unknown := unknown_fields(group, _GROUP, *at):
                yield None, unknown
            if kind == "reference" and isinstance(group, dict) and group.get("type") == "condition":
                pending.append((group.get("condition"), (*at, "condition")))


def _words(condition: Any, steps: Steps) -> Iterator[tuple[str, Any, Steps]]:
    """The unknown operators, references and names of groups in a condition, with their places."""
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
