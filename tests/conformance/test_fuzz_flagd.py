"""Chance targeting programs and contexts, run here and by flagd's own in-process evaluator for Python.

The release decides the version of `fractional`: the third is that of openfeature-flagd-core 2, which is installed with the
others; the second that of openfeature-flagd-core 1 (openfeature-provider-flagd 0.4 and 0.5), the first that of
openfeature-provider-flagd 0.3 and older. They are asked by the same test in an environment that has such a release.

The evaluator's JSON Logic departs from JavaScript where values of different kinds meet, so the programs here compare like
with like, and the remainder of a negative number, which Python takes otherwise, is not asked.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk.importers import flagd as importer

if TYPE_CHECKING:
    from collections.abc import Callable

provider = pytest.importorskip(
    "openfeature.contrib.provider.flagd", reason="openfeature-provider-flagd is not installed"
)
openfeature = pytest.importorskip("openfeature.evaluation_context", reason="openfeature-sdk is not installed")
exceptions = pytest.importorskip("openfeature.exception", reason="openfeature-sdk is not installed")
pytestmark = pytest.mark.conformance

try:
    FRACTIONAL = 3 if version("openfeature-flagd-core").split(".")[0] > "1" else 2
except PackageNotFoundError:
    FRACTIONAL = 1

VARIANTS = {"a": "A", "b": "B", "c": "C", "true": "yes", "false": "no", "7": "seven", "": "nameless"}
TEXTS = ["a", "b", "DE", "abc", "", "a@b.c"]
WHOLE_VERSIONS = ["1.2.3", "v1.2.3", "1.3.0", "2.0.0", "1.2.3-rc.1", "1.2.3+b", "no version", "1.2.3.4", ""]
VERSIONS = WHOLE_VERSIONS + (["1.2", "2"] if FRACTIONAL > 1 else [])  # those came with the second
names = st.sampled_from([*VARIANTS, "unknown", None, True, False, 7])
# The first version takes whole weights above zero and names that are text, and raises for others where flagd does not.
bucket_names = names if FRACTIONAL > 1 else st.sampled_from([*VARIANTS, "unknown"])
var = st.builds(lambda name: {"var": name}, st.sampled_from(["text", "user.name", "missing", "targetingKey"]))
text = st.one_of(st.sampled_from(TEXTS), var)
numbers = st.one_of(st.integers(-3, 9), st.just({"var": "age"}), st.just({"var": ["missing", 5]}))
flag = st.one_of(st.booleans(), st.just({"var": "vip"}))
sums = st.one_of(numbers, st.builds(lambda left, right: {"+": [left, right]}, numbers, numbers),
                 st.builds(lambda left, right: {"-": [left, right]}, numbers, numbers),
                 st.builds(lambda left, right: {"%": [left, right]}, st.integers(0, 9), st.integers(1, 4)),
                 st.builds(lambda *all_of: {"max": [*all_of]}, numbers, numbers))  # fmt: skip
versions = st.one_of(st.sampled_from(VERSIONS), st.just({"var": "version"}))


def of(word: st.SearchStrategy[str], *operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(lambda one, *rest: {one: [*rest]}, word, *operands)


def one(*words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words)


tests = st.one_of(
    of(one("==", "===", "!=", "!=="), text, text),
    of(one("==", "===", "!=", "!==", "<", "<=", ">", ">="), sums, sums),
    of(one("==", "==="), flag, flag),
    of(one("<", "<="), numbers, numbers, numbers),
    of(one("in"), st.sampled_from(TEXTS), st.lists(st.sampled_from(TEXTS), max_size=3)),
    of(one("in"), st.sampled_from(["a", "b"]), st.just({"var": "tags"})),
    of(one("starts_with", "ends_with"), st.one_of(text, numbers), text),
    of(one("starts_with"), text),
    of(one("sem_ver"), versions, st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "^", "~", "?"]), versions),
    of(one("some", "all", "none"), st.just({"var": "tags"}), st.just({"==": [{"var": ""}, "a"]})),
    st.just({"missing": ["text", "missing"]}),
    st.just({"$ref": "shared"}),
    flag,
)
conditions = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"or": parts}),
        of(one("!", "!!"), inner),
    ),
    max_leaves=4,
)
weights = (
    st.one_of(st.integers(-2, 60), st.just({"if": [{"var": "vip"}, 10, 0]}), st.sampled_from([2**31, True, "5"]))
    if FRACTIONAL > 1
    else st.one_of(st.integers(1, 60), st.just("5"))
)
buckets = st.lists(
    st.one_of(st.tuples(bucket_names, weights).map(list), bucket_names.map(lambda name: [name])), min_size=1, max_size=4
)
keys = st.one_of(
    # Python's `cat` writes None where JavaScript's writes nothing: what is joined here is there.
    st.builds(
        lambda part: {"cat": [{"var": "$flagd.flagKey"}, part]}, st.sampled_from([*TEXTS, {"var": ["text", "x"]}])
    ),
    st.sampled_from([{"var": "targetingKey"}, {"var": "age"}, {"var": "missing"}, {"var": "user"}, {"var": "vip"}]),
)
fractionals = st.one_of(buckets, st.builds(lambda key, rest: [key, *rest], keys, buckets)).map(
    lambda args: {"fractional": args}
)
programs = st.recursive(
    st.one_of(names, fractionals, of(one("cat"), st.sampled_from(["a", ""]))),
    lambda inner: st.one_of(
        of(one("if"), conditions, inner, inner),
        of(one("if"), conditions, inner),
        of(one("if"), conditions, inner, conditions, inner, inner),
    ),
    max_leaves=6,
).filter(lambda program: isinstance(program, dict))
contexts = st.fixed_dictionaries(
    {"age": st.integers(-3, 9), "version": st.sampled_from([*VERSIONS, *([1, 1.2] if FRACTIONAL > 1 else [])]), "vip": st.booleans(),
     "tags": st.lists(st.sampled_from(["a", "b"]), max_size=3)},
    optional={"text": st.sampled_from(TEXTS), "user": st.fixed_dictionaries({"name": st.sampled_from(TEXTS)}),
              "targetingKey": st.integers(0, 500).map(lambda at: f"user-{at}")},
)  # fmt: skip


def evaluator_of(source: str) -> Any:
    """The peer's evaluator of a flag file."""
    if FRACTIONAL > 1:
        from openfeature.contrib.tools.flagd.core import FlagdCore

        core = FlagdCore()
        core.set_flags(source)
        return core.resolve_string_value
    from openfeature.contrib.provider.flagd.config import Config, ResolverType
    from openfeature.contrib.provider.flagd.resolvers import InProcessResolver

    config = Config(resolver=ResolverType.FILE, offline_flag_source_path="-")
    resolver = InProcessResolver(config, *[lambda *_: None] * 4)
    resolver.flag_store.update(json.loads(source))
    return resolver.resolve_string_details


