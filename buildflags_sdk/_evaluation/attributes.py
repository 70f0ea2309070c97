"""Compiled attribute conditions: one closure, in the narrowest form that the path, the operator and the knobs allow."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any

from . import checks
from .compiled_test import DAMAGES, TRUTHS, Equality, Test, absence, broken_test, negated, truth
from .reading import NOTHING, find, reader
from .rows import prepared_test

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from .rows import PreparedTest
    from .world import World

    Holds = Callable[[Mapping[str, Any], Any, World], bool | None]
    Shared = MutableMapping[bytes, "Test"]


_ATTR = frozenset(("attr", "op", "values", "dialect", "negate", "on_missing", "on_null", "broken"))


_TEXT_BY_TEXT = frozenset(
    (("equals", "strict"), ("in", "strict"), ("equals", "text"), ("in", "text"), ("satisfies", "growthbook"))
)
"""Rows that compare a text with texts letter by letter. An imported rule then costs what a native one does."""


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
    absent = truth(on_missing) if on_missing is not None else absence(prepared, negate=negate)
    null = absent if on_null is None else truth(on_null)
    undecidable = dialect == "posthog" or absent is None or null is None  # no other system's operators leave it open
    equality = None
    if (op, dialect) in _TEXT_BY_TEXT and len(path) == 1 and not negate and absent is null is False:
        texts = tuple(value for value in values if value.__class__ is str)
        if values and len(texts) == len(values):
            equality = Equality(path[0], tuple(map(intern, texts)), test)
    if null is not absent:
        holds = _attr_with_null(path, test, absent, null, negate=negate)
    elif equality is not None:
        holds = _equality(equality)
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

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        found = find(context, path)
        return absent if found is NOTHING else null if found is None else passes(found)

    return holds


def _never(found: Any) -> bool:
    return False
