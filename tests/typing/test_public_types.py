"""The public API as three type checkers see it: what each case asserts holds, and each line marked `# E` is an error."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = Path(__file__).parent / "cases"
Place = tuple[str, int]

pytestmark = pytest.mark.checkers


def program(name: str) -> str:
    """The checker of this environment, or a visible skip."""
    found = shutil.which(name, path=Path(sys.executable).parent)
    if found is None:
        pytest.skip(f"{name} is not installed in this environment")
    return found


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        pytest.fail(f"{command[0]} broke:\n{done.stdout}{done.stderr}")
    return done.stdout


def places_in(text: str) -> dict[Place, str]:
    found = re.finditer(r"^(?:.*/)?(\w+\.py):(\d+):(?:\d+:)? (error.*)$", text, re.MULTILINE)
    return {(line[1], int(line[2])): line[3] for line in found}


def mypy(folder: Path) -> dict[Place, str]:
    """As a user's mypy sees the package: strict, without this project's configuration."""
    return places_in(run(program("mypy"), "--strict", "--config-file=", "--cache-dir=.mypy", ".", cwd=folder))


def pyright(folder: Path) -> dict[Place, str]:
    if shutil.which("node") is None:
        pytest.skip("pyright needs node")
    (folder / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "standard", "reportUnusedExpression": False})
    )
    answer = json.loads(run(program("pyright"), "--outputjson", "--pythonpath", sys.executable, cwd=folder))
    return {
        (Path(found["file"]).name, found["range"]["start"]["line"] + 1): found["message"]
        for found in answer["generalDiagnostics"]
        if found["severity"] == "error"
    }


def ty(folder: Path) -> dict[Place, str]:
    return places_in(run(program("ty"), "check", "--output-format=concise", "--python", sys.prefix, ".", cwd=folder))


def expected() -> set[Place]:
    return {
        (case.name, number)
        for case in CASES.glob("*.py")
        for number, line in enumerate(case.read_text().splitlines(), 1)
        if line.endswith("# E")
    }


@pytest.mark.parametrize("checker", [mypy, pyright, ty], ids=lambda checker: checker.__name__)
def test_every_assertion_holds_and_every_marked_line_is_an_error(
    checker: Callable[[Path], dict[Place, str]], tmp_path: Path
) -> None:
    for case in CASES.glob("*.py"):
        shutil.copy(case, tmp_path)

    found = checker(tmp_path)

    unexpected = {place: message for place, message in found.items() if place not in expected()}
    assert not unexpected
    assert set(found) == expected()


def test_the_cases_expect_misspelt_names_to_fail() -> None:
    assert sum(1 for name, _ in expected() if name == "misspelt.py") == 4
