"""`verify-import` beside each system's own SDK: on exports of the systems' own suites, no context is moved."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from buildflags_sdk.cli.app import buildflags
from buildflags_sdk.importers.peers import PEERS, peer_of

pytestmark = pytest.mark.conformance

CASES = Path(os.environ.get("BUILDFLAGS_CONFORMANCE_DIR") or Path(__file__).parents[3] / "shared" / "conformance")

RULE = {"condition": {"country": "DE"}, "variations": ["a", "b"], "weights": [0.5, 0.5], "hashAttribute": "id"}
EXPORTS: dict[str, Any] = {
    "growthbook": {"features": {"f": {"defaultValue": "none", "rules": [RULE]}}},
    "launchdarkly": {
        "flags": {
            "f": {
                "key": "f",
                "version": 1,
                "on": True,
                "salt": "s",
                "variations": ["a", "b"],
                "offVariation": 0,
                "fallthrough": {
                    "rollout": {"variations": [{"variation": 0, "weight": 50000}, {"variation": 1, "weight": 50000}]}
                },
                "rules": [
                    {"id": "r", "variation": 1, "clauses": [{"attribute": "country", "op": "in", "values": ["DE"]}]}
                ],
            }
        },
        "segments": {},
    },
    "unleash": {
        "version": 2,
        "features": [
            {
                "name": "f",
                "enabled": True,
                "strategies": [
                    {
                        "name": "flexibleRollout",
                        "parameters": {"rollout": "50", "stickiness": "default", "groupId": "f"},
                    }
                ],
                "variants": [
                    {"name": "a", "weight": 500, "weightType": "variable", "stickiness": "default"},
                    {"name": "b", "weight": 500, "weightType": "variable", "stickiness": "default"},
                ],
            }
        ],
    },
    "flagd": {
        "flags": {
            "f": {
                "state": "ENABLED",
                "variants": {"a": "A", "b": "B"},
                "defaultVariant": "a",
                "targeting": {"if": [{"==": [{"var": "country"}, "DE"]}, "b", None]},
            }
        }
    },
}
NAMES = {
    "growthbook": "id", "launchdarkly": "key", "unleash": "userId", "flagd": "targetingKey", "eppo": "subjectKey",
    "configcat": "Identifier",
}  # fmt: skip


def _export(system: str) -> bytes:
    if system in EXPORTS:
        return json.dumps(EXPORTS[system]).encode()
    if not CASES.is_dir():
        pytest.skip(f"the systems' own cases are not at {CASES}")
    if system == "eppo":
        return (CASES / "eppo" / "ufc" / "flags-v1.json").read_bytes()
    content = json.loads((CASES / "configcat" / "content-by-key.json").read_text())
    configs = [value for value in content.values() if isinstance(value, dict | str)]
    first = configs[0]
    return first.encode() if isinstance(first, str) else json.dumps(first).encode()


@pytest.mark.parametrize("system", sorted(set(PEERS) - {"flagsmith"}))
def test_nobody_is_moved_on_a_sample_of_traffic(system: str, tmp_path: Path) -> None:
    try:
        peer_of(system)
    except Exception as error:  # noqa: BLE001 - told as the reason of the skip
        pytest.skip(str(error))
    export, contexts = tmp_path / "export.json", tmp_path / "traffic.ndjson"
    export.write_bytes(_export(system))
    sample = [{NAMES[system]: f"user-{at}", "country": ("DE", "FR")[at % 2]} for at in range(40)]
    contexts.write_text("\n".join(map(json.dumps, sample)))
    done = CliRunner().invoke(buildflags, ["verify-import", system, str(export), "--contexts", str(contexts), "--json"])
    answer = json.loads(done.stdout)
    assert answer["side_by_side"], done.stderr
    assert answer["first_differences"] == []
    assert answer["equal"] >= 40
    assert done.exit_code == 0
