"""LaunchDarkly's contexts as the imported flags read them, and where each attribute stands in them.

The user is the subject: `key` becomes `targetingKey`, its attributes stand beside it. Other kinds stand under `kinds`,
each with its `key`; `kind` says which kinds there are.

    {"kind": "multi", "user": {"key": "ann", "plan": "pro"}, "org": {"key": "acme", "size": 7}}
    {"kind": ["user", "org"], "targetingKey": "ann", "anonymous": False, "plan": "pro",
     "kinds": {"org": {"key": "acme", "anonymous": False, "size": 7}}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

USER: Final = "user"
_KEY: Final = "targetingKey"
_KINDS: Final = "kinds"
_TAKEN: Final = frozenset((_KEY, _KINDS, "kind"))
"""Names that mean something else at the top: a user's attribute of such a name stands under `kinds.user`."""
_KIND_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OLD_ATTRIBUTES = ("name", "firstName", "lastName", "email", "country", "avatar", "ip")


def attribute_path(kind: str, steps: Sequence[str]) -> list[str]:
    """Where an attribute stands in a context of ours.

    >>> attribute_path("user", ["key"]), attribute_path("user", ["address", "city"]), attribute_path("org", ["key"])
    (['targetingKey'], ['address', 'city'], ['kinds', 'org', 'key'])
    """
    if kind != USER or steps[0] in _TAKEN:
        return [_KINDS, kind, *steps]
    return [_KEY, *steps[1:]] if steps[0] == "key" else list(steps)


def context_of(context: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a LaunchDarkly context into the context that its imported flags read.

    One of a single kind, of several (`"kind": "multi"`), or an old-style user, which has no `kind` and keeps its own
    attributes under `custom`.

    >>> context_of({"kind": "user", "key": "ann", "plan": "pro"})
    {'kind': 'user', 'targetingKey': 'ann', 'anonymous': False, 'plan': 'pro'}

    Raises:
        ConfigurationError: LaunchDarkly takes no such context.
    """
    kinds = _kinds(context)
    named = list(kinds)
    made: dict[str, Any] = {"kind": named[0] if len(named) == 1 else named}
    others = {kind: attributes for kind, attributes in kinds.items() if kind != USER}
    if USER in kinds:
        user = dict(kinds[USER])
        taken = {name: user.pop(name) for name in _TAKEN & user.keys()}
        made |= {_KEY: user.pop("key"), **user}
        if taken:
            others[USER] = taken
    if others:
        made[_KINDS] = others
    return made


def _kinds(context: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    if "kind" not in context:
        return {USER: _old_user(context)}
    kind = context["kind"]
    if kind != "multi":
        return {_kind_name(kind): _attributes(context, _kind_name(kind))}
    kinds = {_kind_name(name): _attributes(each, name) for name, each in context.items() if name != "kind"}
    if not kinds:
        msg = "a LaunchDarkly context of several kinds names at least one"
        raise ConfigurationError(msg)
    return kinds


def _kind_name(kind: object) -> str:
    if not isinstance(kind, str) or not _KIND_NAME.fullmatch(kind) or kind in ("kind", "multi"):
        msg = f"a kind of LaunchDarkly context is named with letters, digits, dots and dashes, not {shown(kind)}"
        raise ConfigurationError(msg)
    return kind


def _attributes(context: object, kind: str) -> dict[str, Any]:
    if not isinstance(context, Mapping):
        msg = f"a LaunchDarkly context is an object; the one of kind {kind!r} is {shown(context)}"
        raise ConfigurationError(msg)
    found = {name: value for name, value in context.items() if value is not None and name not in ("kind", "_meta")}
    if not found.get("key"):
        msg = f"a LaunchDarkly context needs a key, and the one of kind {kind!r} has none"
        raise ConfigurationError(msg)
    return _checked(found)


def _old_user(user: Mapping[str, Any]) -> dict[str, Any]:
    custom = {} if user.get("custom") is None else user["custom"]
    if not isinstance(custom, Mapping) or user.get("key") is None:
        msg = f"an old-style LaunchDarkly user has a key, and its own attributes in the object 'custom': {shown(user)}"
        raise ConfigurationError(msg)
    own = {name: value for name, value in custom.items() if value is not None and name not in ("kind", "_meta")}
    built_in = {name: user[name] for name in _OLD_ATTRIBUTES if user.get(name) is not None}
    return _checked({"key": user["key"], "anonymous": user.get("anonymous") or False, **own, **built_in})


def _checked(found: dict[str, Any]) -> dict[str, Any]:
    key, anonymous, name = found["key"], found.get("anonymous", False), found.get("name", "")
    if not isinstance(key, str) or not isinstance(anonymous, bool) or not isinstance(name, str):
        msg = f"in a LaunchDarkly context key and name are text and anonymous a boolean: {shown(found)}"
        raise ConfigurationError(msg)
    return {"key": key, "anonymous": anonymous, **{n: v for n, v in found.items() if n not in ("key", "anonymous")}}
