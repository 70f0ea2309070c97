"""How the documentation is built: `make docs`. A warning is an error."""

from buildflags_sdk import __version__

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
