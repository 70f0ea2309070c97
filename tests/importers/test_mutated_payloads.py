"""GrowthBook's and flagd's files with anything in any place: each is read or refused as a whole, and no flag of it raises."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers import flagd, growthbook

if TYPE_CHECKING:
    from collections.abc import Iterator

WORLD = PureWorld(now=lambda: 1_700_000_000.0, random=lambda: 0.5)
CONTEXTS: list[dict[str, Any]] = [
    {},
    {"id": "u1", "targetingKey": "u1", "plan": "pro", "tags": ["a"], "version": "1.2"},
]
RULE = {
    "id": "r", "key": "e", "seed": "s", "hashVersion": 2, "hashAttribute": "id", "fallbackAttribute": "device", "coverage": 0.9,
    "condition": {"$and": [{"plan": {"$in": ["pro"], "$inGroup": "g"}}, {"$not": {"tags.0": "b"}}, {"$savedGroup": {"id": "c"}}]},
    "parentConditions": [{"id": "g", "condition": {"value": {"$exists": True}}, "gate": True}],
    "filters": [{"seed": "f", "attribute": "id", "hashVersion": 2, "ranges": [[0, 1]]}],
    "bucketVersion": 1, "minBucketVersion": 1, "meta": [{"key": "0", "passthrough": True}, {"key": "1"}],
}  # fmt: skip
GROWTHBOOK = {
    "features": {
        "f": {
            "defaultValue": "d",
            "rules": [
                {**RULE, "variations": ["a", "b"], "weights": [0.5, 0.5], "namespace": ["n", 0, 1]},
                {
                    **RULE,
                    "contextualVariations": ["a", "b"],
                    "contextualBanditRef": "cb",
                    "ranges": [[0, 0.5], [0.5, 1]],
                },
                {**RULE, "force": "x", "range": [0, 0.5]},
            ],
        },
        "g": {"defaultValue": 1, "rules": [{"force": 2, "coverage": 0.5}]},
    },
    "savedGroups": {"g": ["pro"], "c": {"type": "condition", "condition": {"plan": "pro"}}},
    "contextualBandits": {"cb": {"contexts": [{"leafId": 1, "condition": {"plan": "pro"}, "weights": [1, 0]}]}},
    "experiments": [{"key": "page"}],
}
FLAGD = {
    "flags": {
        "f": {
            "state": "ENABLED", "variants": {"a": {"n": 1}, "b": {"n": 2}}, "defaultVariant": "a", "metadata": {"team": "x"},
            "targeting": {"if": [{"$ref": "e"}, {"fractional": [{"var": "targetingKey"}, ["a", 1], ["b", {"var": "n"}]]},
                                 {"sem_ver": [{"var": "version"}, "^", "1"]}, "b", {"if": [{"in": ["a", {"var": "tags"}]}, "a"]}]},
        }
    },
    "$evaluators": {"e": {"==": [{"var": "plan"}, "pro"]}},
    "metadata": {"set": True},
}  # fmt: skip
junk = st.one_of(
    st.none(), st.booleans(), st.sampled_from([0, -1, 1.5, 2, 10**400, 99]), st.sampled_from(["", "x", "$eq", "\ud800"]),
    st.sampled_from([[], [[]], [None], [0, 1], ["a", 1], {}, {"$in": 5}, {"$ref": "e"}, {"a": {}}, {"$not": {"$in": [{}]}}, [{}]]),
)  # fmt: skip


def places(raw: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with a key or an index in it."""
    for step in list(raw) if isinstance(raw, dict) else range(len(raw)) if isinstance(raw, list) else ():
        yield raw, step
        yield from places(raw[step])


def played(imported: Any) -> None:
    flags, segments = (
        {key: json.dumps(entry).encode() for key, entry in table.items()}
        for table in (imported.flags, imported.segments)
    )
    snapshot, definitions = Snapshot.from_lines(flags, segments), Definitions(flags, segments)
    for key in flags:
        for context in CONTEXTS:
            ours = imported.attributes.apply(context)
            compiled = snapshot.decide(key, ours, WORLD)
            defined = interpret(definitions, key, ours, WORLD).decision
            assert (compiled.value, compiled.error_code) == (defined.value, defined.error_code)
    assert len(imported.report.findings) >= len(imported.flags)


@pytest.mark.property
@pytest.mark.parametrize("system", ["growthbook", "flagd"])
def test_an_export_with_anything_in_any_place_is_read_or_refused(system):
    original: Any = GROWTHBOOK if system == "growthbook" else FLAGD

    @settings(max_examples=200, deadline=None)
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        payload = deepcopy(original)
        for _ in range(data.draw(st.integers(1, 2))):
            found = list(places(payload))
            container, step = found[data.draw(st.integers(0, len(found) - 1))]
            container[step] = deepcopy(data.draw(junk))
        source = json.dumps(payload).encode()
        try:
            if system == "growthbook":
                imported = growthbook.read(source, sticky_buckets=True, forced_variations=True)
            else:
                imported = flagd.read(source, fractional=data.draw(st.sampled_from(flagd.FRACTIONAL_VERSIONS)))
        except FlagFileError:
            return
        played(imported)

    check()


def test_the_exports_themselves_are_read_whole():
    for imported in (growthbook.read(json.dumps(GROWTHBOOK).encode()), flagd.read(json.dumps(FLAGD).encode())):
        assert [finding.source_key for finding in imported.report.findings if finding.standing == "refused"] in (
            [],
            ["page"],
        )
        played(imported)
