"""flagd's and OpenFeature's own scenarios, read as they stand: every example of every table is one case.

What a scenario asks of a provider rather than of rules is left out, and counted by name.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from buildflags_sdk import importers
from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk._evaluation.interpreter import interpret
from buildflags_sdk._values import MISFIT, fit
from buildflags_sdk.importers import flagd

gherkin = pytest.importorskip("gherkin.parser", reason="the scenarios are read with gherkin-official")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.conformance

HOST_FEATURES = {
    "contextEnrichment.feature": "context enrichment",
    "contextMerging.feature": "context merging",
    "hooks.feature": "hooks",
}
HOST_STEPS = [
    (r'an option "selector"', "selectors"),
    (r"a (not ready|fatal|metadata) provider|provider status|<status> provider", "provider status"),
    (r'reason should be "CACHED"', "cache"),
    (r"asynchronously", "async calls"),
    (r"evaluation options|hooks should execute|hook order", "hooks"),
    (r"modifiable data|remain unmodified|be immutable", "immutability of the host's objects"),
    (r"provider metadata|metadata of the provider", "provider metadata"),
]
ZERO: dict[str, Any] = {"boolean": False, "string": "", "integer": 0, "float": 0.0, "object": {}}
IGNORED = re.compile(r'a stable (flagd )?provider|an evaluator|an option "cache" .*')


class Case(NamedTuple):
    name: str
    file: str
    tags: frozenset[str]
    steps: list[tuple[str, list[list[str]]]]


class HostFeature(Exception):
    """A step that asks something of the provider."""


def cases(path: Path) -> Iterator[Case]:
    """Every scenario, an outline once for each row of its examples."""
    feature = gherkin.Parser().parse(path.read_text("utf-8"))["feature"]
    background: list[Any] = []
    for child in feature["children"]:
        if "background" in child:
            background = child["background"]["steps"]
            continue
        scenario = child["scenario"]
        tags = {tag["name"] for tag in [*feature["tags"], *scenario["tags"]]}
        for table in scenario["examples"] or [None]:
            rows = [{}] if table is None else examples(table)
            own = set() if table is None else {tag["name"] for tag in table["tags"]}
            for at, row in enumerate(rows):
                steps = [filled(step, row) for step in [*background, *scenario["steps"]]]
                yield Case(f"{path.name}: {scenario['name']} {at} {row}", path.name, frozenset(tags | own), steps)


def examples(table: Any) -> list[dict[str, str]]:
    header = [cell["value"] for cell in table["tableHeader"]["cells"]]
    return [dict(zip(header, (cell["value"] for cell in row["cells"]), strict=True)) for row in table["tableBody"]]


def filled(step: Any, row: dict[str, str]) -> tuple[str, list[list[str]]]:
    text = re.sub(r"<([^<>]+)>", lambda found: row.get(found[1], found[0]), step["text"])
    table = step.get("dataTable")
    return text, [] if table is None else [[cell["value"] for cell in line["cells"]] for line in table["rows"]]


def value_of(kind: str, text: str) -> Any:
    """A value as the steps write it; a table's cells keep the backslash before a quote."""
    kind = kind.lower()
    if kind == "boolean":
        return text == "true"
    if kind in ("integer", "long"):
        return int(text)
    if kind in ("float", "double"):
        return float(text)
    return json.loads(text.replace('\\"', '"')) if kind == "object" else text


