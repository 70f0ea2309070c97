"""The list of faults that a client is held to, name by name: each has a test of that very name, and it is run.

What counts is what pytest collects, not what stands in a file: a test that is skipped, or was renamed, is missing here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildflags_sdk.testing.faults import FAULTS

from .stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

BAR = [
    "refuse",
    "hang",
    "drip",
    "drip_headers",
    "slow_3s",
    "reset_mid_body",
    "truncated_body",
    "idle_close",
    "connect_blackhole",
    "dns_failure",
    "tls_failure",
    "proxy_env_ignored_or_honoured",
    "endless_body",
    "http_500",
    "http_502_503_504",
    "http_429_retry_5",
    "http_429_retry_3600",
    "http_503_retry_garbage",
    "retry_after_http_date",
    "http_401",
    "http_401_then_key_fixed",
    "http_403",
    "http_404",
    "http_304_unasked",
    "http_304_after_cache_lost",
    "redirect_other_host",
    "redirect_same_host",
    "redirect_loop",
    "https_to_http_redirect",
    "html_200",
    "json_as_html",
    "invalid_json",
    "empty_body",
    "shape_list",
    "shape_null",
    "shape_empty_object",
    "gzip_lie",
    "gzip_bomb",
    "huge_body",
    "deeply_nested_json",
    "nan_and_huge_numbers",
    "duplicate_keys",
    "wrong_workspace_or_environment",
    "wrong_hash",
    "wrong_signature",
    "unsigned",
    "page_not_there_yet",
    "broken_flag",
    "unknown_operator",
    "unknown_field",
    "newer_schema_version",
    "rule_cycle",
    "missing_segment",
    "stale_edge",
    "far_future_version",
    "rollback_published",
    "empty_but_valid_ruleset",
    "clock_back_1d",
    "clock_forward_1d",
    "clock_jump_in_cached_file",
    "start_wait_bounded",
    "first_call_never_waits",
    "backend_comes_back_after_bad_start",
    "fork_children_refresh",
    "fork_mid_refresh",
    "fork_shares_no_socket",
    "fork_parent_keeps_refreshing",
    "fork_of_a_child",
    "subprocess_spawn_keeps_refresh",
    "fork_after_close",
    "freeze_thaw",
    "freeze_thaw_dead_connection",
    "exit_while_hang",
    "exit_while_drip",
    "close_while_hang",
    "close_twice",
    "use_after_close",
    "close_in_forked_child",
    "sigterm_while_hang",
    "open_close_200",
    "constructor_fails_leaks_nothing",
    "forgotten_client_is_collected",
    "stampede_20_threads",
    "log_lines_bounded",
    "requests_bounded_and_jittered",
    "many_clients_one_process",
    "kill9_while_writing",
    "cache_cut_in_half",
    "cache_garbage",
    "cache_of_newer_format",
    "cache_unwritable",
    "disk_full",
    "cache_shared_by_processes",
    "close_keeps_others_cache",
    "cache_never_executes_code",
    "cache_of_another_environment",
    "listener_raises",
    "listener_blocks",
    "hook_raises",
    "listener_evaluates_again",
]
"""The fault bar's names, and those of what it did not think of."""

GENERIC = ("test_a_fault_after_a_good_start[{}]", "test_a_fault_before_the_first_ruleset[{}]")
"""Tests that run for rows of the server's table. A row that one of them leaves out has a test of its own."""

ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "proxy_env_ignored_or_honoured": ("test_proxy_env_honoured", "test_proxy_env_ignored_where_no_proxy_says_so"),
    "http_304_unasked": (
        "test_http_304_unasked_at_start",
        "test_http_304_unasked_in_steady_state_counts_as_nothing_changed",
    ),
    "exit_while_hang": ("test_exit_while[without close-hang]", "test_exit_while[close first-hang]"),
    "exit_while_drip": ("test_exit_while[without close-drip]", "test_exit_while[close first-drip]"),
    "close_while_hang": ("test_close_while[hang]",),
    "requests_bounded_and_jittered": (
        "test_requests_bounded",
        "test_clients_that_fail_together_do_not_go_on_in_step",
    ),
}
"""Names that several tests share, or that are one of a test's parameters. All of a row must be there."""

