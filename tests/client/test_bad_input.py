"""What cannot work is refused when it is given, with a message that says what to give; what is found later is survived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import (
    Client,
    ConfigurationError,
    ErrorCode,
    FlagFileError,
    Freshness,
    Limits,
    Polling,
    Reason,
)

from .conftest import Backend, boolean

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "url": "https://flags.example.com",
    "sdk_key": "bf_server_x",
    "workspace": "acme",
    "environment": "production",
    "cache_dir": None,
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": ""}, "https://"),
        ({"url": "flags.example.com"}, "http"),
        ({"url": "ftp://flags.example.com"}, "http"),
        ({"sdk_key": ""}, "sdk_key is empty"),
        ({"sdk_key": "two\nlines"}, "copy the key again"),
        ({"workspace": ""}, "workspace is empty"),
        ({"environment": "pro duction"}, "no valid key"),
        ({"environment": "../staging"}, "no valid key"),
        ({"max_staleness": -1}, "positive number of seconds"),
        ({"max_staleness": "60"}, "positive number of seconds"),
        ({"polling": Polling(interval=-5)}, "polling.interval=-5"),
        ({"polling": Polling(interval=7200)}, "polling.maximum"),
        ({"polling": Polling(deadline=0)}, "polling.deadline"),
        ({"limits": Limits(page_bytes=0)}, "limits.page_bytes"),
    ],
    ids=str,
)
def test_a_value_that_cannot_work_is_refused_with_what_to_give(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Client(**{**GOOD, **change})


def test_a_refused_key_is_not_in_the_message() -> None:
    with pytest.raises(ConfigurationError) as raised:
        Client(**{**GOOD, "sdk_key": "secret secret"})
    assert "secret secret" not in str(raised.value)


def test_from_env_names_all_variables_that_are_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"BUILDFLAGS_URL.*BUILDFLAGS_WORKSPACE"):
        Client.from_env({"BUILDFLAGS_SDK_KEY": "k", "BUILDFLAGS_ENVIRONMENT": "e"})


def test_an_unknown_environment_is_said_once_and_defaults_are_served(
    backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    options = backend.options() | {"environment": "nowhere"}
    client = Client(**options)
    readiness = client.start(wait=10)
    client.refresh(wait=1)
    client.close()
    assert not readiness
    said = [record for record in caplog.records if "nowhere" in record.getMessage()]
    assert len(said) == 1
    assert "check the key, the workspace and the environment" in said[0].getMessage()


def test_a_context_that_is_no_mapping_gives_the_default_and_invalid_context(caplog: pytest.LogCaptureFixture) -> None:
    from buildflags_sdk import FlagDefinition

    rule = {"id": "r", "when": {"attr": ["country"], "op": "in", "values": ["DE"]}, "serve": {"variant": "on"}}
    client = Client.from_flags({"x": FlagDefinition.model_validate(boolean("x", on=False) | {"rules": [rule]})})
    wrong: Any = ["not", "a", "mapping"]
    assert client.is_enabled("x", wrong, default=True) is True
    details = client.get_details("x", False, wrong)
    assert (details.value, details.error_code, details.reason, details.decided) == (
        False,
        ErrorCode.INVALID_CONTEXT,
        Reason.ERROR,
        False,
    )
    assert sum("give a mapping" in record.getMessage() for record in caplog.records) == 1


def test_asking_for_the_wrong_type_gives_the_default_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    client = Client.from_flags({"page-size": 50, "on": True})
    assert client.get_value("page-size", "twenty") == "twenty"
    assert client.get_value("page-size", "twenty") == "twenty"
    assert client.get_value("on", 1) == 1, "a bool is never a number"
    assert client.get_value("page-size", 20.0) == 50.0, "an integer may be read as a float"
    assert client.get_details("page-size", "twenty").error_code is ErrorCode.TYPE_MISMATCH
    assert sum("'page-size'" in record.getMessage() for record in caplog.records) == 1


def test_a_context_where_the_default_belongs_is_said() -> None:
    client = Client.from_flags({"page-size": 50})
    details = client.get_details("page-size", {"targetingKey": "user-7"})
    assert details.error_code is ErrorCode.TYPE_MISMATCH
    assert "give the default second" in str(details.error_message)


def test_a_key_that_is_no_text_gives_the_default() -> None:
    client = Client.from_flags({"x": True})
    wrong: Any = ["x"]
    assert client.is_enabled(wrong, default=True) is True
    assert client.get_value(wrong, 3) == 3


def test_a_file_that_cannot_be_read_is_refused_and_one_broken_flag_is_not(tmp_path: Path) -> None:
    with pytest.raises(FlagFileError, match=r"missing\.json"):
        Client.from_file(tmp_path / "missing.json")
    (tmp_path / "torn.json").write_text('{"buildflags":1,"flags":{')
    with pytest.raises(FlagFileError, match=r"torn\.json"):
        Client.from_file(tmp_path / "torn.json")
    (tmp_path / "flags.json").write_text(
        '{"buildflags":1,"flags":{"good":{"type":"boolean","variants":{"on":true,"off":false},"enabled":true,"off":"off",'
        '"rules":[],"fallthrough":{"variant":"on"}},"bad":{"type":"boolean","surprise":1}}}'
    )
    client = Client.from_file(tmp_path / "flags.json")
    assert client.is_enabled("good")
    assert client.get_details("bad", False).error_code is ErrorCode.PARSE_ERROR
    assert set(client.status().broken) == {"bad"}


def test_an_unwritable_cache_directory_is_a_log_line(
    backend: Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    backend.set(boolean("new-checkout", on=True))
    with Client(**backend.options(cache_dir=tmp_path / "file")) as client:
        assert client.start(wait=10)
        assert client.is_enabled("new-checkout")
        client.refresh(wait=10)
        assert client.status().disk_error
    said = [record for record in caplog.records if "the disk copy cannot be used" in record.getMessage()]
    assert len(said) == 1
    assert said[0].levelname == "WARNING"


def test_past_max_staleness_callers_get_their_defaults(client: Client, backend: Backend) -> None:
    pinned = client.pinned(max_staleness=0.000001)
    details = pinned.get_details("new-checkout", False)
    assert (details.value, details.reason, details.decided, details.freshness) == (
        False,
        Reason.STALE,
        False,
        Freshness.EXPIRED,
    )
    assert client.is_enabled("new-checkout")