def theirs(evaluator: Any, context: dict[str, Any]) -> tuple[Any, Any, Any]:
    attributes = {name: value for name, value in context.items() if name != "targetingKey"}
    given = openfeature.EvaluationContext(context.get("targetingKey"), attributes)
    try:
        details = evaluator("f", "the default", given)
    except exceptions.OpenFeatureError as error:
        return "the default", None, error.error_code.value
    return details.value, details.variant, None


def test_both_run_chance_targeting_the_same(
    both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared = 0

    @settings(max_examples=fuzz_examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        program=programs,
        default=st.sampled_from(["b", None, "gone", ""]),
        asked=st.lists(contexts, min_size=5, max_size=5),
    )
    def check(program: Any, default: Any, asked: list[dict[str, Any]]) -> None:
        nonlocal compared
        flag = {"state": "ENABLED", "variants": VARIANTS, "defaultVariant": default, "targeting": program}
        source = json.dumps({"flags": {"f": flag}, "$evaluators": {"shared": {"==": [{"var": "text"}, "DE"]}}})
        evaluated, evaluator = both(importer.read(source.encode(), fractional=FRACTIONAL)), evaluator_of(source)
        for context in asked:
            decision = evaluated.decide("f", context)
            value = "the default" if decision.value is CALLER_DEFAULT else decision.value
            code = decision.error_code and decision.error_code.value
            assert (value, decision.variant, code) == theirs(evaluator, context), json.dumps(
                [program, context, repr(decision), theirs(evaluator, context)]
            )
            compared += 1

    check()
    tally(f"flagd {FRACTIONAL} (fuzz)", passed=compared)
