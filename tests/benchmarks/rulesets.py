"""Makes the rulesets that the benchmarks measure: rules as teams write them, deterministic, conditions that repeat."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.model import flag_line, parse_flag, parse_segment, segment_line
from buildflags_sdk._wire.manifest import decode_manifest, encode_manifest
from buildflags_sdk._wire.page import choose_bits, encode_page, page_name, page_of

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKSPACE = "acme"
ENVIRONMENT = "production"
COUNTRIES = ["DE", "FR", "IT", "ES", "NL", "SE", "PL", "US", "BR", "JP"]
WORDS = [
    "checkout",
    "search",
    "banner",
    "pricing",
    "onboarding",
    "export",
    "billing",
    "invite",
    "mobile",
    "upload",
    "theme",
    "cart",
    "login",
    "feed",
]

STAFF: list[dict[str, Any]] = [
    {"segment": "insiders"},
    {"attr": ["email"], "op": "ends_with", "values": ["@acme.com"]},
    {"any": [{"attr": ["email"], "op": "ends_with", "values": ["@acme.com"]}, {"segment": "insiders"}]},
]


def flags(count: int, *, seed: int = 7) -> dict[str, dict[str, Any]]:
    """`count` flags: constants, rules over one attribute, segments, splits; about 530 bytes of page each, which gzip 8:1."""
    dice = random.Random(seed)
    made = {}
    for number in range(count):
        key = f"{dice.choice(WORDS)}-{dice.choice(WORDS)}-{number:05d}"
        made[key] = _flag(key, number, dice)
    return made


def _flag(key: str, number: int, dice: random.Random) -> dict[str, Any]:
    countries = sorted(dice.sample(COUNTRIES, 3))
    digest = hashlib.sha256(key.encode()).hexdigest()
    about = " ".join(dice.sample(WORDS, 2))
    meta = {"owner": f"team-{dice.randrange(20):02d}", "description": f"{about}, {digest[:32]}"}
    rules = [
        {
            "id": "staff",
            "when": dice.choice(STAFF),
            "serve": {"variant": "new"},
        },
        {
            "id": "ramp",
            "when": {"attr": ["country"], "op": "in", "values": countries},
            "serve": {
                "split": {
                    "by": ["targetingKey"],
                    "scheme": "bf1",
                    "seed": f"{key}:{digest[:4]}",
                    "of": 100000,
                    "on_miss": "next",
                    "ranges": [{"from": 0, "to": 10 * dice.randrange(1, 10_000), "variant": "new"}],
                }
            },
        },
    ]
    return {
        "key": key,
        "type": "string",
        "variants": {"old": "v1", "new": f"v{dice.randrange(2, 40)}"},
        "enabled": number % 10 != 0,
        "off": "old",
        "rules": rules,
        "fallthrough": {"variant": "old"},
        "meta": meta,
    }


def lines(definitions: Mapping[str, dict[str, Any]]) -> dict[str, bytes]:
    """Each flag's canonical line."""
    return {key: flag_line(parse_flag(definition)) for key, definition in definitions.items()}


def insiders() -> bytes:
    """The segment that the flags name."""
    definition = {
        "segment": "insiders",
        "include": [f"user-{number}" for number in range(50)],
        "exclude": [],
        "by": ["targetingKey"],
        "when": {"attr": ["plan"], "op": "in", "values": ["enterprise"]},
    }
    return segment_line(parse_segment(definition))


def paged(flag_lines: Mapping[str, bytes], *, revision: int = 1) -> tuple[bytes, dict[str, bytes]]:
    """The manifest's bytes and the pages by name, laid out as the publisher lays them out."""
    entries = {**flag_lines, "insiders": insiders()}
    bits = choose_bits(len(entries), sum(map(len, entries.values())), 0)
    by_page: dict[int, list[bytes]] = {number: [] for number in range(2**bits)}
    for key, line in entries.items():
        by_page[page_of(key, bits)].append(line)
    bodies = [encode_page(page) for page in by_page.values()]
    names = [page_name(body) for body in bodies]
    manifest = encode_manifest(
        workspace=WORKSPACE,
        environment=ENVIRONMENT,
        epoch=1_795_424_400,
        revision=revision,
        published_at="2026-11-23T09:00:00Z",
        pages_at="/p/AAAAAAAAAAAAAAAAAAAAAA/",
        pages=names,
    )
    return manifest, dict(zip(names, bodies, strict=True))


def decoded(manifest: bytes, limits: Any) -> Any:
    """The manifest as a client decodes it."""
    return decode_manifest(manifest, workspace=WORKSPACE, environment=ENVIRONMENT, limits=limits)
