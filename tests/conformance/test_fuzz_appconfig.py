"""Chance schemas, evaluated here and by Powertools' own feature flags, both at the same frozen moment."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk.importers import appconfig
from buildflags_sdk.importers.appconfig.powertools import _ACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    peer = pytest.importorskip(
        "aws_lambda_powertools.utilities.feature_flags", reason="aws-lambda-powertools and boto3 are not installed"
    )
    comparators = pytest.importorskip("aws_lambda_powertools.utilities.feature_flags.comparators")
pytestmark = [pytest.mark.conformance, pytest.mark.filterwarnings("ignore")]

KEYS = ["tier", "age", "roles", "name"]
things = st.one_of(
    st.sampled_from(["gold", "go", "", "1"]),
    st.integers(-3, 120),
    st.sampled_from([1.5, 7.0, True, False]),
    st.lists(st.sampled_from(["admin", "dev", 1, "gold"]), max_size=3),
)
clock = st.sampled_from(["00:00", "08:30", "12:00", "12:01", "23:59"])
zones = st.sampled_from(
    [{}, {"TIMEZONE": "Europe/Copenhagen"}, {"TIMEZONE": "America/New_York"}, {"TIMEZONE": "UTC+3"}]
)
DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
moments = st.sampled_from(["2024-03-31T01:30:00", "2024-03-31T12:00:30", "2024-04-01", "2023-01-01T00:00:00.5"])
LISTS = ("ALL_IN_VALUE", "ANY_IN_VALUE", "NONE_IN_VALUE")
SCHEDULES: dict[str, tuple[str, st.SearchStrategy[dict[str, Any]]]] = {
    "SCHEDULE_BETWEEN_TIME_RANGE": ("CURRENT_TIME", st.builds(dict, START=clock, END=clock)),
    "SCHEDULE_BETWEEN_DATETIME_RANGE": ("CURRENT_DATETIME", st.builds(dict, START=moments, END=moments)),
    "SCHEDULE_BETWEEN_DAYS_OF_WEEK": (
        "CURRENT_DAY_OF_WEEK",
        st.builds(dict, DAYS=st.lists(st.sampled_from(DAYS), min_size=1, max_size=5)),
    ),
}


# Strategies are built once: built anew for each draw they take longer than what they draw.
listed = st.lists(st.sampled_from(["admin", "dev", 1, "gold"]), max_size=3)
digits = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted)
modulos = digits.map(lambda pair: {"BASE": 10, "START": pair[0], "END": pair[1]})


def _conditions(action: str) -> st.SearchStrategy[dict[str, Any]]:
    if action in SCHEDULES:
        key, own = SCHEDULES[action]
        return st.builds(lambda mine, zone: {"action": action, "key": key, "value": {**mine, **zone}}, own, zones)
    values: st.SearchStrategy[Any] = listed if action in LISTS else modulos if action == "MODULO_RANGE" else things
    return st.fixed_dictionaries({"action": st.just(action), "key": st.sampled_from(KEYS), "value": values})


conditions = st.one_of(*(_conditions(action) for action in sorted(_ACTIONS)))


def _features(*, boolean: bool) -> st.SearchStrategy[dict[str, Any]]:
    served = st.booleans() if boolean else st.sampled_from(["red", 7, 1.5, {"a": [1]}, [], True])
    rules = st.fixed_dictionaries({"when_match": served, "conditions": st.lists(conditions, min_size=1, max_size=3)})
    kind = {"boolean_type": st.just(boolean)}
    return st.fixed_dictionaries(
        {
            "default": served,
            "rules": st.dictionaries(st.sampled_from(["first", "second", "default", "a b"]), rules),
            **({} if boolean else kind),
        },
        optional=kind if boolean else {},
    )


features = st.one_of(_features(boolean=True), _features(boolean=False))


odd = st.one_of(
    things,
    st.none(),
    st.sampled_from([{}, [], "EQUALS", "8:30", "24:00", "08:30\n", "2024-03-31T01:30:00Z", "2024-13-01", "20240331"]),
    st.sampled_from(
        ["UTC", "Nowhere/Land", "EST5EDT", "GMT+3", "monday", {"BASE": True, "START": 0, "END": 0}, ["MONDAY", 1]]
    ),
)


odd_zones: st.SearchStrategy[Any] = st.sampled_from([None, "", False, [], "GMT-11", "GMT+3", "Nowhere/Land"])
chances = st.randoms(use_true_random=False)


@st.composite
def mutated_features(draw: st.DrawFn) -> dict[str, Any]:
    """A feature with something odd in one or two of its places, or with something missing."""
    made: dict[str, Any] = json.loads(json.dumps(draw(features)))
    chance = draw(chances)
    for rule in made["rules"].values():
        for condition in rule["conditions"]:
            if condition["action"] in SCHEDULES and chance.randint(0, 3) == 0:
                condition["value"]["TIMEZONE"] = draw(odd_zones)
    for _ in range(chance.randint(1, 2)):
        at: Any = made
        while True:
            step = chance.choice(sorted(at) if isinstance(at, dict) else range(len(at)))
            if not isinstance(at[step], (dict, list)) or not at[step] or chance.randint(0, 3) == 0:
                break
            at = at[step]
        if chance.randint(0, 5) == 0 and not (at is made and step == "default"):
            del at[step]
        else:
            at[step] = json.loads(json.dumps(draw(odd)))  # its own: the next change may go into it
        if not made:
            break
    return made


contexts = st.lists(st.dictionaries(st.sampled_from(KEYS), things | st.none()), min_size=1, max_size=6)


class Store(peer.StoreProvider):  # type: ignore[misc,name-defined]
    """A store that holds one schema in memory."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    def get_configuration(self) -> dict[str, Any]:
        return self.schema

    get_raw_configuration = property(get_configuration)


