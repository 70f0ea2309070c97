"""The command itself: help, mistyped names, and what it says when an extra is missing."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from buildflags_sdk import __version__
from buildflags_sdk.cli.app import COMMANDS, buildflags


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["click", "rich"])
def test_without_click_or_rich_it_says_what_to_install(module):
    done = python(f"import sys; sys.modules[{module!r}] = None; from buildflags_sdk.cli import main; main()")
    assert done.returncode == 3
    assert f"{module} is not installed here" in done.stderr
    assert "pip install 'buildflags-sdk[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_without_the_server_extra_it_says_what_to_install_and_the_rest_works(command):
    start = "import sys; sys.modules['fastapi'] = None; from buildflags_sdk.cli import main; "
    done = python(f"{start} sys.argv[1:] = [{command!r}]; main()")
    assert done.returncode == 3
    assert "buildflags-sdk[cli,server]" in done.stderr
    assert "Traceback" not in done.stderr
    for other in COMMANDS.keys() - {"dev", "serve"}:
        assert python(f"{start} sys.argv[1:] = [{other!r}, '--help']; main()").returncode == 0


def test_the_overview_names_every_command_and_loads_none():
    done = python(
        "import sys\nfrom buildflags_sdk.cli import main\nsys.argv[1:] = ['--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted(name for name in sys.modules if name in ('httpx', 'pydantic', 'fastapi')))"
    )
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_a_first_line_that_says_what_it_does(name):
    shown = CliRunner().invoke(buildflags, [name, "--help"])
    assert shown.exit_code == 0
    assert len(shown.output.splitlines()[2].strip()) > 10


def test_every_command_can_answer_as_json():
    context = click.Context(buildflags)
    for name in COMMANDS:
        command = buildflags.get_command(context, name)
        assert command is not None
        leaves = command.commands.values() if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            assert "--json" in [option for parameter in leaf.params for option in parameter.opts], (name, leaf.name)


def test_a_mistyped_command_is_answered_with_the_nearest():
    shown = CliRunner().invoke(buildflags, ["stats"])
    assert shown.exit_code == 2
    assert "Did you mean 'status'?" in shown.stderr


def test_the_version_is_the_packages():
    assert CliRunner().invoke(buildflags, ["--version"]).output == f"buildflags {__version__}\n"


def test_ctrl_c_ends_with_130_and_no_traceback(monkeypatch):
    @click.command()
    def waits() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(buildflags, "get_command", lambda ctx, name: waits)
    shown = CliRunner().invoke(buildflags, ["status"])
    assert shown.exit_code == 130
    assert "Traceback" not in shown.output
