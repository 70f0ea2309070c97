"""Inputs for the targets: seeds that are right, edits that break them, and hostile ones made to cost time or memory."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from buildflags_sdk._storage.head import Place, Stored, encode_head
from buildflags_sdk._wire.bundle import encode_bundle
from buildflags_sdk._wire.canonical import encode
from buildflags_sdk.testing import flag, lines, manifest_for, segment
from buildflags_sdk.testing.strategies import contexts, flags, rulesets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CORPUS = Path(__file__).parent / "corpus"

_ENTRIES = (
    flag("f0", rules=[{"when": {"attr": "country", "op": "in", "values": ["DE", "FR"]}, "serve": "off"}]),
    flag("new-search", "a", variants={"a": {"x": [1, 2.5, None]}, "b": {"x": []}}, meta={"owner": "search"}),
    segment("staff", include=["user-7"], when={"attr": "plan", "op": "equals", "values": ["pro"]}),
)
_BODY, _ = manifest_for(_ENTRIES)
_PAGED, _PAGES = manifest_for(_ENTRIES, bits=1)
_HEADERS = (
    b'content-type: application/json\netag: W/"abc"\ncache-control: public, max-age=15, stale-while-revalidate=15\n'
    b"age: 3\nbuildflags-poll: 60\nretry-after: Mon, 23 Nov 2026 09:00:10 GMT\n"
    b"buildflags-signature: k1=" + b"A" * 86 + b"=="
)


def _head(body: bytes, pages: Mapping[str, bytes]) -> bytes:
    place = Place("https://flags.example.com", "acme", "production")
    stored = Stored(1, body, dict(pages), 'W/"abc"', {"cache-control": "max-age=15"}, None, 1_795_424_000.0, 5.0, 2)
    return encode_head(place, stored).partition(b"\n")[2]


def _bundle(body: bytes, pages: Mapping[str, bytes]) -> bytes:
    return encode_bundle(
        manifest_body=body,
        pages=pages,
        etag='W/"abc"',
        signature=None,
        saved_at=1_795_424_000.5,
        url="https://f.example",
    )


SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "manifest": (_BODY, _PAGED),
    "page": tuple(_PAGES.values()),
    "flag_line": tuple(lines(*_ENTRIES)),
    "context": (b'{"targetingKey":"user-7","a":"1.2.3","nested":{"plan":"2026-01-01T00:00:00Z"}}', b"[]", b"null"),
    "headers": (_HEADERS, _HEADERS.replace(b"\n", b", x\n")),
    "answer": (
        b"\x00\x64\n" + _HEADERS + b"\n\n" + _BODY,
        b"\x00\x64\n" + _HEADERS + b"\ncontent-encoding: gzip\n\n" + gzip.compress(_BODY, mtime=0),
        b"\x00\xcc\n" + _HEADERS + b"\n\n",
    ),
    "gzip_body": (gzip.compress(_BODY, mtime=0), gzip.compress(b"", mtime=0)),
    "disk_head": (_head(_BODY, {}), _head(_PAGED, _PAGES)),
    "bundle": (_bundle(_BODY, {}), _bundle(_PAGED, _PAGES)),
    "flags_file": (
        b'{"buildflags":1,"flags":{"f0":{"type":"boolean","variants":{"on":true,"off":false},"fallthrough":{"variant":"on"}}}}',
        (
            b'\xef\xbb\xbf{"buildflags":1,"flags":{"f0":{"type":"string","variants":{"a":"x"},"fallthrough":{"split":{"of":100000,'
            b'"scheme":"bf1","seed":"f0","ranges":[{"from":0,"to":100000,"variant":"a"}]}}}},"segments":{"s":{"include":["u"]}}}'
        ),
    ),
}
"""For each target what is right, so that edits of it get past the first check."""

TOKENS = (
    *(
        b'"',
        b"\\",
        b"\\u",
        b"\\ud800",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"\n",
        b"\x00",
        b"\xff",
        b"\xc3\xa9",
        b"=",
        b";",
    ),
    *(
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"-0",
        b"0.1",
        b"9" * 30,
        b"1" + b"0" * 400,
        b"true",
        b"null",
        b'""',
        b"[]",
        b"{}",
    ),
    *(
        b'"key":',
        b'"flag":"f0"',
        b'"segment":"staff"',
        b'"when":',
        b'"not":',
        b'"values":[',
        b'"op":"matches"',
        b'"from":-1',
    ),
)


def bytes_for(target: str) -> st.SearchStrategy[bytes]:
    """Bytes for a target: its seeds edited in a few places, what fits its grammar, or anything at all."""
    seeds = [*SEEDS[target], *corpus(target).values()]
    whole = _WHOLE.get(target, st.nothing())
    return st.one_of(_edited(st.sampled_from(seeds)), whole, _edited(whole), st.binary(max_size=200))


def corpus(target: str) -> dict[str, bytes]:
    """The inputs kept in the repository for a target, by file name: seeds, and everything that once went wrong."""
    folder = CORPUS / target
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))} if folder.is_dir() else {}


def _edited(given: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    place = st.integers(0, 2**16)
    piece = st.one_of(st.sampled_from(TOKENS), st.binary(min_size=1, max_size=4))
    act = st.sampled_from(("insert", "replace", "cut", "repeat", "end"))
    return st.builds(_apply, given, st.lists(st.tuples(act, place, place, piece), min_size=0, max_size=4))


def _apply(data: bytes, edits: list[tuple[str, int, int, bytes]]) -> bytes:
    for act, where, other, piece in edits:
        at = where % (len(data) + 1)
        end = min(len(data), at + other % 40)
        match act:
            case "insert":
                data = data[:at] + piece + data[at:]
            case "replace":
                data = data[:at] + piece + data[at + len(piece) :]
            case "cut":
                data = data[:at] + data[end:]
            case "repeat":
                data = data[:at] + data[at:end] * 3 + data[end:]
            case _:
                data = data[:at]
    return data


def _page_of(ruleset: Any) -> bytes:
    entries = [*ruleset.flags.values(), *ruleset.segments.values()]
    return b"".join(encode(entry) + b"\n" for entry in entries)


_scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12))
_json = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
)
_named = st.dictionaries(st.sampled_from(("targetingKey", "a", "nested", "plan", "country")), _json, max_size=4)
_WHOLE: Mapping[str, st.SearchStrategy[bytes]] = {
    "page": rulesets().map(_page_of),
    "flag_line": flags("fuzzed").map(encode),
    "context": st.one_of(contexts(), _named, _json).map(lambda value: json.dumps(value).encode()),
    "flags_file": rulesets().map(
        lambda ruleset: encode({"buildflags": 1, "flags": ruleset.flags, "segments": ruleset.segments})
    ),
}


def _hostile_line(body: bytes) -> bytes:
    return (b'{"key":"f0",' + body)[:65_000]


HOSTILE: Mapping[str, Callable[[], bytes]] = {
    "deep lists": lambda: b"[" * 250_000,
    "deep objects": lambda: b'{"a":' * 50_000,
    "deep in an entry": lambda: _hostile_line(b'"rules":' + b"[" * 60_000),
    "a text without end": lambda: b'"' + b"a" * 250_000,
    "escapes": lambda: b'"' + b"\\u0041" * 40_000 + b'"',
    "quotes in a key": lambda: b'{"key":"' + b'\\"' * 31_000 + b'"}',
    "many names under a long key": lambda: b'{"key":"' + b'\\"' * 15_000 + b'",' + b'"flag":"a",' * 2_800 + b'"":1}',
    "a number of 200,000 digits": lambda: b'{"epoch":' + b"9" * 200_000 + b"}",
    "one key many times": lambda: b"{" + b",".join([b'"a":1'] * 30_000) + b"}",
    "empty lines": lambda: b"\n" * 250_000,
    "commas": lambda: b"cache-control: " + b"," * 200_000,
    "blanks before garbage": lambda: b"cache-control: a" + b" " * 200_000 + b"x",
    "blanks after an equals sign": lambda: b"cache-control: a=" + b" " * 200_000 + b'"',
    "blanks around every number": lambda: b"\n".join(
        name + b": 1" + b" " * 60_000 + b"x" for name in (b"age", b"buildflags-poll", b"retry-after", b"etag")
    ),
    "blanks between everything": lambda: b"{" + b" " * 250_000 + b'"key"' + b"\t" * 1000 + b":",
    "quoted directives": lambda: b"cache-control: " + b'a="\\' * 40_000,
    "many directives": lambda: b"cache-control: " + b"max-age=1," * 20_000,
    "many signatures": lambda: b"buildflags-signature: " + b"k=AAAA," * 30_000,
    "a long retry-after": lambda: b"retry-after: " + b"1" * 200_000,
    "a bomb": lambda: gzip.compress(b"\x00" * 50_000_000, mtime=0),
    "an answer that is a bomb": lambda: (
        b"\x00\x64\ncontent-encoding: gzip\n\n" + gzip.compress(b" " * 50_000_000, mtime=0)
    ),
    "backslashes": lambda: b"\\" * 250_000,
    "a bundle of many pages": lambda: _bundle(_BODY, {}).replace(
        b'"pages":[]', b'"pages":[' + b'["a",0],' * 30_000 + b'["a",0]]'
    ),
}
"""Inputs made to cost time or memory. Every target gets each of them."""
