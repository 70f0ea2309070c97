"""Chance flags and subjects, decided here and by Eppo's own SDK."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk.importers import eppo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

eppo_client = pytest.importorskip("eppo_client", reason="eppo-server-sdk is not installed")
pytestmark = pytest.mark.conformance

ATTRIBUTES = ["country", "age", "version", "vip", "id", "targetingKey"]
TEXTS = ["US", "DE", "us", "", "1", "1.5", "true", "1.2.3", "1.10.0", "2.0.0-rc.1", "10", "-3", "ümlaut"]
PADDED = [
    " 7 ",
    "7 ",
    "\t10",
    "+7",
    "7.",
    ".5",
    "1e1",
    "1_0",
    "\u0667",
    "inf",
    "-Infinity",
    "NaN",
    "0x7",
    "9007199254740993",
]
BUILDS = [
    "1.2.3+b1",
    "1.2.3+b2",
    "1.2.3+45",
    "1.2.3+045",
    "1.2.3+5",
    "1.2.3+5.1",
    "2.0.0-rc.1+x",
    "18446744073709551616.0.0",
]
NUMBERS = [
    1e-8, 5e-324, 1.5e300, 1e16, 1e21, 0.1, -0.0, float("inf"), float("-inf"), float("nan"),
    2**53, 2**53 + 1, 1234567890123456789, -1234567890123456789, 10**30,
]  # fmt: skip
WRITTEN = ["0.00000001", "1e-8", "10000000000000000", "1e16", "1000000000000000000000", "-0", "inf", "NaN", "1234567890123456789",
           "1234567890123456800", "9007199254740992", "9007199254740993", "0.1"]  # fmt: skip
TYPED: dict[str, tuple[list[Any], Any]] = {
    "STRING": (["red", "", "blue"], "default"),
    "INTEGER": ([1, 0, -7, 3.0, 2.5], 99),
    "NUMERIC": ([1.5, 0, -2], 99.5),
    "BOOLEAN": ([True, False], True),
    "JSON": (['{"a": [1, null]}', "[1]", "{}", "{bad"], {"default": True}),
}
operands = st.sampled_from([10, 1.5, "10", "1.2.3", "2.0.0-rc.1", -3, 5, " 5 ", 2**53, 1e16, *BUILDS])
conditions: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(dict, operator=st.sampled_from(["GT", "GTE", "LT", "LTE"]), value=operands),
    st.builds(
        dict,
        operator=st.sampled_from(["ONE_OF", "NOT_ONE_OF"]),
        value=st.lists(st.sampled_from([*TEXTS, "false", "2.5", *WRITTEN]), max_size=4),
    ),
    st.builds(
        dict,
        operator=st.sampled_from(["MATCHES", "NOT_MATCHES"]),
        value=st.sampled_from(["^U", "s$", "1", "^$", "(", "true|DE", "[a-z]+", "^0\\.0+1$", "00$"]),
    ),
    st.builds(dict, operator=st.just("IS_NULL"), value=st.booleans()),
)
rules = st.builds(
    lambda several, names: {
        "conditions": [{"attribute": name, **each} for each, name in zip(several, names, strict=False)]
    },
    st.lists(conditions, max_size=3),
    st.lists(st.sampled_from(ATTRIBUTES), min_size=3, max_size=3),
)
ends = st.integers(0, 100)
shards = st.builds(
    lambda salt, spans: {"salt": salt, "ranges": [{"start": min(span), "end": max(span)} for span in spans]},
    st.sampled_from(["traffic", "split", "holdout"]),
    st.lists(st.tuples(ends, ends), max_size=2),
)
splits = st.builds(
    lambda key, several: {"variationKey": key, "shards": several},
    st.sampled_from(["v0", "v1", "v2", "gone"]),
    st.lists(shards, max_size=3),
)
PAST, FUTURE = "2020-01-01T00:00:00.000Z", "2120-01-01T00:00:00Z"
allocations = st.lists(
    st.fixed_dictionaries(
        {"splits": st.lists(splits, max_size=3)},
        optional={
            "rules": st.lists(rules, max_size=2),
            "startAt": st.sampled_from([PAST, FUTURE]),
            "endAt": st.sampled_from([PAST, FUTURE]),
        },
    ),
    max_size=4,
)
subjects = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "", "1", "US"])
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        st.dictionaries(
            st.sampled_from(ATTRIBUTES),
            st.one_of(
                st.sampled_from(TEXTS),
                st.sampled_from(PADDED),
                st.sampled_from(BUILDS),
                st.sampled_from(NUMBERS),
                st.integers(-20, 20),
                st.booleans(),
                st.none(),
                st.just(2.5),
                st.just(1.0),
            ),
        ),
    ),
    min_size=1,
    max_size=6,
)


def _flags(kind: str, values: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    variations = {f"v{at}": {"key": st.just(f"v{at}"), "value": st.sampled_from(values)} for at in range(3)}
    return st.fixed_dictionaries(
        {
            "key": st.just("flag"),
            "enabled": st.sampled_from([True, True, True, False]),
            "variationType": st.just(kind),
            "variations": st.fixed_dictionaries(
                {name: st.fixed_dictionaries(variation) for name, variation in variations.items()}
            ),
            "allocations": allocations.map(
                lambda several: [{"key": f"a{at}", "doLog": False, **each} for at, each in enumerate(several)]
            ),
            "totalShards": st.sampled_from([100, 10_000]),
        }
    )


flags = st.one_of(*(_flags(kind, values) for kind, (values, _) in sorted(TYPED.items())))
values = st.sampled_from([*TEXTS, *PADDED, *BUILDS, *NUMBERS, True, False, None, 7, 1.0])


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    logger = eppo_client.assignment_logger.AssignmentLogger()
    made = eppo_client.init(
        eppo_client.ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=logger,
            poll_interval_seconds=None,
            initial_configuration=eppo_client.Configuration(flags_configuration=document({})),
        )
    )
    yield made
    made.shutdown()


def document(flags: dict[str, Any]) -> bytes:
    head = {"createdAt": "2024-04-17T19:40:53.716Z", "format": "SERVER", "environment": {"name": "Test"}}
    return json.dumps({**head, "flags": flags}).encode()


def one_condition(key: str, operator: str, value: Any) -> dict[str, Any]:
    """A flag that is on for whoever passes one condition on the attribute p."""
    return {
        "key": key,
        "enabled": True,
        "variationType": "BOOLEAN",
        "totalShards": 100,
        "variations": {"on": {"key": "on", "value": True}},
        "allocations": [
            {
                "key": "a",
                "doLog": False,
                "rules": [{"conditions": [{"attribute": "p", "operator": operator, "value": value}]}],
                "splits": [{"variationKey": "on", "shards": []}],
            }
        ],
    }


def test_no_subject_of_a_chance_flag_is_moved(
    client: Any, both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared = 0

    @settings(max_examples=fuzz_examples, deadline=None)
    @given(flags, subjects)
    def check(flag: dict[str, Any], asked: list[tuple[str, dict[str, Any]]]) -> None:
        nonlocal compared
        data = document({"flag": flag})
        client.set_configuration(eppo_client.Configuration(flags_configuration=data))
        kind = flag["variationType"]
        default = TYPED[kind][1]
        theirs = getattr(client, f"get_{kind.lower()}_assignment")
        imported = eppo.read(data)
        assert imported.report.refused == 0, imported.report
        decided = both(imported)
        for subject, attributes in asked:
            decision = decided.decide("flag", imported.attributes.apply({**attributes, "subjectKey": subject}))
            value = default if decision.value is CALLER_DEFAULT else decision.value
            assert value == theirs("flag", subject, attributes, default), (subject, attributes, decision)
            compared += 1

    check()
    tally("eppo (fuzz)", passed=compared)


def test_no_subject_is_moved_by_a_chance_condition(
    client: Any, both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared = 0

    @settings(max_examples=fuzz_examples, deadline=None)
    @given(st.lists(conditions, min_size=5, max_size=5), st.lists(values, min_size=8, max_size=8))
    def check(several: list[dict[str, Any]], asked: list[Any]) -> None:
        nonlocal compared
        made = {f"f{at}": one_condition(f"f{at}", **condition) for at, condition in enumerate(several)}
        data = document(made)
        client.set_configuration(eppo_client.Configuration(flags_configuration=data))
        decided = both(eppo.read(data))
        context = decided.imported.attributes.apply
        for value in asked:
            for key in made:
                ours = decided.decide(key, context({"p": value, "subjectKey": "s"})).value is True
                theirs = client.get_boolean_assignment(key, "s", {"p": value}, False)
                assert ours is theirs, (made[key]["allocations"], value)
                compared += 1

    check()
    tally("eppo (fuzz)", passed=compared)


PIECES = [
    "a", "b", "ab", "A", "é", "-", " ", ".", "a.b", "x*", "a+", "b?", "a{2}", "a{,3}", "a{2,3}", "a+?", "a**", "a{1}{2}", "^", "$", "|",
    "(", ")", "(a|b)", "(?:ab)", "(?P<n>a)", "(?<n>b)", "(?i)", "(?i:k)", "(?m)", "(?s)", "(?x)", "(?R)", "(?-u)", "(?=a)", "(?)", "[", "]",
    "{", "}", "[ab]", "[^a]", "[a-c]", "[]a]", "[a-]", r"[\d-z]", r"[\w-]", "[a&&b]", "[a--b]", "[[:alpha:]]", "[[:^digit:]]", "[[:foo:]]",
    r"\d", r"\w", r"\s", r"\W", r"\b", r"\B", r"\A", r"\z", r"\Z", r"\<", r"\b{start}", r"\n", r"\t", r"\0", r"\1", r"\x41", r"\x{e9}",
    r"\u0041", r"\pL", r"\p{Lu}", r"\p{Greek}", r"\p{Letter}", r"\p{^L}", r"\PN", r"\Q.\E", "01", "(?ii)", "(?P<a.b>a)", r"\.", r"\-", r"\\", r"\/", "[\u0130\u0131]",
]  # fmt: skip
patterns = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), min_size=4, max_size=4)
SUBJECTS = [
    *("", "a", "b", "ab", "aa", "aaa", "A", "AB", "K", "k", "_", "-", ".", "a-b", "a b", " ", "1", "z", "{", "a{", "a{,3}", "{}", "[", "]", "\\", "/"),
    *("\n", "a\nb", "a\n", "\t", "\v", "\x00"),
    *("é", "É", "Σ", "\u017f", "\u212a", "\u0661", "\u0130", "\u0131", "日本", "\u2028", "caf\u0065\u0301"),
]  # fmt: skip


def test_a_pattern_that_is_imported_as_exact_matches_the_same(
    client: Any, both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    counted = {"compared": 0, "refused": 0}

    @settings(max_examples=max(fuzz_examples // 4, 1), deadline=None)  # of four patterns each
    @given(patterns)
    def check(several: list[str]) -> None:
        made = {f"f{at}": one_condition(f"f{at}", "MATCHES", pattern) for at, pattern in enumerate(several)}
        data = document(made)
        client.set_configuration(eppo_client.Configuration(flags_configuration=data))
        decided = both(eppo.read(data))
        for finding in decided.imported.report.findings:
            if finding.standing == "refused":
                counted["refused"] += 1
                continue
            for text in SUBJECTS:
                told = finding.standing == "approximated" and not (text.isascii() and text != "\v")
                if told and "in Unicode" in finding.why:
                    continue
                context = decided.imported.attributes.apply({"p": text, "subjectKey": "s"})
                ours = decided.decide(finding.key, context).value is True
                theirs = client.get_boolean_assignment(finding.source_key, "s", {"p": text}, False)
                assert ours is theirs, (several, finding, text)
                counted["compared"] += 1

    check()
    tally("eppo (fuzz)", passed=counted["compared"], refused=counted["refused"])
    assert counted["compared"]


ABSENT = object()
odd = st.sampled_from(
    [ABSENT, None, True, False, 0, 5, 2.5, -1, "x", "v1", "2020", [], {}, ["x"], {"x": 1}, {"x": "y"}, 10**20, 1e300]
)


def places(thing: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a flag: what holds it, and its name or index there."""
    for name in list(thing) if isinstance(thing, dict) else range(len(thing)) if isinstance(thing, list) else ():
        yield thing, name
        yield from places(thing[name])


