"""The rows that belong to one system each: by vectors, and by that system's own cases where they are at hand."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from buildflags_sdk._evaluation.operators import OPERATORS, Unpreparable, prepare

CONFORMANCE = Path(os.environ.get("BUILDFLAGS_CONFORMANCE_DIR", Path(__file__).parents[3] / "shared" / "conformance"))
NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z, a Thursday


def hashed(text: str) -> str:
    return hashlib.sha256(f"{text}saltflag".encode()).hexdigest()


IN_HASHED = [{"salt": "saltflag", "hashes": [hashed("a@b.c"), hashed("é")]}]
START_HASHED = [{"salt": "saltflag", "hashes": [f"2_{hashed('é')}"]}]
END_HASHED = [{"salt": "saltflag", "hashes": [f"3_{hashed('.de')}"]}]
NIGHT = [{"START": "22:00", "END": "06:00", "TIMEZONE": "UTC"}]
APRIL = timezone(timedelta(hours=2))

# op, dialect, values, attributes that hold, that do not, that leave it undecided
VECTORS: list[tuple[str, str, list[Any], list[Any], list[Any], list[Any]]] = [
    ("in", "configcat", ["a", "1"], ["a", 1, 1.0], ["A", "a ", "", "1.0"], []),
    ("not_in", "configcat", ["a"], ["A", 1], ["a", ""], []),
    ("contains", "configcat", ["b"], ["abc"], ["ac", ""], []),
    ("not_contains", "configcat", ["b"], ["ac"], ["abc", ""], []),
    ("starts_with", "configcat", ["a", "x"], ["ab", "xy"], ["b", ""], []),
    ("not_starts_with", "configcat", ["a"], ["b"], ["ab", ""], []),
    ("ends_with", "configcat", ["b"], ["ab"], ["ba"], []),
    ("not_ends_with", "configcat", ["b"], ["ba"], ["ab", ""], []),
    ("intersects", "configcat", ["a"], [["x", "a"], '["a"]'], ["a", [], [1, "a"], "{}", '["A"]'], []),
    ("not_intersects", "configcat", ["a"], [["x"], "[]", []], [["a"], "x", "", [1]], []),
    ("in", "configcat_hashed", IN_HASHED, ["a@b.c", "é"], ["A@b.c", "", "\ud800"], []),
    ("not_in", "configcat_hashed", IN_HASHED, ["x"], ["é", "", "\ud800"], []),
    ("starts_with", "configcat_hashed", START_HASHED, ["éa", "é"], ["e", "", "\u00c3"], []),
    ("not_starts_with", "configcat_hashed", START_HASHED, ["ea"], ["éa", ""], []),
    ("ends_with", "configcat_hashed", END_HASHED, ["x.de"], ["x.com", "de"], []),
    ("not_ends_with", "configcat_hashed", END_HASHED, ["de"], [".de", ""], []),
    ("intersects", "configcat_hashed", IN_HASHED, [["é"], '["a@b.c"]'], [["x"], "é"], []),
    ("not_intersects", "configcat_hashed", IN_HASHED, [["x"]], [["é"], "x", ""], []),
    ("lt", "configcat", [2.1], [2, True, "2", " 2,05 ", float("-inf"), "-Infinity"], [2.1, "x", "", "NaN", "1_0"], []),
    ("lte", "configcat", [2.1], ["2,1", 2.1], [2.2], []),
    ("gt", "configcat", [2.1], [3, "Infinity"], [2.1, float("nan"), 10**400], []),
    ("gte", "configcat", [2.1], [2.1], [2], []),
    ("eq", "configcat", [2], [2, "2.0"], ["2x", float("nan")], []),
    ("neq", "configcat", [2], [3, float("nan"), "NaN"], [2, "x", ""], []),
    ("semver_lt", "configcat", ["1.0.0"], ["0.9.9", " 1.0.0-rc "], ["1.0.0", "1.0", 1], []),
    ("semver_lte", "configcat", ["1.0.0"], ["1.0.0"], ["1.0.1"], []),
    ("semver_gt", "configcat", [" 1.0.0 "], ["1.0.1"], ["1.0.0", "x"], []),
    ("semver_gte", "configcat", ["1.0.0"], ["1.0.0"], ["0.1.0"], []),
    ("semver_gt", "configcat", ["bad"], [], ["1.0.0"], []),
    ("semver_in", "configcat", ["1.0.0", "", " 2.0.0 "], ["2.0.0", " 1.0.0"], ["3.0.0", "", "v1.0.0"], []),
    ("not_semver_in", "configcat", ["1.0.0"], ["3.0.0"], ["1.0.0", "x"], []),
    ("not_semver_in", "configcat", ["1.0.0", "2"], [], ["3.0.0", "1.0.0"], []),
    (
        "before",
        "configcat",
        [1680307200],
        [1680307199.9, "1680307199", datetime(2023, 4, 1, 1, 59, 59, tzinfo=APRIL)],
        [1680307200, "2023-03-01", "NaN", datetime(2023, 4, 1, 2, tzinfo=APRIL)],
        [],
    ),
    ("after", "configcat", [1680307200], ["1680307200,5", datetime(2023, 4, 2, tzinfo=UTC)], [1680307200], []),
    ("equals", "flagsmith", ["1"], [1, "1", True], [2, 1.5, "x", []], []),
    ("equals", "flagsmith", ["true"], [True, "true"], [False, 1], []),
    ("equals", "flagsmith", ["false"], [False], [True], []),
    ("equals", "flagsmith", ["1.0"], [1.0, "1.0"], [1, "1"], []),
    ("not_equals", "flagsmith", ["1"], [2, "2", [], {}], [1, "1"], []),
    ("not_equals", "flagsmith", ["x"], ["y"], [1, 1.5, "x"], []),
    ("lt", "flagsmith", ["5"], [4, "4", 4.5], [5, "zz", "6"], []),
    ("lte", "flagsmith", ["5"], [5], [6], []),
    ("gt", "flagsmith", ["1.2.3:semver"], ["1.2.4", "1.10.0"], ["1.2.3", "1.2", 2], []),
    ("gte", "flagsmith", ["5.5"], [5.5, "5.6"], [5, 6], []),
    ("equals", "flagsmith", ["7"], ["007", "7", 7, "7.0"], [" 7", "1e1", "0x7"], []),
    ("equals", "flagsmith", ["1e5"], ["1e5"], [100000, "100000"], []),
    ("equals", "flagsmith", ["1.2.3:semver"], ["1.2.3", "1.2.3+build", True], ["1.2", 1.2, False], []),
    ("in", "flagsmith", ["7,True"], [7, "7", "007", "True"], [True, 7.0, "7.0"], []),
    ("in", "flagsmith", ["[1, true]"], [1, "1", "True"], [True, "true"], []),
    ("in", "flagsmith", ["[1,"], ["[1", ""], [1], []),
    ("contains", "flagsmith", ["1"], ["a1"], ["21", 21], []),
    ("contains", "flagsmith", ["b"], ["abc", ["b"]], ["ac", 1, []], []),
    ("contains", "flagsmith", ["rc.1:semver"], ["1.0.0-rc.1", "1.0.0+rc.1"], ["1.0.0", "rc.1", 1], []),
    ("not_contains", "flagsmith", ["b"], ["ac", []], ["abc", 1, ["b"]], []),
    ("matches", "flagsmith", ["[a-z]+"], ["abc1"], ["1abc", 1], []),
    ("matches", "flagsmith", [r"\d+"], [12, "12x"], ["x12"], []),
    ("in", "flagsmith", ["1,2, x"], [1, "2", " x"], ["x", True, 1.0, 3], []),
    ("in", "flagsmith", ['["a,b", "c"]'], ["a,b", "c"], ["a", '["a'], []),
    ("in", "flagsmith", [["a", "1"]], ["a", 1], ["b"], []),
    ("equals", "flagsmith_key", ["e_7", "e_"], ["7", 7], ["e_7", "8", 8], []),
    ("not_equals", "flagsmith_key", ["e_7", "e_"], ["8"], ["7", 7], []),
    ("lt", "flagsmith_key", ["e_b", "e_"], ["a"], ["b", "c"], []),
    ("lte", "flagsmith_key", ["e_b", "e_"], ["b"], ["c"], []),
    ("gt", "flagsmith_key", ["e_b", "e_"], ["c"], ["b"], []),
    ("gte", "flagsmith_key", ["e_b", "e_"], ["b"], ["a"], []),
    ("in", "flagsmith_key", ["e_a,e_7", "e_"], ["a", 7], ["e_a", "b"], []),
    ("contains", "flagsmith_key", ["_a", "e_"], ["ab"], ["ba"], []),
    ("not_contains", "flagsmith_key", ["_a", "e_"], ["ba"], ["ab"], []),
    ("matches", "flagsmith_key", ["e_[0-9]", "e_"], ["7", 7], ["a"], []),
    ("modulo", "flagsmith_key", ["2|0", "e_"], [], [4, "4"], []),
    ("modulo", "flagsmith", ["2.5|0"], [5, 5.0, "5"], [4, True, "x"], []),
    ("modulo", "flagsmith", ["1|0"], [True, 4, "4"], [1.5, "1e1"], []),
    ("modulo", "flagsmith", ["nonsense"], [], [0, 1, "1"], []),
    ("in", "posthog", ["Value", 5], ["value", "VALUE", "5", 5], ["val", 5.0, ["value"]], []),
    ("contains", "posthog", ["3"], [323, "val3"], ["x"], []),
    ("starts_with", "posthog", ["A"], ["abc"], ["bc"], []),
    ("ends_with", "posthog", ["C"], ["abc"], ["ab"], []),
    ("matches", "posthog", [r"\.com$"], ["a.com"], ["a.comx", 1], []),
    ("matches", "posthog", ["?*"], [], ["a"], []),
    ("not_matches", "posthog", ["a"], ["b"], ["a"], []),
    ("not_matches", "posthog", ["?*"], [], ["a"], []),
    ("gt", "posthog", [1], [2, 1.5], [1, 0], [[]]),
    ("gt", "posthog", ["30"], ["4"], ["100", 30], []),
    ("lt", "posthog", ["x"], [5, "a"], ["y"], []),
    ("gte", "posthog", [1], [1], [0], []),
    ("lte", "posthog", ["43"], ["42", "43", 43], ["5"], []),
    ("before", "posthog", ["-7d"], ["2025-12-24"], ["2025-12-25"], ["x", 1]),
    ("after", "posthog", ["2025-05-01 10:00:00 +01:00"], ["2025-05-01 09:00:01"], ["2025-05-01 09:00:00"], []),
    ("after", "posthog", ["rubbish"], [], [], ["2025-05-01"]),
    ("semver_eq", "posthog", ["1.2.3"], ["v1.2.3 ", "1.2.3.4"], ["1.2.4"], [".1.2.3", "x"]),
    ("semver_neq", "posthog", ["1.2.3"], ["1.2.4"], ["1.2.3"], ["x"]),
    ("semver_lt", "posthog", ["1.2.3"], ["1.2"], ["1.2.3-a"], ["x"]),
    ("semver_lte", "posthog", ["1.2.3"], ["1.2.3"], ["2"], ["x"]),
    ("semver_gt", "posthog", ["1.2.3"], ["1.3.0-beta.1"], ["1.2.3"], ["x"]),
    ("semver_gte", "posthog", ["1.2.3-alpha"], ["1.2.3"], ["1.2.2"], ["x"]),
    ("semver_caret", "posthog", ["0.0.3"], ["0.0.3"], ["0.0.4"], ["x"]),
    ("semver_tilde", "posthog", ["1.2.3"], ["1.2.99"], ["1.3.0"], ["x"]),
    ("semver_wildcard", "posthog", ["1.2.*"], ["1.2.9"], ["1.3.0"], ["x"]),
    ("semver_wildcard", "posthog", ["*"], [], [], ["1.3.0"]),
    ("semver_wildcard", "posthog", ["1.2.3.4"], ["1.2.3"], ["1.2.4"], []),
    ("semver_eq", "posthog", ["1.0.3"], ["1..3"], ["1.0.4"], ["01.0.3", "1.0.03"]),
    (
        "before",
        "posthog",
        ["2025-05-01T10:00:00 UTC"],
        ["2025-05-01T09:59:59Z", date(2025, 4, 30)],
        [date(2025, 5, 1)],
        [],
    ),
    ("after", "posthog", ["2019"], ["2020-01-01"], ["2018-12-31"], ["201"]),
    (
        "before",
        "statsig",
        [1000000000000],
        [999999999999, "999999999", "2001-09-09T01:46:39Z"],
        [1000000000000, "x", True],
        [],
    ),
    ("after", "statsig", ["2001-09-09T01:46:40Z"], [1000000000001, "1000000001"], [1000000000], []),
    ("on", "statsig", ["2001-09-09T23:00:00Z"], [1000000000000], ["2001-09-10T00:00:00Z", "x", "2001-09-09"], []),
    ("on", "statsig", [0], [-1, 86_399, -86_399], [-86_400, 86_400], []),
    (
        "semver_eq",
        "statsig",
        ["1.2"],
        ["1.2.0.0", "1.2-beta", 1.2, " 1.2"],
        ["1.2.1", "x", "v1.2", ["1.2"], True, ""],
        [],
    ),
    ("semver_neq", "statsig", ["1.2"], ["1.3"], ["1.2.0", "x", [1]], []),
    ("semver_lt", "statsig", ["1.2.0.1"], ["1.2"], ["1.2.0.1"], []),
    ("semver_lte", "statsig", ["1.2"], ["1.2.0"], ["1.2.0.1"], []),
    ("semver_gt", "statsig", ["1.2"], ["1.2.0.1", "1.10"], ["1.2.0"], []),
    ("semver_gte", "statsig", ["1.2"], ["1.2"], ["1.1.9"], []),
    ("in", "statsig", ["a", 1, True], ["A", "1", 1.0, "TRUE", True], ["ab", ["a"], "", False], []),
    ("in", "statsig_case", ["a", 1], ["a", "1"], ["A", ["a"]], []),
    ("starts_with", "statsig", ["a", 1], ["AB", 1.5], ["ba", ["a"]], []),
    ("ends_with", "statsig", ["b"], ["AB"], ["ba", ["b"]], []),
    ("contains", "statsig", ["b"], ["abc", ["b"]], ["a", 1, {}], []),
    ("matches", "statsig", ["^a|^\\["], ["ab", [1]], ["A", True], []),
    ("equals", "statsig", [1], ["1", 1.0, "01"], [True, "x", [1], " 1"], []),
    ("equals", "statsig", ["01"], ["01"], [1, "1", ["01"]], []),
    ("equals", "statsig", ["true"], [True, "true"], [1, "TRUE"], []),
    ("equals", "statsig", [True], [True], ["true", 1], []),
    ("equals", "statsig", [["1"]], [[1], ["1"]], ["1", [], ["1", "1"]], []),
    ("intersects", "statsig", ["a", 1], [["a", "b"], ["1"]], [["A"], "a", []], []),
    ("contains_all", "statsig", ["a", 1], [["b", "a", "1"]], [["a"], "a1"], []),
    ("contains_all", "statsig", [], [[], ["a"]], ["a"], []),
    ("lt", "statsig", ["2"], [1, "1.5", "-inf"], [2, " 1", True, [1], "nan"], []),
    ("lte", "statsig", [2], [2, "2"], [3], []),
    ("gt", "statsig", [1], ["1e1", 2, "inf"], [1, "0x2", "1_0", ["2"]], []),
    ("gte", "statsig", [1.5], [1.5], [1], []),
    ("satisfies", "growthbook", [{"$gt": 1, "$lt": 5}], [2, "3"], [5, "x", None, "0"], []),
    (
        "satisfies",
        "growthbook",
        [{"$elemMatch": {"$not": {"$regex": "^a"}}}],
        [["b"], ["a", "b"]],
        [["a"], "b", []],
        [],
    ),
    (
        "satisfies",
        "growthbook",
        [{"$gt": 0}],
        ["0x10", "1e3", "\u00a01", "Infinity"],
        ["\u0661", "1_0", "-0x10", "inf"],
        [],
    ),
    ("satisfies", "growthbook", [{"$lt": ["b"]}], ["a", ["a"], ""], ["b", "c", 1], []),
    ("satisfies", "growthbook", [{"$gt": {"a": 1}}], ["a", "\u00e9"], ["[", 1, None], []),
    ("satisfies", "growthbook", [{"$gt": "\uff01"}], ["\uff02"], ["\U0001f600"], []),
    ("satisfies", "growthbook", [{"$regex": ["a"]}], [], ["a", "['a']"], []),
    ("satisfies", "growthbook", [{"$size": {"$gte": 2}}], [[1, 2]], [[1], "ab"], []),
    ("satisfies", "growthbook", [{"$ne": "a"}], ["b", None], ["a"], []),
    ("satisfies", "growthbook", [{"$unheard": 1}], [], [1, None], []),
    ("satisfies", "growthbook", [5], [5, "5", 5.0], ["x", True], []),
    ("satisfies", "growthbook", [True], [True, 1, "x", [], {}], [False, None, 0, ""], []),
    ("satisfies", "growthbook", [None], [None], [0, ""], []),
    (
        "satisfies",
        "growthbook_tree",
        [{"a.b": 1, "$nor": [{"c": 2}]}],
        [{"a": {"b": 1}}],
        [{"a": {"b": 1}, "c": 2}, "x"],
        [],
    ),
    ("satisfies", "growthbook_tree", [{"$or": []}], [{}, {"a": 1}], [], []),
    ("equals", "powertools", ["a"], ["a"], ["b", 1], []),
    ("equals", "powertools", [1], [1, True, 1.0], ["1"], []),
    ("not_equals", "powertools", ["a"], ["b", 1], ["a"], []),
    ("starts_with", "powertools", ["a"], ["ab"], ["ba", 1], []),
    ("ends_with", "powertools", ["b"], ["ab"], ["ba", []], []),
    ("in", "powertools", [["a", 1]], ["a", 1, True], ["b"], []),
    ("not_in", "powertools", [["a"]], ["b"], ["a"], []),
    ("contains", "powertools", ["a"], [["a"], "ab", {"a": 1}], ["b", 1], []),
    ("not_contains", "powertools", ["a"], [["b"], "b"], ["ab", 1], []),
    ("all_in", "powertools", [["a", "b"]], [["a"], []], [["a", "c"], "a"], []),
    ("intersects", "powertools", [["a", "b"]], [["a", "c"]], [["c"], "a", []], []),
    ("not_intersects", "powertools", [["a"]], [["c"], []], [["a"], "c"], []),
    ("lt", "powertools", [5], [4, True], [5, "4"], []),
    ("lte", "powertools", [5], [5], [6, []], []),
    ("gt", "powertools", ["b"], ["c"], ["a", 1], []),
    ("gte", "powertools", [5], [5.0], [4], []),
    ("modulo_range", "powertools", [{"BASE": 100, "START": 0, "END": 9}], [9, 100, 205, 9.0], [10, "9", 99, 9.5], []),
    ("time_of_day", "powertools", NIGHT, ["whatever", None], [], []),
    ("time_of_day", "powertools", [{"START": "08:00", "END": "20:00", "TIMEZONE": "UTC"}], [], [None], []),
    ("moment_between", "powertools", [{"START": "2025-12-31T00:00:00", "END": "2026-01-01T00:00:00Z"}], [None], [], []),
    ("day_of_week", "powertools", [{"DAYS": ["THURSDAY"], "TIMEZONE": "UTC"}], [None], [], []),
    ("day_of_week", "powertools", [{"DAYS": ["FRIDAY"]}], [], [None], []),
]


def ask(op, dialect, values, attribute):
    test = prepare(op, dialect, values)
    return test(attribute, NOW) if OPERATORS[op, dialect].needs_now else test(attribute)


@pytest.mark.parametrize(
    ("op", "dialect", "values", "attribute", "expected"),
    [
        pytest.param(op, dialect, values, attribute, expected, id=f"{op}-{dialect}-{str(attribute)[:20]!r}")
        for op, dialect, values, *answers in VECTORS
        for expected, attributes in zip((True, False, None), answers, strict=True)
        for attribute in attributes
    ],
)
def test_a_peers_operator_answers_as_its_vectors_say(op, dialect, values, attribute, expected):
    assert ask(op, dialect, values, attribute) is expected


def test_every_row_of_a_peer_has_vectors():
    peers = {
        "posthog",
        "flagsmith",
        "flagsmith_key",
        "configcat",
        "configcat_hashed",
        "growthbook",
        "growthbook_tree",
        "powertools",
    }
    peers |= {"flagsmith_key", "statsig", "statsig_case"}
    rows = {(op, dialect) for op, dialect in OPERATORS if dialect in peers}

    assert {(op, dialect) for op, dialect, *_ in VECTORS} == rows


@pytest.mark.parametrize(
    ("op", "dialect", "values"),
    [
        ("in", "configcat", [1]),
        ("lt", "configcat", ["x"]),
        ("before", "configcat", ["2023-01-01"]),
        ("in", "flagsmith", [5]),
        ("equals", "flagsmith", [{}]),
        ("matches", "flagsmith", ["("]),
        ("equals", "flagsmith_key", ["x"]),
        ("equals", "flagsmith_key", ["x", 1]),
        ("satisfies", "growthbook_tree", ["x"]),
        ("satisfies", "growthbook_tree", [{"$and": {}}]),
        ("on", "statsig", ["tomorrow"]),
        ("modulo_range", "powertools", [{"BASE": 0, "START": 0, "END": 1}]),
        ("modulo_range", "powertools", [{"BASE": 10}]),
        ("all_in", "powertools", ["a"]),
        ("time_of_day", "powertools", [{"START": "8", "END": "20:00"}]),
        ("time_of_day", "powertools", [{"START": "08:00", "END": "20:00", "TIMEZONE": "Nowhere/Land"}]),
        ("moment_between", "powertools", [{"START": "soon"}]),
        ("day_of_week", "powertools", [{"DAYS": ["Thursday"]}]),
    ],
)
def test_values_that_a_peers_row_cannot_take_are_refused(op, dialect, values):
    with pytest.raises(Unpreparable):
        prepare(op, dialect, values)


def test_a_growthbook_condition_cannot_nest_without_end():
    condition: dict[str, Any] = {"$gt": 1}
    for _ in range(40):
        condition = {"$not": condition}

    with pytest.raises(Unpreparable):
        prepare("satisfies", "growthbook", [condition])


# ------------------------------------------------------------------------------------------- the systems' own cases


def conformance(path):
    file = CONFORMANCE / path
    if not file.exists():
        pytest.skip(f"no conformance data: {path}")
    return json.loads(file.read_text("utf-8"))


def with_groups(condition, groups):
    """A condition whose saved groups are written out, as an importer does."""
    if isinstance(condition, list):
        return [with_groups(part, groups) for part in condition]
    if not isinstance(condition, dict):
        return condition
    words = {"$inGroup": "$in", "$notInGroup": "$nin"}
    return {
        words.get(word, word): groups.get(part, []) if word in words else with_groups(part, groups)
        for word, part in condition.items()
    }


@pytest.mark.conformance
@pytest.mark.parametrize("file", ["cases.json", "cases-python-only.json"])
def test_growthbooks_own_conditions_hold_as_it_says(file):
    data = conformance(f"growthbook/{file}")
    cases = data["evalCondition"] if isinstance(data, dict) else data
    wrong = [
        name
        for name, condition, attributes, expected, *groups in cases
        if prepare("satisfies", "growthbook_tree", [with_groups(condition, groups[0] if groups else {})])(attributes)
        is not expected
    ]

    assert cases
    assert wrong == []


POSTHOG = {
    "exact": "in",
    "is_not": "in",
    "icontains": "contains",
    "regex": "matches",
    "not_regex": "not_matches",
    "is_date_before": "before",
    "is_date_after": "after",
}


@pytest.mark.conformance
def test_posthogs_own_operator_facts_are_so():
    asked, wrong = 0, []
    for case in conformance("posthog/match-property.json"):
        fact, attribute = case["filter"], case["properties"].get(case["filter"]["key"])
        word = fact.get("operator", "exact")
        if attribute is None or word in ("is_set", "is_not_set", "is_unknown"):
            continue  # the condition's own business, or no operator of theirs
        values = fact["value"] if isinstance(fact["value"], list) else [fact["value"]]
        now = datetime.fromisoformat(case["now"]).replace(tzinfo=UTC).timestamp() if case["now"] else NOW
        op = POSTHOG.get(word, word)
        test = prepare(op, "posthog", values)
        answer = test(attribute, now) if OPERATORS[op, "posthog"].needs_now else test(attribute)
        if word == "is_not" and answer is not None:
            answer = not answer
        asked += 1
        if ("inconclusive" if answer is None else answer) != case["expect"]:
            wrong.append(case)

    assert asked > 100
    assert wrong == []
