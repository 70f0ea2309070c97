"""`buildflags import`: what became of each flag is said before anything is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from buildflags_sdk import Client, Polling
from buildflags_sdk.cli._exit import Exit
from buildflags_sdk.cli.app import buildflags
from buildflags_sdk.importers import unleash
from buildflags_sdk.server import DEVELOPMENT, Settings, SqliteStore, create_app
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.provision import provision

if TYPE_CHECKING:
    from pathlib import Path

STRATEGY = {
    "name": "flexibleRollout",
    "constraints": [{"contextName": "country", "operator": "IN", "values": ["DE"]}],
    "segments": [1],
    "parameters": {"rollout": "100", "stickiness": "userId", "groupId": "beta"},
}
EXPORT: dict[str, Any] = {
    "version": 2,
    "segments": [{"id": 1, "constraints": [{"contextName": "plan", "operator": "IN", "values": ["pro"]}]}],
    "features": [
        {
            "name": "child",
            "enabled": True,
            "strategies": [{"name": "default"}],
            "dependencies": [{"feature": "beta", "enabled": True}],
        },
        {"name": "beta", "enabled": True, "strategies": [STRATEGY]},
    ],
}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export of two flags and a segment, the first of which names the second."""
    path = tmp_path / "unleash.json"
    path.write_text(json.dumps(EXPORT))
    return path


def test_a_dry_run_says_what_would_become_of_each_flag_and_keeps_nothing(export: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = CliRunner().invoke(
        buildflags, ["import", "unleash", str(export), "--dry-run", "--report", str(page), "--json"]
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (answer["exact"], answer["refused"], answer["made"], answer["dry_run"]) == (3, 0, [], True)
    assert "beta" in page.read_text()
    assert sorted(tmp_path.iterdir()) == sorted([export, page])


def test_a_flags_file_is_written_that_a_client_reads(export: Path, tmp_path: Path) -> None:
    output = tmp_path / "flags.json"
    done = CliRunner().invoke(buildflags, ["import", "unleash", str(export), "-o", str(output)])
    assert done.exit_code == 0, done.output
    client = Client.from_file(output)
    flags = client.with_attributes(unleash.read(export.read_bytes()).attributes)
    assert flags.is_enabled("child", {"userId": "u", "country": "DE", "plan": "pro"})
    assert not flags.is_enabled("child", {"userId": "u", "country": "FR", "plan": "pro"})
    assert client.status().broken == {}


def test_flags_are_made_in_a_backend_in_an_order_that_it_takes_and_are_live(export: Path) -> None:
    store = SqliteStore(":memory:")
    keys = provision(store, "acme", ["production"])
    with running_server(create_app(store, settings=Settings(delivery=DEVELOPMENT))) as url:
        options = ["--url", url, "--management-key", keys.management, "-w", "acme", "--to", "production"]
        done = CliRunner().invoke(buildflags, ["import", "unleash", str(export), *options])
        assert done.exit_code == 0, done.output
        client = Client(
            url,
            sdk_key=keys.server["production"],
            workspace="acme",
            environment="production",
            cache_dir=None,
            polling=Polling(interval=1),
        )
        with client:
            assert client.start(wait=10)
            assert client.is_enabled("child", {"targetingKey": "u", "country": "DE", "plan": "pro"})
        again = CliRunner().invoke(buildflags, ["import", "unleash", str(export), *options])
        assert again.exit_code == 7, "nothing that is there is overwritten"


def test_a_file_that_is_no_export_is_refused_with_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "torn.json").write_text('{"version": 2, "features": [')
    torn = CliRunner().invoke(buildflags, ["import", "unleash", str(tmp_path / "torn.json"), "--dry-run"])
    assert torn.exit_code == 3
    missing = CliRunner().invoke(buildflags, ["import", "unleash", str(tmp_path / "none.json"), "--dry-run"])
    assert missing.exit_code == 3
    nowhere = CliRunner().invoke(buildflags, ["import", "unleash", str(tmp_path / "torn.json")])
    assert nowhere.exit_code == 2
    assert "--to" in nowhere.output


def test_verifying_an_import_says_who_gets_what_for_a_sample_of_contexts(export: Path, tmp_path: Path) -> None:
    contexts = tmp_path / "traffic.ndjson"
    countries = ["DE", "FR", "DE"]
    contexts.write_text(
        "\n".join(
            json.dumps({"userId": f"u{at}", "country": country, "plan": "pro"}) for at, country in enumerate(countries)
        )
    )
    done = CliRunner().invoke(
        buildflags, ["verify-import", "unleash", str(export), "--contexts", str(contexts), "--flag", "beta", "--json"]
    )
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["contexts"] == 3
    assert sorted(answer["flags"]["beta"].values()) == [1, 2]


def test_contexts_that_are_no_objects_are_told_by_line(export: Path, tmp_path: Path) -> None:
    contexts = tmp_path / "traffic.ndjson"
    contexts.write_text('{"userId": "u1"}\n["u2"]\n')
    done = CliRunner().invoke(buildflags, ["verify-import", "unleash", str(export), "--contexts", str(contexts)])
    assert done.exit_code == 3
    assert "line 2" in done.output


@pytest.mark.parametrize("command", ["import", "verify-import"])
def test_an_export_of_ten_gigabytes_is_refused_by_its_size_and_never_loaded(command: str, tmp_path: Path) -> None:
    import resource

    export = tmp_path / "huge.json"
    with export.open("wb") as file:
        file.truncate(10**10)  # takes no room on the disk
    more = ["--dry-run"] if command == "import" else ["--contexts", str(export)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = CliRunner().invoke(buildflags, [command, "launchdarkly", str(export), *more])
    assert done.exit_code == Exit.CONFIGURATION
    assert "10,000,000,000 bytes" in " ".join(done.output.split())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "KiB"


def test_the_limit_of_an_export_can_be_raised(export: Path) -> None:
    size = export.stat().st_size
    for limit, code in ((size - 1, Exit.CONFIGURATION), (size, 0)):
        done = CliRunner().invoke(
            buildflags, ["import", "unleash", str(export), "--dry-run", "--max-bytes", str(limit)]
        )
        assert done.exit_code == code, done.output
