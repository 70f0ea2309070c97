"""Hypothesis strategies: whole rulesets in page form, contexts that they tell apart, and rulesets broken in one place.

The names are few, so that rules match, segments name each other and prerequisites run in circles often enough.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]

FLAGS = ("f0", "f1", "f2", "f3")
SEGMENTS = ("s0", "s1", "s2")
ATTRIBUTES = ("country", "plan", "age", "targetingKey")
TEXTS = ("DE", "FR", "pro", "free", "u1", "u2", "")
MOMENTS = ("2026-01-01T00:00:00Z", "2026-06-01T12:00:00+02:00", "2026-12-31T23:59:59.5Z")

texts = st.sampled_from(TEXTS)
numbers = st.sampled_from((0, 1, 18, 2.5, -3, 100))
truths = st.sampled_from((True, False, "undecided"))
fallbacks = st.sampled_from((True, False, "error", "undecided", "off"))
paths = st.sampled_from([[name] for name in ATTRIBUTES] + [["nested", "plan"], ["nested", "deep", "age"]])
damages = st.sampled_from(("flag", "rule", "condition"))

_TESTS = st.one_of(
    st.tuples(st.just("in"), st.just("strict"), st.lists(texts, min_size=1, max_size=3)),
    st.tuples(st.just("in"), st.just("strict"), st.lists(st.one_of(texts, numbers, st.booleans()), max_size=3)),
    st.tuples(st.just("equals"), st.just("strict"), st.lists(st.one_of(texts, numbers), min_size=1, max_size=1)),
    st.tuples(st.sampled_from(("starts_with", "contains")), st.just("lower"), st.lists(texts, max_size=2)),
    st.tuples(st.sampled_from(("lt", "gte")), st.just("strict"), st.lists(numbers, min_size=1, max_size=1)),
    st.tuples(st.just("exists"), st.just("strict"), st.just([])),
    st.tuples(st.just("after"), st.just("relative"), st.just(["-7d"])),
    st.tuples(
        st.just("before"), st.just("strict"), st.lists(st.sampled_from((*MOMENTS, "never")), min_size=1, max_size=1)
    ),
)


class Ruleset(NamedTuple):
    """Flags and segments in page form, by key."""

    flags: dict[str, Json]
    segments: dict[str, Json]


def contexts() -> st.SearchStrategy[Json]:
    """Contexts that tell the generated rules apart, odd types included."""
    scalars = st.one_of(texts, numbers, st.booleans(), st.none(), st.sampled_from(MOMENTS))
    values: st.SearchStrategy[Any] = st.one_of(scalars, st.lists(scalars, max_size=2), st.just({}))
    nested = st.dictionaries(st.sampled_from(("plan", "deep")), st.one_of(values, st.just({"age": 18})), max_size=2)
    plain = st.dictionaries(st.sampled_from((*ATTRIBUTES, "user_id")), values, max_size=4)
    keyed: st.SearchStrategy[Json] = st.one_of(st.just({}), st.fixed_dictionaries({"targetingKey": texts}))
    deep = st.one_of(st.just({}), st.fixed_dictionaries({"nested": nested}))
    return st.builds(lambda flat, key, inner: {**flat, **key, **inner}, plain, keyed, deep)


def conditions() -> st.SearchStrategy[Json]:
    """Conditions of every form, nested a few levels."""
    named = st.one_of(_in_segments(), _prerequisites())
    plain = (_attributes(), _attributes(), _shares(), _times(), _members(), _assignments(), _expressions())
    leaves = st.one_of(*plain, named, st.just({"error": "wrong here"}))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}, optional={"in_order": st.booleans()}),
            st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
            st.fixed_dictionaries({"not": inner}),
        ),
        max_leaves=4,
    )


def flags(key: str) -> st.SearchStrategy[Json]:
    """A flag of any type, mostly enabled, with up to four rules."""
    return st.sampled_from(sorted(_VARIANTS)).flatmap(lambda flag_type: _flag(key, flag_type))


def segments(key: str) -> st.SearchStrategy[Json]:
    """A segment that may list keys and name others."""
    keys = st.lists(st.sampled_from(("u1", "u2", "1")), max_size=2)
    optional = {"include": keys, "exclude": keys, "by": paths, "when": st.one_of(st.none(), conditions())}
    return st.fixed_dictionaries({"segment": st.just(key)}, optional=optional)


def rulesets() -> st.SearchStrategy[Ruleset]:
    """Rulesets of up to four flags and three segments; some of those that are named may be absent."""
    return st.builds(
        Ruleset,
        st.fixed_dictionaries({"f0": flags("f0")}, optional={key: flags(key) for key in FLAGS[1:]}),
        st.fixed_dictionaries({}, optional={key: segments(key) for key in SEGMENTS}),
    )


def one_condition() -> st.SearchStrategy[Ruleset]:
    """A flag of one rule, so that the answer is the condition's, with segments that it may name."""
    undecided = st.sampled_from(("undecided", "next", "next_then_undecided"))
    return st.builds(
        lambda when, doubt, others: Ruleset(
            {"f0": _judged([{"when": when, "serve": {"variant": "a"}, "on_undecided": doubt}])}, others
        ),
        conditions(),
        undecided,
        st.fixed_dictionaries({}, optional={key: segments(key) for key in SEGMENTS}),
    )


