"""What tests use, ours and yours: overrides, factories of rulesets, a clock moved by hand, a server that misbehaves.

Only `FaultServer` listens, and nothing connects. Names are resolved when first used: `override_flags` costs only itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .clock import ManualClock as ManualClock
    from .factories import flag as flag
    from .factories import lines as lines
    from .factories import manifest_for as manifest_for
    from .factories import segment as segment
    from .factories import snapshot_of as snapshot_of
    from .faults import FaultServer as FaultServer
    from .overrides import FlagOverrides as FlagOverrides
    from .overrides import override_flags as override_flags
    from .transports import LocalBackend as LocalBackend
    from .transports import ScriptedTransport as ScriptedTransport
    from .transports import manifest_answer as manifest_answer
    from .transports import page_answer as page_answer

_HOMES = {
    "clock": ("ManualClock",),
    "factories": ("flag", "lines", "manifest_for", "segment", "snapshot_of"),
    "faults": ("FaultServer",),
    "overrides": ("FlagOverrides", "override_flags"),
    "transports": ("LocalBackend", "ScriptedTransport", "manifest_answer", "page_answer"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - computed from the table above


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module  # noqa: PLC0415 - one name loads one file

    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
