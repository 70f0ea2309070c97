"""The list of faults that a client is held to, name by name: each is a row of the server's table or a test here."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildflags_sdk.testing.faults import FAULTS

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
    "proxy_env_honoured",
    "proxy_env_ignored",
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
    "http_304_unasked_at_start",
    "http_304_unasked_in_steady_state",
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
    "exit_while",
    "close_while",
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
"""`exit_while` and `close_while` are run for hang and drip, among others."""

SOURCES = "\n".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))


@pytest.mark.parametrize("name", BAR)
def test_the_fault_is_tested(name: str) -> None:
    assert name in FAULTS or f"def test_{name}" in SOURCES


def test_no_row_of_the_table_is_missing_from_the_list() -> None:
    assert set(FAULTS) <= set(BAR)
