"""Publications that are not as they should be: what a publisher with a defect, or one of another version, would put out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._wire.manifest import etag_of
from buildflags_sdk.testing.factories import lines, manifest_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from buildflags_sdk.testing.factories import Entry

EXTRA = "faulty"
"""The key of the flag that a defective publication adds to the good ones."""

FAR_FUTURE = 10**12


class Publication(NamedTuple):
    """What is published: entries, where, and as which revision. `before` are the entries of the publication before."""

    entries: Sequence[Entry]
    revision: int
    workspace: str
    environment: str
    bits: int | None
    before: Sequence[Entry] = ()


class Document(NamedTuple):
    """What is served: a manifest's bytes, its pages by name, and the header with its signature, if it is signed."""

    manifest: bytes
    pages: dict[str, bytes]
    signature: str | None = None

    @property
    def etag(self) -> str:
        """The entity tag of the manifest with its signature."""
        return etag_of(self.manifest, self.signature)


def plain(publication: Publication) -> Document:
    """As it should be."""
    manifest, pages = manifest_for(
        publication.entries,
        revision=publication.revision,
        workspace=publication.workspace,
        environment=publication.environment,
        bits=publication.bits,
    )
    return Document(manifest, pages)


def in_pages(publication: Publication) -> Document:
    """As it should be, in pages even when it is small."""
    return plain(publication._replace(bits=publication.bits or 1))


def rolled_back(publication: Publication) -> Document:
    """The contents of the publication before, as a new revision."""
    return plain(publication._replace(entries=publication.before))


def far_future(publication: Publication) -> Document:
    """A revision that no later one will pass."""
    return plain(publication._replace(revision=FAR_FUTURE))


def empty(publication: Publication) -> Document:
    """No entries at all."""
    return plain(publication._replace(entries=()))


def newer_format(publication: Publication) -> Document:
    """A manifest that says it is of a format nobody knows yet."""
    document = plain(publication)
    return document._replace(manifest=document.manifest.replace(b'"format":1', b'"format":999', 1))


def with_a_broken_flag(publication: Publication) -> Document:
    """One entry more, whose line breaks off."""
    return _with(publication, b'{"key":"%b","type":"boolean","variants":{"on":true' % EXTRA.encode())


def with_an_unknown_operator(publication: Publication) -> Document:
    """One flag more, with an operator of a version to come."""
    condition = {"attr": ["country"], "op": "resonates_with", "values": ["DE"]}
    return _with(publication, _entry(rules=[{"id": "r", "when": condition, "serve": {"variant": "on"}}]))


def with_an_unknown_field(publication: Publication) -> Document:
    """One flag more, with a field of a version to come; and one in the manifest."""
    document = _with(publication, {**_entry(), "phase_of_the_moon": "waxing"})
    return document._replace(manifest=document.manifest[:-1] + b',"phase_of_the_moon":"waxing"}')


def with_a_cycle(publication: Publication) -> Document:
    """Two flags more, each of which needs the other."""
    return _with(
        publication,
        _entry(rules=[_rule({"flag": f"{EXTRA}-too", "on": True})]),
        _entry(f"{EXTRA}-too", rules=[_rule({"flag": EXTRA, "on": True})]),
    )


def with_a_missing_segment(publication: Publication) -> Document:
    """One flag more, with a segment that is not there."""
    return _with(publication, _entry(rules=[_rule({"segment": "nobody-home"})]))


def _with(publication: Publication, *more: Entry) -> Document:
    return plain(publication._replace(entries=lines(*publication.entries, *more)))


def _rule(when: dict[str, Any]) -> dict[str, Any]:
    return {"id": "r", "when": when, "serve": {"variant": "on"}}


def _entry(key: str = EXTRA, rules: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        "key": key,
        "type": "boolean",
        "variants": {"on": True, "off": False},
        "enabled": True,
        "off": "off",
        "rules": list(rules),
        "fallthrough": {"variant": "off"},
        "meta": {},
    }