DESIGN = ROOT.parent / "shared" / "design" / "fault-bar.md"

COLLECT = """
import json, pathlib, sys
import pytest

class Told:
    def pytest_collection_finish(self, session):
        told = {}
        for item in session.items:
            marks = {mark.name: mark for mark in item.iter_markers()}
            how = "run"
            if any(mark.args[0] for mark in item.iter_markers("skipif")):
                how = "not on this system: " + marks["skipif"].kwargs["reason"]
            if "skip" in marks or "xfail" in marks:
                how = "left out"
            told[item.originalname] = how if told.get(item.originalname, how) == how else "run in part"
            told[item.name] = how
        pathlib.Path(sys.argv[1]).write_text(json.dumps(told))

sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "-m", "", sys.argv[2]], plugins=[Told()]))
"""


def found_in(folder: Path, told: Path) -> dict[str, str]:
    """What pytest finds in a folder, with parameters and without: whether it is run."""
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, str(told), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, str] = json.loads(told.read_text())
    return found


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What pytest finds in this folder."""
    return found_in(Path(__file__).parent, tmp_path_factory.mktemp("collected") / "names.json")


def those_for(name: str, collected: Mapping[str, str]) -> tuple[str, ...]:
    """The tests that a fault's name stands for."""
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    own = f"test_{name}"
    generic = tuple(test.format(name) for test in GENERIC)
    return generic if name in FAULTS and own not in collected else (own,)


@pytest.mark.parametrize("name", BAR)
def test_the_fault_is_tested(collected: dict[str, str], name: str) -> None:
    how = {test: collected.get(test, "not there") for test in those_for(name, collected)}
    if reasons := [told for told in how.values() if told.startswith("not on this system")]:
        pytest.skip(reasons[0])
    assert set(how.values()) == {"run"}, how


SAMPLE = """
import pytest
def test_hang_on(): ...
@pytest.mark.skip
def test_drip(): ...
@pytest.mark.skipif(True, reason="no sea")
def test_wave(): ...
@pytest.mark.parametrize("at", ["start", pytest.param("end", marks=pytest.mark.xfail)])
def test_refuse(at): ...
def not_test_slow(): ...
def test_close(): ...
"""


def test_a_test_that_is_left_out_or_named_otherwise_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    found = found_in(tmp_path, tmp_path / "names.json")
    assert {name: how for name, how in found.items() if how == "run"} == dict.fromkeys(
        ("test_hang_on", "test_refuse[start]", "test_close"), "run"
    )
    assert (found["test_refuse"], found["test_wave"]) == ("run in part", "not on this system: no sea")


def test_no_row_of_the_table_is_missing_from_the_list() -> None:
    assert set(FAULTS) <= set(BAR)
    assert len(set(BAR)) == len(BAR)


def test_no_name_of_the_fault_bar_is_missing_from_the_list() -> None:
    if not DESIGN.exists():
        pytest.skip("../shared/design/fault-bar.md is not here")
    _, _, section = DESIGN.read_text().partition("## Faults our tests should cover\n")
    names = re.findall(r"`([a-z0-9_]+)`", section.partition("\nTransport:")[2])
    assert len(names) > 80
    assert set(names) - set(BAR) == set()


def test_every_test_that_stands_in_for_a_name_is_needed(collected: dict[str, str]) -> None:
    """A table of stand-ins that went stale would hide that somebody wrote the test of that name."""
    assert [name for name in ELSEWHERE if f"test_{name}" in collected] == []
    assert set(ELSEWHERE) <= set(BAR)
