"""What the package exports, name by name. A change here is a change of the public API: it needs a changelog fragment."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import buildflags_sdk

PUBLIC_NAMES = frozenset(
    {
        "AnswerRefused",
        "AsyncClient",
        "BuildFlagsError",
        "Change",
        "Client",
        "ClosedError",
        "ConfigurationError",
        "ConnectionFailed",
        "DeadlineExceeded",
        "Environment",
        "ErrorCode",
        "EvaluationContext",
        "EvaluationDetails",
        "FlagDefinition",
        "FlagFileError",
        "FormatVersionError",
        "Freshness",
        "Limits",
        "ManifestError",
        "PageError",
        "Pinned",
        "Polling",
        "Readiness",
        "Reason",
        "RulesetError",
        "SegmentDefinition",
        "SignatureError",
        "ShadowClient",
        "Source",
        "Status",
        "StorageError",
        "TransportError",
        "UnknownFlagError",
        "__version__",
        "override_flags",
    }
)


def names_that_type_checkers_see() -> set[str]:
    tree = ast.parse(Path(buildflags_sdk.__file__).read_text())
    guarded = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for block in guarded for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname for node in imports for alias in node.names if alias.asname == alias.name}


def test_the_public_names_are_these_and_no_others() -> None:
    assert set(buildflags_sdk.__all__) == PUBLIC_NAMES


def test_type_checkers_see_the_same_names_as_the_interpreter() -> None:
    assert names_that_type_checkers_see() == PUBLIC_NAMES - {"__version__"}


@pytest.mark.parametrize("name", sorted(PUBLIC_NAMES))
def test_every_public_name_can_be_had(name: str) -> None:
    assert getattr(buildflags_sdk, name) is not None


def test_dir_lists_the_public_names() -> None:
    assert set(dir(buildflags_sdk)) >= PUBLIC_NAMES


def test_a_star_import_brings_exactly_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from buildflags_sdk import *", names)
    assert set(names) - {"__builtins__"} == PUBLIC_NAMES


def test_a_misspelt_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="'Cleint'"):
        getattr(buildflags_sdk, "Cleint")  # noqa: B009 - type checkers refuse the plain spelling


def test_the_version_is_the_one_that_is_installed() -> None:
    from importlib.metadata import version

    assert version("buildflags-sdk") == buildflags_sdk.__version__


def test_a_public_name_is_resolved_once() -> None:
    code = "import buildflags_sdk; buildflags_sdk.Reason; print('Reason' in vars(buildflags_sdk))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
