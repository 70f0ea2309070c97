"""The `BUILDFLAGS` setting, and the client that it describes: one per process, made when it is first needed."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from buildflags_sdk import Client

if TYPE_CHECKING:
    from collections.abc import Callable

FOR_CLIENT: Final = ("URL", "SDK_KEY", "WORKSPACE", "ENVIRONMENT", "CACHE_DIR", "BOOTSTRAP", "SIGNING_KEYS")
KNOWN: Final = frozenset({*FOR_CLIENT, "START_WAIT", "CLIENT", "CONTEXT"})

_making = threading.Lock()
_made: list[Client] = []


def _after_fork_in_child() -> None:
    global _making  # noqa: PLW0603 - a thread of the parent may hold it for ever, as seen from here
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def client() -> Client:
    """The process's client: `BUILDFLAGS["CLIENT"]` (itself or its dotted path), else one made of the other values.

    A value that is not set is read from its environment variable, `BUILDFLAGS_URL` and so on; `SIGNING_KEYS` may be a
    list. A client made here is
    started, and waits `START_WAIT` seconds (2.0) at most for its first ruleset.

    Raises:
        ConfigurationError: a value is missing or cannot work; the message names it.
    """
    made = _made  # one reference: override_settings clears it
    if made:
        return made[0]
    with _making:
        if not _made:
            _made.append(_make(configured()))
        return _made[0]


def context_builder() -> Callable[[Any], Any] | None:
    """`BUILDFLAGS["CONTEXT"]`: a function of the request, itself or its dotted path; None without one."""
    builder: Callable[[Any], Any] | None = resolved(configured().get("CONTEXT"))
    return builder


def configured() -> dict[str, Any]:
    """The `BUILDFLAGS` setting, {} without one."""
    return getattr(settings, "BUILDFLAGS", None) or {}


def resolved(value: Any) -> Any:
    """What a dotted path names; anything else is itself."""
    return import_string(value) if isinstance(value, str) else value


def _make(values: dict[str, Any]) -> Client:
    given: Client | None = resolved(values.get("CLIENT"))
    if given is not None:
        return given
    environ = {f"BUILDFLAGS_{name}": _text(values[name]) for name in FOR_CLIENT if values.get(name) is not None}
    made = Client.from_env({**os.environ, **environ})
    if "START_WAIT" in values:
        made.start(float(values["START_WAIT"]))
    else:
        made.start()
    return made


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, (list, tuple)) else str(value)


def _forget(*, setting: str, **_signal: Any) -> None:
    if setting == "BUILDFLAGS":
        with _making:
            _made.clear()


setting_changed.connect(_forget, dispatch_uid="buildflags")