class Scenario:
    """One case being played: what was asked, and the answer."""

    def __init__(self, evaluated: Any) -> None:
        self.evaluated = evaluated
        self.context: dict[str, Any] = {}
        self.key = ""
        self.default: Any = None
        self.answer: Any = None

    def play(self, case: Case) -> None:
        for text, table in case.steps:
            for pattern, name in HOST_STEPS:
                if re.search(pattern, text):
                    raise HostFeature(name)
            if not IGNORED.fullmatch(text):
                self.step(text, table)

    def step(self, text: str, table: list[list[str]]) -> None:
        for pattern, act in STEPS:
            found = re.fullmatch(pattern, text, re.DOTALL)
            if found is not None:
                act(self, *found.groups(), *([table] if table else []))
                return
        pytest.fail(f"no step for {text!r}")

    def ask(self, key: str, default: Any) -> None:
        self.key, self.default = key, default

    def add(self, name: str, value: Any) -> None:
        self.context[name] = value

    def evaluate(self) -> None:
        """As a client answers: the value in the default's type, or the default with the code that says why."""
        imported = self.evaluated.imported
        decision = self.decision(imported.attributes.apply(self.context))
        meta = dict(imported.flags.get(self.key, {}).get("meta") or {})
        meta.pop("imported", None)
        code = decision.error_code
        value = self.default if decision.value is CALLER_DEFAULT else fit(decision, self.default, {})
        if value is MISFIT:
            value, code = self.default, "TYPE_MISMATCH"
        reason = "ERROR" if code else decision.reason.value
        self.answer = {"value": value, "variant": decision.variant, "reason": reason, "code": code, "meta": meta}

    def decision(self, context: dict[str, Any]) -> Any:
        if self.key in self.evaluated.imported.flags and "broken" not in self.evaluated.imported.flags[self.key]:
            return self.evaluated.decide(self.key, context)
        # Both evaluators say what is wrong in their own words, and agree on the code.
        found = self.evaluated.snapshot.decide(self.key, context, self.evaluated.world)
        defined = interpret(self.evaluated.definitions, self.key, context, self.evaluated.world).decision
        assert found.error_code == defined.error_code
        return found

    def expect(self, **wanted: Any) -> None:
        for name, value in wanted.items():
            assert self.answer[name] == value, (name, self.answer, self.context)
            assert type(self.answer[name]) is type(value) or name != "value", (name, self.answer)

    def expect_meta(self, table: list[list[str]]) -> None:
        wanted = {name: value_of(kind, text) for name, kind, text in table[1:]}
        assert self.answer["meta"] == wanted

    def expect_fields(self, first: str, second: str, third: str, one: str, two: str, three: str) -> None:
        self.expect(value={first: value_of("boolean", one), second: two, third: int(three)})

    def ask_now(self, kind: str, key: str, default: str | None) -> None:
        self.ask(key, ZERO[kind] if default is None else value_of(kind, default.strip('"')))
        self.evaluate()

    def add_several(self, *words: str) -> None:
        names, values = words[:4], words[4:]
        self.context.update(zip(names, [*values[:2], int(values[2]), value_of("boolean", values[3])], strict=True))

    def expect_without_context(self, value: str) -> None:
        self.context = {}
        self.evaluate()
        self.expect(value=value)


Q = '"([^"]*)"'
STEPS: list[tuple[str, Callable[..., None]]] = [
    (rf'an? (\w+)-flag with key {Q} and a (?:default|fallback) value "(.*)"', lambda s, kind, key, text: s.ask(key, value_of(kind, text))),
    (rf'a context containing a key {Q}, with type {Q} and with value "(.*)"', lambda s, name, kind, text: s.add(name, value_of(kind, text))),
    (rf"a context containing a key {Q} with null value", lambda s, name: s.add(name, None)),
    (rf"a context containing a nested property with outer key {Q} and inner key {Q}, with value {Q}",
     lambda s, outer, inner, text: s.add(outer, {inner: text})),
    (r'a context containing a targeting key with value "(.*)"', lambda s, text: s.add("targetingKey", text)),
    (r"the flag was evaluated with details", lambda s: s.evaluate()),
    (r'the resolved details value should be "(.*)"',
     lambda s, text: s.expect(value=value_of({bool: "boolean", int: "integer", float: "float", dict: "object"}.get(type(s.default), ""), text))),
    (rf"the reason should be {Q}", lambda s, text: s.expect(reason=text)),
    (rf"the variant should be {Q}", lambda s, text: s.expect(variant=text)),
    (rf"the error-code should be {Q}", lambda s, text: s.expect(code=text or None)),
    (rf"the flag key should be {Q}", lambda s, text: s.ask(text, s.default)),
    (r"the resolved metadata is empty", lambda s: s.expect(meta={})),
    (r"the resolved metadata should contain", lambda s, table: s.expect_meta(table)),
    # the deprecated feature's words
    (rf"an? (?:non-existent )?(\w+) flag with key {Q} is evaluated (?:with details and )?(?:with )?(?:an? )?(?:default|fallback) value (.*)",
     lambda s, kind, key, text: s.ask_now(kind, key, text)),
    (rf"an? (\w+) flag with key {Q} is evaluated with (?:details and )?a null default value", lambda s, kind, key: s.ask_now(kind, key, None)),
    (rf"an? non-existent (\w+) flag with key {Q} is evaluated with details and a fallback value {Q}",
     lambda s, kind, key, text: s.ask_now(kind, key, text)),
    (rf"a string flag with key {Q} is evaluated as an integer, with details and a fallback value (\d+)",
     lambda s, key, text: s.ask_now("integer", key, text)),
    (r'the resolved (\w+) value should be "?([^"]*)"?', lambda s, kind, text: s.expect(value=value_of(kind, text))),
    (rf'the resolved (\w+) details value should be "?([^",]*)"?, the variant should be {Q}, and the reason should be {Q}',
     lambda s, kind, text, variant, reason: s.expect(value=value_of(kind, text), variant=variant, reason=reason)),
    (rf"the resolved object (?:details )?value should be contain fields {Q}, {Q}, and {Q}, with values {Q}, {Q} and (\d+), respectively",
     lambda s, *words: s.expect_fields(*words)),
    (rf"the variant should be {Q}, and the reason should be {Q}", lambda s, variant, reason: s.expect(variant=variant, reason=reason)),
    (rf"context contains keys {Q}, {Q}, {Q}, {Q} with values {Q}, {Q}, (\d+), {Q}", lambda s, *words: s.add_several(*words)),
    (rf"a flag with key {Q} is evaluated with default value {Q}", lambda s, key, text: s.ask_now("string", key, text)),
    (rf"the resolved string response should be {Q}", lambda s, text: s.expect(value=text)),
    (rf"the resolved flag value is {Q} when the context is empty", lambda s, text: s.expect_without_context(text)),
    (r"the default (\w+) value should be returned", lambda s, kind: s.expect(value=s.default)),
    (rf"the reason should indicate an error and the error code should indicate a .* with {Q}",
     lambda s, code: s.expect(reason="ERROR", code=code)),
]  # fmt: skip


