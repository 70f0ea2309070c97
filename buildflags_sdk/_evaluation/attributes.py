"""Compiled attribute conditions: one closure, in the narrowest form that the path, the operator and the knobs allow."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

from . import checks
from .compiled_test import DAMAGES, TRUTHS, Equality, Test, absence, broken_test, negated, truth
from .reading import NOTHING, find, reader
from .rows import prepared_test, sees_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from .rows import PreparedTest
    from .world import World

    Holds = Callable[[Mapping[str, Any], Any, World], bool | None]
    Shared = MutableMapping[bytes, "Test"]


_ATTR = frozenset(("attr", "op", "values", "dialect", "negate", "on_missing", "on_null", "broken"))


def _any_text(text: str) -> bool:
    return True


def _no_number(text: str) -> bool:
    """Tell whether Flagsmith compares it as text, whatever the trait is like."""
    if text.endswith(":semver"):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


_TEXT_BY_TEXT: dict[tuple[str, str], Callable[[str], bool]] = {
    ("equals", "strict"): _any_text,
    ("in", "strict"): _any_text,
    ("equals", "text"): _any_text,
    ("in", "text"): _any_text,
    ("satisfies", "growthbook"): _any_text,
    ("in", "eppo"): _any_text,
    ("in", "statsig_case"): _any_text,
    ("in", "configcat"): bool,
    ("equals", "powertools"): _any_text,
    ("equals", "flagsmith"): _no_number,
}
"""Rows that compare a text with texts letter by letter, and with which texts. A rule that was imported then costs what the
same native one does."""


def compile_attribute(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _ATTR, place)
    path = checks.path(raw, "attr", place)
    op, dialect = checks.text(raw, "op", place), checks.text(raw, "dialect", place, "strict", empty=True) or "strict"
    values = checks.rows(raw, "values", place, [])
    negate = checks.switch(raw, "negate", place, default=False)
    on_missing = checks.optional_word(raw, "on_missing", place, TRUTHS)
    on_null = checks.optional_word(raw, "on_null", place, TRUTHS)
    damage = checks.word(raw, "broken", place, DAMAGES, "flag")
    prepared = prepared_test(op, dialect, values, damage)
    if prepared is None and damage == "rule":
        return broken_test(spoils_rule=True)
    test = _never if prepared is None else prepared.test
    if prepared is not None and prepared.needs_now:
        return _attr_of_moment(path, prepared, on_missing, on_null, negate=negate)
    if on_missing is None and prepared is None:
        absent: bool | None = negate and sees_missing(op, dialect)
    else:
        absent = truth(on_missing) if on_missing is not None else absence(prepared, negate=negate)
    null = absent if on_null is None else truth(on_null)
    undecidable = dialect == "posthog" or absent is None or null is None  # no other system's operators leave it open
    equality = None
    short = prepared is not None and len(path) == 1 and not negate and absent is null is False
    takes = _TEXT_BY_TEXT.get((op, dialect)) if short else None
    if takes is not None and values and all(value.__class__ is str and takes(value) for value in values):
        equality = Equality(path[0], tuple(map(intern, values)), test)
    if null is not absent:
        holds = _attr_with_null(path, test, absent, null, negate=negate)
    elif equality is not None:
        holds = _equality(equality)
    elif short and op == "exists":
        holds = _exists(path[0])
    else:
        holds = _attr_holds(path, test, absent, negate=negate)
    patterns = () if prepared is None else prepared.patterns
    return Test(holds, undecidable=undecidable, equality=equality, patterns=patterns)


def _attr_of_moment(path: tuple[str, ...], test: PreparedTest, on_missing: Any, on_null: Any, *, negate: bool) -> Test:
    """A comparison with the moment of the evaluation; `on_missing` decides for a missing attribute, as for others."""

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        found = find(context, path)
        if found is None and on_null is not None:
            return truth(on_null)
        if found is None or found is NOTHING:
            if on_missing is not None:
                return truth(on_missing)
            if not test.sees_missing:
                return False
            found = None
        answer = test(found, world)
        return answer if answer is None else answer is not negate

    return Test(holds, undecidable=True)


def _equality(equality: Equality) -> Holds:
    name, texts, test = equality
    if len(texts) == 1:
        text = texts[0]

        def equals(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
            found = context.get(name)
            return found == text if found.__class__ is str else found is not None and test(found)

        return equals
    among = frozenset(texts)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        found = context.get(name)
        return found in among if found.__class__ is str else found is not None and test(found)

    return holds


def _exists(name: str) -> Holds:
    return lambda context, snapshot, world: context.get(name) is not None


def _attr_holds(
    path: tuple[str, ...], test: Callable[[Any], bool | None], absent: bool | None, *, negate: bool
) -> Holds:
    passes = negated(test) if negate else test
    if len(path) == 1:
        name = path[0]

        def holds_by_name(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
            found = context.get(name)
            return absent if found is None else passes(found)

        return holds_by_name
    read = reader(path)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        found = read(context)
        return absent if found is None else passes(found)

    return holds


def _attr_with_null(
    path: tuple[str, ...],
    test: Callable[[Any], bool | None],
    absent: bool | None,
    null: bool | None,
    *,
    negate: bool,
) -> Holds:
    passes = negated(test) if negate else test
    if len(path) == 1:
        name = path[0]

        def holds_by_name(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
            found = context.get(name, NOTHING)
            return absent if found is NOTHING else null if found is None else passes(found)

        return holds_by_name

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        found = find(context, path)
        return absent if found is NOTHING else null if found is None else passes(found)

    return holds


def _never(found: Any) -> bool:
    return False
