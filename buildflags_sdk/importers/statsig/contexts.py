"""Statsig's users as the imported flags read them, and where each of their fields stands.

The user's id is `targetingKey`; its own fields, `custom` and `privateAttributes` stand beside it, `customIDs` and
`environment` under those names. A field of such a name, which means something else here, stands under `custom`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.errors import ConfigurationError

_KEY: Final = "targetingKey"
_TAKEN: Final = frozenset((_KEY, "custom", "customIDs", "environment"))
_OWN: Final = {
    "userid": _KEY,
    "user_id": _KEY,
    "email": "email",
    "ip": "ip",
    "useragent": "userAgent",
    "user_agent": "userAgent",
    "country": "country",
    "locale": "locale",
    "appversion": "appVersion",
    "app_version": "appVersion",
}
"""The fields of every user, by the lower case of the names that conditions know them by."""


def field_paths(field: str) -> list[list[str]]:
    """Where a field may stand, the first that is there counting.

    >>> field_paths("userID"), field_paths("Plan")
    ([['targetingKey']], [['Plan'], ['plan']])
    """
    if field.lower() in _OWN:
        return [[_OWN[field.lower()]]]
    return [["custom", name] if name in _TAKEN else [name] for name in dict.fromkeys((field, field.lower()))]


def is_own(path: list[str]) -> bool:
    """Whether a field of every user or the id of a unit stands there, and not one of the application's own."""
    return path[0] in _OWN.values() or path[0] == "customIDs"


def unit_paths(id_type: str | None) -> list[list[str]]:
    """Where the id of a kind of unit may stand."""
    if not id_type or id_type.lower() in ("userid", "user_id"):
        return [[_KEY]]
    return [["customIDs", name] for name in dict.fromkeys((id_type, id_type.lower()))]


def context_of(user: Mapping[str, Any], environment: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Turn a Statsig user into the context that imported flags read. `environment` is the SDK's own, such as its tier.

    >>> context_of({"userID": "ann", "custom": {"plan": "pro"}}, {"tier": "production"})
    {'plan': 'pro', 'targetingKey': 'ann', 'environment': {'tier': 'production'}}

    Raises:
        ConfigurationError: `custom` or another part that must be an object is none.
    """
    parts = {name: _part(user, name) for name in ("custom", "privateAttributes", "customIDs", "statsigEnvironment")}
    named = {**parts["privateAttributes"], **parts["custom"]}
    made = {name: value for name, value in named.items() if name not in _TAKEN and value is not None}
    taken = {name: value for name, value in named.items() if name in _TAKEN and value is not None}
    for name, value in user.items():
        if name not in parts and value is not None and name.lower() in _OWN:
            made[_OWN[name.lower()]] = value
    tier = {**(environment or {}), **parts["statsigEnvironment"]}
    under = {"custom": taken, "customIDs": parts["customIDs"], "environment": tier}
    return {**made, **{name: part for name, part in under.items() if part}}


def _part(user: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = {} if user.get(name) is None else user[name]
    if not isinstance(part, Mapping):
        msg = f"{name} of a Statsig user is an object, not {shown(part)}"
        raise ConfigurationError(msg)
    return dict(part)
