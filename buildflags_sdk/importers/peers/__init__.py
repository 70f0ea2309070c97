"""Other systems' own SDKs, evaluating an export offline: what an import is compared with.

One file a system. Each SDK is loaded when it is asked for, and none is needed for anything else. Contexts are given as
that system's callers give them. What two systems call the same answer is said by `ours`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk.errors import ConfigurationError

from .answers import DEFAULT, Answer, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk._evaluation.details import Decision

    from .answers import Evaluate

__all__ = ["DEFAULT", "PEERS", "Answer", "Peer", "peer_of"]


class Peer(NamedTuple):
    """One SDK: what to install, the module that shows that it is there, and our room that asks it."""

    package: str
    module: str
    room: str

    def evaluator(self, data: bytes) -> Evaluate:
        """What evaluates an export with that SDK.

        Raises:
            ConfigurationError: that SDK does not take the export; the message is its own.
        """
        try:
            made: Evaluate = self._room().evaluator(data)
        except Exception as error:
            msg = f"{self.package} does not take this export, so nothing is compared: {type(error).__name__}: {error}"
            raise ConfigurationError(msg) from error
        return made

    @property
    def ours(self) -> Callable[[Decision, Mapping[str, Any]], Any]:
        """Our decision of an imported entry, in the form in which the evaluator answers."""
        in_their_form: Callable[[Decision, Mapping[str, Any]], Any] = getattr(self._room(), "ours", value_of)
        return in_their_form

    def _room(self) -> Any:
        return import_module(f"{__name__}.{self.room}")


def peer_of(system: str) -> Peer:
    """The SDK of a system, which is installed.

    Raises:
        ConfigurationError: that SDK cannot evaluate an export offline, or is not installed; the message says what to do.
    """
    peer = PEERS.get(system)
    if peer is None:
        able = ", ".join(sorted(PEERS))
        msg = f"there is no SDK of {system} that evaluates an export offline; there is one of {able}"
        raise ConfigurationError(msg)
    if not _is_installed(peer.module):
        msg = f"to compare side by side, install the other system's SDK: pip install {peer.package}"
        raise ConfigurationError(msg)
    return peer


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package that it lies in is not there
        return False


PEERS: Final[dict[str, Peer]] = {
    "appconfig": Peer("aws-lambda-powertools", "aws_lambda_powertools", "powertools"),
    "configcat": Peer("configcat-client", "configcatclient", "configcat"),
    "eppo": Peer("eppo-server-sdk", "eppo_client", "eppo"),
    "flagd": Peer("openfeature-provider-flagd", "openfeature.contrib.tools.flagd.core", "flagd"),
    "flagsmith": Peer("flagsmith", "flagsmith", "flagsmith"),
    "growthbook": Peer("growthbook", "growthbook", "growthbook"),
    "launchdarkly": Peer("launchdarkly-server-sdk", "ldclient", "launchdarkly"),
    "posthog": Peer("posthog", "posthog", "posthog"),
    "statsig": Peer("statsig-python-core", "statsig_python_core", "statsig"),
    "unleash": Peer("UnleashClient", "yggdrasil_engine", "unleash"),
}
"""The systems whose SDK evaluates an export offline."""
