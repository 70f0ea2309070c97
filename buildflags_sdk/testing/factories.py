"""Rulesets from as little text as a test needs: flags, segments, their lines, a manifest with its pages, a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._wire.limits import DEFAULT_LIMITS, Limits
from buildflags_sdk._wire.manifest import INLINE_LIMIT, decode_manifest, encode_manifest
from buildflags_sdk._wire.page import choose_bits, encode_page, encode_pages, page_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from buildflags_sdk._evaluation.model import FlagDefinition, SegmentDefinition
    from buildflags_sdk._snapshot import Snapshot

    Entry = FlagDefinition | SegmentDefinition | Mapping[str, Any] | bytes

PUBLISHED_AT = "2026-11-23T09:00:00Z"


def flag(
    key: str,
    serves: Any = True,
    *,
    variants: Mapping[str, Any] | None = None,
    rules: Sequence[Mapping[str, Any]] = (),
    enabled: bool = True,
    off: str | None = None,
    meta: Mapping[str, Any] | None = None,
) -> FlagDefinition:
    """A flag. Without `variants` it serves the value given; with them `serves` names the variant that is left over.

    Rules may use the short forms. The type is that of the first variant's value.

    >>> flag("new-checkout").type
    'boolean'
    >>> flag("button", "blue", variants={"blue": "#00f", "red": "#f00"},
    ...      rules=[{"when": {"attr": "country", "op": "in", "values": ["FR"]}, "serve": "red"}]).rules[0].when.attr
    ('country',)
    """
    from buildflags_sdk._evaluation.model import expand_short_forms, parse_flag  # noqa: PLC0415 - loads pydantic

    if variants is None:
        name = _variant_name(serves)
        variants, serves = {name: {"value": serves} if isinstance(serves, dict | list) else serves}, name
        if name in ("on", "off"):
            variants = {"on": True, "off": False}
    kind = _type_of(next(iter(variants.values())))
    if kind == "object":
        variants = {name: _long(value) for name, value in variants.items()}
    entry: dict[str, Any] = {
        "key": key,
        "type": kind,
        "variants": dict(variants),
        "enabled": enabled,
        "off": off,
        "rules": [_rule(rule) for rule in rules],
        "fallthrough": None if serves is None else {"variant": serves},
    }
    if meta is not None:
        entry["meta"] = dict(meta)
    return parse_flag(expand_short_forms(entry))


def segment(
    key: str,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    when: Mapping[str, Any] | None = None,
) -> SegmentDefinition:
    """A segment. `when` may use the short forms.

    >>> segment("insiders", include=["user-7"]).include
    ('user-7',)
    """
    from buildflags_sdk._evaluation.model import expand_short_forms, parse_segment  # noqa: PLC0415 - loads pydantic

    entry: dict[str, Any] = {"segment": key}
    if include:
        entry["include"] = list(include)
    if exclude:
        entry["exclude"] = list(exclude)
    if when is not None:
        entry["when"] = dict(when)
    return parse_segment(expand_short_forms(entry))


def lines(*entries: Entry) -> list[bytes]:
    """The canonical line of each entry. What is bytes or a mapping already is taken as it stands, right or wrong."""
    return [_line(entry) for entry in entries]


def manifest_for(
    entries: Iterable[Entry],
    *,
    revision: int = 1,
    epoch: int = 1_764_000_000,
    workspace: str = "acme",
    environment: str = "production",
    pages_at: str = "/p/testing/",
    bits: int | None = None,
    inline: bool | None = None,
) -> tuple[bytes, dict[str, bytes]]:
    """A manifest's bytes and its pages by name, as a publisher makes them.

    `bits` None chooses the number of pages, 2**bits; `inline` None puts a small ruleset into the manifest, unless `bits`
    are given.

    >>> body, pages = manifest_for([flag("new-checkout")], revision=7)
    >>> len(pages), b'"revision":7' in body
    (0, True)
    """
    written = lines(*entries)
    size = sum(map(len, written)) + len(written)
    if inline is None:
        inline = bits is None and size <= INLINE_LIMIT
    head: dict[str, Any] = {
        "workspace": workspace,
        "environment": environment,
        "epoch": epoch,
        "revision": revision,
        "published_at": PUBLISHED_AT,
        "pages_at": pages_at,
    }
    if inline:
        return encode_manifest(**head, inline=encode_page(written).decode()), {}
    if bits is None:
        bits = choose_bits(len(written), size, None)
    bodies = encode_pages(written, bits)
    return encode_manifest(**head, pages=[page_name(body) for body in bodies]), {
        page_name(body): body for body in bodies if body
    }


def snapshot_of(*entries: Entry, limits: Limits = DEFAULT_LIMITS, **manifest: Any) -> Snapshot:
    """A snapshot of these entries, built as one that came over the network. `manifest` is as for `manifest_for`."""
    from buildflags_sdk._snapshot import build_now  # noqa: PLC0415 - loads the compiler

    body, pages = manifest_for(entries, **manifest)
    return build_now(decode_manifest(body, workspace=None, environment=None, limits=limits), pages, None, limits)


def _line(entry: Entry) -> bytes:
    from buildflags_sdk._wire.canonical import encode  # noqa: PLC0415

    if isinstance(entry, bytes):
        return entry
    if hasattr(entry, "keys"):
        return encode(dict(entry))
    from buildflags_sdk._evaluation.model import FlagDefinition, flag_line, segment_line  # noqa: PLC0415

    return flag_line(entry) if isinstance(entry, FlagDefinition) else segment_line(entry)


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule whose `serve` may be just a variant's name."""
    serve = rule["serve"]
    return {**rule, "serve": {"variant": serve} if isinstance(serve, str) else serve}


def _variant_name(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "served"


def _is_long(variant: Any) -> bool:
    return isinstance(variant, dict) and "value" in variant and variant.keys() <= {"value", "on"}


def _long(variant: Any) -> dict[str, Any]:
    return variant if _is_long(variant) else {"value": variant}


def _type_of(variant: Any) -> str:
    value = variant["value"] if _is_long(variant) else variant
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, str) else "object"
