"""Compiled conditions: one closure each, `(context, snapshot, world) -> True | False | None`, None for undecided.

A condition may also end its flag, by raising `Ended`. Equal conditions of one ruleset share one closure.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import checks
from .context import TARGETING_KEY
from .details import CALLER_DEFAULT, Decision, ErrorCode
from .lines import FORMS, Refused, parse_time, shown
from .reading import NOTHING, find, key_text, reader
from .rows import prepared_expression, prepared_test, value_test
from .serving import NO_KEY, Ranges, compile_share
from .walk import ABSENT, CYCLE, OFF, STOP, Ended, Walk, WalkNeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from .rows import PreparedTest
    from .world import World

    Shared = MutableMapping[bytes, "Test"]
    Holds = Callable[[Mapping[str, Any], Any, World], bool | None]

try:
    from _blake2 import blake2b  # hashlib would cost 2.6 ms of a cold start
except ImportError:  # a build without the bundled hashes
    from hashlib import blake2b

BROKEN: Final = object()
"""What the test of a broken segment answers."""
_TRUTHS = (True, False, "undecided")
_FALLBACKS = (True, False, "error", "undecided", "off")
_DAMAGES = ("flag", "rule", "condition")
_ATTR = frozenset(("attr", "op", "values", "dialect", "negate", "on_missing", "on_null", "broken"))
_SEGMENT = frozenset(("segment", "on_absent", "on_cycle", "on_error"))
_FLAG = frozenset(("flag", "on", "enabled", "variants", "value", "on_absent", "on_cycle", "on_error"))
_VALUE = frozenset(("op", "values", "dialect", "path", "negate", "on_missing"))
_TIME = frozenset(("from", "until", "until_inclusive"))
_MEMBER = frozenset(("member_of", "by", "on_missing"))
_EXPRESSION = frozenset(("expression", "dialect", "flag_key", "broken"))


class Equality(NamedTuple):
    """A condition that only compares one attribute with texts, so that rules in a row can become one lookup."""

    name: str
    texts: tuple[str, ...]
    test: Callable[[Any], bool | None]


class Test:
    """A compiled condition and what its rule must know about it. Shared for as long as an entry keeps it."""

    __slots__ = ("__weakref__", "constant", "dead", "ends", "equality", "holds", "names", "parts", "undecidable")

    def __init__(
        self,
        holds: Holds,
        *,
        undecidable: bool = False,
        ends: bool = False,
        names: frozenset[tuple[str, str]] = frozenset(),
        equality: Equality | None = None,
        constant: bool | None = None,
    ) -> None:
        self.holds = holds
        self.undecidable = undecidable
        self.ends = ends
        self.dead = False
        self.names = names
        self.equality = equality
        self.constant = constant
        self.parts: tuple[Test, ...] = ()


def _true(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
    return True


def _false(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
    return False


TRUE: Final = Test(_true, constant=True)
FALSE: Final = Test(_false, constant=False)


def compile_condition(raw: Any, place: str, shared: Shared) -> Test:
    """Compile one condition. Raises `Refused`."""
    if raw.__class__ is not dict:
        msg = f"{place}: a condition is an object, not {shown(raw)}"
        raise Refused(msg)
    form = next((field for field in raw if field in FORMS), None)
    if form is None:
        msg = f"{place}: a condition has one of the fields {', '.join(sorted(FORMS))}"
        raise Refused(msg)
    digest = blake2b(repr(raw).encode(), digest_size=16).digest()
    test = shared.get(digest)
    if test is None:
        test = shared[digest] = _COMPILERS[form](raw, place, shared)
    return test


def _all(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    tests = _several(raw, "all", place, shared)
    kept = [test for test in tests if test.constant is not True]
    if not kept or kept[0].constant is False:
        return _combined(TRUE if not kept else FALSE, tests)
    if len(kept) == 1:
        return _combined(kept[0], tests)
    calls = tuple(test.holds for test in kept)
    if any(test.undecidable for test in kept):
        return _combined(Test(_all_undecidable(calls), undecidable=True), tests)
    if len(calls) == 2:
        first, second = calls
        return _combined(
            Test(lambda context, snapshot, world: first(context, snapshot, world) and second(context, snapshot, world)),
            tests,
        )

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
        for call in calls:  # noqa: SIM110 - a generator would cost a frame
            if not call(context, snapshot, world):
                return False
        return True

    return _combined(Test(holds), tests)


def _all_undecidable(calls: tuple[Holds, ...]) -> Holds:
    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        answer: bool | None = True
        for call in calls:
            one = call(context, snapshot, world)
            if one is None:
                answer = None
            elif not one:
                return False
        return answer

    return holds


def _any(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    tests = _several(raw, "any", place, shared)
    kept = [test for test in tests if test.constant is not False]
    if not kept or kept[0].constant is True:
        return _combined(FALSE if not kept else TRUE, tests)
    if len(kept) == 1:
        return _combined(kept[0], tests)
    calls = tuple(test.holds for test in kept)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        answer: bool | None = False
        for call in calls:
            one = call(context, snapshot, world)
            if one:
                return True
            if one is None:
                answer = None
        return answer

    return _combined(Test(holds, undecidable=any(test.undecidable for test in kept)), tests)


def _several(raw: dict[str, Any], form: str, place: str, shared: Shared) -> list[Test]:
    checks.fields(raw, frozenset((form,)), place)
    inner = checks.rows(raw, form, place)
    return [compile_condition(each, f"{place}.{form}[{at}]", shared) for at, each in enumerate(inner)]


def _combined(made: Test, parts: list[Test]) -> Test:
    """`made`, with what holds of any part: it may end the flag, be dead, name others."""
    test = Test(made.holds, undecidable=made.undecidable, equality=made.equality, constant=made.constant)
    test.names = frozenset().union(*(part.names for part in parts))
    test.ends = any(part.ends for part in parts)
    test.dead = any(part.dead for part in parts)
    test.parts = tuple(parts)
    return test


def _not(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, frozenset(("not",)), place)
    inner = compile_condition(raw["not"], f"{place}.not", shared)
    if inner.constant is not None:
        return _combined(FALSE if inner.constant else TRUE, [inner])
    call = inner.holds
    if not inner.undecidable:
        return _combined(Test(lambda context, snapshot, world: not call(context, snapshot, world)), [inner])

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        one = call(context, snapshot, world)
        return None if one is None else not one

    return _combined(Test(holds, undecidable=True), [inner])


def _attr(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _ATTR, place)
    path = checks.path(raw, "attr", place)
    op, dialect = checks.text(raw, "op", place), checks.text(raw, "dialect", place, "strict", empty=True) or "strict"
    values = checks.rows(raw, "values", place, [])
    negate = checks.switch(raw, "negate", place, default=False)
    on_missing = checks.optional_word(raw, "on_missing", place, _TRUTHS)
    on_null = checks.optional_word(raw, "on_null", place, _TRUTHS)
    damage = checks.word(raw, "broken", place, _DAMAGES, "flag")
    prepared = prepared_test(op, dialect, values, damage)
    if prepared is None and damage == "rule":
        return _broken(spoils_rule=True)
    test = _never if prepared is None else prepared.test
    if prepared is not None and prepared.needs_now:
        return _attr_of_moment(path, prepared, on_missing, on_null, negate=negate)
    absent = _truth(on_missing) if on_missing is not None else _absence(prepared, negate=negate)
    null = absent if on_null is None else _truth(on_null)
    undecidable = dialect != "strict" or absent is None or null is None
    equality = None
    if op in ("equals", "in") and dialect == "strict" and len(path) == 1 and not negate and absent is null is False:
        texts = tuple(value for value in values if value.__class__ is str)
        if values and len(texts) == len(values):
            equality = Equality(path[0], tuple(map(intern, texts)), test)
    if null is not absent:
        holds = _attr_with_null(path, test, absent, null, negate=negate)
    elif equality is not None:
        holds = _equality(equality)
    else:
        holds = _attr_holds(path, test, absent, negate=negate)
    return Test(holds, undecidable=undecidable, equality=equality)


def _attr_of_moment(path: tuple[str, ...], test: PreparedTest, on_missing: Any, on_null: Any, *, negate: bool) -> Test:
    """A comparison with the moment of the evaluation; `on_missing` decides for a missing attribute, as for others."""

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        found = find(context, path)
        if found is None and on_null is not None:
            return _truth(on_null)
        if found is None or found is NOTHING:
            if on_missing is not None:
                return _truth(on_missing)
            if not test.sees_missing:
                return False
            found = None
        answer = test(found, world)
        return answer if answer is None else answer is not negate

    return Test(holds, undecidable=True)


def _broken(*, spoils_rule: bool) -> Test:
    """A condition whose values cannot be prepared: it does not hold, and may take its rule with it."""
    test = Test(_false, constant=False)
    test.dead = spoils_rule
    return test


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
    passes = _negated(test) if negate else test
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
    passes = _negated(test) if negate else test

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        found = find(context, path)
        return absent if found is NOTHING else null if found is None else passes(found)

    return holds


def _negated(test: Callable[[Any], bool | None]) -> Callable[[Any], bool | None]:
    def negated(found: Any) -> bool | None:
        answer = test(found)
        return None if answer is None else not answer

    return negated


def _never(found: Any) -> bool:
    return False


def _absence(prepared: PreparedTest | None, *, negate: bool) -> bool | None:
    """What holds for a missing attribute, when the condition does not say: only some operators look at absence."""
    if prepared is None or not prepared.sees_missing:
        return False
    return (_negated(prepared.test) if negate else prepared.test)(None)


def _truth(word: Any) -> bool | None:
    return None if word == "undecided" else word


def _segment(raw: dict[str, Any], place: str, shared: Shared) -> Test:
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


_KNOBS = ("on_absent", "on_cycle", "on_error")


def _flag(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _FLAG, place)
    key = checks.text(raw, "flag", place)
    on_absent, on_cycle, on_error = (checks.word(raw, name, place, _FALLBACKS, "error") for name in _KNOBS)
    agrees = _agreement(raw, place)

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

    return Test(holds, undecidable=True, ends=True, names=frozenset((("flag", key),)))


def _agreement(raw: dict[str, Any], place: str) -> Callable[[Decision], bool | None]:
    """What a prerequisite's decision must be: every part that is given."""
    on, enabled = checks.optional_switch(raw, "on", place), checks.optional_switch(raw, "enabled", place)
    variants = None if raw.get("variants") is None else frozenset(checks.texts(raw, "variants", place))
    value = None if raw.get("value") is None else _value_test(raw["value"], f"{place}.value")

    def agrees(decision: Decision) -> bool | None:
        if on is not None and bool(decision.on) is not on:
            return False
        if enabled is not None and (decision.reason != "DISABLED") is not enabled:
            return False
        if variants is not None and decision.variant not in variants:
            return False
        return True if value is None else value(decision.value)

    return agrees


