"""What a search may cost: bounds that are held against the tries of a backtracking matcher, never against a clock."""

from __future__ import annotations

import json
import re
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk import Client, ErrorCode
from buildflags_sdk._evaluation.compiler import Pool, compile_flag, compile_segment
from buildflags_sdk._evaluation.model import parse_flag, parse_segment
from buildflags_sdk._evaluation.operators import Unpreparable
from buildflags_sdk._evaluation.pattern_budget import ENTRY_STEPS
from buildflags_sdk._evaluation.regex import screened_pattern
from buildflags_sdk._evaluation.regex_cost import LEAST_SUBJECT, LONGEST_SUBJECT, SEARCH_STEPS
from buildflags_sdk._evaluation.regex_dialect import translate
from buildflags_sdk.errors import RulesetError

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW = r"^[a-z]*[b-z]*\d"


class Matcher:
    """Searches as `re` does, one try after the other, and counts them."""

    def __init__(self, pattern: str) -> None:
        self.tree = parser.parse(pattern)
        self.tries = 0

    def search(self, text: str) -> int:
        """How many tries it takes to find the first match, or that there is none."""
        self.tries = 0
        anchored = self.tree and self.tree[0] == (sre.AT, sre.AT_BEGINNING_STRING)
        for start in range(1 if anchored else len(text) + 1):
            if any(True for _ in self.ends(self.tree, 0, text, start)):
                break
        return self.tries

    def ends(self, tree: Any, at: int, text: str, pos: int) -> Iterator[int]:
        """Where the rest of a sequence may end, in the order in which it is tried."""
        if at == len(tree):
            yield pos
            return
        self.tries += 1
        op, argument = tree[at]
        if op is sre.BRANCH:
            for branch in argument[1]:
                for end in self.ends(branch, 0, text, pos):
                    yield from self.ends(tree, at + 1, text, end)
        elif op is sre.SUBPATTERN:
            for end in self.ends(argument[3], 0, text, pos):
                yield from self.ends(tree, at + 1, text, end)
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            for end in self.rounds(argument, text, pos, 0, lazy=op is sre.MIN_REPEAT):
                yield from self.ends(tree, at + 1, text, end)
        elif op is sre.AT:
            if _at(argument, text, pos):
                yield from self.ends(tree, at + 1, text, pos)
        elif pos < len(text) and _takes(op, argument, text[pos]):
            yield from self.ends(tree, at + 1, text, pos + 1)

    def rounds(self, argument: Any, text: str, pos: int, done: int, *, lazy: bool) -> Iterator[int]:
        least, most, body = argument
        if lazy and done >= least:
            yield pos
        if most is sre.MAXREPEAT or done < most:
            for end in self.ends(body, 0, text, pos):
                yield from self.rounds(argument, text, end, done + 1, lazy=lazy)
        if not lazy and done >= least:
            yield pos


def _takes(op: Any, argument: Any, character: str) -> bool:
    if op is sre.ANY:
        return character != "\n"
    if op is sre.IN:
        negated = argument[0][0] is sre.NEGATE
        return negated != any(_takes(inner, value, character) for inner, value in argument[negated:])
    if op is sre.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    return (ord(character) == argument) is (op is sre.LITERAL)


def _at(where: Any, text: str, pos: int) -> bool:
    if where is sre.AT_BEGINNING_STRING:
        return pos == 0
    if where is sre.AT_END_STRING:
        return pos == len(text)
    before, after = (0 <= at < len(text) and (text[at].isalnum() or text[at] == "_") for at in (pos - 1, pos))
    return (before is not after) is (where is sre.AT_BOUNDARY)


def texts(length: int) -> Iterator[str]:
    """Texts of a length on which patterns of few letters come far, and fail at last."""
    for unit in ("a", "b", "ab", "aab", "a.", "1", "a1", "@a"):
        whole = (unit * length)[: length - 1]
        yield from (whole + "~", whole + unit[0])


