"""Every cell of ConfigCat's test matrices, and its SDKs' parameter lists, by both evaluators."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk.importers import configcat
from buildflags_sdk.importers.peers.configcat import evaluator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.conformance
NULL = "##null##"
DEFAULT = object()
READERS: dict[str, Callable[[str], Any]] = {
    "boolean": {"True": True, "False": False}.get,
    "string": str,
    "integer": int,
    "float": float,
}


class Cases:
    """ConfigCat's folder: its configs, each imported once, and how one setting answers."""

    def __init__(self, folder: Path, both: Callable[..., Any], tally: Callable[..., None]) -> None:
        self.folder = folder
        self.contents = json.loads((folder / "content-by-key.json").read_text())
        self.config = cache(lambda name: both(configcat.read(self.source(name))))
        self.both = both
        self.tally = tally
        self.failures: list[str] = []
        self.passed = 0

    def source(self, name: str) -> bytes:
        """The bytes of a config, by SDK key or file name."""
        if name in self.contents:
            return json.dumps(self.contents[name]).encode()
        return (self.folder / name).read_bytes()

    def check(self, decided: Any, setting: str, user: dict[str, Any] | None, expected: Any) -> None:
        """Compare one answer with the expected one; DEFAULT is the caller's."""
        decision = decided.decide(setting, {} if user is None else user)
        value = DEFAULT if decision.value is CALLER_DEFAULT or decision.error_code else decision.value
        self.count(value == expected, f"{setting} for {user}: {decision!r}, not {expected!r}")

    def count(self, passed: bool, told: str) -> None:
        self.passed += passed
        if not passed:
            self.failures.append(told)

    def done(self) -> None:
        self.tally("configcat", passed=self.passed, failed=len(self.failures))
        assert not self.failures, f"{len(self.failures)}\n" + "\n".join(self.failures[:40])
        assert self.passed


@pytest.fixture
def cases(conformance: Callable[[str], Path], both: Callable[..., Any], tally: Callable[..., None]) -> Cases:
    return Cases(conformance("configcat"), both, tally)


def user_of(attributes: dict[str, Any] | None) -> dict[str, Any] | None:
    """A user object as a context."""
    if attributes is None:
        return None
    ours = {name: value for name, value in attributes.items() if name != "Identifier"}
    return {**ours, "targetingKey": attributes.get("Identifier", "")}


def value_of(value: Any) -> Any:
    """A parameter as Python has it: JSON lacks some floats and moments."""
    if isinstance(value, dict) and "$float" in value:
        return float(value["$float"])
    if isinstance(value, dict) and "$datetime" in value:
        zone = UTC
        if value["zone"] not in (None, "+00:00"):
            hours, minutes = map(int, value["zone"][1:].split(":"))
            zone = timezone((-1 if value["zone"][0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))
        moment = datetime(*value["$datetime"])  # noqa: DTZ001 - the case may be about a moment without zone
        return moment if value["zone"] is None else moment.replace(tzinfo=zone)
    return value


def test_every_cell_of_the_matrices_is_configcats_own(cases: Cases) -> None:
    for name, configs in json.loads((cases.folder / "matrix-configs.json").read_text()).items():
        with (cases.folder / name).open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file, delimiter=";")
        for row in rows:
            attributes = {
                attribute: cell for attribute, cell in zip(header[1:4], row[1:4], strict=True) if cell not in ("", NULL)
            }
            user = None if row[0] == NULL else user_of({"Identifier": row[0], **attributes})
            for config in configs:
                decided = cases.config(config)
                for setting, cell in zip(header[4:], row[4:], strict=False):
                    if not setting:
                        continue
                    if name == "testmatrix_variationid.csv":
                        decision = decided.decide(setting, {} if user is None else user)
                        said = configcat.result_of(decision, decided.imported.flags[setting])
                        cases.count(said == cell, f"{setting} for {user}: {decision!r}, not {cell!r}")
                        continue
                    kind = decided.imported.flags[setting]["type"]
                    cases.check(decided, setting, user, READERS[kind](cell))
    cases.done()


def test_every_evaluation_is_configcats_own(cases: Cases) -> None:
    for path in sorted((cases.folder / "evaluation").glob("*.json")):
        suite = json.loads(path.read_text())
        decided = cases.config(suite.get("sdkKey") or suite["jsonOverride"])
        for case in suite["tests"]:
            cases.check(decided, case["key"], user_of(case.get("user")), case["returnValue"])
    cases.done()


def test_every_parameter_row_is_configcats_own(cases: Cases) -> None:
    for name, table in json.loads((cases.folder / "rollout-parameters.json").read_text()).items():
        for row in table["rows"]:
            if name == "test_user_object_attribute_value_conversion_non_text_comparisons":
                config, setting, identifier, attribute, value, expected = row
                user = user_of({"Identifier": identifier, attribute: value_of(value)})
                cases.check(cases.config(config), setting, user, expected)
            elif name == "test_attribute_conversion_to_canonical_string":
                setting, value, expected = row
                user = user_of({"Identifier": "12345", "Custom1": value_of(value)})
                cases.check(cases.config(table["config"]), setting, user, expected)
            elif name == "test_prerequisite_flag_circular_dependency":
                cases.check(cases.config(table["config"]), row[0], None, DEFAULT)
            elif name == "test_prerequisite_flag_comparison_value_type_mismatch":
                setting, prerequisite, value, expected = row
                source = json.loads(cases.source(table["config"]))
                kinds = {bool: (0, "b"), str: (1, "s"), int: (2, "i"), float: (3, "d")}
                number, field = kinds.get(type(value), (-1, "?"))
                source["f"][prerequisite] = {"t": number, "v": {field: value}}
                decided = cases.both(configcat.read(json.dumps(source).encode()))
                cases.check(decided, setting, None, DEFAULT if expected is None else expected)
            else:
                setting, expected = row
                cases.check(cases.config(table["config"]), setting, user_of(table["user"]), expected)
    cases.done()


@pytest.mark.parametrize("options", [[60, 40], [40, 60]])
def test_an_empty_context_is_a_missing_user_to_both(both: Callable[..., Any], options: list[int]) -> None:
    pytest.importorskip("configcatclient", reason="configcat-client is not installed")
    served = [{"p": share, "v": {"s": name}} for share, name in zip(options, ("one", "two"), strict=True)]
    data = json.dumps({"p": {"s": ""}, "s": [], "f": {"f": {"t": 1, "v": {"s": "nobody"}, "p": served}}}).encode()
    evaluate, decided = evaluator(data), both(configcat.read(data))

    assert evaluate("f", {}).value == decided.decide("f", {}).value == "nobody"
    users = [f"user {number}" for number in range(30)]
    theirs = [evaluate("f", {"Identifier": user}).value for user in users]
    assert theirs == [decided.decide("f", {"targetingKey": user}).value for user in users]
    assert set(theirs) == {"one", "two"}
