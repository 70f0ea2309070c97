"""`buildflags restore`: a client that saw later revisions than the backup has takes what comes after it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from buildflags_sdk import Client
from buildflags_sdk.cli._exit import Exit
from buildflags_sdk.cli.app import buildflags
from buildflags_sdk.server import DeliverySettings, Settings, SqliteStore, create_app
from buildflags_sdk.server.bulk import load_bulk
from buildflags_sdk.server.hosts.uvicorn import running_server
from buildflags_sdk.server.provision import provision

if TYPE_CHECKING:
    from pathlib import Path

    from buildflags_sdk.server.asgi import App, Receive, Scope, Send


def greeting(value: str) -> dict[str, Any]:
    return {"key": "greeting", "type": "string", "variants": {"now": value}, "fallthrough": {"variant": "now"}}


def load(path: Path, value: str) -> None:
    store = SqliteStore(path)
    load_bulk(store, "acme", "production", [greeting(value)], now=lambda: 1_800_000_000.0)
    store.close()


def put_it_back(backup: Path, data: Path) -> None:
    """As docs/how-to/run-the-backend.md says: without what SQLite keeps beside the file that is replaced."""
    for companion in ("-wal", "-shm"):
        data.with_name(data.name + companion).unlink(missing_ok=True)
    shutil.copy(backup, data.with_name("copied"))
    data.with_name("copied").replace(data)  # another file, as far as a connection knows that is still to be collected


def run(path: Path, *more: str) -> Result:
    return CliRunner().invoke(buildflags, ["restore", "--data", str(path), "--json", *more])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A backend's file, with one flag live."""
    path = tmp_path / "flags.sqlite3"
    store = SqliteStore(path)
    keys = provision(store, "acme", ["production", "staging"], now=lambda: 1_800_000_000.0)
    (tmp_path / "sdk-key").write_text(keys.server["production"])
    store.close()
    load(path, "backed up")
    return path


@pytest.fixture
def put_back(data: Path, tmp_path: Path) -> Path:
    """It went on after a backup, and was replaced by it."""
    shutil.copy(data, tmp_path / "backup")
    for number in range(3):
        load(data, f"later {number}")
    put_it_back(tmp_path / "backup", data)
    return data


def test_every_environment_goes_on_under_a_new_epoch_and_what_was_saved_is_live(put_back: Path) -> None:
    result = run(put_back)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["restored"]
    assert [(one["workspace"], one["environment"]) for one in answer["environments"]] == [
        ("acme", "production"),
        ("acme", "staging"),
    ]
    assert all(one["epoch"] > 1_800_000_000 for one in answer["environments"])
    load(put_back, "after it")  # publishing works again


class Backend:
    """One address, whose process is started anew when the file beneath it is another."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.started()

    def started(self) -> None:
        self._store = SqliteStore(self._data)
        self._app = create_app(self._store, settings=Settings(delivery=DeliverySettings(max_age=0, poll=1)))

    def stopped(self) -> None:
        self._store.close()

    def app(self) -> App:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app(scope, receive, send)

        return app


def comes_to(client: Client, value: str) -> bool:
    """Whether a client serves that within some refreshes, each of them waited for."""
    for _ in range(20):
        client.refresh(wait=10)
        if client.get_value("greeting", "") == value:
            return True
    return False


def test_a_running_client_takes_what_was_put_back_once_it_is_restored(data: Path, tmp_path: Path) -> None:
    backend = Backend(data)
    shutil.copy(data, tmp_path / "backup")
    key = (tmp_path / "sdk-key").read_text()
    with (
        running_server(backend.app()) as url,
        Client(url=url, workspace="acme", environment="production", sdk_key=key, cache_dir=None) as client,
    ):
        load(data, "lost with the disk")
        assert comes_to(client, "lost with the disk")
        seen = client.status().epoch or 0
        backend.stopped()
        put_it_back(tmp_path / "backup", data)
        backend.started()
        assert run(data).exit_code == 0
        assert comes_to(client, "backed up")
        now = client.status()
        assert ((now.epoch or 0) > seen, now.step_backs) == (True, 0), "a step forward, whatever the revision's number"
        load(data, "goes on")
        assert comes_to(client, "goes on")
    backend.stopped()


def test_a_file_in_its_place_is_left_alone_unless_asked_again(data: Path) -> None:
    assert json.loads(run(data).stdout) == {"data": str(data), "restored": False, "environments": []}
    assert json.loads(run(data, "--again").stdout)["restored"]


def test_a_backup_that_brought_the_identity_back_too_is_restored_when_asked_again(data: Path, tmp_path: Path) -> None:
    beside = data.with_name(f"{data.name}.identity")
    for file in (data, beside):
        shutil.copy(file, tmp_path / f"backup-{file.name}")
    load(data, "lost with the disk")
    for file in (data, beside):
        shutil.copy(tmp_path / f"backup-{file.name}", file)
    assert "--again" in CliRunner().invoke(buildflags, ["restore", "--data", str(data)]).output
    answer = json.loads(run(data, "--again").stdout)
    assert all(one["epoch"] > 1_800_000_000 for one in answer["environments"])


def test_what_is_signed_is_not_restored_unsigned(put_back: Path, tmp_path: Path) -> None:
    keys = str(tmp_path / "signing.keys")
    assert CliRunner().invoke(buildflags, ["keys", "new", keys]).exit_code == 0
    assert run(put_back, "--signing-keys", keys).exit_code == 0
    refused = run(put_back, "--again")
    assert refused.exit_code == Exit.USAGE
    assert "--signing-keys" in refused.stderr
    assert run(put_back, "--again", "--signing-keys", keys).exit_code == 0


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert run(tmp_path / "none").exit_code == Exit.USAGE
    assert not (tmp_path / "none").exists()


def test_it_says_what_it_did_in_words(put_back: Path) -> None:
    said = CliRunner().invoke(buildflags, ["restore", "--data", str(put_back)])
    assert "production" in said.output
    assert "next poll" in said.output
    assert "Nothing to restore" in CliRunner().invoke(buildflags, ["restore", "--data", str(put_back)]).output
