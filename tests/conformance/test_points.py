"""The points of `tests/evaluation/bucketing_vectors.json` are still those of the systems' own SDKs, where one is installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.conformance

SCRIPT = Path(__file__).parents[1] / "evaluation" / "peer_vectors.py"


# The others need releases that cannot stand beside those of this environment: the script says which.
@pytest.mark.parametrize(("system", "module"), [("eppo", "eppo_client"), ("configcat", "configcatclient")])
def test_the_points_of_a_system_are_those_of_its_sdk(system: str, module: str, tally: Callable[..., None]) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    done = subprocess.run(
        [sys.executable, SCRIPT, system, "--check"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tally(f"{system} (points)", passed=int(done.stdout.split(": ")[1].split()[0]))
