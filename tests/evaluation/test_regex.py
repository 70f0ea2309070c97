"""The RE2 dialect on the standard library's `re`: the same answers as RE2, in bounded time, or a refusal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.operators import Unpreparable
from buildflags_sdk._evaluation.regex import (
    LEAST_LINEAR_SUBJECT,
    LONGEST_PATTERN,
    is_pattern,
    linear_pattern,
    prepare_pattern,
    screened_pattern,
)
from buildflags_sdk._evaluation.regex_cost import LONGEST_SUBJECT
from buildflags_sdk._evaluation.regex_dialect import translate

PATTERNS = [
    r"^(?i)abc$", r"a(?i)b|c", r"(a(?i)b)c", r"(?i:a)b", r"(?i)a(?-i)b", r"(?i)[^k]", r"(?i)\W", r"[[:alpha:]]+\d{2,3}",
    r"[[:^alpha:]]", r"[^[:digit:]]", r"^([a-z0-9]+\.)*example\.com$", r"\w+@\w+\.com", r".*@acme\.com$", r"^(foo|bar)+$",
    r"(?P<name>x)y", r"(?<name>x)y", r"\Qa.b\E", r"((ab){2}){3}", r"^v?\d+(\.\d+){0,2}$", r"x{,2}", r"[]a]", r"[^]a-]",
    r"(?s)a.*b", r"a.b", r"(?m)^b$", r"^b$", r"\Ab\z", r"^(\w+,)*\w+$", r"^(a|b|c)*$", r"\.com$", r"a|", r"", r"\bab\b",
    r"\Bb", r"[\x00-\x1f]", r"\x{e9}", r"\s", r"\S+$", r"^a{2}b{1,}c{0,1}$", r"a+?b", r"(?U)a+b", r"[a\-z]", r"[\]]",
    r"\[x\]", r"(?:)", r"(|a)b", r"^[^@]+@[^@]+$", r"é+",
]  # fmt: skip
SUBJECTS = [
    "", "abc", "ABC", "aBC", "aB", "c", "C", "k", "K", "\u212a", "x", "xy", "user@acme.com", "foo.example.com", "ab" * 6,
    "1.2.3", "v1", "a.b", "axb", "]", "foobar", "x{,2}", "ab12", "a,b,c", "\n", "b\n", "a\nb", "é", "\u017f", "ab cd", "aab", "aabbc",
    "[x]", "\x0b", "\u0663", "-", "_", "aaab",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_translated_pattern_answers_as_re2_does(pattern):
    linear = linear_pattern(pattern)
    if linear is None:
        pytest.skip("the re2 extra is not installed")
    screened = screened_pattern(pattern)

    assert [subject for subject in SUBJECTS if screened(subject)] == [
        subject for subject in SUBJECTS if linear(subject)
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?=a)b", r"(?!a)b", r"(?<=a)b", r"(?<!a)b", r"(a)\1", r"(?P<n>a)(?P=n)", r"(?P>n)", r"(?#no)", r"(?>a)", r"(",
        r")", r"a)", r"[a", r"[", r"?*", r"*", r"a**", r"a{2}{3}", r"a*+", r"a{1001}", r"a{3,2}", r"[b-a]", r"[[:no:]]", r"\pL",
        r"\p{Greek}", r"\C", r"\8", "\\", r"\x{110000}", r"\xg",
    ],
)  # fmt: skip
def test_what_the_dialect_lacks_is_refused(pattern):
    with pytest.raises(Unpreparable):
        screened_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$", r"(a*)*", r"(a|a)*$", r"(a|ab)*c", r"(a?a?b)*c", r"(\s*,\s*)*x", r"(\w+\s?)+$", r"((a+)?b?)*", r"(.*)*",
        r"(x+x+)+y", r"(a|[a-z])*!", r"(a{0,5}){2,9}", r"a*a*a*a*b", r"(.*,){9}x", "a?" * 30 + "a" * 30, "(a|ab)" * 20,
        r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(\d+|\d+x)*$",
    ],
)  # fmt: skip
def test_a_pattern_that_could_backtrack_without_end_is_refused(pattern):
    with pytest.raises(Unpreparable):
        screened_pattern(pattern)


def test_a_text_beyond_the_bound_does_not_match():
    found = screened_pattern("^a")

    assert found("a" * LONGEST_SUBJECT)
    assert not found("a" * (LONGEST_SUBJECT + 1))


def test_a_pattern_beyond_the_bound_is_refused():
    with pytest.raises(Unpreparable):
        prepare_pattern("a" * (LONGEST_PATTERN + 1))


def test_with_both_engines_a_long_or_dangerous_search_is_left_to_re2():
    if linear_pattern("a") is None:
        pytest.skip("the re2 extra is not installed")

    assert prepare_pattern("^a")("a" * (LONGEST_SUBJECT + 1))
    assert prepare_pattern("(a|a)*$")("a" * LEAST_LINEAR_SUBJECT)
    assert prepare_pattern("^.$", ignore_case=True)("\u0131")


@pytest.mark.parametrize("pattern", ["a*b", r"\w+@\w+\.com", r"a+?aa*a{2,5}\d{3}", "foo.*bar", "^.*a.*b$"])
def test_with_both_engines_whatever_is_not_linear_in_re_is_left_to_re2(pattern):
    """Each takes longer texts than `re` is given for it, so it is not `re` that answers."""
    if linear_pattern("a") is None:
        pytest.skip("the re2 extra is not installed")
    cost = translate(pattern).cost
    text = "~" * LEAST_LINEAR_SUBJECT

    assert cost.degree > 1
    assert cost.longest < len(text)
    assert prepare_pattern(pattern)("foobar user@acme.com" + "a" * 99 + "123ab" + text[200:]) is (pattern[-1] != "$")


def test_letters_beyond_ascii_fold_as_re2_folds_them():
    linear = linear_pattern("i", ignore_case=True)
    if linear is None:
        pytest.skip("the re2 extra is not installed")

    for text in ("\u0130", "\u0131", "I"):
        assert prepare_pattern("i", ignore_case=True)(text) is linear(text)


def test_an_i_with_or_without_its_dot_is_no_other_letter_in_any_case():
    for pattern in ("(?i)\u0131", "(?i)\u0130", "(?i)[\u0130\u0131]", "(?i)[^\u0131]"):
        with pytest.raises(Unpreparable, match="Python takes for an i"):
            screened_pattern(pattern)
        if linear_pattern("a") is not None:
            assert prepare_pattern(pattern)("i") is ("^" in pattern)
    assert screened_pattern("(?i)[i\u0131]")("I")
    assert screened_pattern("\u0131")("\u0131")


def test_classes_that_python_would_take_long_to_read_in_any_case_are_left_to_re2():
    wide = "(?i)" + "[!-\uffff]x" * 50
    with pytest.raises(Unpreparable, match="too large to be read in any case"):
        screened_pattern(wide)
    assert is_pattern(wide), "without trying"
    assert screened_pattern("[!-\uffff]x" * 3)("axbxcx")


def test_at_start_asks_for_a_beginning_and_not_for_the_whole():
    for prepare in (screened_pattern, prepare_pattern):
        assert prepare("b.", at_start=True)("bcd")
        assert not prepare("b.", at_start=True)("abc")


def test_half_of_a_surrogate_pair_raises_nothing():
    for prepare in (screened_pattern, prepare_pattern):
        assert prepare("a")("\ud800") is False


_ATOMS = st.sampled_from(
    ["a", "b", ".", r"\d", r"\w", "[ab]", "[^a]", "[[:alpha:]]", "^", "$", r"\b", "é", "(?i)", "-"]
)
_GROWN = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: "(" + "|".join(branches) + ")"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?"])).map("".join),
    ),
    max_leaves=8,
)


@given(pattern=_GROWN, subject=st.text(alphabet="abAB1é-\n", max_size=12))
@settings(max_examples=200)
def test_a_grown_pattern_answers_as_re2_does_or_is_refused(pattern, subject):
    try:
        linear = linear_pattern(pattern)
        screened = screened_pattern(pattern)
    except Unpreparable:
        return
    if linear is not None:
        assert screened(subject) is linear(subject)


@given(pattern=st.text(alphabet=r"ab\()[]{}*+?|^$.:P<>=!-,12iQEdwx", max_size=24))
@settings(max_examples=200)
def test_whatever_is_accepted_compiles(pattern):
    try:
        screened_pattern(pattern)("ab")
    except Unpreparable as refusal:
        assert not isinstance(refusal.__context__, re.error)  # noqa: PT017 - a refusal is one of two good outcomes
