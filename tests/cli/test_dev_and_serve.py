"""`dev` and `serve` as real processes."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from click.testing import CliRunner

from buildflags_sdk import Client
from buildflags_sdk.cli.app import buildflags
from buildflags_sdk.cli.serve import serve

pytestmark = pytest.mark.e2e


@contextlib.contextmanager
def running(*arguments: str, cwd=None):
    command = [sys.executable, "-m", "buildflags_sdk.cli", *arguments, "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline()), process
        finally:
            process.terminate()
            try:
                process.wait(60)
            finally:
                process.kill()


def managed(answer, path=""):
    headers = {"Authorization": f"Bearer {answer['management_key']}"}
    return httpx.get(f"{answer['url']}/v1/workspaces{path}", headers=headers, timeout=60)


def client_of(answer, environment="development"):
    return Client(
        answer["url"],
        sdk_key=answer["sdk_keys"][environment],
        workspace=answer["workspace"],
        environment=environment,
        cache_dir=None,
    )


def test_dev_serves_a_sample_workspace_with_development_values():
    with running("dev") as (answer, _):
        with client_of(answer) as client:
            assert client.get_value("page-size", 0) == 20
            assert client.is_enabled("new-checkout", {"targetingKey": "ada"}) is False
        headers = {"Authorization": f"Bearer {answer['sdk_key']}"}
        path = f"/v1/workspaces/{answer['workspace']}/environments/{answer['environment']}/manifest"
        manifest = httpx.get(answer["url"] + path, headers=headers, timeout=60)
    assert manifest.headers["buildflags-poll"] == "2"
    assert "max-age=1, stale-while-revalidate=1" in manifest.headers["cache-control"]


def test_dev_keeps_what_is_changed_in_its_file(tmp_path):
    data = str(tmp_path / "flags.sqlite3")
    with running("dev", "--data", data) as (answer, _):
        path = "/acme/flags/new-checkout/environments/development"
        rules = managed(answer, path).json()
        headers = {"Authorization": f"Bearer {answer['management_key']}"}
        httpx.put(f"{answer['url']}/v1/workspaces{path}", headers=headers, json={**rules, "enabled": True}, timeout=60)
    with running("dev", "--data", data) as (again, _), client_of(again) as client:
        assert client.is_enabled("new-checkout", {"targetingKey": "ada"}) is True
        assert managed({**again, "management_key": answer["management_key"]}, "/acme/flags").status_code == 200


def test_dev_simulates_a_cold_start_and_warm_latency():
    with running("dev", "--cold-start", "0.6", "--latency", "100-120") as (answer, _):
        took = []
        for _ in range(5):
            began = time.perf_counter()
            managed(answer, "/acme/flags").raise_for_status()
            took.append(time.perf_counter() - began)
    assert took[0] >= 0.6
    assert 0.1 <= min(took[1:]) < took[0]


def test_dev_prints_what_to_paste_and_says_that_the_values_are_for_development():
    command = [sys.executable, "-m", "buildflags_sdk.cli", "dev", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        shown = ""
        while "Ctrl-C" not in shown:
            line = process.stdout.readline()
            assert line, shown
            shown += line
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    exports = [line.strip() for line in shown.splitlines() if line.strip().startswith("export BUILDFLAGS_")]
    assert [line.split("=")[0].removeprefix("export BUILDFLAGS_") for line in exports] == [
        "URL",
        "WORKSPACE",
        "ENVIRONMENT",
        "SDK_KEY",
        "MANAGEMENT_KEY",
    ]
    assert "development values" in shown
    assert "within 4.4 s" in shown


@pytest.mark.parametrize("command", ["dev", "serve"])
def test_a_port_in_use_is_said_at_once(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "buildflags_sdk.cli", command, "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=tmp_path,
        )
    assert done.returncode == 3
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
    assert "--port 0" in done.stderr


def test_a_file_that_is_no_store_is_said(tmp_path):
    broken = tmp_path / "flags.sqlite3"
    broken.write_text("this is no database, " * 100, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "buildflags_sdk.cli", "dev", "--port", "0", "--data", str(broken)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 3
    assert "cannot use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("latency", ["fast", "200-50", "-5", ""])
def test_a_latency_that_cannot_be_is_refused(latency):
    shown = CliRunner().invoke(buildflags, ["dev", "--port", "0", f"--latency={latency}"])
    assert shown.exit_code == 2
    assert "--latency" in shown.stderr


def test_serve_makes_a_workspace_and_shows_its_keys_this_once(tmp_path):
    arguments = ("serve", "-w", "acme", "-e", "production", "-e", "staging")
    with running(*arguments, cwd=tmp_path) as (answer, _):
        assert answer["sdk_keys"].keys() == {"production", "staging"}
        assert managed(answer, "/acme/flags").json()["items"] == []
        with client_of(answer, "staging") as client:
            assert client.status().flags == 0
    with running(*arguments, cwd=tmp_path) as (again, _):
        assert "management_key" not in again
        assert managed({**answer, "url": again["url"]}, "/acme/flags").status_code == 200
    assert (tmp_path / "buildflags.sqlite3").exists()


def test_serve_without_a_workspace_makes_a_key_that_makes_workspaces(tmp_path):
    with running("serve", cwd=tmp_path) as (answer, _):
        headers = {"Authorization": f"Bearer {answer['management_key']}"}
        made = httpx.post(f"{answer['url']}/v1/workspaces", headers=headers, json={"key": "acme"}, timeout=60)
        assert made.status_code == 201
    with running("serve", cwd=tmp_path) as (again, _):
        assert "management_key" not in again


def test_serve_signs_with_the_keys_of_its_file_and_signs_anew_when_they_are_others(tmp_path):
    file = str(tmp_path / "signing.keys")

    def keys(command):
        result = CliRunner().invoke(buildflags, ["keys", command, file, "--json"])
        return [key["public"] for key in json.loads(result.stdout)["keys"]]

    (old,) = keys("new")
    with running("serve", "-w", "acme", "--signing-keys", file, cwd=tmp_path) as (answer, _):
        first = pinning(answer, old)
    _, new = keys("rotate")
    with running("serve", "--signing-keys", file, cwd=tmp_path) as (again, _):
        place = {**answer, "url": again["url"]}
        assert pinning(place, old) == pinning(place, new) == first + 1
    keys("retire")
    with running("serve", "--signing-keys", file, cwd=tmp_path) as (last, _):
        place = {**answer, "url": last["url"]}
        assert pinning(place, new) == first + 2
        assert pinning(place, old) is None


def pinning(answer, public):
    """The revision that a client takes which pins this key; None when it takes none."""
    client = Client(
        answer["url"],
        sdk_key=answer["sdk_keys"]["production"],
        workspace="acme",
        environment="production",
        cache_dir=None,
        signing_keys=public,
    )
    with client:
        return client.start(wait=10).revision


def answers_to_a_burst(url, requests=30):
    with httpx.Client(base_url=url, timeout=60) as http:
        return {http.get("/health").status_code for _ in range(requests)}


def test_serve_limits_how_much_one_caller_asks_and_dev_does_not(tmp_path):
    assert {option.name: option.default for option in serve.params}["rate"] == 500.0, "on, unless it is asked not to be"
    with running("serve", "--rate", "1", cwd=tmp_path) as (answer, _):
        assert answers_to_a_burst(answer["url"]) == {200, 429}
    with running("serve", "--rate", "0", cwd=tmp_path) as (answer, _):
        assert answers_to_a_burst(answer["url"]) == {200}
    with running("dev") as (answer, _):
        assert answers_to_a_burst(answer["url"]) == {200}


@pytest.mark.slow
def test_a_connection_that_sends_half_a_request_is_not_kept(tmp_path):
    """The deadline itself is tested with the server; here, that the command has it: 10 s."""
    with running("serve", cwd=tmp_path) as (answer, _):
        port = httpx.URL(answer["url"]).port
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\n")
            assert connection.recv(1) == b""
