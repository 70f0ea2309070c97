"""The pytest plugin, run by pytest itself.

The package is imported whole before: a run within this process forgets afterwards what it was the first to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import buildflags_sdk.client
import buildflags_sdk.testing.overrides  # noqa: F401 - see above

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]

PLUGIN = "buildflags_sdk.integrations.pytest_plugin"

APP = """
from buildflags_sdk import Client

client = Client.from_flags({"new-checkout": False, "page-size": 20, "a.b": False})

def checkout():
    return client.is_enabled("new-checkout")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Run a test file beside an application that has a client of its own."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.syspath_prepend(pytester.path)

    def run(tests: str, *arguments: str, ini: str = "", in_processes: bool = False) -> pytest.RunResult:
        pytester.makepyfile(app=APP, test_it=f"import pytest\nimport app\n{tests}")
        pytester.makeini(f"[pytest]\naddopts = -p {PLUGIN} -p no:cacheprovider --strict-markers\n{ini}\n")
        if in_processes:
            return pytester.runpytest_subprocess(*arguments)
        return pytester.runpytest_inprocess(*arguments)

    return run


def test_the_fixture_answers_until_the_test_ends(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
def test_on(buildflags):
    buildflags.set("new-checkout", True)
    assert app.checkout()

def test_off():
    assert not app.checkout()
""")

    result.assert_outcomes(passed=2)


def test_the_mark_answers_for_functions_classes_and_modules_and_the_closest_wins(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run("""
pytestmark = pytest.mark.buildflags({"page-size": 1, "a.b": True})

def size():
    return app.client.get_value("page-size", 0)

def test_module():
    assert (size(), app.client.is_enabled("a.b")) == (1, True)

@pytest.mark.buildflags(page_size=2)
class TestClass:
    def test_class(self):
        assert (size(), app.client.is_enabled("a.b")) == (2, True)

    @pytest.mark.buildflags(page_size=3)
    def test_function(self):
        assert size() == 3
""")

    result.assert_outcomes(passed=3)


def test_the_mark_holds_while_the_tests_own_fixtures_are_set_up(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
@pytest.fixture
def built():
    return app.checkout()

@pytest.mark.buildflags(new_checkout=True)
def test_on(built):
    assert built

def test_off(built):
    assert not built
""")

    result.assert_outcomes(passed=2)


