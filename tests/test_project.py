"""What the project promises about itself: its dependencies, its lock, its commands, its documents."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
TOP_LEVEL = {
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "buildflags_sdk",
    "docs",
    "examples",
    "pyproject.toml",
    "requirements.lock",
    "tests",
}


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_core_depends_on_three_packages_and_no_more() -> None:
    assert {name_of(line) for line in PROJECT["project"]["dependencies"]} == {"httpx", "cachetools", "pydantic"}


def test_the_top_level_holds_what_was_agreed_and_nothing_else() -> None:
    made_by_tools = {"build", "dist", "htmlcov", "node_modules"}
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - made_by_tools == TOP_LEVEL


def test_every_locked_package_is_pinned_with_its_hashes() -> None:
    packages = re.split(r"\n(?=[a-z0-9])", LOCK.partition("\n#    make lock\n")[2])
    assert len(packages) > 50
    assert [package for package in packages if "--hash=sha256:" not in package or "==" not in package] == []


def test_the_lock_names_no_host_no_folder_and_no_option() -> None:
    assert not re.search(r"://|^-|@ |file:", LOCK, re.MULTILINE)


def test_the_lock_holds_every_direct_requirement() -> None:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    ours = {
        name: lines for name, lines in groups.items() if name != "conformance"
    }  # other systems', beside the project
    tools = [line for lines in ours.values() for line in lines if isinstance(line, str)]
    asked = {name_of(line).lower() for line in [*project["dependencies"], *extras, *tools]}
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==", LOCK, re.MULTILINE))
    assert asked - locked == set()


@pytest.mark.parametrize("document", ["README.md", "docs/index.md"])
def test_every_make_command_in_a_document_is_a_target(document: str) -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)\b(?=\s*(?:#|`))", (ROOT / document).read_text()))
    assert named <= makefile_targets()


def test_the_readme_names_the_two_commands_of_a_fresh_clone() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


def test_every_ci_step_runs_a_target() -> None:
    steps = set(
        re.findall(r"^ *step .*\bmake ([a-z-]+)(?: \w+=.*)?$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    )
    assert {"test", "lint", "types", "imports", "docs", "wheel", "test-all-pythons"} <= steps <= makefile_targets()


def test_the_changelog_fragments_have_a_known_kind() -> None:
    kinds = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}
    fragments = {path.name for path in (ROOT / "docs" / "changelog.d").glob("*.md")} - {"README.md"}
    assert {name.split(".")[1] for name in fragments} <= kinds
