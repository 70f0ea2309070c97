"""Options that several commands share, each also read from its environment variable, and their checks.

What is missing or impossible is said here, once, with where to get it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from buildflags_sdk._transport.url import parse_base_url
from buildflags_sdk.errors import ConfigurationError

from ._exit import Exit, Failure

if TYPE_CHECKING:
    from ._api import Management

json_option = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
url_option = click.option("--url", envvar="BUILDFLAGS_URL", show_envvar=True, help="Address of the backend.")
sdk_key_option = click.option(
    "--sdk-key", envvar="BUILDFLAGS_SDK_KEY", show_envvar=True, help="SDK key: reads the ruleset of its environments."
)
management_key_option = click.option(
    "--management-key",
    envvar="BUILDFLAGS_MANAGEMENT_KEY",
    show_envvar=True,
    help="Management key: reads and changes flags.",
)
workspace_option = click.option(
    "-w", "--workspace", envvar="BUILDFLAGS_WORKSPACE", show_envvar=True, help="The workspace's key."
)
environment_option = click.option(
    "-e", "--environment", envvar="BUILDFLAGS_ENVIRONMENT", show_envvar=True, help="The environment's key."
)
only_environment_option = click.option("-e", "--environment", help="Only this environment.")
wait_option = click.option(
    "--wait",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the backend.",
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What it takes to read a ruleset, given to the command as one `Given`."""

    @wraps(command)
    def gathered(
        *, url: str | None, sdk_key: str | None, workspace: str | None, environment: str | None, **rest: Any
    ) -> Any:
        return command(given=Given(url, sdk_key, workspace, environment), **rest)

    return _with_options(gathered, environment_option, workspace_option, sdk_key_option, url_option)


def managing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What it takes to use the management API, given to the command as one `Managing`."""

    @wraps(command)
    def gathered(*, url: str | None, management_key: str | None, workspace: str | None, **rest: Any) -> Any:
        return command(managing=Managing(url, management_key, workspace), **rest)

    return _with_options(gathered, workspace_option, management_key_option, url_option)


def _with_options(command: Callable[..., Any], *options: Callable[[Any], Any]) -> Callable[..., Any]:
    for option in options:
        command = option(command)
    return command


class Target(NamedTuple):
    """Where to read a ruleset, and with which key. All four are present and of a possible form."""

    url: str
    sdk_key: str
    workspace: str
    environment: str


class Given(NamedTuple):
    """The four values as they were given, or not."""

    url: str | None
    sdk_key: str | None
    workspace: str | None
    environment: str | None

    def target(self) -> Target:
        """The four values, or a `Failure` that names the first that is missing or impossible and how to give it."""
        return Target(
            checked_url(self.url),
            required(self.sdk_key, "SDK key", "--sdk-key", "BUILDFLAGS_SDK_KEY"),
            required(self.workspace, "workspace", "--workspace", "BUILDFLAGS_WORKSPACE"),
            required_environment(self.environment),
        )


class Managing(NamedTuple):
    """What the management API takes, as it was given, or not."""

    url: str | None
    management_key: str | None
    workspace: str | None

    def api(self) -> Management:
        """The API, or a `Failure` that names the first value that is missing or impossible and how to give it."""
        from ._api import Management  # noqa: PLC0415 - httpx is slow to load, and `validate --help` needs none

        return Management(
            checked_url(self.url),
            required(self.management_key, "management key", "--management-key", "BUILDFLAGS_MANAGEMENT_KEY"),
            required(self.workspace, "workspace", "--workspace", "BUILDFLAGS_WORKSPACE"),
        )


def checked_url(url: str | None) -> str:
    """The backend's address as a client writes it, or a `Failure` that says what is wrong with it."""
    try:
        return str(parse_base_url(required(url, "URL", "--url", "BUILDFLAGS_URL")))
    except ConfigurationError as error:
        what, _, advice = str(error).partition(": ")
        raise Failure(what, advice, exit_code=Exit.CONFIGURATION) from None


def required_environment(environment: str | None) -> str:
    """The environment, or a `Failure` that says how to give it."""
    return required(environment, "environment", "--environment", "BUILDFLAGS_ENVIRONMENT")


def required(value: str | None, what: str, option: str, variable: str) -> str:
    """The value, or a `Failure` that says how to give it."""
    if value is None or not value.strip():
        raise Failure(
            f"no {what} given" if value is None else f"the {what} is empty",
            f"give {option} or set {variable}; `buildflags dev` prints one to start with",
            exit_code=Exit.CONFIGURATION,
        )
    return value.strip()
