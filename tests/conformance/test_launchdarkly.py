"""Every case of LaunchDarkly's own server-side evaluation suite, by both evaluators; and its bucketing vectors."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from click.testing import CliRunner

from buildflags_sdk._evaluation.bucketing import SCHEMES
from buildflags_sdk._evaluation.details import ErrorCode, Reason
from buildflags_sdk._evaluation.outcomes import failed
from buildflags_sdk.cli.app import buildflags
from buildflags_sdk.importers.launchdarkly import context_of, read, result_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from buildflags_sdk._evaluation.details import Decision

pytestmark = pytest.mark.conformance

_TYPES = {"bool": {"boolean"}, "int": {"integer", "float"}, "double": {"integer", "float"}, "string": {"string"}}
_ODD = ("'unsupportedOperator' at ", ".rules[1].clauss")
_ZEROS = {"boolean": False, "integer": 0, "float": 0, "string": "", "object": None}


class Yaml12(yaml.SafeLoader):
    """YAML 1.2's booleans only: 1.1 reads the key `on` as true, and every flag would be off."""


Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:bool"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


class Case(NamedTuple):
    name: str
    ruleset: dict[str, Any]
    flag: str
    context: dict[str, Any]
    value_type: str | None
    default: Any
    has_default: bool
    expect: dict[str, Any]