def test_no_context_of_a_chance_schema_is_moved(
    both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(comparators, "_get_now_from_timezone", lambda zone: datetime.fromtimestamp(now, zone or UTC))
    compared = 0

    @settings(max_examples=fuzz_examples, deadline=None)
    @given(features, contexts, st.integers(1_711_840_000, 1_711_960_000))
    def check(feature: dict[str, Any], asked: list[dict[str, Any]], moment: int) -> None:
        nonlocal compared, now
        now = float(moment)
        schema = {"feature": feature}
        imported = appconfig.read(json.dumps(schema).encode())
        assert imported.report.exact == 1, imported.report.findings
        decided = both(imported, now=now)
        theirs = peer.FeatureFlags(store=Store(schema))
        for context in asked:
            expected = theirs.evaluate(name="feature", context=context, default="the caller's")
            decision = decided.decide("feature", context)
            assert decision.value == expected, (context, decision)
            assert isinstance(decision.value, bool) is isinstance(expected, bool)
            compared += 1

    check()
    tally("powertools (fuzz)", passed=compared)


def test_what_powertools_refuses_is_refused_here_and_nothing_else(
    both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_711_900_000.0
    monkeypatch.setenv("TZ", "UTC")  # the zone of a host, for a schedule that names none
    monkeypatch.setattr(comparators, "_get_now_from_timezone", lambda zone: datetime.fromtimestamp(now, zone or UTC))
    compared = refused = 0

    @settings(max_examples=fuzz_examples, deadline=None)
    @given(mutated_features(), contexts)
    def check(feature: dict[str, Any], asked: list[dict[str, Any]]) -> None:
        nonlocal compared, refused
        schema = {"plain": {"default": True}, "feature": feature}
        imported = appconfig.read(json.dumps(schema).encode())
        (finding,) = [each for each in imported.report.findings if each.key == "feature"]
        theirs = peer.FeatureFlags(store=Store(schema))
        try:
            theirs.get_configuration()
        except Exception as error:  # noqa: BLE001 - some odd schemas break its validator itself
            problem: Exception | None = error
        else:
            problem = None
        if problem is not None:
            assert finding.standing == "refused", (feature, problem)
            refused += 1
            return
        assert finding.standing == "exact" or "zone of its host" in finding.why, (feature, finding)
        decided = both(imported, now=now)
        for context in asked:
            expected = theirs.evaluate(name="feature", context=context, default="the caller's")
            assert decided.decide("feature", context).value == expected, (feature, context)
            compared += 1

    check()
    tally("powertools (fuzz)", passed=compared, refused=refused)
