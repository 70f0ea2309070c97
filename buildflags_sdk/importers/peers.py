"""Other systems' own SDKs, evaluating an export offline: what an import is compared with.

Each is loaded when it is asked for, and none is needed for anything else.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Evaluate = Callable[[str, Mapping[str, Any], Any], Any]


class Peer(NamedTuple):
    """One SDK: what to install, the module that shows that it is there, and what makes an evaluator of an export."""

    package: str
    module: str
    make: Callable[[bytes], Evaluate]


def evaluator(system: str, data: bytes) -> Evaluate:
    """A function `(flag key, context, default) -> value` by the system's own SDK.

    Raises:
        ConfigurationError: that SDK cannot evaluate an export offline, or is not installed; the message says what to do.
    """
    peer = PEERS.get(system)
    if peer is None:
        able = ", ".join(sorted(PEERS))
        msg = f"there is no SDK of {system} that evaluates an export offline; there is one of {able}"
        raise ConfigurationError(msg)
    if find_spec(peer.module) is None:
        msg = f"to compare side by side, install the other system's SDK: pip install {peer.package}"
        raise ConfigurationError(msg)
    return peer.make(data)


def _growthbook(data: bytes) -> Evaluate:
    from growthbook import GrowthBook  # noqa: PLC0415 - only when it is compared with

    document = json.loads(data)
    features, groups = document.get("features", document), document.get("savedGroups", {})

    def evaluate(key: str, context: Mapping[str, Any], default: Any) -> Any:
        book = GrowthBook(features=features, attributes=dict(context), savedGroups=groups)
        try:
            result = book.eval_feature(key)
            return default if result.source == "unknownFeature" or result.value is None else result.value
        finally:
            book.destroy()

    return evaluate


PEERS: dict[str, Peer] = {
    "growthbook": Peer("growthbook", "growthbook", _growthbook),
}
"""The systems whose SDK evaluates an export offline."""