_ATOMS = st.sampled_from(["a", "b", ".", r"\d", r"\w", "[ab]", "[^a]", "^", "$", r"\b", "-", r"\.", "aa", "@"])
_QUANTIFIERS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "+?", "{0,30}", "{12}"])
_GROWN = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=5).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: "(" + "|".join(branches) + ")"),
        st.tuples(inner, _QUANTIFIERS).map("".join),
    ),
    max_leaves=8,
)
HARD = [
    r"a+?aa*a{2,5}\d{3}", r"\w+(?:(a|b)*?\d?)?\d", r"[^b]*?(a|b)+?a?\s{2,5}", r"^(\w+,)*\w+$", r"\w+@\w+\.com", r"^.*a.*b$",
    r"a*a*b", r"foo.*bar.*x", r"^([a-z0-9]+\.)*example\.com$", r"(\w+,)+!", r"\d{2,9}-", r"^(a|b|c)*$", "a?" * 7 + "b",
    r"a*b*a*\.a*1", r"(a|aa)(a|aa)b*c", r"^v?\d+(\.\d+){0,2}$", r"b?c?\d?(-\d?)?a*1", r"^(\w+;\w+,)*1", r"(?:aa|b)*c", r"[ab]{30}1", r"^a*@a*@a*@a*1", r".*@.*@1", r"a{0,9}a{0,9}1",
]  # fmt: skip


def tried_beyond_bound(pattern: str, lengths: tuple[int, ...]) -> list[tuple[str, int, int]]:
    translated = translate(pattern)
    matcher = Matcher(translated.text)
    found = []
    for length in lengths:
        # A step is up to three tries; a start at each place is a few more, which count in short texts only.
        bound = 3 * (translated.cost.steps(length) + (length + 1) * (1 + len(pattern)))
        found += [(text, tries, bound) for text in texts(length) if (tries := matcher.search(text)) > bound]
    return found


@pytest.mark.parametrize("pattern", HARD)
def test_a_hard_pattern_never_takes_more_tries_than_its_cost_says(pattern):
    assert tried_beyond_bound(pattern, (8, 24)) == []


@given(pattern=_GROWN)
@settings(max_examples=100, deadline=None)
def test_a_grown_pattern_never_takes_more_tries_than_its_cost_says(pattern):
    try:
        translate(pattern)
    except Unpreparable:
        return
    assert tried_beyond_bound(pattern, (5, 10)) == []


@pytest.mark.parametrize(
    ("pattern", "degree"),
    [
        (r"^abc", 0), (r"^[a-z]+@acme\.com$", 1), (r"\.com$", 1), (r"^[^@]+@[^@]+$", 1), (r"^https://([a-z]+\.)?x/.*y$", 1),
        (r"\w+@\w+\.com", 2), (r"foo.*bar", 2), (r"^.*a.*b$", 2), (r"^a*@a*@a*@a*1", 1), (r"^a*a*@a*", 2), (r"^a*a*@a*a*", 3), (r"^(\w+,)*!", 1), (r"a*a*b", 3),
    ],
)  # fmt: skip
def test_the_degree_is_that_of_the_worst_text(pattern, degree):
    assert translate(pattern).cost.degree == degree


@pytest.mark.parametrize("pattern", [r"^.*a.*~b$", r"^[a-z]*[a-y]*!", r"\w+!"])
def test_twice_the_text_takes_four_times_the_tries_where_the_degree_is_two(pattern):
    cost = translate(pattern).cost
    matcher = Matcher(translate(pattern).text)

    assert cost.degree == 2
    assert cost.steps(400) == pytest.approx(4 * cost.steps(200), rel=0.01)
    assert 3.3 < matcher.search("a" * 64) / matcher.search("a" * 32) < 4.5


@pytest.mark.parametrize("pattern", [*HARD, SLOW, r"^a", "a", r"(?:ab|cd){100}e"])
def test_no_text_that_a_pattern_is_given_takes_more_steps_than_a_search_may(pattern):
    cost = translate(pattern).cost

    assert cost.longest == 0 or LEAST_SUBJECT <= cost.longest <= LONGEST_SUBJECT
    if cost.longest:
        assert cost.steps(cost.longest) <= SEARCH_STEPS
        assert cost.longest == LONGEST_SUBJECT or cost.steps(cost.longest + 1) > SEARCH_STEPS
    else:
        assert cost.steps(LEAST_SUBJECT) > SEARCH_STEPS
        with pytest.raises(Unpreparable, match="re2 extra"):
            screened_pattern(pattern)