def play_all(files: list[Path], evaluated_for: Callable[[Case], Any], left_out_of: Callable[[Case], str | None]) -> Any:
    """Passed, failed with the reasons, and left out by name."""
    passed, failures = 0, []
    left_out: Counter[str] = Counter()
    for case in itertools.chain.from_iterable(map(cases, files)):
        name = HOST_FEATURES.get(case.file) or left_out_of(case)
        if name is not None:
            left_out[name] += 1
            continue
        try:
            Scenario(evaluated_for(case)).play(case)
        except HostFeature as feature:
            left_out[str(feature)] += 1
        except AssertionError as error:
            failures.append(f"{case.name}: {error}")
        else:
            passed += 1
    return passed, failures, left_out


def fractional_version(case: Case) -> int:
    return next((version for version in (1, 3) if f"@fractional-v{version}" in case.tags), 2)


@pytest.mark.parametrize("suite", ["gherkin", "evaluator"])
def test_flagd_gives_what_its_testbed_expects(suite, conformance, both, tally):
    folder = conformance("flagd")
    if suite == "evaluator":
        files = sorted((folder / "evaluator" / "gherkin").glob("*.feature"))
        source = (folder / "evaluator" / "flags" / "testkit-flags.json").read_bytes()
    else:
        files = sorted((folder / "gherkin").glob("*.feature"))
        merged: dict[str, Any] = {"flags": {}, "$evaluators": {}}
        for path in sorted((folder / "flags").glob("*.json")):
            if not path.name.startswith("selector"):
                part = json.loads(path.read_text("utf-8"))
                merged["flags"].update(part["flags"])
                merged["$evaluators"].update(part.get("$evaluators", {}))
        source = json.dumps(merged).encode()
    evaluated = {version: both(flagd.read(source, fractional=version)) for version in flagd.FRACTIONAL_VERSIONS}

    passed, failures, left_out = play_all(
        files,
        lambda case: evaluated[fractional_version(case)],
        lambda case: "deprecated tables, contradicted by later ones" if "@deprecated" in case.tags else None,
    )

    tally("flagd", passed=passed, failed=len(failures), left_out=left_out)
    assert not failures, "\n".join(failures)
    assert passed


def test_openfeature_gives_what_its_specification_expects(conformance, both, tally):
    folder = conformance("openfeature")
    evaluated = both(importers.read("openfeature", (folder / "test-flags.json").read_bytes()))

    def left_out_of(case: Case) -> str | None:
        absent = (
            any('"context-aware"' in text for text, _ in case.steps) and "context-aware" not in evaluated.imported.flags
        )
        return "a flag that test-flags.json does not hold" if absent else None

    passed, failures, left_out = play_all(sorted(folder.glob("*.feature")), lambda case: evaluated, left_out_of)

    tally("openfeature", passed=passed, failed=len(failures), left_out=left_out)
    assert not failures, "\n".join(failures)
    assert passed
