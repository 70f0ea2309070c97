"""Feature flags decided locally in a fraction of a microsecond, and never waiting for a network.

The public names are resolved when they are first used (PEP 562), so that importing the package imports nothing else.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._config import Polling as Polling
    from ._evaluation.context import EvaluationContext as EvaluationContext
    from ._evaluation.details import ErrorCode as ErrorCode
    from ._evaluation.details import EvaluationDetails as EvaluationDetails
    from ._evaluation.details import Freshness as Freshness
    from ._evaluation.details import Reason as Reason
    from ._evaluation.details import Source as Source
    from ._evaluation.model import FlagDefinition as FlagDefinition
    from ._evaluation.model import SegmentDefinition as SegmentDefinition
    from ._reports import Change as Change
    from ._reports import Readiness as Readiness
    from ._reports import Status as Status
    from ._wire.limits import Limits as Limits
    from .client import AsyncClient as AsyncClient
    from .client import Client as Client
    from .client import Environment as Environment
    from .client import Pinned as Pinned
    from .errors import AnswerRefused as AnswerRefused
    from .errors import BuildFlagsError as BuildFlagsError
    from .errors import ClosedError as ClosedError
    from .errors import ConfigurationError as ConfigurationError
    from .errors import ConnectionFailed as ConnectionFailed
    from .errors import DeadlineExceeded as DeadlineExceeded
    from .errors import FlagFileError as FlagFileError
    from .errors import FormatVersionError as FormatVersionError
    from .errors import ManifestError as ManifestError
    from .errors import PageError as PageError
    from .errors import RulesetError as RulesetError
    from .errors import SignatureError as SignatureError
    from .errors import StorageError as StorageError
    from .errors import TransportError as TransportError
    from .errors import UnknownFlagError as UnknownFlagError
    from .shadow import ShadowClient as ShadowClient
    from .testing import override_flags as override_flags

__version__ = "0.1.0"

_HOMES = {
    "client": ("AsyncClient", "Client", "Environment", "Pinned"),
    "errors": (
        "AnswerRefused",
        "BuildFlagsError",
        "ClosedError",
        "ConfigurationError",
        "ConnectionFailed",
        "DeadlineExceeded",
        "FlagFileError",
        "FormatVersionError",
        "ManifestError",
        "PageError",
        "RulesetError",
        "SignatureError",
        "StorageError",
        "TransportError",
        "UnknownFlagError",
    ),
    "shadow": ("ShadowClient",),
    "testing": ("override_flags",),
    "_config": ("Polling",),
    "_reports": ("Change", "Readiness", "Status"),
    "_wire.limits": ("Limits",),
    "_evaluation.context": ("EvaluationContext",),
    "_evaluation.details": ("ErrorCode", "EvaluationDetails", "Freshness", "Reason", "Source"),
    "_evaluation.model": ("FlagDefinition", "SegmentDefinition"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # noqa: PLE0604 - computed from the table above, pinned by a test


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        from importlib import import_module  # noqa: PLC0415 - importing the package must import nothing

        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