def rules_in_a_row() -> st.SearchStrategy[Ruleset]:
    """A flag whose rules mostly compare the same attribute with texts."""
    return st.lists(
        st.one_of(_same_attribute(), _same_attribute(), _same_attribute(), _rules()), min_size=2, max_size=6
    ).map(lambda rules: Ruleset({"f0": _judged([{**rule, "id": f"r{at}"} for at, rule in enumerate(rules)])}, {}))


def _judged(rules: list[Json]) -> Json:
    variants = copy.deepcopy(_VARIANTS["string"])
    return {
        "key": "f0",
        "type": "string",
        "variants": variants,
        "off": "c",
        "rules": rules,
        "fallthrough": {"variant": "b"},
    }


@st.composite
def broken(draw: Callable[[st.SearchStrategy[Any]], Any], whole: st.SearchStrategy[Ruleset]) -> Ruleset:
    """A ruleset with one place of one entry changed: a field removed, added, or given a value it may not hold."""
    ruleset: Ruleset = copy.deepcopy(draw(whole))
    entry = draw(st.sampled_from([*ruleset.flags.values(), *ruleset.segments.values()]))
    places = list(
        _places(entry.get(draw(st.sampled_from(("rules", "rules", "fallthrough", "variants", "when", ""))), entry))
    )
    holder, name = draw(st.sampled_from(places or list(_places(entry))))
    act = draw(st.sampled_from(("remove", "replace", "add", "add")))
    if act == "remove":
        del holder[name]
    elif act == "add" and isinstance(holder, dict):
        holder[
            draw(st.sampled_from(("unknown", "unknown", "from", "on", "variant", "op", "by", "negate", "value")))
        ] = draw(_junk())
    else:
        holder[name] = draw(_junk())
    return ruleset


def _junk() -> st.SearchStrategy[Any]:
    plain: tuple[Any, ...] = (
        None,
        True,
        False,
        0,
        1,
        -1,
        1.5,
        "",
        "on",
        "error",
        "next",
        "flag",
        [],
        [[]],
        ["x"],
        [1],
        {},
        {"x": 1},
    )
    forms: tuple[Any, ...] = (
        {"all": []},
        {"variant": "a"},
        {"ramp": []},
        {"value": True},
        {"value": 1, "on": False},
        {"on": True},
    )
    return st.sampled_from((*plain, *forms)).map(copy.deepcopy)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in list(inside):
        yield value, name
        yield from _places(inner)


