"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import buildflags_sdk

PACKAGE = Path(buildflags_sdk.__file__).parent


def modules_with_examples() -> list[str]:
    """By their text, so that no module is imported only to find that it has none (some need a framework set up)."""
    found = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text()]
    return [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in found]


def examples_of(name: str) -> list[doctest.DocTest]:
    module = importlib.import_module(name.removesuffix(".__init__"))
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_the_module_hold(name: str) -> None:
    tests = examples_of(name)

    assert tests, "there are examples in the text that doctest does not find"
    for test in tests:
        told: list[str] = []
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
        runner.run(test, out=told.append)
        assert not told, "".join(told)


def test_the_evaluating_methods_have_examples() -> None:
    named = {test.name.rpartition(".")[2] for test in examples_of("buildflags_sdk._reading")}
    assert named >= {"is_enabled", "get_value", "get_details"}