def test_a_fixture_of_the_whole_session_does_not_keep_the_first_tests_answers(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run("""
@pytest.fixture(scope="session")
def built_once():
    return app.checkout()

@pytest.mark.buildflags(new_checkout=True)
def test_first(built_once):
    assert app.checkout() and not built_once
""")

    result.assert_outcomes(passed=1)


def test_the_mark_holds_for_a_unittest_test_case(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
import unittest

@pytest.mark.buildflags(new_checkout=True)
class CheckoutTest(unittest.TestCase):
    def setUp(self):
        assert app.checkout()

    def test_on(self):
        assert app.checkout()

def test_off():
    assert not app.checkout()
""")

    result.assert_outcomes(passed=2)


def test_a_client_made_during_the_test_is_reached_too(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
@pytest.mark.buildflags(only_here=True)
def test_own_client():
    own = app.Client.from_flags({"only-here": False})
    assert own.is_enabled("only-here")
""")

    result.assert_outcomes(passed=1)


def test_both_paths_are_run_in_all_combinations(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
seen = []

@pytest.mark.buildflags_both("new-checkout", "a.b")
@pytest.mark.parametrize("number", [1])
def test_each(number):
    seen.append((app.checkout(), app.client.is_enabled("a.b")))

def test_all():
    assert sorted(seen) == [(False, False), (False, True), (True, False), (True, True)]
""",
        "-v",
    )

    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*new-checkout=on,a.b=off*"])


def test_both_paths_of_a_unittest_test_case_are_an_error_that_says_why(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
import unittest

class CheckoutTest(unittest.TestCase):
    @pytest.mark.buildflags_both("new-checkout")
    def test_each(self):
        pass
""")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*TestCase cannot be parametrised*"])


def test_override_ends_with_its_block_and_reset_takes_everything_off(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
@pytest.mark.buildflags(page_size=1)
def test_it(buildflags):
    with buildflags.override(new_checkout=True):
        assert app.checkout()
    assert not app.checkout()
    buildflags.set("new-checkout")
    assert app.checkout()
    buildflags.reset()
    assert not app.checkout()
    assert app.client.get_value("page-size", 0) == 20
""")

    result.assert_outcomes(passed=1)


def test_the_fixture_has_a_client_for_code_that_takes_one(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
@pytest.mark.buildflags({"new-checkout": True})
def test_it(buildflags):
    buildflags.set("page-size", 7)
    assert buildflags.client.is_enabled("new-checkout")
    assert buildflags.client.get_value("page-size", 0) == 7
""")

    result.assert_outcomes(passed=1)


def test_a_misspelt_flag_is_an_error_where_it_is_set(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
def test_it(buildflags):
    buildflags.set("new-chekout", True)
""")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no flag 'new-chekout'*did you mean 'new-checkout'?"])


def test_a_mark_that_names_no_flag_is_an_error_at_the_end_of_its_test(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
@pytest.mark.buildflags(new_chekout=True)
def test_it():
    pass
""")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*did you mean 'new-checkout'?"])


@pytest.mark.parametrize("how", ["ini", "option"])
def test_a_misspelt_flag_may_be_a_warning(run: Callable[..., pytest.RunResult], how: str) -> None:
    arguments, ini = ([], "buildflags_unknown = warn\n") if how == "ini" else (["--buildflags-unknown=warn"], "")
    result = run(
        """
@pytest.mark.buildflags(new_chekout=True)
def test_it(buildflags):
    buildflags.set("other", True)
""",
        *arguments,
        ini=f"filterwarnings = always\n{ini}",
    )

    result.assert_outcomes(passed=1, warnings=2)


def test_a_misspelt_flag_may_be_nothing(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
@pytest.mark.buildflags(new_chekout=True)
def test_it(buildflags):
    buildflags.set("other", True)
    assert app.client.is_enabled("other")
""",
        ini="buildflags_unknown = ignore",
    )

    result.assert_outcomes(passed=1, warnings=0)


def test_a_misspelt_policy_ends_the_run_at_once(run: Callable[..., pytest.RunResult]) -> None:
    result = run("def test_it(): pass", ini="buildflags_unknown = strict")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*buildflags_unknown is 'strict'; give one of error, warn, ignore*"])


def test_a_mark_with_something_else_than_a_dict_is_an_error_that_says_what_to_give(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run("""
@pytest.mark.buildflags("new-checkout")
def test_it():
    pass
""")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*takes keywords or one dict*"])


def test_a_failing_test_leaves_nothing_behind(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
def test_fails(buildflags):
    buildflags.set("new-checkout", True)
    assert 0

def test_off():
    assert not app.checkout()
""")

    result.assert_outcomes(failed=1, passed=1)


def test_a_server_thread_that_outlives_the_tests_sees_each_tests_answers(run: Callable[..., pytest.RunResult]) -> None:
    result = run("""
import queue, threading

@pytest.fixture(scope="session")
def server():
    asked, answered = queue.Queue(), queue.Queue()
    def serve():
        while asked.get():
            answered.put(app.checkout())
    threading.Thread(target=serve, daemon=True).start()
    def ask():
        asked.put(True)
        return answered.get(timeout=10)
    yield ask
    asked.put(False)

@pytest.mark.buildflags(new_checkout=True)
def test_on(server):
    assert server()

def test_off(server):
    assert not server()

def test_set(server, buildflags):
    buildflags.set("new-checkout", True)
    assert server()
""")

    result.assert_outcomes(passed=3)


def test_a_loop_that_outlives_the_tests_sees_each_tests_answers(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
pytestmark = pytest.mark.asyncio(loop_scope="session")

import asyncio, pytest_asyncio

@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def service():
    asked, answered = asyncio.Queue(), asyncio.Queue()
    async def serve():
        while await asked.get():
            await answered.put(app.checkout())
    task = asyncio.create_task(serve())
    async def ask():
        await asked.put(True)
        return await answered.get()
    yield ask
    await asked.put(False)
    await task

@pytest.mark.buildflags(new_checkout=True)
async def test_on(service):
    assert await service() and app.checkout()

async def test_off(service):
    assert not await service()
""",
        "-p",
        "pytest_asyncio.plugin",
        ini="asyncio_default_fixture_loop_scope = function",
    )

    result.assert_outcomes(passed=2)


def test_workers_of_xdist_keep_their_answers_to_themselves(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
@pytest.mark.parametrize("number", range(10))
def test_each(buildflags, number):
    if number % 2:
        buildflags.set("new-checkout", True)
    assert app.checkout() == bool(number % 2)
""",
        "-p",
        "xdist.plugin",
        "-n",
        "2",
        in_processes=True,
    )

    result.assert_outcomes(passed=10)


def test_loading_the_plugin_loads_no_client() -> None:
    import subprocess
    import sys

    code = f"import sys; import {PLUGIN}; print('buildflags_sdk.client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)

    assert (done.stdout.strip(), done.stderr) == ("False", "")
