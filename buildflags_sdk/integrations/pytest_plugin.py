"""The pytest plugin: the fixture and the mark `buildflags`, and the mark `buildflags_both`.

They set answers on every client of the process, so that other threads, loops and in-process servers see them too, and
take them off at the test's end. With xdist each worker is a process of its own.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from buildflags_sdk.testing import FlagOverrides

CHOICES = ("error", "warn", "ignore")
HELP = "what an override of a flag that no client has does: error (default), warn or ignore"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and its ini twin."""
    parser.addini("buildflags_unknown", HELP, default="error")
    parser.getgroup("buildflags").addoption("--buildflags-unknown", choices=CHOICES, default=None, help=HELP)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and check the ini option before a test runs."""
    config.addinivalue_line(
        "markers",
        'buildflags(values, **flags): answer flags as told, e.g. buildflags(new_checkout=True) or buildflags({"a.b": 1})',
    )
    config.addinivalue_line(
        "markers", "buildflags_both(*keys): run the test with each of these flags on and off, in all combinations"
    )
    _unknown(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked with `buildflags_both` once for each combination."""
    keys = [key for mark in metafunc.definition.iter_markers("buildflags_both") for key in mark.args]
    if keys:
        sides = [dict(zip(keys, states, strict=True)) for states in product((True, False), repeat=len(keys))]
        names = [",".join(f"{key}={'on' if on else 'off'}" for key, on in side.items()) for side in sides]
        metafunc.parametrize("_buildflags_both", sides, ids=names, indirect=True)


@pytest.fixture
def _buildflags_both(request: pytest.FixtureRequest) -> dict[str, bool]:
    side: dict[str, bool] | None = getattr(request, "param", None)
    if side is None and request.node.get_closest_marker("buildflags_both"):
        msg = "buildflags_both works on functions and plain classes; a unittest.TestCase cannot be parametrised"
        raise pytest.UsageError(msg)
    return side or {}


@pytest.fixture(autouse=True)
def _buildflags_marks(request: pytest.FixtureRequest, _buildflags_both: dict[str, bool]) -> None:
    """Make the fixture, which reads the marks, for tests that have some and do not ask for it."""
    if _buildflags_both or request.node.get_closest_marker("buildflags"):
        request.getfixturevalue("buildflags")


@pytest.fixture
def buildflags(request: pytest.FixtureRequest, _buildflags_both: dict[str, bool]) -> Iterator[FlagOverrides]:
    """Answer feature flags as the test says: `buildflags.set("new-checkout", True)`, until the test ends."""
    from buildflags_sdk.testing import FlagOverrides  # noqa: PLC0415 - most test runs load the plugin and never use it

    overrides = FlagOverrides(_unknown(request.config))
    for mark in reversed(list(request.node.iter_markers("buildflags"))):  # the closest mark wins
        overrides.mark(*_positional(mark), **mark.kwargs)
    if _buildflags_both:
        overrides.mark(_buildflags_both)
    yield overrides
    overrides.finish()


def _positional(mark: pytest.Mark) -> tuple[Any, ...]:
    if len(mark.args) > 1 or not all(isinstance(given, dict) for given in mark.args):
        msg = f"pytest.mark.buildflags takes keywords or one dict, such as buildflags(new_checkout=True), not {mark.args!r}"
        raise pytest.UsageError(msg)
    return mark.args


def _unknown(config: pytest.Config) -> Any:
    chosen = config.getoption("--buildflags-unknown") or config.getini("buildflags_unknown")
    if chosen not in CHOICES:
        msg = f"buildflags_unknown is {chosen!r}; give one of {', '.join(CHOICES)}"
        raise pytest.UsageError(msg)
    return chosen