def test_the_steeper_the_worst_case_the_shorter_the_longest_text():
    lengths = [translate(pattern).cost.longest for pattern in (r"^[a-z]+@", r"[a-z]+@", r"[a-z]+[a-y]+@", "a*a*a*a*b")]

    assert lengths == sorted(lengths, reverse=True)
    assert len(set(lengths)) == 4


def line(rules: int, *, values: int = 1, pattern: str = SLOW) -> dict[str, Any]:
    """A flag whose rules hold patterns, all different."""
    listed = [[f"{pattern}{'z' * rule}{'y' * value}" for value in range(values)] for rule in range(rules)]
    whens = [{"attr": ["x"], "op": "matches", "values": patterns} for patterns in listed]
    return {
        "key": "f",
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "rules": [{"when": {"not": when}, "serve": {"variant": "off"}} for when in whens],
        "fallthrough": {"variant": "on"},
    }


def compiled(entry: dict[str, Any]) -> Any:
    return compile_flag("f", json.dumps(entry).encode(), Pool())


def test_an_entry_whose_patterns_could_take_too_long_together_is_refused_and_names_one():
    client = Client.from_flags({"f": parse_flag(line(3))})
    assert client.is_enabled("f", {"x": "a" * 256}) is False

    broken = compiled(line(400))
    decision = broken({"x": "a" * 256}, None, None)

    assert decision.error_code is ErrorCode.PARSE_ERROR
    assert "zzz" in str(broken.broken)
    assert "re2 extra" in str(broken.broken)
    assert str(ENTRY_STEPS) in str(broken.broken)


@pytest.mark.parametrize("rules", [1, 5, 20, 30, 40, 41, 42, 43, 44, 60, 100, 200])
def test_the_model_refuses_the_patterns_that_the_compiler_refuses(rules):
    said = compiled(line(rules)).broken
    if said is None:
        parse_flag(line(rules))
    else:
        with pytest.raises(RulesetError, match=re.escape(said)):
            parse_flag(line(rules))


def test_patterns_are_counted_wherever_they_stand_in_an_entry():
    many = line(1, values=120)["rules"][0]["when"]["not"]
    prerequisite = {"flag": "g", "value": {"op": "matches", "values": many["values"]}}
    growthbook = {
        "attr": ["x"],
        "op": "satisfies",
        "dialect": "growthbook",
        "values": [{"$all": [{"$regex": each} for each in many["values"]]}],
    }
    for when in (many, {"any": [many]}, {"all": [{"not": many}]}, prerequisite, growthbook):
        entry = line(0) | {"rules": [{"when": when, "serve": {"variant": "off"}}]}
        assert "could take too long" in str(compiled(entry).broken)
        with pytest.raises(RulesetError, match="could take too long"):
            parse_flag(entry)
    segment = {"segment": "s", "when": many}
    assert "could take too long" in str(compile_segment("s", json.dumps(segment).encode(), Pool()).broken)
    with pytest.raises(RulesetError, match="could take too long"):
        parse_segment(segment)


def test_a_condition_that_many_rules_share_is_counted_for_each():
    entry = line(1)
    entry["rules"] *= 400

    assert "could take too long" in str(compiled(entry).broken)


def test_hundreds_of_plain_patterns_are_no_trouble():
    for pattern in (r"^[a-z]+@acme\.com$", "^beta-", r"@acme\.com$"):
        assert compiled(line(60, pattern=pattern)).broken is None


def lines_run(pattern: str) -> int:
    """How many lines of Python it takes to translate a pattern."""
    ran = 0

    def trace(_frame: Any, event: str, _argument: Any) -> Any:
        nonlocal ran
        ran += event == "line"
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        translate(pattern)
    finally:
        sys.settrace(outer)
    return ran


def test_twice_the_pattern_takes_at_most_four_times_the_work_to_weigh():
    def pattern(size: int) -> str:
        return "[b-y]*" + "a" * size + "z" + "b" * size

    assert lines_run(pattern(160)) / lines_run(pattern(80)) < 4.5
