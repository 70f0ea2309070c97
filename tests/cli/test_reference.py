"""docs/reference/cli.md says what the commands do: every command, every option, every exit code."""

from __future__ import annotations

import re
from pathlib import Path

import click

from buildflags_sdk.cli._exit import Exit
from buildflags_sdk.cli.app import COMMANDS, buildflags

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
UNIVERSAL = {"--json", "--help"}


def test_every_exit_code_is_explained_and_no_other():
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", REFERENCE, re.MULTILINE)}
    assert explained == set(Exit)


def test_every_command_has_its_section_and_every_option_is_named():
    context = click.Context(buildflags)
    for name in COMMANDS:
        assert f"## `buildflags {name}`" in REFERENCE
        command = buildflags.get_command(context, name)
        assert command is not None
        leaves = command.commands.values() if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            options = [parameter for parameter in leaf.params if isinstance(parameter, click.Option)]
            for option in options:
                longest = max(option.opts, key=len)
                assert longest in UNIVERSAL or longest in REFERENCE, f"{name} {leaf.name} {longest}"
