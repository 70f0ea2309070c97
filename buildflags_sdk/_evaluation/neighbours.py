"""Compiled conditions over other entries: segments and prerequisites, looked up by key when they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import checks
from .compiled_test import TRUTHS, Test, absence, negated, truth
from .details import CALLER_DEFAULT, Decision, ErrorCode
from .reading import NOTHING, find
from .rows import value_test
from .walk import ABSENT, CYCLE, OFF, Ended, Walk, WalkNeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from .pattern_budget import Patterns
    from .world import World

    Holds = Callable[[Mapping[str, Any], Any, World], bool | None]
    Shared = MutableMapping[bytes, "Test"]


_FALLBACKS = (True, False, "error", "undecided", "off")
_SEGMENT = frozenset(("segment", "on_absent", "on_cycle", "on_error"))
_FLAG = frozenset(("flag", "on", "enabled", "variants", "value", "on_absent", "on_cycle", "on_error"))
_VALUE = frozenset(("op", "values", "dialect", "path", "negate", "on_missing"))
_KNOBS = ("on_absent", "on_cycle", "on_error")


def compile_in_segment(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _SEGMENT, place)
    key = checks.text(raw, "segment", place)
    on_absent, on_cycle, on_error = (checks.word(raw, name, place, _FALLBACKS, "error") for name in _KNOBS)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        segment = snapshot.segment(key)
        if segment is None:
            return _fallback(on_absent, f"there is no segment {key!r}")
        answer = segment.test(context, snapshot, world)
        if answer.__class__ is bool or answer is None:
            return answer
        if answer is CYCLE:
            return _fallback(on_cycle, f"segment {key!r} is part of a cycle")
        return _fallback(on_error, f"segment {key!r} is broken: {segment.broken}")

    return Test(holds, undecidable=True, ends=True, names=frozenset((("segment", key),)))


def compile_prerequisite(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _FLAG, place)
    key = checks.text(raw, "flag", place)
    on_absent, on_cycle, on_error = (checks.word(raw, name, place, _FALLBACKS, "error") for name in _KNOBS)
    agrees, patterns = _agreement(raw, place)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        if world.__class__ is not Walk:
            raise WalkNeeded
        decision = world.flag(key, context, snapshot)
        if decision is ABSENT:
            return _fallback(on_absent, f"there is no flag {key!r}")
        if decision is CYCLE:
            return _fallback(on_cycle, f"flag {key!r} is part of a cycle")
        if decision.error_code is not None:
            return _fallback(on_error, f"flag {key!r}: {decision.error_message}", decision.error_code)
        return agrees(decision) if decision.decided else None

    return Test(holds, undecidable=True, ends=True, names=frozenset((("flag", key),)), patterns=patterns)


def _agreement(raw: dict[str, Any], place: str) -> tuple[Callable[[Decision], bool | None], Patterns]:
    """What a prerequisite's decision must be: every part that is given; and the patterns among that."""
    on, enabled = checks.optional_switch(raw, "on", place), checks.optional_switch(raw, "enabled", place)
    variants = None if raw.get("variants") is None else frozenset(checks.texts(raw, "variants", place))
    value, patterns = (None, ()) if raw.get("value") is None else _value_test(raw["value"], f"{place}.value")

    def agrees(decision: Decision) -> bool | None:
        if on is not None and bool(decision.on) is not on:
            return False
        if enabled is not None and (decision.reason != "DISABLED") is not enabled:
            return False
        if variants is not None and decision.variant not in variants:
            return False
        return True if value is None else value(decision.value)

    return agrees, patterns


def _value_test(raw: Any, place: str) -> tuple[Callable[[Any], bool | None], Patterns]:
    checks.fields(raw, _VALUE, place)
    op, dialect = checks.text(raw, "op", place), checks.text(raw, "dialect", place, "strict", empty=True)
    values = checks.rows(raw, "values", place, [])
    path = checks.texts(raw, "path", place, ())
    negate = checks.switch(raw, "negate", place, default=False)
    on_missing = checks.optional_word(raw, "on_missing", place, TRUTHS)
    prepared = value_test(op, dialect, values)
    test = prepared.test
    absent = truth(on_missing) if on_missing is not None else absence(prepared, negate=negate)
    passes = negated(test) if negate else test
    whole = ("value", *path)

    def holds(value: Any) -> bool | None:
        found = find({"value": value}, whole)
        return absent if found is None or found is NOTHING or found is CALLER_DEFAULT else passes(found)

    return holds, prepared.patterns


def _fallback(knob: bool | str, message: str, code: ErrorCode = ErrorCode.PARSE_ERROR) -> bool | None:
    if knob == "error":
        raise Ended(code=code, message=message)
    if knob == "off":
        raise Ended(OFF)
    return truth(knob)
