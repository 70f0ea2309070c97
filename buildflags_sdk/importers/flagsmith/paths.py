"""JSONPath (RFC 9535), as far as a segment's property needs it: names one after the other."""

from __future__ import annotations

import re

from buildflags_sdk.importers.draft import Unsupported

_NAME = r"[A-Za-z_\u0080-\U0010ffff][\w\u0080-\U0010ffff]*"
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_STEP = re.compile(rf"\.({_NAME})|\[\s*({_QUOTED})\s*\]", re.ASCII)
_SELECTOR = rf"(?:{_QUOTED}|-?\d*(?::-?\d*){{0,2}}|\*|\?.+?)"
_ANY_STEP = re.compile(
    rf"\s*(?:\.\.?(?:{_NAME}|\*)|(?:\.\.)?\[\s*{_SELECTOR}(?:\s*,\s*{_SELECTOR})*\s*\])", re.ASCII | re.DOTALL
)


def path_of(name: str) -> list[str] | None:
    """The names that a JSONPath leads through; None for a trait's name, which what is no valid JSONPath is too.

    >>> path_of("$.identity.traits['plan']"), path_of("plan"), path_of("$.what is this")
    (['identity', 'traits', 'plan'], None, None)

    Raises:
        Unsupported: a JSONPath that selects otherwise than by names.
    """
    if not name.startswith("$."):
        return None
    steps, at = [], 1
    while at < len(name):
        found = _STEP.match(name, at)
        if found is None:
            break
        steps.append(found[1] or re.sub(r"\\(.)", r"\1", found[2][1:-1]))
        at = found.end()
    if at == len(name):
        return steps
    while at < len(name):
        found = _ANY_STEP.match(name, at)
        if found is None:
            return None
        at = found.end()
    msg = f"the JSONPath {name} selects otherwise than by names"
    raise Unsupported(msg)
