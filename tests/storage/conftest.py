"""Rulesets to put on a disk."""

from __future__ import annotations

import pytest

from buildflags_sdk._storage.disk import DiskCopy, Stored
from buildflags_sdk._wire.canonical import encode
from buildflags_sdk._wire.manifest import encode_manifest
from buildflags_sdk._wire.page import encode_pages, page_name

URL = "https://flags.example"


@pytest.fixture
def make_stored():
    """A function that makes a ruleset of one revision, in four pages."""

    def make(revision=1, *, generation=0, checked_at=1000.0, text="", **identity):
        lines = [
            encode({"key": f"flag-{n}", "type": "boolean", "meta": {"text": f"{text}{revision}{n}"}}) for n in range(12)
        ]
        bodies = encode_pages(lines, 2)
        names = [page_name(body) for body in bodies]
        manifest = encode_manifest(
            workspace=identity.get("workspace", "acme"),
            environment=identity.get("environment", "production"),
            epoch=7,
            revision=revision,
            published_at="",
            pages_at="/p/secret/",
            pages=names,
        )
        headers = {"cache-control": "max-age=15", "buildflags-poll": "60"}
        return Stored(generation, manifest, dict(zip(names, bodies, strict=True)), 'W/"tag"', headers, None, checked_at)

    return make


@pytest.fixture
def make_copy(tmp_path):
    """A function that makes a disk copy in the test's own folder, as a new process would."""

    def make(url=URL, workspace="acme", environment="production", **seams):
        seams = {"sleep": lambda seconds: None, "wall": lambda: 2000.0, **seams}
        return DiskCopy(tmp_path / "cache", url, workspace, environment, **seams)

    return make
