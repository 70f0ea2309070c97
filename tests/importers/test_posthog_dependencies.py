"""PostHog's filters over another flag's answer: whose, in which order, and what an evaluation has tried before."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk.importers import Standing

from .test_posthog import RED, answer, flag, group, in_cohort, read, where


def on_flag(key: str, value: Any, chain: Any = None, **more: Any) -> dict[str, Any]:
    chain = [key] if chain is None else chain
    return {
        "type": "flag",
        "key": key,
        "value": value,
        "operator": "flag_evaluates_to",
        "dependency_chain": chain,
        **more,
    }


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (on_flag("g", True), True),
        (on_flag("g", "red"), True),
        (on_flag("g", "Red"), False),
        (on_flag("g", False), False),
        (on_flag("off", False), True),
        (on_flag("plain", "true"), False),
        (on_flag("gone", True), None),
        (on_flag("g", True, []), None),
        (on_flag("g", True, ["gone", "g"]), None),
        (on_flag("g", True, operator="exact"), False),
        (on_flag("g", None), False),
    ],
)
def test_a_dependency_is_on_another_flags_answer(condition, expected):
    others = flag(group(), key="g", **RED), flag(group(), key="off", active=False), flag(group(), key="plain")
    assert answer(read(flag(group(condition)), *others)) is expected


ONE, TWO = flag(group(where()), key="one"), flag(group(on_flag("one", True)), group(), key="two")
ON_TWO = on_flag("two", True, ["one", "two"])
IN_US = where("country", "US")


@pytest.mark.parametrize(
    ("groups", "context", "expected"),
    [
        ([group(ON_TWO)], {}, None),  # one is undecided, so two is not asked
        ([group(on_flag("one", True)), group(ON_TWO)], {}, True),  # one was tried before and is passed over
        ([group(ON_TWO), group(ON_TWO)], {}, True),
        ([group(IN_US, on_flag("one", True)), group(ON_TWO)], {"country": "US"}, True),
        ([group(IN_US, on_flag("one", True)), group(ON_TWO)], {"country": "DE"}, None),
        ([group(IN_US, on_flag("one", True)), group(ON_TWO)], {}, None),
        ([group(on_flag("one", True)), group(on_flag("two", False, ["one", "two"]))], {}, None),
        ([group(on_flag("one", False)), group(ON_TWO)], {"plan": "pro"}, True),
    ],
)
def test_an_undecided_flag_of_a_chain_that_was_tried_before_is_passed_over(groups, context, expected):
    imported = read(flag(*groups), ONE, TWO)
    assert answer(imported, context) is expected
    assert {each.standing for each in imported.report.findings} == {Standing.EXACT}


@pytest.mark.parametrize(
    "groups",
    [
        [
            group(on_flag("one", True)),
            group(on_flag("three", True, ["one", "two", "three"])),
        ],  # three asks for one as well
        [group(in_cohort(7)), group(ON_TWO)],
        [group(on_flag("one", True)), group(in_cohort(8))],
        [group(on_flag("two", True, ["two"])), group(ON_TWO)],  # a chain that leaves one out, which two tries
        [group(on_flag("two", True)), group(on_flag("two", True, ["one"]))],
        [*(group(where(f"p{at}"), on_flag("one", True)) for at in range(5)), group(ON_TWO)],
    ],
)
def test_where_only_posthogs_sdk_knows_what_it_has_tried_the_report_says_so(groups):
    three = flag(group(on_flag("two", True, ["one", "two"])), group(), key="three")
    cohorts = {"7": {"type": "OR", "values": [on_flag("one", True)]}, "8": {"type": "OR", "values": [ON_TWO]}}
    imported = read(flag(*groups), ONE, TWO, three, cohorts=cohorts)
    findings = {each.source_key: each for each in imported.report.findings}
    assert findings["f"].standing == Standing.APPROXIMATED
    assert "has tried it before" in findings["f"].why
    assert findings["three"].standing == Standing.EXACT


def test_what_a_flag_depends_on_is_judged_for_that_flags_subject():
    imported = read(
        flag(group(on_flag("g", True))),
        flag(group(where()), key="g", aggregation_group_type_index=0),
        flag(group(on_flag("p", True)), key="of-company", aggregation_group_type_index=0),
        flag(group(where()), key="p"),
        group_type_mapping={"0": "company"},
    )
    assert answer(imported, {"plan": "pro"}) is True
    assert answer(imported, {"plan": "pro"}, key="g") is False
    company = {"groups": {"company": "acme"}, "group_properties": {"company": {"plan": "pro"}}, "plan": "free"}
    assert answer(imported, company) is False
    assert answer(imported, company, key="g") is True
    assert answer(imported, company, key="of-company") is True
    assert answer(imported, company, key="p") is False
    assert {"g.for-person", "p.for-company"} < imported.flags.keys()
    assert {each.standing for each in imported.report.findings} == {Standing.EXACT}


def test_a_group_of_filters_over_another_type_does_not_hold_for_a_flag_that_depends_on_it():
    imported = read(
        flag(group(on_flag("g", True))),
        flag(group(aggregation_group_type_index=0), key="g"),
        group_type_mapping={"0": "company"},
    )
    company = {"groups": {"company": "acme"}, "group_properties": {"company": {}}}
    assert answer(imported, company, key="g") is True
    assert answer(imported, company) is False


def test_a_dependency_in_a_group_of_filters_over_another_type_is_approximated():
    imported = read(
        flag(group(on_flag("p", True), aggregation_group_type_index=0)),
        flag(group(where()), key="p"),
        group_type_mapping={"0": "company"},
    )
    company = {"groups": {"company": "acme"}, "group_properties": {"company": {"plan": "pro"}}}
    assert answer(imported, company) is True
    assert {each.source_key: each.standing for each in imported.report.findings}["f"] == Standing.APPROXIMATED


def test_flags_that_depend_on_each_other_are_undecided():
    imported = read(flag(group(on_flag("g", True, ["g"]))), flag(group(on_flag("f", True, ["f"])), key="g"))
    assert answer(imported) is None
    assert answer(imported, key="g") is None