def test_a_flag_with_something_odd_in_it_is_decided_the_same_or_refused(
    client: Any, both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared = refused = 0

    @settings(max_examples=fuzz_examples, deadline=None)
    @given(flags, st.randoms(use_true_random=False), odd, subjects)
    def check(flag: dict[str, Any], chance: Any, thing: Any, asked: list[tuple[str, dict[str, Any]]]) -> None:
        nonlocal compared, refused
        default = TYPED[flag["variationType"]][1]
        theirs = getattr(client, f"get_{flag['variationType'].lower()}_assignment")
        holder, name = chance.choice([each for each in places(flag) if each[1] != "variationType"])
        if thing is not ABSENT:
            holder[name] = thing
        else:
            del holder[name]
        data = document({"flag": flag})
        client.set_configuration(eppo_client.Configuration(flags_configuration=data))
        imported = eppo.read(data)
        if imported.report.refused:
            refused += 1
            return
        decided = both(imported)
        for subject, attributes in asked:
            decision = decided.decide("flag", imported.attributes.apply({**attributes, "subjectKey": subject}))
            value = default if decision.value is CALLER_DEFAULT else decision.value
            assert value == theirs("flag", subject, attributes, default), (subject, attributes, decision)
            compared += 1

    check()
    tally("eppo (fuzz)", passed=compared, refused=refused)
    assert compared
