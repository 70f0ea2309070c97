"""The demo, shortened: real processes, real HTTP, and it fails when something it promises does not happen."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_the_demo_shows_what_it_promises_from_any_folder_and_without_a_terminal(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo" / "run.py"), "--quick"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout
    promises = (
        r"evaluates after \d+ ms, the first fetch still under way",
        r"ok  [\d,]+ evaluations, median [\d.]+ [nµ]s",
        r"revision \d+ arrived: new-checkout, theme changed",
        r"ok  [\d.]+ s after the command",
        r"killed \(SIGKILL\)",
        r"ok  [\d,]+ evaluations; [1-9]\d* requests lost",
        r"ok  right answers \d+ ms after its start, from disk",
        r"ok  the median request took [\d,]{4,} times as long",
    )
    place = 0
    for promise in promises:
        found = re.search(promise, told[place:])
        assert found is not None, f"{promise!r} is not in what follows:\n{told[place:]}"
        place += found.end()
    assert "\x1b[" not in told, "plain lines hold no escape codes"


def test_the_demo_fails_when_its_backend_does_not_come_up() -> None:
    from examples.demo.play import Pace, Stage, StepFailed, play

    class NoScreen:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def show(self, scene):
            return None

    impossible = Pace(cold_start=-1.0, latency="50-200", look=0.1)
    with NoScreen() as screen, Stage(screen, impossible) as stage, pytest.raises(StepFailed, match="cold-start"):
        play(stage)
