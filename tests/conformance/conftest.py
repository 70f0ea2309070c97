"""Where the peers' cases are, both evaluators in one call, and a table of what every runner counted."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from buildflags_sdk._evaluation.details import Decision
    from buildflags_sdk.importers.report import Imported

_ROOT = Path(__file__).resolve().parents[2]
# Read when pytest starts: the tests' own fixtures clear BUILDFLAGS_* for each test.
_DIRECTORY = Path(os.environ.get("BUILDFLAGS_CONFORMANCE_DIR") or _ROOT.parent / "shared" / "conformance")
_EXAMPLES = int(os.environ.get("BUILDFLAGS_FUZZ_EXAMPLES") or 200)
_TALLIES: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="session")
def conformance() -> Callable[[str], Path]:
    """The folder of one system's cases; the test is skipped, visibly, without it."""

    def folder(system: str) -> Path:
        found = _DIRECTORY / system
        if not found.is_dir():
            pytest.skip(f"no cases of {system}: set BUILDFLAGS_CONFORMANCE_DIR to the folder that holds them")
        return found

    return folder


@pytest.fixture(scope="session")
def fuzz_examples() -> int:
    """How many examples a differential fuzz tries: BUILDFLAGS_FUZZ_EXAMPLES, 200 without it."""
    return _EXAMPLES


@pytest.fixture
def quiet() -> Iterator[None]:
    """Without logs: several SDKs tell of each odd value."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def both() -> Callable[..., Both]:
    """`both(imported, now=…)`: decides by the interpreter and by the compiler, and demands that they agree."""
    return Both


class Both:
    """One import, decided twice."""

    def __init__(self, imported: Imported, now: float = 1_700_000_000.0, world: Any = None) -> None:
        flags = {key: _line(entry) for key, entry in imported.flags.items()}
        segments = {key: _line(entry) for key, entry in imported.segments.items()}
        self.imported = imported
        self.snapshot = Snapshot.from_lines(flags, segments)
        self.definitions = Definitions(flags, segments)
        self.world = world or PureWorld(now=lambda: now, random=lambda: 0.5)

    def decide(self, key: str, context: Mapping[str, Any]) -> Decision:
        """The decision of both for our key. AssertionError when they differ."""
        defined = interpret(self.definitions, key, context, self.world).decision
        compiled = self.snapshot.decide(key, context, self.world)
        # Of an error each words its message its own way.
        alike = defined.same_as(compiled) or defined.error_code == compiled.error_code is not None
        assert alike, f"{key}: interpreter {defined!r}, compiler {compiled!r}, context {context!r}"
        return defined


@pytest.fixture
def statsig_of() -> Iterator[Callable[[Any], Any]]:
    """`statsig_of(export)`: Statsig's SDK over an export, without its network and logs; the one before is shut down."""
    sdk = pytest.importorskip("statsig_python_core", reason="the peer's SDK is not installed: statsig-python-core")
    opened: list[Any] = []

    class Store(sdk.DataStore):  # type: ignore[misc,name-defined]
        def get(self, key: str) -> Any:
            return sdk.DataStoreResponse(self.specs, 1_700_000_000_000)

    def close() -> None:
        while opened:
            opened.pop().shutdown().wait()

    def make(export: Any) -> Any:
        close()
        options, store = sdk.StatsigOptions(), Store()
        options.disable_network = options.disable_all_logging = options.disable_country_lookup = True
        options.wait_for_user_agent_init = False
        options.output_log_level = "none"
        options.environment = "production"
        store.specs = json.dumps(export)
        options.data_store = store
        opened.append(sdk.Statsig("secret-of-nobody", options))
        opened[0].initialize().wait()
        return opened[0]

    yield make
    close()


@pytest.fixture(scope="session")
def tally() -> Callable[..., None]:
    """`tally(system, passed=, refused=, failed=, left_out={name: count})` adds up; one table is printed at the end."""

    def count(
        system: str, *, passed: int = 0, refused: int = 0, failed: int = 0, left_out: Mapping[str, int] | None = None
    ) -> None:
        row = _TALLIES.setdefault(system, {"passed": 0, "refused": 0, "failed": 0, "left_out": {}})
        row["passed"] += passed
        row["refused"] += refused
        row["failed"] += failed
        for name, number in (left_out or {}).items():
            row["left_out"][name] = row["left_out"].get(name, 0) + number

    return count


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _TALLIES:
        return
    write = terminalreporter.write_line
    terminalreporter.section("conformance")
    write(f"{'system':<16}{'passed':>8}{'refused':>9}{'failed':>8}  left out")
    for system, row in sorted(_TALLIES.items()):
        left = ", ".join(f"{name} {number}" for name, number in sorted(row["left_out"].items())) or "nothing"
        write(f"{system:<16}{row['passed']:>8}{row['refused']:>9}{row['failed']:>8}  {left}")
    build = _ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "conformance.json").write_text(json.dumps(_TALLIES, indent=2, sort_keys=True) + "\n")


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
