"""ConfigCat's fields: one that is not known is named by its place, wherever in a config JSON it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk.importers import Imported, Standing, configcat

ON_PLAN = {"a": "plan", "c": 0, "l": ["pro"]}
OPTIONS = [{"p": 60, "v": {"s": "a"}, "i": "id-a"}, {"p": 40, "v": {"s": "b"}, "i": "id-b"}]
CONDITIONS = [
    {"u": ON_PLAN},
    {"s": {"s": 0, "c": 1}},
    {"p": {"f": "first", "c": 0, "v": {"b": True}}},
]
CONFIG: dict[str, Any] = {
    "p": {"u": "https://cdn-global.configcat.com", "r": 0, "s": "salt"},
    "s": [{"n": "Beta", "r": [{"a": "Email", "c": 2, "l": ["@example.com"]}, {"a": "age", "c": 15, "d": 18}]}],
    "f": {
        "first": {"t": 0, "v": {"b": True}, "i": "1"},
        "count": {"t": 2, "v": {"i": 3}, "i": "2"},
        "ratio": {"t": 3, "v": {"d": 0.5}, "i": "3"},
        "my flag": {
            "t": 1,
            "a": "Country",
            "r": [
                {"c": CONDITIONS, "s": {"v": {"s": "served"}, "i": "4"}},
                {"c": [{"u": {"a": "version", "c": 6, "s": "1.2.3"}}], "p": OPTIONS},
            ],
            "p": OPTIONS,
            "v": {"s": "default"},
            "i": "5",
        },
    },
}
FLAG = ("f", "my flag")
PLACES: list[tuple[tuple[str | int, ...], str]] = [
    (FLAG, '$.f["my flag"]'),
    ((*FLAG, "v"), '$.f["my flag"].v'),
    ((*FLAG, "r", 0), '$.f["my flag"].r[0]'),
    ((*FLAG, "r", 0, "s"), '$.f["my flag"].r[0].s'),
    ((*FLAG, "r", 0, "s", "v"), '$.f["my flag"].r[0].s.v'),
    ((*FLAG, "r", 0, "c", 0), '$.f["my flag"].r[0].c[0]'),
    ((*FLAG, "r", 0, "c", 0, "u"), '$.f["my flag"].r[0].c[0].u'),
    ((*FLAG, "r", 0, "c", 1, "s"), '$.f["my flag"].r[0].c[1].s'),
    ((*FLAG, "r", 0, "c", 2, "p"), '$.f["my flag"].r[0].c[2].p'),
    ((*FLAG, "r", 0, "c", 2, "p", "v"), '$.f["my flag"].r[0].c[2].p.v'),
    ((*FLAG, "r", 1, "p", 1), '$.f["my flag"].r[1].p[1]'),
    ((*FLAG, "p", 0), '$.f["my flag"].p[0]'),
    ((*FLAG, "p", 0, "v"), '$.f["my flag"].p[0].v'),
    (("s", 0), "$.s[0]"),
    (("s", 0, "r", 1), "$.s[0].r[1]"),
]


def read(config: dict[str, Any]) -> Imported:
    return configcat.read(json.dumps(config).encode())


@pytest.mark.parametrize(("steps", "shown"), PLACES, ids=[shown for _, shown in PLACES])
def test_a_field_that_is_not_known_is_named_in_its_own_finding(steps, shown):
    config = json.loads(json.dumps(CONFIG))
    holder: Any = config
    for step in steps:
        holder = holder[step]
    holder["novel"] = {"until": 5}
    report = read(config).report

    (finding,) = (each for each in report.findings if each.standing != Standing.EXACT)
    assert (finding.standing, finding.source_key) == (Standing.APPROXIMATED, "Beta" if steps[0] == "s" else "my flag")
    assert finding.why == f"fields that are not known were left out: {shown}.novel"


def test_a_config_of_known_fields_says_nothing_of_them():
    report = read(CONFIG).report

    assert [(finding.source_key, finding.standing, finding.why) for finding in report.findings] == [
        (key, Standing.EXACT, "") for key in ("Beta", "first", "count", "ratio", "my flag")
    ]


def test_a_field_that_is_not_known_is_named_beside_what_else_differs():
    config = json.loads(json.dumps(CONFIG))
    config["f"]["my flag"]["p"] = [{**OPTIONS[0], "novel": 1}]
    why = read(config).report.findings[-1].why

    assert "add up to 60" in why
    assert why.endswith('; fields that are not known were left out: $.f["my flag"].p[0].novel')
