"""The Django app: it brings the template tags, and checks the `BUILDFLAGS` setting at start."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from .settings import KNOWN, configured, resolved


class BuildFlagsConfig(AppConfig):
    """`buildflags_sdk.integrations.django` in `INSTALLED_APPS`."""

    name = "buildflags_sdk.integrations.django"
    label = "buildflags"
    verbose_name = "Feature flags"

    def ready(self) -> None:
        """Register the checks."""
        register(check_settings, "buildflags")


def check_settings(app_configs: Any, **_options: Any) -> list[CheckMessage]:
    """E001: a key that `BUILDFLAGS` does not have. E002: a dotted path that leads nowhere."""
    values = configured()
    found: list[CheckMessage] = []
    for key in values.keys() - KNOWN:
        near = get_close_matches(str(key), KNOWN, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(sorted(KNOWN))}."
        found.append(Error(f"BUILDFLAGS has no setting {key!r}.", hint=hint, id="buildflags.E001"))
    for key in ("CLIENT", "CONTEXT"):
        try:
            resolved(values.get(key))
        except ImportError as error:
            found.append(Error(f"BUILDFLAGS[{key!r}] cannot be imported: {error}", id="buildflags.E002"))
    return found
