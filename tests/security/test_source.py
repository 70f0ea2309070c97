"""What the package's source must never hold: code made of data, or a way around TLS."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import buildflags_sdk

PACKAGE = Path(buildflags_sdk.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "imp", "pty", "telnetlib"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {("os", "system"), ("os", "popen"), ("yaml", "load"), ("ssl", "_create_unverified_context")}
UNSAFE_TLS = {"CERT_NONE", "CERT_OPTIONAL", "_create_unverified_context", "_create_stdlib_context"}


def violations(tree: ast.AST) -> list[str]:
    """What is forbidden in it, with its line."""
    found = []
    for node in ast.walk(tree):
        said = _violation(node)
        if said:
            found.append(f"line {getattr(node, 'lineno', 0)}: {said}")
    return found


def _violation(node: ast.AST) -> str | None:
    if isinstance(node, ast.Import) and {alias.name.partition(".")[0] for alias in node.names} & MODULES:
        return "imports what runs code out of data"
    if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
        return "imports what runs code out of data"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        return f"calls {node.func.id}"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in METHODS:
        return f"uses {node.value.id}.{node.attr}"
    if isinstance(node, ast.Attribute) and node.attr in UNSAFE_TLS:
        return f"uses {node.attr}"
    if isinstance(node, ast.keyword) and node.arg in ("verify", "shell", "check_hostname"):
        wrong = node.arg == "shell"
        if isinstance(node.value, ast.Constant) and bool(node.value.value) is wrong:
            return f"says {node.arg}={node.value.value!r}"
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Attribute) and target.attr in ("check_hostname", "verify_mode"):
                return f"sets {target.attr}"
    return None


def test_there_is_something_to_read() -> None:
    assert len(FILES) > 100


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(PACKAGE)) for path in FILES])
def test_no_code_is_made_of_data_and_tls_is_verified(path: Path) -> None:
    assert violations(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from marshal import loads",
        "eval(text)",
        "exec(text)",
        "os.system(text)",
        "httpx.get(url, verify=False)",
        "subprocess.run(text, shell=True)",
        "context.check_hostname = False",
        "context.verify_mode = ssl.CERT_NONE",
        "ssl._create_unverified_context()",
    ],
)
def test_each_of_them_would_be_found(line: str) -> None:
    assert violations(ast.parse(line))
