"""How large anything from the network, a disk or a file may be. Every cap of the protocol, in one place."""

from __future__ import annotations

from typing import Final, NamedTuple


class Limits(NamedTuple):
    """Caps of one environment, counted in decoded bytes; all configurable."""

    manifest_bytes: int = 1_000_000
    page_bytes: int = 262_144
    line_bytes: int = 65_536
    entries: int = 200_000
    depth: int = 32


DEFAULT_LIMITS = Limits()

HEADER_CHARACTERS: Final = 4096
"""The longest header field that is read or kept; a longer one counts as absent. Not configurable: ours have about 100."""
