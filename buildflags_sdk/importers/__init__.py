"""Rulesets of other systems, read into ours without changing anybody's variant. What cannot be kept is refused by name.

One module per system, loaded when it is asked for. Each has `read(data) -> Imported`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk.errors import ConfigurationError

from .report import AttributeMapping, Finding, Imported, Report, Standing
from .source import MAX_BYTES

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["OPTIONS", "SYSTEMS", "AttributeMapping", "Finding", "Imported", "Report", "Standing", "importer", "read"]

SYSTEMS: Final[dict[str, str]] = {
    "appconfig": "AWS AppConfig",
    "configcat": "ConfigCat",
    "eppo": "Eppo",
    "flagd": "flagd",
    "flagsmith": "Flagsmith",
    "growthbook": "GrowthBook",
    "launchdarkly": "LaunchDarkly",
    "openfeature": "OpenFeature in-memory flags",
    "posthog": "PostHog",
    "statsig": "Statsig",
    "unleash": "Unleash",
    "waffle": "django-waffle",
}
"""The systems that can be read: the module's name and the name that people know it by."""


def importer(system: str) -> ModuleType:
    """Load the module that reads a system's exports.

    Raises:
        ConfigurationError: there is no such system.
    """
    if system not in SYSTEMS:
        msg = f"there is no importer for {system!r}; there is one for each of {', '.join(SYSTEMS)}"
        raise ConfigurationError(msg)
    return import_module(f"{__name__}.{system}")


OPTIONS: Final[dict[str, frozenset[str]]] = {
    "flagd": frozenset({"fractional"}),
    "growthbook": frozenset({"sticky_buckets", "forced_variations"}),
}
"""What an export does not tell and only its application knows, by system: the importer's own `read` explains each."""


def read(system: str, data: bytes, *, max_bytes: int = MAX_BYTES, **options: Any) -> Imported:
    """Read a system's export into flags, segments, a report of what became of each, and a mapping of attributes.

    `options` are that system's own: `fractional` of flagd, `sticky_buckets` and `forced_variations` of GrowthBook.

    Raises:
        ConfigurationError: there is no such system, or it has no such option.
        FlagFileError: the bytes are no export of that system, or larger than `max_bytes`.
    """
    reading: Any = importer(system)
    if unknown := sorted(options.keys() - OPTIONS.get(system, frozenset())):
        msg = f"{SYSTEMS[system]} has no option {', '.join(unknown)}: it is another system's"
        raise ConfigurationError(msg)
    imported: Imported = reading.read(data, max_bytes=max_bytes, **options)
    return imported
