"""`buildflags import`: what became of each flag is said before anything is kept."""

from __future__ import annotations

import json
from contextlib import contextmanager
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
    from collections.abc import Iterator
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


@contextmanager
def backend() -> Iterator[tuple[list[str], Client]]:
    """A backend: the options that import into it, and a client of it that is not started."""
    store = SqliteStore(":memory:")
    keys = provision(store, "acme", ["production"])
    with running_server(create_app(store, settings=Settings(delivery=DEVELOPMENT))) as url:
        client = Client(
            url,
            sdk_key=keys.server["production"],
            workspace="acme",
            environment="production",
            cache_dir=None,
            polling=Polling(interval=1),
        )
        yield ["--url", url, "--management-key", keys.management, "-w", "acme", "--to", "production"], client


def test_flags_are_made_in_a_backend_in_an_order_that_it_takes_and_are_live(export: Path) -> None:
    with backend() as (options, client):
        done = CliRunner().invoke(buildflags, ["import", "unleash", str(export), *options])
        assert done.exit_code == 0, done.output
        with client:
            assert client.start(wait=10)
            assert client.is_enabled("child", {"targetingKey": "u", "country": "DE", "plan": "pro"})
        again = CliRunner().invoke(buildflags, ["import", "unleash", str(export), *options])
        assert again.exit_code == 7, "nothing that is there is overwritten"


def test_a_refused_flag_says_why_in_a_backend_too_and_keeps_no_other_from_being_made(tmp_path: Path) -> None:
    def on(variation: int | str, *prerequisites: str) -> dict[str, Any]:
        return {
            "on": True,
            "variations": [True, False],
            "fallthrough": {"variation": variation},
            "prerequisites": [{"key": key, "variation": 0} for key in prerequisites],
        }

    flags = {
        "good": on(0),
        "refused": on("0"),
        "names-it": on(0, "refused"),
        "names-none": {**on(0, "absent"), "offVariation": 1},
        "ring": on(0, "ring-too"),
        "ring-too": on(0, "ring"),
    }
    export = tmp_path / "flags.json"
    export.write_text(json.dumps({"flags": flags, "segments": {}}))
    with backend() as (options, client):
        done = CliRunner().invoke(buildflags, ["import", "launchdarkly", str(export), *options, "--json"])
        assert done.exit_code == Exit.NEGATIVE, done.output
        assert sorted(json.loads(done.stdout)["made"]) == sorted(flags)
        with client:
            assert client.start(wait=10)
            found = {key: client.get_details(key, True, {"targetingKey": "u"}) for key in flags}
    assert (found["good"].value, found["good"].error_code) == (True, None)
    assert (found["names-none"].value, found["names-none"].error_code) == (False, None)
    for key in ("refused", "names-it"):
        assert "not imported from launchdarkly: $.flags.refused.fallthrough" in (found[key].error_message or "")
    for key in ("ring", "ring-too"):
        assert "cycle" in (found[key].error_message or "")


def test_what_the_backend_does_not_take_is_named_and_says_so_to_callers(tmp_path: Path) -> None:
    def asking(segment: str) -> list[dict[str, Any]]:
        return [{"clauses": [{"attribute": "", "op": "segmentMatch", "values": [segment]}]}]

    ring = {key: {"key": key, "rules": asking(other)} for key, other in (("s", "t"), ("t", "s"))}
    rules = [{**rule, "id": "r", "variation": 0} for rule in asking("s")]
    flag = {"on": True, "variations": [True, False], "fallthrough": {"variation": 1}, "rules": rules}
    export = tmp_path / "flags.json"
    export.write_text(json.dumps({"flags": {"f": flag, "good": {**flag, "rules": []}}, "segments": ring}))
    with backend() as (options, client):
        done = CliRunner().invoke(buildflags, ["import", "launchdarkly", str(export), *options, "--json"])
        assert done.exit_code == Exit.NEGATIVE, done.output
        answer = json.loads(done.stdout)
        assert sorted(answer["made"]) == ["f", "good"]
        assert sorted(answer["not_taken"]) == ["f", "segment s", "segment t"]
        with client:
            assert client.start(wait=10)
            assert client.get_details("good", True).error_code is None
            decided = client.get_details("f", True, {"targetingKey": "u"})
    assert decided.value is True
    assert "the segment 's'" in (decided.error_message or "")


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


def test_contexts_may_begin_with_a_mark_of_their_encoding_and_in_another_one_are_refused(
    export: Path, tmp_path: Path
) -> None:
    contexts = tmp_path / "traffic.ndjson"
    command = ["verify-import", "unleash", str(export), "--contexts", str(contexts), "--json"]
    contexts.write_text('{"userId": "u1"}\n', encoding="utf-8-sig")
    assert json.loads(CliRunner().invoke(buildflags, command).stdout)["contexts"] == 1
    contexts.write_text('{"userId": "u1"}\n', encoding="utf-16")
    done = CliRunner().invoke(buildflags, command)
    assert done.exit_code == Exit.CONFIGURATION
    assert "not UTF-8" in done.output


def test_a_sample_that_would_compare_nothing_is_an_error(export: Path, tmp_path: Path) -> None:
    contexts = tmp_path / "traffic.ndjson"
    command = ["verify-import", "unleash", str(export), "--contexts", str(contexts)]
    contexts.write_text("\n")
    empty = CliRunner().invoke(buildflags, command)
    assert (empty.exit_code, "no context" in empty.output) == (Exit.CONFIGURATION, True)
    contexts.write_text('{"userId": "u1"}\n')
    unknown = CliRunner().invoke(buildflags, [*command, "--flag", "betta"])
    assert (unknown.exit_code, "did you mean beta" in unknown.output) == (Exit.NOT_FOUND, True)


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


def test_what_only_the_application_knows_is_given_as_an_option_of_its_system(export: Path, tmp_path: Path) -> None:
    flagd, flags = tmp_path / "flagd.json", tmp_path / "flags.json"
    targeting = {"fractional": [["on", 1], ["off", 1]]}
    flag = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off", "targeting": targeting}
    flagd.write_text(json.dumps({"flags": {"f": flag}}))
    shares = []
    for version in ("1", "2", "3"):
        done = CliRunner().invoke(
            buildflags, ["import", "flagd", str(flagd), "-o", str(flags), "--fractional", version]
        )
        assert done.exit_code == 0, done.output
        client = Client.from_file(flags)
        shares.append([client.is_enabled("f", {"targetingKey": f"u{at}"}) for at in range(64)])
    assert shares[0] != shares[1] != shares[2] != shares[0]
    other = CliRunner().invoke(buildflags, ["import", "unleash", str(export), "--dry-run", "--sticky-buckets"])
    assert other.exit_code == Exit.USAGE
    assert "Unleash has no option sticky_buckets" in other.output


def test_the_limit_of_an_export_can_be_raised(export: Path) -> None:
    size = export.stat().st_size
    for limit, code in ((size - 1, Exit.CONFIGURATION), (size, 0)):
        done = CliRunner().invoke(
            buildflags, ["import", "unleash", str(export), "--dry-run", "--max-bytes", str(limit)]
        )
        assert done.exit_code == code, done.output
