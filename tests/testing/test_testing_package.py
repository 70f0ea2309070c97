"""`buildflags_sdk.testing` exports what it says, and costs what is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import buildflags_sdk.testing


def test_every_exported_name_is_there() -> None:
    for name in buildflags_sdk.testing.__all__:
        assert getattr(buildflags_sdk.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="manual_clock"):
        _ = buildflags_sdk.testing.manual_clock


def test_overriding_loads_neither_pydantic_nor_httpx() -> None:
    code = (
        "import sys\n"
        "from buildflags_sdk import Client, override_flags\n"
        "client = Client.from_flags({'a': False})\n"
        "with override_flags(a=True):\n"
        "    assert client.is_enabled('a')\n"
        "print(sorted({'pydantic', 'httpx'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
