"""What commands show: masked keys, spans of time, exit codes, the advice under an error."""

from __future__ import annotations

import io

import pytest

from buildflags_sdk.cli import _output
from buildflags_sdk.cli._exit import Exit, Failure
from buildflags_sdk.cli._output import mask, seconds_text


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("bf_server_AbCdEfGhIjKlMnOpQrStUvWxYz012345_0abcde", "bf_server_AbCd…"),
        ("bf_management_0123456789012345678901234567890a_xxxxxx", "bf_management_0123…"),
        ("bf_server_short", "…"),
        ("hunter2", "…"),
        ("a-very-long-secret-of-another-system-altogether", "…"),
        ("", "(none)"),
    ],
)
def test_a_key_is_shown_by_its_kind_and_four_letters_or_not_at_all(key, shown):
    assert mask(key) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.32, "320 ms"), (4.25, "4.2 s"), (102, "102 s"), (180, "3 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_spans_of_time_read_as_people_say_them(seconds, text):
    assert seconds_text(seconds) == text


def test_a_failure_shows_what_is_wrong_and_each_line_of_what_to_do():
    shown = io.StringIO()
    Failure("no [URL] given", "give --url\nor set BUILDFLAGS_URL", exit_code=Exit.CONFIGURATION).show(shown)
    assert shown.getvalue() == "Error: no [URL] given\n  → give --url\n  → or set BUILDFLAGS_URL\n"


def test_a_pipe_gets_no_colours_and_wide_lines():
    shown = io.StringIO()
    _output.stderr(shown).print("x" * 150, style="bold red")
    assert shown.getvalue() == "x" * 150 + "\n"
