"""Heavy modules stay unloaded until something needs them: a cold start pays for what it uses (house.md, contract 6).

Each case runs in a fresh interpreter without site-packages, which proves at the same time that it needs none of them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import buildflags_sdk

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAVY = frozenset({"httpx", "pydantic", "cachetools", "asyncio", "ssl", "dataclasses", "email", "logging"})
EVERY_HOST_HAS_THEM = frozenset({"json", "re", "typing"})
ROOT = Path(buildflags_sdk.__file__).parent.parent


def modules_loaded_by(code: str, *arguments: str) -> set[str]:
    """Every module that the code imports, as `-X importtime` reports it, without what the interpreter's start imports."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); print('-- begin', file=sys.stderr)\n{code}"
    command = [sys.executable, "-I", "-S", "-X", "importtime", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    _, _, report = done.stderr.partition("-- begin")
    return set(re.findall(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", report, re.MULTILINE))


def heavy_among(modules: Iterable[str], heavy: frozenset[str] = HEAVY) -> set[str]:
    return {module for module in modules if module.partition(".")[0] in heavy}


def test_the_probe_sees_a_heavy_module_that_is_loaded() -> None:
    assert heavy_among(modules_loaded_by("import buildflags_sdk, email.message")) >= {"email", "email.message"}


def test_importing_the_package_imports_nothing_else() -> None:
    loaded = modules_loaded_by("import buildflags_sdk")

    assert {module for module in loaded if module.startswith("buildflags_sdk")} == {"buildflags_sdk"}
    assert heavy_among(loaded, HEAVY | EVERY_HOST_HAS_THEM) == set()


@pytest.mark.parametrize(
    "question",
    [
        "client.is_enabled('new-checkout', {'targetingKey': 'user-7', 'country': 'DE'})",
        "client.get_value('button', 'grey', {'targetingKey': 'user-7'}) == 'blue'",
        "client.get_details('button', 'grey', {'targetingKey': 'user-7'}).value == 'blue'",
    ],
    ids=["is_enabled", "get_value", "get_details"],
)
def test_the_first_answer_from_a_pulled_bundle_loads_nothing_heavy(pulled_bundle: Path, question: str) -> None:
    code = f"from buildflags_sdk import Client\nclient = Client.from_file(sys.argv[1])\nassert {question}"

    assert heavy_among(modules_loaded_by(code, str(pulled_bundle))) == set()


def test_a_flag_of_plain_values_needs_nothing_heavy() -> None:
    code = (
        "from buildflags_sdk import Client\nassert Client.from_flags({'new-checkout': True}).is_enabled('new-checkout')"
    )

    assert heavy_among(modules_loaded_by(code)) == set()


@pytest.fixture(scope="session")
def pulled_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that `buildflags pull` writes, for a ruleset with a condition, a split and a constant."""
    from buildflags_sdk._wire.bundle import encode_bundle
    from buildflags_sdk._wire.manifest import encode_manifest
    from buildflags_sdk._wire.page import encode_page, page_name

    page = encode_page([NEW_CHECKOUT, BUTTON])
    manifest = encode_manifest(
        workspace="acme",
        environment="production",
        epoch=1,
        revision=1,
        published_at="2026-11-23T09:00:00Z",
        pages_at="/p/Vq3zq0hT0yJ1mWk2bXn5aQ/",
        pages=[page_name(page)],
    )
    path = tmp_path_factory.mktemp("bundle") / "production.flags"
    path.write_bytes(
        encode_bundle(
            manifest_body=manifest,
            pages={page_name(page): page},
            etag='W/"test"',
            signature=None,
            saved_at=0.0,
            url="https://flags.example.com",
        )
    )
    return path


NEW_CHECKOUT = (
    b'{"key":"new-checkout","type":"boolean","variants":{"on":true,"off":false},"enabled":true,"off":"off",'
    b'"rules":[{"id":"eu","when":{"attr":["country"],"op":"in","values":["DE","FR"]},"serve":{"variant":"on"}}],'
    b'"fallthrough":{"variant":"off"}}'
)
BUTTON = (
    b'{"key":"button","type":"string","variants":{"blue":"blue","green":"green"},"enabled":true,"off":"green",'
    b'"rules":[{"id":"ramp","when":{"all":[]},"serve":{"split":{"by":["targetingKey"],"scheme":"bf1","seed":"button:1",'
    b'"of":100000,"on_miss":"next","on_missing_key":"error","ranges":[{"from":0,"to":100000,"variant":"blue"}]}}}],'
    b'"fallthrough":{"variant":"green"}}'
)