def _attributes() -> st.SearchStrategy[Json]:
    optional = {"negate": st.booleans(), "on_missing": truths, "on_null": truths, "broken": damages}
    knobs = st.fixed_dictionaries({}, optional=optional)
    return st.builds(
        lambda path, test, knobs: {"attr": path, "op": test[0], "values": test[2], "dialect": test[1], **knobs},
        paths,
        _TESTS,
        st.one_of(st.just({}), knobs),
    )


def _in_segments() -> st.SearchStrategy[Json]:
    knobs = {"on_absent": fallbacks, "on_cycle": fallbacks, "on_error": fallbacks}
    return st.fixed_dictionaries({"segment": st.sampled_from(SEGMENTS)}, optional=knobs)


def _prerequisites() -> st.SearchStrategy[Json]:
    value = st.builds(
        lambda test, knobs: {"op": test[0], "dialect": test[1], "values": test[2], **knobs},
        _TESTS.filter(lambda test: test[1] != "relative" and test[2] != ["never"]),
        st.fixed_dictionaries({}, optional={"negate": st.booleans(), "on_missing": truths, "path": st.just(["n"])}),
    )
    parts = {
        "on": st.booleans(),
        "enabled": st.booleans(),
        "variants": st.lists(st.sampled_from("abc"), max_size=2),
        "value": value,
    }
    knobs = {"on_absent": fallbacks, "on_cycle": fallbacks, "on_error": fallbacks}
    return st.fixed_dictionaries({"flag": st.sampled_from(FLAGS)}, optional={**parts, **knobs})


def _ends() -> st.SearchStrategy[Any]:
    points = [[moment, height] for moment, height in zip(MOMENTS, (0, 60, 100), strict=True)]
    ramp = st.fixed_dictionaries(
        {"ramp": st.integers(1, 3).map(lambda count: copy.deepcopy(points[:count]))},
        optional={"stepped": st.booleans()},
    )
    return st.one_of(st.integers(0, 100), st.integers(0, 100), ramp)


def _bucketing() -> dict[str, st.SearchStrategy[Any]]:
    return {
        "scheme": st.sampled_from(("bf1", "bf1", "configcat", "unleash_rollout", "random")),
        "seed": st.sampled_from(("s", "t")),
        "of": st.just(100),
    }


def _bucketing_knobs() -> dict[str, st.SearchStrategy[Any]]:
    policies = st.sampled_from(("error", "next", "stop", "first", "empty", "null", "random"))
    return {"by": paths, "or_by": st.lists(paths, max_size=1), "on_missing_key": policies}


def _shares() -> st.SearchStrategy[Json]:
    knobs = {**_bucketing_knobs(), "from": st.integers(0, 50), "to_inclusive": st.booleans()}
    return st.fixed_dictionaries({"share": st.fixed_dictionaries({**_bucketing(), "to": _ends()}, optional=knobs)})


def _times() -> st.SearchStrategy[Json]:
    moments = st.one_of(st.none(), st.sampled_from(MOMENTS))
    window = {"from": moments, "until": moments, "until_inclusive": st.booleans()}
    return st.fixed_dictionaries({"time": st.fixed_dictionaries({}, optional=window)})


def _members() -> st.SearchStrategy[Json]:
    knobs = {"by": paths, "on_missing": truths, "on_unknown": truths}
    return st.fixed_dictionaries({"member_of": st.sampled_from(("known", "unknown"))}, optional=knobs)


def _assignments() -> st.SearchStrategy[Json]:
    knobs = {"by": paths, "values": st.one_of(st.none(), st.lists(st.sampled_from("abc"), max_size=2))}
    return st.fixed_dictionaries({"assigned": st.just("experiment")}, optional=knobs)


