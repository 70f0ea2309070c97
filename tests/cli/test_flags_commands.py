"""`buildflags flags …` against a real backend."""

from __future__ import annotations

import json

import httpx
import pytest

from buildflags_sdk.cli._api import Management
from buildflags_sdk.cli._exit import Exit, Failure
from buildflags_sdk.cli.flags import change_rules


def rules(run, key="new-checkout", environment="development"):
    return json.loads(run("flags", "show", key, "--json").stdout)["environments"][environment]


def test_list_shows_every_flag_with_its_switch_in_every_environment(run):
    shown = run("flags", "list")
    assert shown.exit_code == 0, shown.output
    heading, *rows = [line.split() for line in shown.stdout.splitlines() if line.strip() and "─" not in line]
    assert heading[:4] == ["flag", "type", "development", "production"]
    assert [row[0] for row in rows] == ["banner-text", "new-checkout", "page-size", "payments-kill-switch", "theme"]
    assert rows[1][1:6] == ["boolean", "○", "off", "○", "off"]


def test_list_of_one_environment_shows_only_that(run):
    shown = run("flags", "list", "-e", "production")
    assert "development" not in shown.stdout


def test_list_as_json_is_what_the_backend_answers(run):
    items = json.loads(run("flags", "list", "--json").stdout)["items"]
    assert {item["key"] for item in items} >= {"new-checkout", "theme"}
    assert items[0]["environments"].keys() == {"development", "production"}


def test_show_tells_a_flag_as_a_tree(run):
    shown = run("flags", "show", "new-checkout", "-e", "development")
    assert "├── rule insiders  serves on" in shown.stdout.replace("│   ", "")
    assert "in segment insiders" in shown.stdout
    assert "split: 50 % on, 50 % off" in shown.stdout
    assert "production" not in shown.stdout


def test_toggle_flips_and_says_that_it_is_live(run):
    assert rules(run)["enabled"] is False
    shown = run("flags", "toggle", "new-checkout")
    assert shown.exit_code == 0, shown.output
    assert "○ off  ⟶  ● on" in shown.stdout
    assert shown.stdout.rstrip().endswith("live")
    assert rules(run)["enabled"] is True
    run("flags", "toggle", "new-checkout")
    assert rules(run)["enabled"] is False


def test_toggle_to_a_side_stays_there(run):
    for _ in range(2):
        assert run("flags", "toggle", "new-checkout", "--on").exit_code == 0
        assert rules(run)["enabled"] is True


def test_toggle_changes_nothing_but_the_switch_of_that_environment(run):
    before, elsewhere = rules(run), rules(run, environment="production")
    run("flags", "toggle", "new-checkout")
    after = rules(run)
    assert {**after, "enabled": False, "version": 0} == {**before, "version": 0}
    assert rules(run, environment="production") == elsewhere


def test_set_changes_what_is_given_and_keeps_the_rest(run):
    shown = run("flags", "set", "banner-text", "--serve", "sale", "--off", "null")
    assert shown.exit_code == 0, shown.output
    after = rules(run, "banner-text")
    assert (after["fallthrough"], after["off"], after["enabled"]) == ({"variant": "sale"}, None, True)
    assert after["rules"][0]["id"] == "france"


def test_set_takes_rules_in_short_form_from_stdin(run):
    written = json.dumps(
        [{"id": "germany", "when": {"attr": "country", "op": "in", "values": ["DE"]}, "serve": "none"}]
    )
    shown = run("flags", "set", "banner-text", "--rules", "-", stdin=written)
    assert shown.exit_code == 0, shown.output
    assert rules(run, "banner-text")["rules"][0]["when"]["attr"] == ["country"]
    assert json.loads(run("eval", "banner-text", "-c", "country=DE", "--json").stdout)["rule_id"] == "germany"


def test_set_without_a_change_says_what_can_be_changed(run):
    shown = run("flags", "set", "banner-text")
    assert shown.exit_code == 2
    assert "--serve" in shown.stderr


def test_a_rule_that_the_backend_refuses_names_its_place(run):
    shown = run("flags", "set", "banner-text", "--serve", "no-such-variant")
    assert shown.exit_code == 1
    assert "no-such-variant" in shown.stderr
    assert rules(run, "banner-text")["fallthrough"] == {"variant": "hello"}


def test_create_makes_a_flag_that_can_be_switched_on(run):
    assert run("flags", "create", "beta", "--owner", "me").exit_code == 0
    assert json.loads(run("eval", "beta", "--json").stdout)["value"] is False
    run("flags", "toggle", "beta")
    assert json.loads(run("eval", "beta", "--json").stdout)["value"] is True


def test_create_takes_variants_as_json_and_text_without_quotes(run):
    shown = run(
        "flags", "create", "colour", "--type", "string", "--variant", "a=teal", "--variant", 'b="red"', "--json"
    )
    assert json.loads(shown.stdout)["variants"] == {"a": "teal", "b": "red"}


def test_create_of_a_flag_that_is_there_is_a_conflict(run):
    shown = run("flags", "create", "theme")
    assert shown.exit_code == 7
    assert "theme" in shown.stderr


def test_create_of_another_type_needs_variants(run):
    shown = run("flags", "create", "limit", "--type", "integer")
    assert shown.exit_code == 2
    assert "--variant" in shown.stderr


class Meddler(httpx.HTTPTransport):
    """Between our read and our write, somebody else writes."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            key = {"authorization": request.headers["authorization"]}
            theirs = httpx.get(request.url, headers=key).json()
            httpx.put(request.url, headers=key, json={**theirs, "off": None}).raise_for_status()
        return super().handle_request(request)


def test_an_edit_that_somebody_made_meanwhile_is_not_lost(run, backend):
    with (
        Management(backend.url, backend.keys.management, "acme", transport=Meddler()) as api,
        pytest.raises(Failure) as caught,
    ):
        change_rules(api, "theme", "development", lambda _: {"enabled": False}, as_json=True)
    assert caught.value.exit_code == Exit.CONFLICT
    assert "flags show" in caught.value.advice
    assert (rules(run, "theme")["off"], rules(run, "theme")["enabled"]) == (None, True)


def test_an_unknown_flag_suggests_the_nearest(run):
    shown = run("flags", "toggle", "new-chekout")
    assert shown.exit_code == 6
    assert "did you mean new-checkout?" in shown.stderr


def test_an_unknown_environment_suggests_the_nearest(run):
    shown = run("flags", "toggle", "new-checkout", "-e", "prod")
    assert shown.exit_code == 6
    assert "did you mean production?" in shown.stderr


def test_an_unknown_workspace_is_refused_or_not_found(run):
    shown = run("flags", "list", "-w", "acmee")
    assert shown.exit_code in (5, 6)
    assert "acmee" in shown.stderr


def test_an_sdk_key_cannot_manage_and_is_not_shown(run, backend):
    key = backend.keys.sdk["development"]
    shown = run("flags", "list", BUILDFLAGS_MANAGEMENT_KEY=key)
    assert shown.exit_code == 5
    assert "management key" in shown.stderr
    assert key not in shown.output
