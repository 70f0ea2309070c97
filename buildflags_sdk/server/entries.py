"""Flags and segments as rows: what people define, what each environment does, and the page line, encoded here and once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from buildflags_sdk._evaluation.model import flag_line, parse_flag, parse_segment, segment_line
from buildflags_sdk._wire.limits import DEFAULT_LIMITS
from buildflags_sdk.errors import RulesetError
from buildflags_sdk.server.records import (
    CREATED,
    FLAG,
    RULES,
    SEGMENT,
    environment_pk,
    from_json,
    timestamp,
    to_json,
    workspace_pk,
)
from buildflags_sdk.server.stores import Item

DEFINITION = ("type", "variants", "broken", "meta")
"""What a flag is in all environments."""
RULE_FIELDS = ("enabled", "off", "rules", "fallthrough")
"""What a flag does in one environment."""
SEGMENT_FIELDS = ("include", "exclude", "by", "when", "meta")
NO_RULES: dict[str, Any] = {"enabled": False, "off": None, "rules": [], "fallthrough": None}
"""What a flag does where nobody has said anything yet: it is off, and callers get their default."""


def flag_row(workspace: str, key: str, definition: Mapping[str, Any], *, version: int, created_at: str) -> Item:
    """Give the row of a flag across environments."""
    return {
        "PK": workspace_pk(workspace),
        "SK": f"{FLAG}{key}",
        "key": key,
        "body": to_json({name: definition[name] for name in DEFINITION if definition.get(name) is not None}),
        "version": version,
        "created_at": created_at,
        "archived_at": None,
    }


def created_row(workspace: str, key: str, now: float) -> Item:
    """Give the row by which flags are found in the order they were made."""
    return {"PK": workspace_pk(workspace), "SK": f"{CREATED}{timestamp(now)}#{key}", "key": key}


def rules_row(
    workspace: str, environment: str, key: str, rules: Mapping[str, Any], line: bytes | None, *, version: int
) -> Item:
    """Give the row of what a flag does in one environment. Without a line, clients do not see the flag."""
    return {
        "PK": environment_pk(workspace, environment),
        "SK": f"{RULES}{key}",
        "key": key,
        "body": to_json({name: rules[name] for name in RULE_FIELDS}),
        "line": line,
        "version": version,
    }


def segment_row(workspace: str, key: str, body: Mapping[str, Any], *, version: int) -> Item:
    """Give the row of a segment, with its line."""
    return {
        "PK": workspace_pk(workspace),
        "SK": f"{SEGMENT}{key}",
        "key": key,
        "body": to_json({name: body[name] for name in SEGMENT_FIELDS if body.get(name) is not None}),
        "line": encode_segment(key, body),
        "version": version,
    }


def encode_flag(key: str, definition: Mapping[str, Any], rules: Mapping[str, Any]) -> bytes:
    """Give a flag's canonical line for one environment.

    Raises:
        RulesetError: the model refuses it, or the line is too long; the message names the place.
    """
    entry = {"key": key, "type": definition["type"], "variants": definition["variants"]}
    entry |= {name: rules[name] for name in RULE_FIELDS}
    entry |= {name: definition[name] for name in ("broken", "meta") if definition.get(name)}
    return _short_enough(key, flag_line(parse_flag(entry)))


def encode_segment(key: str, body: Mapping[str, Any]) -> bytes:
    """Give a segment's canonical line. Raises `RulesetError` as `encode_flag`."""
    given = {name: body[name] for name in SEGMENT_FIELDS if body.get(name) is not None}
    return _short_enough(key, segment_line(parse_segment({"segment": key, **given})))


def definition_of(row: Item) -> dict[str, Any]:
    """Read what a flag is from its row."""
    body: dict[str, Any] = from_json(row, "body")
    return {name: body.get(name) for name in DEFINITION}


def rules_of(row: Item | None) -> dict[str, Any]:
    """Read what a flag does from its row in one environment; without a row, nothing."""
    return dict(NO_RULES) if row is None else dict(from_json(row, "body"))


def named_entries(value: Any, *, needed: bool = False) -> Iterator[tuple[str, str]]:
    """Give ("segment" or "flag", key) for every other entry that conditions name, wherever they stand in `value`.

    `needed`: only those without which a condition is an error; one with `on_absent` says what then stands in.
    """
    if isinstance(value, Mapping):
        for kind in ("segment", "flag"):
            if isinstance(value.get(kind), str) and not (needed and value.get("on_absent", "error") != "error"):
                yield kind, value[kind]
        for inner in value.values():
            yield from named_entries(inner, needed=needed)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from named_entries(inner, needed=needed)


def _short_enough(key: str, line: bytes) -> bytes:
    if len(line) > DEFAULT_LIMITS.line_bytes:
        msg = (
            f"the line of {key!r} has {len(line)} bytes, over the limit of {DEFAULT_LIMITS.line_bytes}; "
            "put long lists of ids into a membership source"
        )
        raise RulesetError(msg)
    return line
