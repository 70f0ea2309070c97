"""What commands show: tables and trees for people, the same data as JSON for programs. Never a whole key.

Answers go to stdout, everything else (progress, errors, notes) to stderr, so that stdout can always be piped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text
from rich.theme import Theme
from rich.tree import Tree

THEME = Theme(
    {
        "key": "bold cyan",
        "on": "bold green",
        "off": "dim",
        "value": "yellow",
        "note": "dim",
        "good": "green",
        "bad": "bold red",
        "warning": "yellow",
        "repr.number": "none",
    }
)
PIPED_WIDTH = 160
"""Columns when stdout is no terminal: wide enough that no table breaks a line, narrow enough to read in a log."""


def stdout() -> Console:
    """The console for answers. Made anew for each use: tests and pipes replace `sys.stdout`."""
    return _console(sys.stdout)


def stderr(file: IO[Any] | None = None) -> Console:
    """The console for everything that is no answer."""
    return _console(sys.stderr if file is None else file)


def _console(file: IO[Any]) -> Console:
    console = Console(file=file, theme=THEME, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    return console


def show(data: Any, picture: Callable[[], RenderableType], *, as_json: bool) -> None:
    """Answer with `data` as JSON, or with the picture that `picture` draws of it."""
    if as_json:
        sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        stdout().print(picture())


def note(text: str) -> None:
    """Say something beside the answer."""
    stderr().print(Text(text, style="note"))


def warn(text: str) -> None:
    """Say something beside the answer that deserves a look."""
    stderr().print(Text.assemble(("Warning: ", "warning"), text))


@contextmanager
def working(text: str) -> Iterator[Callable[[str], None]]:
    """Show that something takes a moment; what is yielded replaces the text. Silent when stderr is no terminal."""
    console = stderr()
    if console.is_terminal:
        with console.status(Text(text, style="note")) as status:
            yield lambda newer: status.update(Text(newer, style="note"))
    else:
        yield lambda newer: None


def mask(key: str) -> str:
    """A key as it may be shown: its kind and four letters, as the server's list of keys shows it. Useless to sign in with.

    >>> mask("bf_server_AbCdEfGhIjKlMnOpQrStUvWxYz012345_0abcde")
    'bf_server_AbCd…'
    """
    kind, _, secret = key.removeprefix("bf_").partition("_")
    if key.startswith("bf_") and len(secret) >= 16:
        return f"bf_{kind}_{secret[:4]}…"
    return "…" if key else "(none)"


def table(*columns: str, title: str | None = None) -> Table:
    """An airy table: a heading, a line, rows."""
    made = Table(box=SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        made.add_column(column, header_style="bold", overflow="fold")
    return made


def facts(pairs: Iterable[tuple[str, RenderableType]]) -> Table:
    """Names and what they are, in two columns without a frame."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="note", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, value)
    return made


def on_off(on: bool | None) -> Text:
    """A switch."""
    if on is None:
        return Text("–", style="off")
    return Text("● on", style="on") if on else Text("○ off", style="off")


def as_text(value: Any) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)


def seconds_text(seconds: float) -> str:
    """A time span as people say it: `320 ms`, `4.2 s`, `3 min`, `5 h`, `2 d`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def add_branches(tree: Tree, value: Any, *, skip: tuple[str, ...] = ()) -> None:
    """Hang a JSON value under a tree, one branch per member."""
    if isinstance(value, Mapping):
        for name, member in value.items():
            if name not in skip:
                _branch(tree, str(name), member)
    elif isinstance(value, list):
        for index, member in enumerate(value, 1):
            _branch(tree, str(index), member)


def _branch(tree: Tree, name: str, member: Any) -> None:
    if isinstance(member, (Mapping, list)) and member and len(as_text(member)) > 60:
        add_branches(tree.add(Text(name, style="note")), member)
    else:
        tree.add(Text.assemble((name, "note"), "  ", as_text(member)))