def filled(value: Any, names: dict[str, Any]) -> Any:
    """The template with each `<NAME>` replaced: as a whole by any value, inside a text by its text, else left alone."""
    if isinstance(value, dict):
        return {filled(key, names): filled(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"<([A-Z0-9_]+)>", value)
    if whole and whole[1] in names:
        return filled(names[whole[1]], {key: inner for key, inner in names.items() if key != whole[1]})
    return re.sub(r"<([A-Z0-9_]+)>", lambda found: _text(names.get(found[1], found[0])), value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def parameter_sets(parameters: list[Any]) -> Iterator[dict[str, Any]]:
    """Each set, or each combination of one set of every list."""
    if not parameters:
        yield {}
    elif all(isinstance(each, dict) for each in parameters):
        yield from parameters
    else:
        for combination in itertools.product(*parameters):
            yield {name: value for each in combination for name, value in each.items()}


def cases_in(path: Path) -> Iterator[Case]:
    suite = yaml.load(path.read_text(encoding="utf-8"), Loader=Yaml12)
    for at, parameters in enumerate(parameter_sets(suite.get("parameters") or [])):
        names = {**(suite.get("constants") or {}), **parameters}
        ruleset = filled(suite["sdkData"], names)
        for number, raw in enumerate(suite["evaluations"]):
            case = filled(raw, names)
            label = f"{path.stem}[{at}].{number} {case.get('name', '')}"
            yield Case(
                label, ruleset, case["flagKey"], case["context"], case.get("valueType"),
                case.get("default"), "default" in case, case["expect"],
            )  # fmt: skip


def answer(case: Case, decision: Decision, entry: dict[str, Any] | None) -> dict[str, Any]:
    """What a typed accessor of LaunchDarkly's would report."""
    kind = entry["type"] if entry else ""
    default = case.default if case.has_default else _ZEROS.get(kind)
    fits = _TYPES.get(case.value_type or "", {kind})
    if decision.error_code is None and kind not in fits:
        decision = failed(case.flag, ErrorCode.TYPE_MISMATCH, "another type")
    return result_of(decision, entry, default)


def agrees(expect: dict[str, Any], got: dict[str, Any]) -> bool:
    reason = {name: got["reason"].get(name) for name in expect.get("reason", got["reason"])}
    same_value = got["value"] == expect["value"] and isinstance(got["value"], bool) is isinstance(expect["value"], bool)
    same_reason = expect.get("reason", reason) == reason and got["reason"].get("inExperiment") == expect.get(
        "reason", got["reason"]
    ).get("inExperiment")
    return same_value and got["variationIndex"] == expect.get("variationIndex") and same_reason


def test_every_case_is_decided_as_launchdarkly_decides_it(conformance, both, tally):
    folder = conformance("launchdarkly") / "server-side-eval"
    passed, failures, refused = 0, [], []
    imports: dict[str, Any] = {}
    for path in sorted(folder.glob("*.yml")):
        for case in cases_in(path):
            data = json.dumps(case.ruleset)
            if data not in imports:
                imports[data] = both(read(data.encode()))
            evaluation = imports[data]
            entry = evaluation.imported.flags.get(case.flag)
            finding = next((each for each in evaluation.imported.report.findings if each.key == case.flag), None)
            if finding is not None and finding.standing == "refused":
                refused.append(f"{case.name}: {finding.why}")
                continue
            decision = evaluation.decide(case.flag, context_of(case.context))
            got = answer(case, decision, entry)
            if agrees(case.expect, got):
                passed += 1
            else:
                failures.append(f"{case.name}: expected {case.expect}, got {got}")
    tally("launchdarkly", passed=passed, refused=len(refused), failed=len(failures))
    assert not failures, "\n".join(failures)
    assert not refused, "\n".join(refused)
    assert passed > 0
    noted = {each.why for made in imports.values() for each in made.imported.report.findings if "not known" in each.why}
    # An operator that the suite made up, and a rule's field that it misspells: nothing else is unknown.
    assert sorted(word for why in noted for word in _ODD if word in why) == sorted(_ODD)
    assert len(noted) == len(_ODD), noted


def test_every_bucketing_vector_is_met(conformance, tally):
    vectors = json.loads((conformance("launchdarkly") / "bucketing-vectors.json").read_text())["vectors"]
    counted = Counter[bool]()
    for vector in vectors:
        seed = vector["seed"]
        scheme_seed = f"{vector['flagKey']}.{vector['salt']}" if seed is None else str(seed)
        point = SCHEMES["launchdarkly"].prepare(scheme_seed, 1)(vector["value"])
        counted[abs((point or 0.0) - vector["bucket"]) < 1e-6] += 1
    tally("launchdarkly", passed=counted[True], failed=counted[False])
    assert counted == {True: len(vectors)}


def test_a_twin_is_compared_with_the_flag_in_whose_place_it_is_asked(tmp_path):
    pytest.importorskip("ldclient", reason="the peer's SDK is not installed: launchdarkly-server-sdk")
    on = {"version": 1, "on": True, "variations": ["a", "b"], "offVariation": 1, "fallthrough": {"variation": 0}}
    mistaken = {"attribute": "//", "contextKind": "org", "op": "in", "values": [1]}
    by_key = {"attribute": "key", "op": "in", "values": ["1", "3"]}
    rules = [{"id": "r:1", "clauses": [mistaken], "variation": 0}, {"id": "r:1", "clauses": [by_key], "variation": 7}]
    flags = {
        "f": {**on, "key": "f", "prerequisites": [{"key": "p", "variation": 0}]},
        "p": {**on, "key": "p", "rules": rules},
    }
    sample: list[dict[str, Any]] = [{"kind": "user", "key": str(at)} for at in range(4)]
    several = [{"kind": "multi", "user": {"key": each["key"]}, "org": {"key": "o"}} for each in sample]
    (tmp_path / "export.json").write_text(json.dumps({"flags": flags}))
    (tmp_path / "traffic.ndjson").write_text("\n".join(map(json.dumps, sample + several)))

    files = [str(tmp_path / "export.json"), "--contexts", str(tmp_path / "traffic.ndjson")]
    answer = json.loads(CliRunner().invoke(buildflags, ["verify-import", "launchdarkly", *files, "--json"]).stdout)

    assert answer["side_by_side"]
    assert (answer["equal"], answer["different"]) == (3 * 8, 0), answer["first_differences"]
    assert answer["flags"]["f"] == {"0": 2, "1": 2, "the caller's default": 4}


def test_a_template_is_filled_as_the_suite_means_it():
    names = {"A": {"x": "<B>"}, "B": 7, "NAME": "n"}

    assert filled({"v": "<A>", "t": "<NAME> of <B>", "u": "<UNDEFINED>"}, names) == {
        "v": {"x": 7}, "t": "n of 7", "u": "<UNDEFINED>",
    }  # fmt: skip


def test_the_key_on_stays_a_text():
    assert yaml.load("on: yes\noff: true", Loader=Yaml12) == {"on": "yes", "off": True}


def test_a_disagreement_would_be_seen():
    expect = {"value": True, "variationIndex": 0, "reason": {"kind": "FALLTHROUGH"}}

    assert agrees(expect, {"value": True, "variationIndex": 0, "reason": {"kind": "FALLTHROUGH"}})
    assert not agrees(expect, {"value": 1, "variationIndex": 0, "reason": {"kind": "FALLTHROUGH"}})
    assert not agrees(expect, {"value": True, "variationIndex": 1, "reason": {"kind": "FALLTHROUGH"}})
    assert not agrees(expect, {"value": True, "variationIndex": 0, "reason": {"kind": Reason.DEFAULT}})
    assert not agrees(
        expect, {"value": True, "variationIndex": 0, "reason": {"kind": "FALLTHROUGH", "inExperiment": True}}
    )
