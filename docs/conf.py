"""How the documentation is built: `make docs`. A warning is an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from buildflags_sdk import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "buildflags-sdk"
author = "The buildflags developers"
copyright = "The buildflags developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["changelog.d"]
html_theme = "furo"
html_title = "buildflags-sdk"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_numpy_docstring = False

default_role = "code"  # docstrings are written in Markdown: `name` is code


def fences_become_directives(_app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Turn the fenced blocks of a Markdown docstring into what autodoc reads."""
    converted: list[str] = []
    inside = False
    for line in lines:
        if fence := re.match(r"( *)```(\w*)$", line):
            inside = not inside
            converted += ["", f"{fence[1]}.. code-block:: {fence[2] or 'text'}", ""] if inside else [""]
        else:
            converted.append(f"   {line}" if inside and line else line)
    lines[:] = converted


def setup(app: Sphinx) -> None:
    """Convert docstrings before napoleon reads their sections."""
    app.connect("autodoc-process-docstring", fences_become_directives, priority=400)