def _expressions() -> st.SearchStrategy[Json]:
    programs: tuple[Any, ...] = (
        {"==": [{"var": "country"}, "DE"]},
        {"!": [{"var": "nested.plan"}]},
        {"in": [{"var": "plan"}, ["pro", "free"]]},
        {">": [{"var": "$flagd.timestamp"}, 0]},
        {"==": [{"var": "$flagd.flagKey"}, "f0"]},
        {"no such word": []},
        True,
    )
    knobs = {
        "broken": damages,
        "flag_key": st.sampled_from(FLAGS),
        "dialect": st.sampled_from(("jsonlogic", "flagd_2")),
    }
    return st.fixed_dictionaries({"expression": st.sampled_from(programs).map(copy.deepcopy)}, optional=knobs)


_VARIANTS: dict[str, Json] = {
    "boolean": {"a": True, "b": False, "c": {"value": True}},
    "string": {"a": "DE", "b": {"value": "pro", "on": False}, "c": {"on": True}},
    "integer": {"a": 1, "b": {"value": 18, "on": False}, "c": -3},
    "float": {"a": 2.5, "b": 1, "c": {"value": 0, "on": False}},
    "object": {"a": {"value": {"n": "DE"}}, "b": [1, [2]], "c": {"value": None, "on": False}},
}


def _serves() -> st.SearchStrategy[Any]:
    variant = st.sampled_from("abc")
    row = st.fixed_dictionaries(
        {"from": st.integers(0, 80), "to": _ends(), "variant": variant}, optional={"to_inclusive": st.booleans()}
    )
    knobs = {**_bucketing_knobs(), "on_miss": st.sampled_from(("next", "stop")), "sticky": st.just("experiment")}
    split = st.fixed_dictionaries({**_bucketing(), "ranges": st.lists(row, max_size=3)}, optional=knobs)
    served = st.fixed_dictionaries({"variant": variant})
    splits, computed = st.fixed_dictionaries({"split": split}), st.fixed_dictionaries({"computed": _computed()})
    return st.one_of(served, splits, served, computed, st.none())


def _computed() -> st.SearchStrategy[Json]:
    programs: tuple[Any, ...] = (
        {"if": [{"==": [{"var": "country"}, "DE"]}, "a", None]},
        {"if": [{">": [{"var": "age"}, 17]}, "b", "no such variant"]},
        {"fractional": [["a", 1], ["b", 1], [{"var": "plan"}, 1]]},
        {"merge": ["a"]},
        {"no such word": []},
        "c",
    )
    knobs = {"flag_key": st.sampled_from(FLAGS), "dialect": st.sampled_from(("flagd_2", "flagd_3", "jsonlogic"))}
    return st.fixed_dictionaries({"expression": st.sampled_from(programs).map(copy.deepcopy)}, optional=knobs)


def _same_attribute() -> st.SearchStrategy[Json]:
    return st.builds(
        lambda values, variant: {
            "when": {"attr": ["country"], "op": "in", "values": values},
            "serve": {"variant": variant},
        },
        st.lists(texts, min_size=1, max_size=3),
        st.sampled_from("abc"),
    )


def _rules() -> st.SearchStrategy[Json]:
    knobs = {
        "id": st.sampled_from(("r1", "r2")),
        "on_undecided": st.sampled_from(("undecided", "next", "next_then_undecided")),
    }
    full = st.fixed_dictionaries(
        {"when": st.one_of(conditions(), conditions(), st.none()), "serve": _serves()}, optional=knobs
    )
    return st.one_of(full, full, _same_attribute())


def _flag(key: str, flag_type: str) -> st.SearchStrategy[Json]:
    optional = {"enabled": st.sampled_from((True, True, True, False)), "meta": st.just({"owner": "team"})}
    required = {
        "key": st.just(key),
        "type": st.just(flag_type),
        "variants": st.builds(copy.deepcopy, st.just(_VARIANTS[flag_type])),
        "off": st.one_of(st.none(), st.sampled_from("abc")),
        "rules": st.one_of(
            st.lists(_rules(), min_size=1, max_size=4), st.lists(_rules(), min_size=2, max_size=4), st.just([])
        ),
        "fallthrough": _serves(),
    }
    return st.fixed_dictionaries(required, optional=optional)
