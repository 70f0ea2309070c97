"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import buildflags_sdk

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(buildflags_sdk.__path__, "buildflags_sdk.")
    if not found.name.endswith("__main__")
)


def examples_of(name: str) -> list[doctest.DocTest]:
    module = importlib.import_module(name)
    return [test for test in doctest.DocTestFinder().find(module, name) if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_module_hold(name: str) -> None:
    for test in examples_of(name):
        told: list[str] = []
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        runner.run(test, out=told.append)
        assert not told, "".join(told)


def test_the_package_has_examples_at_all() -> None:
    assert examples_of("buildflags_sdk._reading")
