"""The SDK key is never written anywhere: not to a log, a repr, an error, a status or the disk. Everything is searched."""

from __future__ import annotations

import base64
import copy
import gc
import io
import logging
import pickle
import traceback
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import BuildFlagsError, Client, Polling
from buildflags_sdk._config import SdkKey, Settings
from buildflags_sdk.testing import FaultServer, flag

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "Jx7Qm2Vn8Kd4Wp6Rt3Yc9Hb5Lf1Zs0Ge"
KEY = f"bf_server_{SECRET}_A1b2C3"
FORMS = (SECRET, base64.b64encode(KEY.encode()).decode()[:40], sha256(KEY.encode()).hexdigest(), KEY[::-1])
FAULTS = (
    None,
    "http_401",
    "http_403",
    "http_500",
    "refuse",
    "hang",
    "html_200",
    "invalid_json",
    "gzip_lie",
    "redirect_other_host",
    "truncated_body",
    "http_304_unasked",
)


def assert_silent(where: str, text: str) -> None:
    for form in FORMS:
        assert form not in text, f"the key stands in {where}"


def everything_of(thing: object, depth: int = 6) -> list[object]:
    """All objects of this package that can be reached from one."""
    seen: dict[int, object] = {}
    todo = [(thing, depth)]
    while todo:
        one, left = todo.pop()
        if id(one) in seen or left < 0:
            continue
        seen[id(one)] = one
        if type(one).__module__.startswith("buildflags_sdk") or isinstance(one, (dict, list, tuple, set)):
            todo += [(other, left - 1) for other in gc.get_referents(one)]
    return [one for one in seen.values() if type(one).__module__.startswith("buildflags_sdk")]


@pytest.mark.faults
def test_the_key_is_written_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(buildflags)s", defaults={"buildflags": ""}))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)  # of httpx and httpcore too
    polling = Polling(interval=0.1, minimum=0.05, deadline=0.3, auth_retry=0.1, backoff_first=0.05)
    try:
        with FaultServer([flag("greeting", "v1")], sdk_key=KEY) as server:
            options: dict[str, Any] = {**server.options(), "polling": polling, "cache_dir": tmp_path / "cache"}
            with Client(**options) as client:
                said = [client.start(wait=10)]
                other = client.in_environment("staging", sdk_key=KEY)
                for name in FAULTS:
                    if name is not None:
                        server.fault(name)
                    said.append(client.refresh(wait=2.0))
                    for view in (client, other):
                        details = view.get_details("greeting", "default")
                        for shown in (view, view.status(), details, view.pinned()):
                            assert_silent(f"a repr under {name}", f"{shown!r} {shown}")
                    server.well()
                assert_silent("a readiness", repr(said))
                reprs = [repr(one) for one in everything_of(client)]
                assert any("SdkKey(…)" in text for text in reprs), "the search has reached the key's own object"
                assert_silent("a repr of an inner object", "\n".join(reprs))
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "buildflags_sdk.refresh" in log.getvalue()
    assert_silent("a log line", log.getvalue())
    printed = capfd.readouterr()
    assert_silent("what is printed", printed.out + printed.err)
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert_silent(f"the file {path.name}", path.read_bytes().decode("latin-1"))
        assert_silent("a file's name", path.name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"sdk_key": KEY + " "},
        {"sdk_key": KEY + "\n"},
        {"sdk_key": f" {KEY}"},
        {"workspace": "a b"},
        {"environment": ""},
        {"url": "ftp://flags.example"},
        {"max_staleness": -1},
        {"polling": Polling(interval=-1)},
    ],
)
def test_no_error_shows_it(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"url": "https://x", "sdk_key": KEY, "workspace": "acme", "environment": "dev"}
    with pytest.raises(BuildFlagsError) as refused:
        Client(**given | wrong)
    assert_silent("an error", f"{refused.value!r} {refused.value}")
    lines = traceback.TracebackException.from_exception(refused.value).format()
    assert_silent("a traceback", "".join(lines))


SETTINGS = Settings(url="https://x", sdk_key=SdkKey(KEY), workspace="acme", environment="dev")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "thing", [SETTINGS, SETTINGS.sdk_key, {"key": SETTINGS.sdk_key}], ids=["settings", "key", "dict"]
)
def test_it_is_not_pickled(thing: object, protocol: int) -> None:
    with pytest.raises(TypeError, match="an SDK key is not pickled") as refused:
        pickle.dumps(thing, protocol)
    assert_silent("an error", str(refused.value))


def test_its_state_is_given_to_nobody_who_looks_for_one() -> None:
    key = SETTINGS.sdk_key
    for ask in (key.__getstate__, key.__reduce__, lambda: key.__reduce_ex__(2), lambda: vars(key)):
        with pytest.raises(TypeError):
            ask()
    assert_silent("what a debugger lists", f"{dir(key)} {SETTINGS._asdict()} {SETTINGS!s} {key!s}")


def test_settings_are_copied_with_the_key_they_have() -> None:
    for one in (copy.copy(SETTINGS), copy.deepcopy(SETTINGS)):
        assert one == SETTINGS
        assert one.sdk_key is SETTINGS.sdk_key
    assert copy.copy(SETTINGS.sdk_key) is copy.deepcopy(SETTINGS.sdk_key) is SETTINGS.sdk_key
