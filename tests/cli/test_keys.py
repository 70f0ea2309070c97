"""`buildflags keys`: secret keys stay in their file."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from buildflags_sdk._wire.signing import SigningKey
from buildflags_sdk.cli._signing import read_signer
from buildflags_sdk.cli.app import buildflags


@pytest.fixture
def keys(tmp_path) -> Any:
    """Runs `buildflags keys …` on one file; gives the result, and the public keys it shows."""
    file = tmp_path / "signing.keys"

    def run(command, path=file):
        result = CliRunner().invoke(buildflags, ["keys", command, str(path), "--json"])
        shown = [key["public"] for key in json.loads(result.stdout)["keys"]] if result.exit_code == 0 else []
        return result, shown

    setattr(run, "file", file)  # noqa: B010 - the types of functions have no room for it
    return run


def test_a_new_key_is_in_a_file_of_its_own_that_nobody_else_can_read(keys):
    _, shown = keys("new")
    assert stat.S_IMODE(keys.file.stat().st_mode) == 0o600
    assert [SigningKey.parse(line).public for line in keys.file.read_text().split()] == shown
    assert keys("show")[1] == shown


def test_keys_are_rotated_and_retired_one_after_the_other(keys):
    _, first = keys("new")
    _, both = keys("rotate")
    assert both[:1] == first
    assert len(both) == 2
    signer = read_signer(str(keys.file))
    assert signer is not None
    assert signer.public == tuple(both)
    assert keys("retire")[1] == both[1:]
    assert stat.S_IMODE(keys.file.stat().st_mode) == 0o600


def test_of_a_symbolic_link_the_file_it_names_is_the_one_that_changes(keys, tmp_path):
    keys("new")
    link = tmp_path / "link"
    link.symlink_to(keys.file)
    both = keys("rotate", link)[1]
    assert link.is_symlink()
    assert keys("show")[1] == both


@pytest.mark.parametrize("as_json", [True, False])
def test_no_command_shows_a_secret(keys, as_json):
    for command in ("new", "rotate", "show", "retire", "new"):
        result = CliRunner().invoke(buildflags, ["keys", command, str(keys.file), *(["--json"] if as_json else [])])
        assert "bf_signing_" not in result.output
        for line in keys.file.read_text().split():
            assert line.removeprefix("bf_signing_") not in result.output


def test_a_file_that_is_there_is_never_written_over(keys):
    keys("new")
    before = keys.file.read_bytes()
    result, _ = keys("new")
    assert result.exit_code == 7
    assert "keys rotate" in result.stderr
    assert keys.file.read_bytes() == before


def test_more_than_two_keys_and_less_than_one_are_refused(keys):
    keys("new")
    assert keys("retire")[0].exit_code == 7
    keys("rotate")
    assert keys("rotate")[0].exit_code == 7


@pytest.mark.parametrize("content", ["", "# nothing\n", "bf_signing_secret\n", "\x00\xff"])
def test_a_file_without_usable_keys_is_refused_and_not_shown(keys, content):
    keys.file.write_bytes(content.encode("latin-1"))
    result, _ = keys("show")
    assert result.exit_code == 3
    assert "secret" not in result.stderr


def test_a_file_that_is_not_there_says_how_to_make_one(keys, tmp_path):
    result, _ = keys("show", tmp_path / "none")
    assert result.exit_code == 3
    assert "buildflags keys new" in result.stderr
    assert keys("new", Path("/nowhere/at/all"))[0].exit_code == 3
