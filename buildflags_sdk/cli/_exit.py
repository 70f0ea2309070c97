"""How a command ends: one table of exit codes, and the one error that carries a code, what went wrong and what to do."""

from __future__ import annotations

from enum import IntEnum
from typing import IO, Any

import click
from rich.text import Text

from ._output import stderr


class Exit(IntEnum):
    """Exit codes. A script may rely on them; docs/reference/cli.md explains each."""

    OK = 0
    NEGATIVE = 1  # the command worked and the answer is no: a file with errors, a step of `doctor` that failed
    USAGE = 2  # click's own: an unknown option, a value of the wrong form
    CONFIGURATION = 3  # something needed is missing or impossible here: no URL, no key, no such file, a port in use
    UNREACHABLE = 4  # no answer from the backend: DNS, connection, TLS, deadline
    REFUSED = 5  # the backend refuses the key
    NOT_FOUND = 6  # no such workspace, environment, flag or segment
    CONFLICT = 7  # somebody else changed it meanwhile, or it exists already
    BACKEND = 8  # the backend answered with an error of its own, or with something that is no answer
    INTERRUPTED = 130  # Ctrl-C


class Failure(click.ClickException):
    """A command that cannot do what was asked: `message` says what is wrong, `advice` what to do next."""

    def __init__(self, message: str, advice: str = "", *, exit_code: Exit) -> None:
        super().__init__(message)
        self.advice = advice
        # click declares it for the class and reads it from the instance
        self.exit_code = exit_code  # type: ignore[misc]

    def show(self, file: IO[Any] | None = None) -> None:
        """Write both lines to stderr (or `file`), whatever form the command's answers have."""
        console = stderr(file)
        console.print(Text.assemble(("Error: ", "bold red"), self.message))
        for line in self.advice.splitlines():
            console.print(Text.assemble(("  → ", "bold"), line))
