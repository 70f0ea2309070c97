"""The delivery protocol, pure: manifest, pages and bundles to bytes and back. What client and server share; no I/O here."""