def _value_test(raw: Any, place: str) -> Callable[[Any], bool | None]:
    checks.fields(raw, _VALUE, place)
    op, dialect = checks.text(raw, "op", place), checks.text(raw, "dialect", place, "strict", empty=True)
    values = checks.rows(raw, "values", place, [])
    path = checks.texts(raw, "path", place, ())
    negate = checks.switch(raw, "negate", place, default=False)
    on_missing = checks.optional_word(raw, "on_missing", place, _TRUTHS)
    prepared = value_test(op, dialect, values)
    test = prepared.test
    absent = _truth(on_missing) if on_missing is not None else _absence(prepared, negate=negate)
    passes = _negated(test) if negate else test
    whole = ("value", *path)

    def holds(value: Any) -> bool | None:
        found = find({"value": value}, whole)
        return absent if found is None or found is NOTHING or found is CALLER_DEFAULT else passes(found)

    return holds


def _fallback(knob: bool | str, message: str, code: ErrorCode = ErrorCode.PARSE_ERROR) -> bool | None:
    if knob == "error":
        raise Ended(code=code, message=message)
    if knob == "off":
        raise Ended(OFF)
    return _truth(knob)


def _share(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, frozenset(("share",)), place)
    ranges = compile_share(raw["share"], f"{place}.share")
    without_key = _share_without_key(ranges)
    if ranges.simple and ranges.pick is not None:
        pick, read = ranges.pick, reader(ranges.paths[0])

        def holds_simply(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
            key = read(context)
            at = NO_KEY if key is None else pick(key)
            return at == 0 if at != NO_KEY else without_key(world)

        return Test(holds_simply, ends=True)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
        at = ranges.find(context, world)
        return at == 0 if at != NO_KEY else without_key(world)

    return Test(holds, ends=True)


def _share_without_key(ranges: Ranges) -> Callable[[World], bool]:
    """What a share does for a context without a key: it is the condition that fails, not the rule that declines."""
    policy = ranges.on_missing_key

    def without_key(world: World) -> bool:
        if policy == "error":
            raise Ended(code=ErrorCode.TARGETING_KEY_MISSING, message=ranges.paths[0])
        if policy == "stop":
            raise Ended(STOP)
        if policy == "next":
            return False
        return (ranges.of_point(0, world) if policy == "first" else ranges.without_key(world)) == 0

    return without_key


def _time(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, frozenset(("time",)), place)
    window = checks.fields(raw["time"], _TIME, f"{place}.time")
    first, last = (checks.optional_text(window, name, f"{place}.time") for name in ("from", "until"))
    start = None if first is None else parse_time(first)
    until = None if last is None else parse_time(last)
    inclusive = checks.switch(window, "until_inclusive", f"{place}.time", default=False)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
        now = world.now()
        if start is not None and now < start:
            return False
        return until is None or now < until or (inclusive and now == until)

    return Test(holds)


def _member_of(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _MEMBER, place)
    list_id = checks.text(raw, "member_of", place)
    path = checks.path(raw, "by", place, (TARGETING_KEY,))
    absent = _truth(checks.word(raw, "on_missing", place, _TRUTHS, default=False))
    read = reader(path)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        key = key_text(read(context))
        return absent if key is None else world.is_member(list_id, key)

    return Test(holds, undecidable=True)


def _expression(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _EXPRESSION, place)
    dialect = checks.text(raw, "dialect", place, "jsonlogic", empty=True)
    flag_key = checks.text(raw, "flag_key", place, "", empty=True)
    damage = checks.word(raw, "broken", place, _DAMAGES, "flag")
    run = prepared_expression(raw["expression"], dialect, flag_key, damage)
    if run is None:
        return _broken(spoils_rule=damage == "rule")
    return Test(lambda context, snapshot, world: run(context, world))


_COMPILERS: Final = {
    "all": _all,
    "any": _any,
    "not": _not,
    "attr": _attr,
    "segment": _segment,
    "flag": _flag,
    "share": _share,
    "time": _time,
    "member_of": _member_of,
    "expression": _expression,
}
