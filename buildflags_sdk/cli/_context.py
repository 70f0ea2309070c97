"""The evaluation context as typed on a command line: `name=text`, `name:=json`, a JSON object, or `@file.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

TARGETING_KEY = "targetingKey"
FORMS = "give name=text, name:=json (numbers, lists, true), a JSON object, or @file.json"


def read_context(parts: Iterable[str], targeting_key: str | None = None) -> dict[str, Any]:
    """The context that the parts make together; later parts win. `targeting_key` wins over all of them.

    >>> read_context(["plan=pro", "age:=30"], "user-7")
    {'plan': 'pro', 'age': 30, 'targetingKey': 'user-7'}
    """
    context: dict[str, Any] = {}
    for part in parts:
        context |= _read_part(part)
    if targeting_key is not None:
        context[TARGETING_KEY] = targeting_key
    return context


def _read_part(part: str) -> dict[str, Any]:
    if part.startswith("@"):
        return _read_object(_read_file(part[1:]), part)
    if part.lstrip().startswith("{"):
        return _read_object(part, "the context")
    name, equals, value = part.partition("=")
    exact = name.endswith(":")
    name = name.removesuffix(":").strip()
    if not equals or not name:
        message = f"{part!r} is no part of a context: {FORMS}"
        raise click.BadParameter(message, param_hint="--context")
    return {name: _read_json(value, part) if exact else value}


def _read_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read {path!r}: {getattr(error, 'strerror', None) or error}"
        raise click.BadParameter(message, param_hint="--context") from None


def _read_object(text: str, where: str) -> dict[str, Any]:
    value = _read_json(text, where)
    if not isinstance(value, dict):
        message = f"{where} holds a {type(value).__name__}, not a JSON object"
        raise click.BadParameter(message, param_hint="--context")
    return value


def _read_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"{where}: not valid JSON ({error}); {FORMS}"
        raise click.BadParameter(message, param_hint="--context") from None
