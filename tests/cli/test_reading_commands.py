"""`eval`, `pull`, `validate`, `status` and `doctor` against a real backend and real files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildflags_sdk import Client

FLAGS_FILE: dict[str, Any] = {
    "buildflags": 1,
    "flags": {
        "new-checkout": {
            "type": "boolean",
            "variants": {"on": True, "off": False},
            "off": "off",
            "rules": [
                {"id": "insiders", "when": {"segment": "insiders"}, "serve": "on"},
                {
                    "id": "half",
                    "when": {"attr": "plan", "op": "in", "values": ["pro"]},
                    "serve": {"split": {"on": 100_000}},
                },
            ],
            "fallthrough": "off",
        }
    },
    "segments": {"insiders": {"include": ["ada"]}},
}


@pytest.fixture
def flags_file(tmp_path):
    def write(**changes):
        file = tmp_path / "flags.json"
        file.write_text(json.dumps({**FLAGS_FILE, **changes}), encoding="utf-8")
        return str(file)

    return write


# -- eval ----------------------------------------------------------------------------------------------------------


def test_eval_decides_as_a_client_would(run, backend):
    answer = json.loads(run("eval", "page-size", "-u", "ada", "-c", "plan=pro", "--json").stdout)
    with Client(
        backend.url,
        sdk_key=backend.keys.sdk["development"],
        workspace="acme",
        environment="development",
        cache_dir=None,
    ) as client:
        details = client.get_details("page-size", 0, {"targetingKey": "ada", "plan": "pro"})
    assert (answer["value"], answer["variant"], answer["reason"], answer["rule_id"], answer["revision"]) == (
        details.value,
        details.variant,
        details.reason,
        details.rule_id,
        details.revision,
    )


def test_eval_explains_each_rule_from_a_file(run, flags_file):
    shown = run("eval", "new-checkout", "-f", flags_file(), "-u", "bob", "-c", "plan=pro", "--explain")
    assert shown.exit_code == 0, shown.output
    why = shown.stdout[shown.stdout.index("why new-checkout") :]
    assert "rule insiders  does not hold" in why
    assert "✘ in segment insiders" in why
    assert "rule half  serves" in why
    assert "✔ plan in ['pro']: 'pro'" in why
    assert "bf1('new-checkout', targetingKey = 'bob'): point" in why


def test_eval_explains_as_data(run, flags_file):
    answer = json.loads(run("eval", "new-checkout", "-f", flags_file(), "-u", "ada", "--explain", "--json").stdout)
    assert answer["value"] is True
    assert answer["trace"]["rules"][0]["result"] == "serves"


def test_eval_of_an_unknown_flag_suggests_the_nearest(run):
    shown = run("eval", "pagesize")
    assert shown.exit_code == 6
    assert "did you mean page-size?" in shown.stderr


def test_eval_that_cannot_decide_ends_with_one_and_says_what_is_missing(run, flags_file):
    shown = run("eval", "new-checkout", "-f", flags_file(), "-c", "plan=pro")
    assert shown.exit_code == 1
    assert "TARGETING_KEY_MISSING" in shown.stdout
    assert "-u KEY" in shown.stderr


def test_eval_from_a_pulled_bundle_needs_no_backend(run, tmp_path):
    bundle = str(tmp_path / "bootstrap.buildflags")
    run("pull", "-o", bundle)
    answer = json.loads(
        run("eval", "banner-text", "-f", bundle, "-c", "country=FR", "--json", BUILDFLAGS_URL="").stdout
    )
    assert (answer["value"], answer["source"]) == ("20 % off until Sunday", "file")


# -- pull and validate ---------------------------------------------------------------------------------------------


def test_a_pulled_file_is_what_a_client_starts_from(run, tmp_path, backend):
    bundle = tmp_path / "bootstrap.buildflags"
    answer = json.loads(run("pull", "-o", str(bundle), "--json").stdout)
    client = Client.from_file(bundle)
    assert client.get_value("page-size", 0) == 20
    assert (answer["flags"], answer["bytes"]) == (5, bundle.stat().st_size)
    assert backend.keys.sdk["development"].encode() not in bundle.read_bytes()


def test_a_pull_that_fails_leaves_the_file_before_alone(run, tmp_path):
    bundle = tmp_path / "bootstrap.buildflags"
    bundle.write_text("the one before", encoding="utf-8")
    assert run("pull", "-o", str(bundle), "-e", "production").exit_code == 5  # a key for development only
    assert bundle.read_text(encoding="utf-8") == "the one before"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["bootstrap.buildflags"]


def test_a_pull_into_a_folder_that_is_not_there_says_so(run, tmp_path):
    shown = run("pull", "-o", str(tmp_path / "none" / "bootstrap.buildflags"))
    assert shown.exit_code == 3
    assert "cannot write" in shown.stderr


def test_a_good_file_has_nothing_wrong(run, flags_file):
    shown = run("validate", flags_file())
    assert (shown.exit_code, "1 flag, 1 segment: nothing wrong" in shown.stdout) == (0, True), shown.output


def test_every_problem_of_a_file_is_named(run, flags_file):
    good = FLAGS_FILE["flags"]["new-checkout"]
    file = flags_file(
        flags={
            "bad-operator": {**good, "rules": [{"when": {"attr": "a", "op": "is", "values": [1]}, "serve": "on"}]},
            "bad-variant": {**good, "fallthrough": "maybe"},
            "lost": {**good, "rules": [{"when": {"segment": "nobody"}, "serve": "on"}]},
            "left": {**good, "rules": [{"when": {"flag": "right", "on": True}, "serve": "on"}]},
            "right": {**good, "rules": [{"when": {"flag": "left", "on": True}, "serve": "on"}]},
            "fine": good,
        }
    )
    shown = run("validate", file, "--json")
    problems = {problem["entry"]: problem["message"] for problem in json.loads(shown.stdout)["problems"]}
    assert shown.exit_code == 1
    assert problems.keys() == {"bad-operator", "bad-variant", "lost", "left"}
    assert "'is'" in problems["bad-operator"]
    assert "maybe" in problems["bad-variant"]
    assert problems["lost"] == "names the segment 'nobody', which is not in the file"
    assert problems["left"] == "in a circle: left → right → left"


def test_a_damaged_bundle_is_told_from_a_missing_one(run, tmp_path):
    bundle = tmp_path / "bootstrap.buildflags"
    run("pull", "-o", str(bundle))
    bundle.write_bytes(bundle.read_bytes()[:-10])
    damaged, missing = run("validate", str(bundle)), run("validate", str(tmp_path / "none"))
    assert (damaged.exit_code, missing.exit_code) == (1, 3)
    assert "pull it again" in damaged.stderr


# -- status and doctor ---------------------------------------------------------------------------------------------


def test_status_shows_what_is_live_and_what_clients_see_when(run):
    answer = json.loads(run("status", "--json").stdout)
    assert (answer["flags"], answer["pending"], answer["broken"]) == (5, 0, {})
    assert answer["worst_case_seconds"] == pytest.approx(1 + 1 + 2 * 1.2)
    assert "within 4.4 s of a publish" in run("status").stdout


def test_status_knows_this_hosts_disk_copy(run, backend, tmp_path):
    assert "none yet" in run("status").stdout
    cache = tmp_path / "cache"
    key = backend.keys.sdk["development"]
    with Client(backend.url, sdk_key=key, workspace="acme", environment="development", cache_dir=cache) as client:
        revision = client.status().revision or 0
    run("flags", "toggle", "new-checkout")
    shown = run("status").stdout
    assert f"revision {revision} (live is {revision + 1})" in shown


def test_doctor_finds_everything_well_and_says_what_is_sent(run, backend):
    shown = run("doctor")
    assert shown.exit_code == 0, shown.output
    assert "✘" not in shown.stdout
    assert "304 for what is known" in shown.stdout
    assert "GET /v1/workspaces/acme/environments/development/manifest" in shown.stdout
    assert "max-age 1 + stale-while-revalidate 1 + poll 2 × 1.2" in shown.stdout
    assert backend.keys.sdk["development"] not in shown.output
    assert f"{backend.keys.sdk['development'][:14]}…" in shown.output


def doctors_steps(shown):
    return {step["name"]: step for step in json.loads(shown.stdout)["steps"]}


def test_doctor_stops_at_the_port_that_nobody_listens_on(run):
    shown = run("doctor", "--json", "--wait", "2", BUILDFLAGS_URL="http://127.0.0.1:9")
    steps = doctors_steps(shown)
    assert shown.exit_code == 1
    assert (steps["name"]["outcome"], steps["connection"]["outcome"], steps["answer"]["outcome"]) == (
        "ok",
        "failed",
        "skipped",
    )
    assert "is the backend running" in steps["connection"]["advice"]


def test_doctor_tells_a_name_without_an_address(run):
    steps = doctors_steps(run("doctor", "--json", BUILDFLAGS_URL="http://no-such-host.invalid"))
    assert steps["name"]["outcome"] == "failed"


def test_doctor_tells_a_port_without_tls(run, backend):
    steps = doctors_steps(run("doctor", "--json", "--wait", "2", BUILDFLAGS_URL=backend.url.replace("http:", "https:")))
    assert (steps["connection"]["outcome"], steps["TLS"]["outcome"]) == ("ok", "failed")
    assert "http://" in steps["TLS"]["advice"]


def test_doctor_tells_a_key_for_another_environment(run):
    steps = doctors_steps(run("doctor", "--json", "-e", "production"))
    assert (steps["answer"]["outcome"], steps["authorisation"]["outcome"]) == ("ok", "failed")
    assert "bf_server_" in steps["authorisation"]["advice"]


def test_doctor_tells_a_management_key_and_a_mistyped_one(run, backend):
    steps = doctors_steps(run("doctor", "--json", BUILDFLAGS_SDK_KEY=backend.keys.management))
    assert "is a management key" in steps["key"]["found"]
    mistyped = backend.keys.sdk["development"][:-1] + "!"
    assert "checksum" in doctors_steps(run("doctor", "--json", BUILDFLAGS_SDK_KEY=mistyped))["key"]["advice"]


def test_doctor_tells_a_cache_folder_that_cannot_be_written(run, tmp_path):
    blocked = tmp_path / "a-file"
    blocked.write_text("", encoding="utf-8")
    steps = doctors_steps(run("doctor", "--json", BUILDFLAGS_CACHE_DIR=str(blocked)))
    assert steps["disk copy"]["outcome"] == "failed"
    assert steps["flags"]["outcome"] == "ok", "a client works without its disk copy"


# -- what is missing or wrong, for all that read -------------------------------------------------------------------


@pytest.mark.parametrize("command", [("eval", "theme"), ("pull",), ("status",), ("doctor",)])
@pytest.mark.parametrize(
    ("variable", "value", "code", "said"),
    [
        ("BUILDFLAGS_URL", "", 3, "no URL given"),
        ("BUILDFLAGS_URL", "flags.example.com", 3, "does not begin with https:// or http://"),
        ("BUILDFLAGS_SDK_KEY", "", 3, "no SDK key given"),
        ("BUILDFLAGS_SDK_KEY", "  ", 3, "the SDK key is empty"),
        ("BUILDFLAGS_WORKSPACE", "", 3, "no workspace given"),
        ("BUILDFLAGS_ENVIRONMENT", "", 3, "no environment given"),
    ],
)
def test_what_is_missing_is_named_with_the_way_to_give_it(run, command, variable, value, code, said):
    shown = run(*command, **{variable: value})
    assert shown.exit_code == code
    assert said in shown.stderr
    assert "→" in shown.stderr


@pytest.mark.parametrize("command", [("eval", "theme"), ("pull",), ("status",)])
def test_a_backend_that_is_not_there_is_unreachable(run, command):
    shown = run(*command, BUILDFLAGS_URL="http://127.0.0.1:9")
    assert shown.exit_code == 4
    assert "doctor" in shown.stderr


@pytest.mark.parametrize("command", [("eval", "theme"), ("pull",), ("status",)])
def test_a_refused_key_is_shown_masked(run, backend, command):
    key = backend.keys.sdk["production"]
    shown = run(*command, BUILDFLAGS_SDK_KEY=key)
    assert shown.exit_code == 5
    assert f"{key[:14]}…" in shown.stderr
    assert key not in shown.output
