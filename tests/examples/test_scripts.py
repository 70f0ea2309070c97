"""The examples run as their reader would run them: real processes against a real backend."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.e2e


class Backend(NamedTuple):
    """A running backend: the addresses and keys that `buildflags dev` prints."""

    url: str
    sdk_key: str
    management_key: str
    workspace: str
    environment: str

    def environ(self, cache_dir: Path) -> dict[str, str]:
        shown = {f"BUILDFLAGS_{name.upper()}": value for name, value in self._asdict().items()}
        return {**os.environ, **shown, "BUILDFLAGS_CACHE_DIR": str(cache_dir)}

    def serve(self, *, enabled: bool) -> None:
        """Make `new-checkout` a flag that is on in Europe, or nowhere."""
        headers = {"Authorization": f"Bearer {self.management_key}"}
        with httpx.Client(
            base_url=f"{self.url}/v1/workspaces/{self.workspace}/flags", headers=headers, timeout=30
        ) as http:
            if http.get("/new-checkout").status_code == 404:
                body = {"key": "new-checkout", "type": "boolean", "variants": {"on": True, "off": False}}
                http.post("", json=body).raise_for_status()
            path = f"/new-checkout/environments/{self.environment}"
            rule = {
                "id": "europe",
                "when": {"attr": ["country"], "op": "in", "values": ["DE", "FR"]},
                "serve": {"variant": "on"},
            }
            wanted = {"enabled": enabled, "off": "off", "rules": [rule], "fallthrough": {"variant": "off"}}
            http.put(path, json={**wanted, "version": http.get(path).json()["version"]}).raise_for_status()


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, ended politely at the end, or else killed."""
    with process:
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


def started(*command: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env
    )


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    """The next lines that it prints."""
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(count)]


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    command = ["-m", "buildflags_sdk.cli", "dev", "--port", "0", "--json", "--data", str(tmp_path / "flags.sqlite3")]
    with ended(started(*command)) as process:
        said = json.loads(lines(process, 1)[0])
        backend = Backend(**{name: said[name] for name in Backend._fields})
        backend.serve(enabled=True)
        yield backend


def test_the_plain_script_decides_for_each_customer_and_is_told_of_a_change(backend: Backend, tmp_path: Path) -> None:
    environ = backend.environ(tmp_path / "cache")
    with ended(started("examples/plain.py", env=environ)) as script:
        assert lines(script, 2) == ["user-7: new checkout, 20 items a page", "user-8: old checkout, 20 items a page"]

        backend.serve(enabled=False)
        assert script.stdin is not None
        script.stdin.write("again\n")
        script.stdin.flush()
        after = lines(script, 3)  # the listener has a thread of its own: its line may come anywhere among them

        script.stdin.close()
        assert script.wait(30) == 0

    assert "user-7: old checkout, 20 items a page" in after
    assert [line for line in after if line.startswith("changed in revision ") and line.endswith(": new-checkout")]


def test_the_asyncio_script_serves_requests_at_once_each_with_its_own_context(backend: Backend, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "examples/with_asyncio.py"],
        env=backend.environ(tmp_path / "cache"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["user-7: new checkout", "user-8: old checkout", "user-9: new checkout"]
