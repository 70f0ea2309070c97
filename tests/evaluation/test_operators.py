"""Every native row of the operators' table, by vectors."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._evaluation.operators import OPERATORS, Unpreparable, prepare

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z

# op, dialect, values, attributes that hold, attributes that do not
VECTORS: list[tuple[str, str, list[Any], list[Any], list[Any]]] = [
    ("in", "strict", ["DE"], ["DE", ["FR", "DE"], ("DE",)], ["de", "", 1, True, [], ["de"], {}, [["DE"]]]),
    ("in", "strict", ["DE", "FR"], ["FR", ["IT", "DE"]], ["IT", None, 3, [None], {"a": 1}]),
    ("in", "strict", [1, "a", True], [1, 1.0, "a", True, [0, 1]], [False, "1", 0, [], {}]),
    ("in", "strict", [0], [0, 0.0, -0.0], [False, "", "0", None]),
    ("in", "strict", [{"a": [1]}], [{"a": [1]}, {"a": [1.0]}, [{"a": [1]}]], [{"a": [True]}, {"a": [1], "b": 2}, [1]]),
    ("in", "strict", [["a", "b"]], [["a", "b"], ("a", "b")], [["b", "a"], "a", ["a"]]),
    ("in", "strict", [], [], ["a", 1, [], None, ""]),
    ("equals", "strict", ["pro"], ["pro", ["pro"]], ["Pro", "pro ", 0]),
    ("equals", "strict", [2.5], [2.5], [2, "2.5", True]),
    ("in", "lower", ["STRASSE"], ["Strasse"], ["straße", 1, ["x"]]),
    ("in", "casefold", ["STRASSE"], ["straße", ["straße"]], ["Stras", 1]),
    ("in", "text", ["1", "true"], [1, 1.0, "1", True, "true"], ["True", 2, False, {}]),
    ("in", "text_lower", ["TRUE"], [True, "True"], [1, False]),
    ("equals", "lower", ["A"], ["a", "A"], ["b"]),
    ("equals", "casefold", ["ß"], ["SS"], ["s"]),
    ("equals", "text", [1], ["1", 1.0], ["1.0"]),
    ("equals", "text_lower", ["X1"], ["x1"], ["x2"]),
    ("starts_with", "strict", ["ab", "x"], ["abc", "x", ["c", "xy"]], ["ABC", "", 1, ["c"], None]),
    ("ends_with", "strict", ["@acme.com"], ["a@acme.com", ["b", "a@acme.com"]], ["@acme.co", 3, []]),
    ("contains", "strict", ["b"], ["abc", ["x", "b"]], ["ac", 2, [1], {"b": 1}]),
    ("contains", "strict", ["b", "z"], ["fizz", ["b"]], ["ac", 2]),
    ("starts_with", "lower", ["AB"], ["abc"], ["bab"]),
    ("starts_with", "casefold", ["SS"], ["ßa"], ["s"]),
    ("starts_with", "text", ["1"], [12, "1"], [21]),
    ("starts_with", "text_lower", ["TR"], [True], [False]),
    ("ends_with", "lower", ["C"], ["abc"], ["cab"]),
    ("ends_with", "casefold", ["ss"], ["aß"], ["s"]),
    ("ends_with", "text", ["5"], [2.5], [5.2]),
    ("ends_with", "text_lower", ["SE"], [False], [True]),
    ("contains", "lower", ["B"], ["abc", ["B"]], ["ac"]),
    ("contains", "casefold", ["ss"], ["maße"], ["mase"]),
    ("contains", "text", ["."], [2.5], [2.0]),
    ("contains", "text_lower", ["RU"], [True], [1]),
    ("matches", "strict", [r"\.com$"], ["a.com", ["x", "b.com"]], ["a.com\n", "acom", 1]),
    ("matches", "ignore_case", ["^abc$"], ["ABC"], ["abcd"]),
    ("matches", "at_start", ["b"], ["bc"], ["abc"]),
    ("matches", "text", ["^[0-9]+$"], [12, "12"], [1.5, {}]),
    ("matches", "text_ignore_case", ["^T"], [True, "to"], [False]),
    ("lt", "strict", [5], [4, 4.9, -1, [9, 1], 10**400 * -1], [5, "4", True, None, float("nan"), 10**400]),
    ("lt", "strict", [5, 9], [8], [9]),
    ("lte", "strict", [5], [5, 5.0], [5.1, False]),
    ("gt", "strict", [5], [5.1, 10**400, float("inf")], [5, "6", True]),
    ("gte", "strict", [5], [5], [4.999]),
    ("gt", "strict", [9, 2], [3], [2]),
    ("eq", "strict", [1, 2], [1, 2.0, [3, 2]], [True, "1", 3]),
    ("neq", "strict", [1], [2, 0], [1, 1.0, "2", True]),
    ("lt", "text", ["5"], ["4", 4, " 4 "], ["5", "x", "1_0", "nan", True]),
    ("lte", "text", ["5"], ["5.0"], ["5.5"]),
    ("gt", "text", [5], ["6", "1e3"], ["5"]),
    ("gte", "text", [5], ["5"], ["4"]),
    ("eq", "text", ["1.0"], [1, "1"], ["2", True]),
    ("neq", "text", [1], ["2"], ["1", "x"]),
    ("lt", "unleash", ["5"], ["4", 4, "+4", "-inf"], ["5", " 4", "4\u00a0", "٤", "1_0", True]),
    ("lte", "unleash", ["5"], ["5.0"], ["5.5", "5 "]),
    ("gt", "unleash", [5], ["6", "1e3", "infinity"], ["5", "nan"]),
    ("gte", "unleash", ["5"], ["5", 5], ["4", ""]),
    ("eq", "unleash", ["0.3"], [0.1 + 0.2, "0.3"], [0.31, "x", 10**400]),
    ("gt", "eppo", ["1.2.0"], ["1.10.0"], ["1.1.9", "x", 5]),
    ("gt", "eppo", ["1.2.3+2"], ["1.2.3+10", "1.2.3+02", "1.2.3+a", "1.2.3+2.0"], ["1.2.3+2", "1.2.3", "1.2.3+1.9"]),
    ("gt", "eppo", [2**53], [2**53 + 2, "9007199254740994", float("inf")], [2**53 + 1, 10**400, True, None]),
    ("lt", "eppo", ["10"], ["9", 9], ["11", "x"]),
    ("gte", "eppo", [10], [10, "10", "+10.", "1e1", "inf"], [9, " 10", "10 ", "1_0", "nan", "٣٣"]),
    ("lte", "eppo", ["1.2.3"], ["1.2.3-rc1", "1.2.3"], ["1.2.4", "1.2.3+45", f"0.0.{1 << 64}"]),
    (
        "in",
        "eppo",
        ["0.00000001", "1234567890123456800", "-0", "1", "inf", "-inf", "NaN", "true", "10000000000000000"],
        [1e-8, 1234567890123456789, -0.0, 1.0, 1, float("inf"), float("-inf"), float("nan"), True, 1e16],
        [1e-9, False, 0.0, 10**400, None, {}],
    ),
    ("matches", "eppo", [r"^10{21}$"], [1e21, 10**21], ["1e21", 1e20, None]),
    (
        "semver_eq",
        "strict",
        ["1.2.3"],
        ["1.2.3", "1.2.3+build", ["0.0.1", "1.2.3"]],
        ["v1.2.3", "1.2", "1.2.3-a", 1, "01.2.3"],
    ),
    ("semver_neq", "strict", ["1.2.3"], ["1.2.4"], ["1.2.3+b", "x", 7]),
    ("semver_lt", "strict", ["1.0.0"], ["1.0.0-rc.1", "0.9.9"], ["1.0.0", "1.0.1", "x"]),
    (
        "semver_lt",
        "strict",
        ["1.0.0-beta.11"],
        ["1.0.0-alpha", "1.0.0-beta.2", "1.0.0-beta"],
        ["1.0.0-rc.1", "1.0.0-beta.x"],
    ),
    ("semver_lte", "strict", ["1.0.0"], ["1.0.0"], ["1.0.1"]),
    ("semver_gt", "strict", ["1.0.0-alpha.1"], ["1.0.0-alpha.beta", "1.0.0"], ["1.0.0-alpha"]),
    ("semver_gte", "strict", ["1.9.0"], ["1.10.0", "1.9.0"], ["1.8.9"]),
    ("semver_caret", "strict", ["1.2.3"], ["1.2.3", "1.99.0"], ["2.0.0", "1.2.2", "2.0.0-rc.1", None]),
    ("semver_caret", "strict", ["0.2.3"], ["0.2.9"], ["0.3.0"]),
    ("semver_tilde", "strict", ["1.2.3"], ["1.2.9"], ["1.3.0"]),
    ("semver_caret", "filled", ["1"], ["1.5"], ["2"]),
    ("semver_tilde", "filled", ["1.2"], ["1.2.7"], ["1.3"]),
    ("semver_caret", "truncated", ["v1.2.3"], ["1.5.0-x"], ["2.0.0"]),
    ("semver_tilde", "truncated", ["1.2.3"], [" 1.2.3.4 "], ["1.3"]),
    ("semver_eq", "filled", ["2"], ["2.0", "2.0.0", "2"], ["2.0.1", "v2", "02"]),
    ("semver_neq", "filled", ["2"], ["2.1"], ["2.0.0"]),
    ("semver_lt", "filled", ["2.1"], ["2", "2.1-a"], ["2.1.0"]),
    ("semver_lte", "filled", ["2.1"], ["2.1.0"], ["2.1.1"]),
    ("semver_gt", "filled", ["2.1"], ["2.1.1"], ["2.1"]),
    ("semver_gte", "filled", ["2.1"], ["2.1"], ["2"]),
    ("semver_eq", "lenient", ["1.2"], ["v1.2.0", 1.2, "V1.2"], ["1.2.1", True]),
    ("semver_neq", "lenient", ["1"], ["v2", 2], [1, "x"]),
    ("semver_lt", "lenient", ["2"], [1, "v1.9"], [2]),
    ("semver_lte", "lenient", ["2"], [2], [3]),
    ("semver_gt", "lenient", ["2"], [3], [2]),
    ("semver_gte", "lenient", ["2"], ["V2"], [1.9]),
    ("semver_eq", "padded", ["1.2.3"], ["v1.2.3", "1.2.3+b"], ["1.2.3-b", "1.2"]),
    ("semver_neq", "padded", ["1.2.3"], ["1.2.4", {}], ["v1.2.3"]),
    ("semver_lt", "padded", ["1.10.0"], ["1.9.0", "1.10.0-rc"], ["1.10.0"]),
    ("semver_lte", "padded", ["1.10.0"], ["1.10.0"], ["1.11.0"]),
    ("semver_gt", "padded", ["1.9.0"], ["1.10.0"], ["1.9.0-x"]),
    ("semver_gte", "padded", ["1.9.0"], ["1.9.0"], ["1.8.0"]),
    ("semver_eq", "truncated", ["1.2.3"], ["v1.2.3-rc", "1.2.3.4"], ["1.2", ".1.2.3", "x"]),
    ("semver_neq", "truncated", ["1.2.3"], ["1.2"], ["1.2.3"]),
    ("semver_lt", "truncated", ["1.2.3"], ["1.2"], ["1.2.3-a"]),
    ("semver_lte", "truncated", ["1.2.3"], ["1.2.3-a"], ["1.2.4"]),
    ("semver_gt", "truncated", ["1.2.3"], ["2"], ["1.2.3"]),
    ("semver_gte", "truncated", ["1.2.3"], ["1.2.3"], ["1"]),
    (
        "before",
        "strict",
        ["2026-01-01T00:00:00Z"],
        ["2025-12-31T23:59:59.999Z", "2026-01-01T00:59:00+01:00"],
        ["2026-01-01T00:00:00Z", "2025-12-31", "2025-02-30T00:00:00Z", 0, "2025-01-01T00:00:00"],
    ),
    (
        "after",
        "strict",
        ["2026-01-01T00:00:00Z"],
        ["2026-01-01T00:00:00.001Z", ["x", "2027-01-01T00:00:00Z"]],
        ["2026-01-01T00:00:00Z", "x"],
    ),
    # as yggdrasil-engine 2.0 answered
    (
        "after",
        "chrono",
        ["2024-01-01T00:00:00Z"],
        ["2024-05-01 00:00:00+00:00", "2024-05-01T00:00:00+0200", "2024-5-1T0:0:0Z", " 2024-05-01 00:00:00.5 UTC "],
        ["2024-05-01 00:00:00", "2024-05-01T00:00Z", "2024-05-01T24:00:00Z", "2024-05-01T00:00:00+25:00", 7],
    ),
    ("before", "chrono", ["2024-01-01T00:00:00Z"], ["2024-01-01 01:00:00+02:00"], ["2024-01-01T00:00:00Z", "x"]),
    ("before", "epoch_s", [100], [99, 99.5, "1970-01-01T00:01:39Z"], [100, "99", True]),
    ("after", "epoch_s", ["1970-01-01T00:01:40Z"], [101], [100, float("inf"), 10**400]),
    ("before", "epoch_ms", [1000], [999, "1970-01-01T00:00:00.999Z"], [1000, "1970-01-01T00:00:01Z", False]),
    ("after", "epoch_ms", ["1970-01-01T00:00:01Z"], [1001], [1000]),
    ("before", "relative", ["-7d"], ["2025-12-24T23:59:59Z"], ["2025-12-25T00:00:00Z", "x", 1]),
    ("after", "relative", ["-1m"], ["2025-12-01T00:00:01Z", ["2026-06-01T00:00:00Z"]], ["2025-12-01T00:00:00Z"]),
    ("after", "relative", ["+1y"], ["2027-01-01T00:00:01Z"], ["2026-12-31T00:00:00Z"]),
    ("before", "unleash", ["2026-01-01T00:00:01Z"], [None, "2025-01-01T00:00:00Z"], ["2027-01-01T00:00:00Z", "x", 3]),
    ("after", "unleash", ["2025-12-31T00:00:00Z"], [None, "2026-01-01T00:00:00Z"], ["2020-01-01T00:00:00Z", []]),
    ("exists", "strict", [], ["", 0, False, [], {}], [None]),
    ("type", "strict", ["number", "array"], [1, 1.5, [], ()], [True, "1", {}]),
    ("intersects", "strict", ["a", 1], [["b", "a"], [1.0]], ["a", [], [True], {"a": 1}]),
    ("contains_all", "strict", ["a", "b"], [["b", "c", "a"]], [["a"], "ab", [], [["a", "b"]]]),
    ("contains_all", "strict", ["a", 1], [["a", 1.0]], [["a", True], ["a"]]),
    ("contains_all", "strict", [], [[]], ["", None]),
    ("size", "strict", [2], [["a", "b"]], [["a"], "ab", {"a": 1, "b": 2}]),
    ("size", "strict", [{"op": "gt", "values": [1]}], [[1, 2]], [[1], []]),
    ("modulo", "strict", [{"divisor": 4, "remainder": 1}], [5, -3, 1.0, [4, 9]], [4, "5", True, float("nan")]),
    (
        "element_match",
        "strict",
        [{"attr": ["price"], "op": "gt", "values": [5]}],
        [[{"price": 6}], ({"price": 9},)],
        [[{"price": 5}], {"price": 6}, [6], []],
    ),
    (
        "element_match",
        "strict",
        [{"all": [{"op": "gt", "values": [1]}, {"not": {"op": "in", "values": [3]}}]}],
        [[2], [3, 4]],
        [[1], [3], "2"],
    ),
    (
        "element_match",
        "strict",
        [{"any": [{"attr": ["x"], "op": "exists", "negate": True}]}],
        [[{}], [1]],
        [[{"x": 1}]],
    ),
    (
        "cidr",
        "strict",
        ["10.0.0.0/8", "2001:db8::/32"],
        ["10.1.2.3", "2001:db8::1", ["x", "10.0.0.1"]],
        ["11.0.0.1", "x", 167772161, "10.0.0.0/8", "::ffff:10.0.0.1"],
    ),
    ("cidr", "unleash", ["nonsense", "192.168.0.1"], ["192.168.0.1"], ["192.168.0.2", 1]),
    # sha256("a@acme.com" + "salt"), sha256("a@" + "salt"), sha256(".com" + "salt"), by sha256sum
    (
        "in",
        "salted_sha256",
        [{"salt": "salt", "hashes": ["{in}"]}],
        ["a@acme.com", ["a@acme.com"]],
        ["b@acme.com", 1, "\ud800"],
    ),
    (
        "starts_with",
        "salted_sha256",
        [{"salt": "salt", "hashes": ["2_{starts}"]}],
        ["a@acme.com", "a@"],
        ["a", "b@", 2],
    ),
    ("ends_with", "salted_sha256", [{"salt": "salt", "hashes": ["4_{ends}"]}], ["x.com", ".com"], ["com", ".org"]),
    ("in", "statsig_id_list", ["7/rrkvF6"], ["regular_user_id"], ["random", {}, "\ud800"]),
]
HASHES = {
    "{in}": "b29bfa5107895bd4a0e03f685c9850b7832f2b370c2e13b3c9965e5856e723a7",
    "{starts}": "dff540c7d1ed388dba792d4ebbe26b647d708d54c0fd01617a75460ba630eac9",
    "{ends}": "c2da05e58199cb478fb2e5643c40ca61537900883812902027a97cb7d0ae17ed",
}


def filled_in(values):
    if isinstance(values, list) and values and isinstance(values[0], dict) and "hashes" in values[0]:
        hashes = values[0]["hashes"]
        for name, digest in HASHES.items():
            hashes = [text.replace(name, digest) for text in hashes]
        return [{**values[0], "hashes": hashes}]
    return values


def ask(op, dialect, values, attribute):
    test = prepare(op, dialect, values)
    return test(attribute, NOW) if OPERATORS[op, dialect].needs_now else test(attribute)


@pytest.mark.parametrize(
    ("op", "dialect", "values", "attribute", "expected"),
    [
        pytest.param(op, dialect, filled_in(values), attribute, expected, id=f"{op}-{dialect}-{str(attribute)[:20]!r}")
        for op, dialect, values, holding, failing in VECTORS
        for expected, attributes in ((True, holding), (False, failing))
        for attribute in attributes
    ],
)
def test_an_operator_holds_exactly_for_its_vectors(op, dialect, values, attribute, expected):
    assert ask(op, dialect, values, attribute) is expected


def test_every_row_of_a_general_dialect_has_vectors():
    peers = {"posthog", "flagsmith", "configcat", "configcat_hashed", "growthbook", "growthbook_tree", "powertools"}
    peers |= {"flagsmith_key", "statsig", "statsig_case"}
    dialects = {(op, dialect) for op, dialect in OPERATORS if dialect not in peers}

    assert {(op, dialect) for op, dialect, *_ in VECTORS} == dialects


@pytest.mark.parametrize(
    ("op", "dialect", "values"),
    [
        ("in", "no such", []),
        ("no such", "strict", []),
        ("in", "strict", [None]),
        ("equals", "strict", []),
        ("equals", "strict", ["a", "b"]),
        ("starts_with", "strict", [1]),
        ("contains", "strict", [None]),
        ("in", "lower", [1]),
        ("in", "text", [{}]),
        ("lt", "strict", ["5"]),
        ("lt", "strict", [True]),
        ("lt", "strict", [float("nan")]),
        ("neq", "strict", [1, 2]),
        ("lt", "text", ["x"]),
        ("gt", "eppo", ["x"]),
        ("semver_eq", "strict", ["1.2"]),
        ("semver_caret", "strict", ["1.2.3", "1.2.4"]),
        ("before", "strict", ["2026-01-01"]),
        ("before", "relative", ["7 days"]),
        ("before", "unleash", ["x"]),
        ("exists", "strict", [True]),
        ("type", "strict", ["integer"]),
        ("modulo", "strict", [{"divisor": 0, "remainder": 0}]),
        ("modulo", "strict", [4]),
        ("size", "strict", ["2"]),
        ("element_match", "strict", [{"op": "nope"}]),
        ("element_match", "strict", [{"op": "in", "values": ["a"], "extra": 1}]),
        ("element_match", "strict", [{"op": "before", "dialect": "relative", "values": ["-7d"]}]),
        ("cidr", "strict", ["300.0.0.1"]),
        ("in", "salted_sha256", ["x"]),
        ("starts_with", "salted_sha256", [{"salt": "s", "hashes": ["nolength"]}]),
        ("matches", "strict", ["("]),
    ],
)
def test_values_that_a_row_cannot_take_are_refused(op, dialect, values):
    with pytest.raises(Unpreparable):
        prepare(op, dialect, values)


def test_the_empty_dialect_is_the_strict_one():
    assert prepare("in", "", ["a"])("a") is True


def test_a_message_names_the_unknown_operator_and_its_dialect():
    with pytest.raises(Unpreparable, match=r"no operator 'soundslike' with dialect 'strict'"):
        prepare("soundslike", "strict", [])


def test_conditions_over_elements_cannot_nest_without_end():
    part: dict[str, object] = {"op": "in", "values": ["a"]}
    for _ in range(20):
        part = {"not": part}

    with pytest.raises(Unpreparable):
        prepare("element_match", "strict", [part])


def test_a_subclass_of_text_counts_as_text():
    class Tagged(str):
        __slots__ = ()

    for op, values in (
        ("in", ["ab"]),
        ("in", ["ab", "c"]),
        ("starts_with", ["a"]),
        ("ends_with", ["b"]),
        ("contains", ["a"]),
    ):
        assert prepare(op, "strict", values)(Tagged("ab")) is True
