"""`python -m tests.fuzz [TARGET …]`: fuzz each target with atheris for FUZZ_SECONDS in all, and print the inputs tried.

Each target runs in a process of its own with a bound on its memory and on the time for one input. What breaks a promise is
written to build/fuzz, and fails the command. Without atheris the same targets get hypothesis's inputs for as long, and
that is said.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.inputs import CORPUS, SEEDS, TOKENS, bytes_for
from tests.fuzz.targets import TARGETS

MEGABYTES = 600
"""Resident, of a whole process; about 150 of them are the interpreter with what it has loaded."""
SECONDS_AN_INPUT = 5
BYTES_AN_INPUT = 8192
FOUND = Path("build/fuzz")


def main(names: list[str]) -> int:
    """Fuzz the named targets, or all."""
    names = names or list(TARGETS)
    seconds = max(2, int(float(os.environ.get("FUZZ_SECONDS", "120")) / len(names)))
    atheris = importlib.util.find_spec("atheris") is not None
    if not atheris:
        print("SKIPPED: atheris is not installed (it has no wheel for every Python); fuzzing with hypothesis instead")
    run = _with_atheris if atheris else _with_hypothesis
    total, bad = 0, []
    for name in names:
        tried, error = run(name, seconds)
        total += tried
        print(f"  {'✗' if error else '✓'} {name:<12} {tried:>9,} inputs in {seconds} s", flush=True)
        if error:
            bad.append(name)
            print(error)
    print(f"{total:,} inputs tried, {len(bad)} of {len(names)} targets broke a promise")
    return 1 if bad else 0


def _with_atheris(name: str, seconds: int) -> tuple[int, str]:
    FOUND.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[name]):
            Path(folder, f"seed-{number}").write_bytes(seed)
        for path in (CORPUS / name).glob("*"):
            shutil.copy(path, folder)
        words = Path(folder, "..", f"{Path(folder).name}.dict")
        words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in token) + '"\n' for token in TOKENS[:-1]))
        command = [sys.executable, "-m", "tests.fuzz.one", name, folder]
        options = [
            f"-max_total_time={seconds}",
            f"-timeout={SECONDS_AN_INPUT}",
            f"-rss_limit_mb={MEGABYTES}",
            f"-max_len={BYTES_AN_INPUT}",
            f"-artifact_prefix={FOUND}/{name}-",
            f"-dict={words}",
            "-print_final_stats=1",
        ]
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=seconds * 3 + 60, check=False
        )
        words.unlink()
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    count = int(tried[1]) if tried else 0
    if done.returncode or not count:
        return count, "\n".join((done.stdout + done.stderr).splitlines()[-40:])
    return count, ""


def _with_hypothesis(name: str, seconds: int) -> tuple[int, str]:
    from hypothesis import HealthCheck, given, settings

    logging.disable()
    count, until = 0, time.monotonic() + seconds

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(bytes_for(name))
    def attempt(data: bytes) -> None:
        nonlocal count
        count += 1
        TARGETS[name](data)

    try:
        while time.monotonic() < until:
            attempt()
    except Exception as error:  # noqa: BLE001 - whatever a target raises is what was looked for
        return count, f"{type(error).__name__}: {error}"
    return count, ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
