"""Every Python block of the README and the documentation runs, top to bottom, as its reader would type it.

A block fenced as `python no-run` needs something that a test has not (a server's address, a framework); each is counted.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sybil import Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser

if TYPE_CHECKING:
    from sybil.document import Document

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_RUN = {"README.md": 1}

BLOCKS = Sybil(parsers=[CodeBlockParser(language="python", evaluator=PythonEvaluator())])


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fences(path: Path) -> list[str]:
    """The words after the opening fence of every block that names Python."""
    return re.findall(r"^ *```+ *(python.*)$", path.read_text(), re.MULTILINE)


def parsed(path: Path) -> Document:
    return BLOCKS.parse(path)


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_the_code_of_the_document_runs(path: Path) -> None:
    for example in parsed(path).examples():
        example.evaluate()


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_no_block_is_left_out_unnoticed(path: Path) -> None:
    found = fences(path)

    assert len(list(parsed(path).examples())) == found.count("python")
    assert found.count("python no-run") == NOT_RUN.get(named(path), 0)
    assert set(found) <= {"python", "python no-run"}


def test_a_document_whose_code_is_wrong_would_be_noticed(tmp_path: Path) -> None:
    document = tmp_path / "wrong.md"
    document.write_text("```python\nassert 1 == 2\n```\n")

    with pytest.raises(AssertionError):
        next(iter(parsed(document).examples())).evaluate()
