"""The tree of commands. A command's module is loaded when it is named, so that `--help` and typing errors are quick."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from buildflags_sdk import __version__

from ._exit import Exit, Failure

COMMANDS = {
    "dev": ("dev", "dev", "Start a backend to develop with, with a sample workspace."),
    "serve": ("serve", "serve", "Run the backend on this machine."),
    "flags": ("flags", "flags", "Look at flags and change them."),
    "eval": ("eval", "evaluate", "Decide a flag for a context, and say why."),
    "pull": ("pull", "pull", "Save a ruleset as a bootstrap file."),
    "import": ("importing", "import_", "Import another system's flags."),
    "verify-import": ("verifying", "verify_import", "Compare an import with the other system, on a sample of traffic."),
    "keys": ("keys", "keys", "Make and replace the keys that manifests are signed with."),
    "restore": ("restore", "restore_command", "Let a backend go on from a backup."),
    "validate": ("validate", "validate", "Check a bootstrap or flags file."),
    "status": ("status", "status", "Show how an environment stands."),
    "doctor": ("doctor", "doctor", "Check each step between this process and its flags."),
}
"""Name → (module of this package, the command in it, what the overview says)."""

SERVER_MODULES = ("fastapi", "starlette", "uvicorn")
"""What the extra `server` brings."""


class Commands(click.Group):
    """The commands of `COMMANDS`, each loaded on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load a command. One that needs an extra that is not installed says so."""
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        try:
            command: click.Command = getattr(import_module(f"buildflags_sdk.cli.{module}"), name)
        except ModuleNotFoundError as error:
            if error.name not in SERVER_MODULES:
                raise
            what = f"`buildflags {cmd_name}` runs the backend, which needs {error.name}: it is not installed here"
            advice = "pip install 'buildflags-sdk[cli,server]'"
            raise Failure(what, advice, exit_code=Exit.CONFIGURATION) from None
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, but Ctrl-C ends with 130 and without a word."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.stderr.write("\n")
            raise SystemExit(Exit.INTERRUPTED) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a mistyped name is answered with the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The overview, without loading any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "-V", "--version", prog_name="buildflags", message="%(prog)s %(version)s")
def buildflags() -> None:
    """Feature flags decided locally. Start with `buildflags dev`.

    Options also come from BUILDFLAGS_URL, BUILDFLAGS_SDK_KEY, BUILDFLAGS_MANAGEMENT_KEY, BUILDFLAGS_WORKSPACE and
    BUILDFLAGS_ENVIRONMENT. Answers go to stdout (--json for programs), everything else to stderr.
    """
