"""Compiled conditions: one closure each, `(context, snapshot, world) -> True | False | None`, None for undecided.

A condition may also end its flag, by raising `Ended`. Equal conditions of one ruleset share one closure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from . import checks
from .attributes import compile_attribute
from .compiled_test import DAMAGES, FALSE, TRUE, TRUTHS, Test, broken_test, truth
from .context import TARGETING_KEY
from .details import ErrorCode
from .lines import FORMS, Refused, parse_time, shown
from .neighbours import compile_in_segment, compile_prerequisite
from .reading import key_text, reader
from .rows import prepared_expression
from .serving import NO_KEY, Ranges, compile_share
from .walk import STOP, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from .world import World

    Holds = Callable[[Mapping[str, Any], Any, World], bool | None]
    Shared = MutableMapping[bytes, "Test"]

try:
    from _blake2 import blake2b  # hashlib would cost 2.6 ms of a cold start
except ImportError:  # a build without the bundled hashes
    from hashlib import blake2b

_TIME = frozenset(("from", "until", "until_inclusive"))
_ALL = frozenset(("all", "in_order"))
_ANY = frozenset(("any",))
_MEMBER = frozenset(("member_of", "by", "on_missing", "on_unknown"))
_ASSIGNED = frozenset(("assigned", "by", "values"))
_EXPRESSION = frozenset(("expression", "dialect", "flag_key", "broken"))


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
    tests = _several(raw, "all", place, shared, _ALL)
    in_order = checks.switch(raw, "in_order", place, default=False)
    kept = [test for test in tests if test.constant is not True]
    if not kept or kept[0].constant is False:
        return _combined(TRUE if not kept else FALSE, tests)
    if len(kept) == 1:
        return _combined(kept[0], tests)
    calls = tuple(test.holds for test in kept)
    undecidable = any(test.undecidable for test in kept)
    if len(calls) == 2 and (in_order or not undecidable):
        return _combined(Test(_both(*calls), undecidable=undecidable), tests)
    if undecidable:
        return _combined(Test((_all_in_order if in_order else _all_undecidable)(calls), undecidable=True), tests)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
        for call in calls:  # noqa: SIM110 - a generator would cost a frame
            if not call(context, snapshot, world):
                return False
        return True

    return _combined(Test(holds), tests)


def _both(first: Holds, second: Holds) -> Holds:
    return lambda context, snapshot, world: first(context, snapshot, world) and second(context, snapshot, world)


def _all_in_order(calls: tuple[Holds, ...]) -> Holds:
    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        for call in calls:
            one = call(context, snapshot, world)
            if not one:
                return one
        return True

    return holds


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
    tests = _several(raw, "any", place, shared, _ANY)
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


def _several(raw: dict[str, Any], form: str, place: str, shared: Shared, fields: frozenset[str]) -> list[Test]:
    checks.fields(raw, fields, place)
    inner = checks.rows(raw, form, place)
    return [compile_condition(each, f"{place}.{form}[{at}]", shared) for at, each in enumerate(inner)]


def _combined(made: Test, parts: list[Test]) -> Test:
    """`made`, with what holds of any part: it may end the flag, be dead, name others."""
    test = Test(made.holds, undecidable=made.undecidable, equality=made.equality, constant=made.constant)
    test.names = frozenset().union(*(part.names for part in parts))
    test.ends = any(part.ends for part in parts)
    test.dead = any(part.dead for part in parts)
    test.patterns = tuple(pattern for part in parts for pattern in part.patterns)
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


def _share(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, frozenset(("share",)), place)
    ranges = compile_share(raw["share"], f"{place}.share")
    without_key = _share_without_key(ranges)
    if ranges.simple and ranges.pick is not None:
        pick, path = ranges.pick, ranges.paths[0]
        if ranges.whole and len(path) == 1:
            return Test(_whole_share(path[0], pick, without_key), ends=True)
        read = reader(path)

        def holds_simply(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
            key = read(context)
            at = NO_KEY if key is None else pick(key)
            return at == 0 if at != NO_KEY else without_key(world)

        return Test(holds_simply, ends=True)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
        at = ranges.find(context, world)
        return at == 0 if at != NO_KEY else without_key(world)

    return Test(holds, ends=True)


def _whole_share(name: str, pick: Callable[[Any], int], without_key: Callable[[World], bool]) -> Holds:
    """A share that covers every point: a text that any scheme takes as a key needs no hash."""

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
        key = context.get(name)
        if key.__class__ is str and key and key.isascii():
            return True
        at = NO_KEY if key is None else pick(key)
        return at == 0 if at != NO_KEY else without_key(world)

    return holds


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
    absent = truth(checks.word(raw, "on_missing", place, TRUTHS, default=False))
    unknown = truth(checks.word(raw, "on_unknown", place, TRUTHS, default="undecided"))
    read = reader(path)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        key = key_text(read(context))
        if key is None:
            return absent
        known = world.is_member(list_id, key)
        return unknown if known is None else known

    return Test(holds, undecidable=unknown is None or absent is None)


def _assigned(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _ASSIGNED, place)
    experiment = checks.text(raw, "assigned", place)
    values = None if raw.get("values") is None else frozenset(checks.texts(raw, "values", place))
    read = reader(checks.path(raw, "by", place, (TARGETING_KEY,)))

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool:
        key = key_text(read(context))
        stored = None if key is None else world.assigned(experiment, key)
        return stored is not None and (values is None or stored in values)

    return Test(holds)


def _expression(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, _EXPRESSION, place)
    dialect = checks.text(raw, "dialect", place, "jsonlogic", empty=True)
    flag_key = checks.text(raw, "flag_key", place, "", empty=True)
    damage = checks.word(raw, "broken", place, DAMAGES, "flag")
    run = prepared_expression(raw["expression"], dialect, flag_key, damage)
    if run is None:
        return broken_test(spoils_rule=damage == "rule")
    return Test(lambda context, snapshot, world: run(context, world))


def _error(raw: dict[str, Any], place: str, shared: Shared) -> Test:
    checks.fields(raw, frozenset(("error",)), place)
    message = checks.text(raw, "error", place)

    def holds(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        raise Ended(code=ErrorCode.PARSE_ERROR, message=message)

    return Test(holds, ends=True)


_COMPILERS: Final = {
    "all": _all,
    "any": _any,
    "not": _not,
    "attr": compile_attribute,
    "segment": compile_in_segment,
    "flag": compile_prerequisite,
    "share": _share,
    "time": _time,
    "member_of": _member_of,
    "assigned": _assigned,
    "expression": _expression,
    "error": _error,
}
