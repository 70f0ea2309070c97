"""JSONPath (RFC 9535) as Flagsmith's engine reads a segment's property: all of it but filters."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from buildflags_sdk.importers.draft import Unsupported

_NAME = r"[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff-]*"  # with a hyphen, which the RFC does not have
_BLANKS = re.compile(r"[ \n\r\t]*")
_STEP = re.compile(rf"(?P<descend>\.\.)?(?(descend)|\.)(?:(?P<any>\*)|(?P<name>{_NAME}))|(?P<descend_in>\.\.)?\[")
_SELECTOR = re.compile(
    r"""(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<any>\*)|(?P<filter>\?)
    |(?P<start>-?[0-9]+)?[ \n\r\t]*:[ \n\r\t]*(?P<stop>-?[0-9]+)?[ \n\r\t]*:?[ \n\r\t]*(?P<step>-?[0-9]+)?
    |(?P<index>-?[0-9]+)""",
    re.VERBOSE | re.DOTALL,
)
_LARGEST = 2**53 - 1


class Step(NamedTuple):
    """One segment of a path: children, or with `descend` all that is below, by name, index, slice, or None for any."""

    descend: bool
    selectors: tuple[str | int | slice | None, ...]


class _NotAPath(Exception):
    pass


def path_of(name: str) -> list[Step] | None:
    """The steps of a JSONPath; None for a trait's name, which what is no valid JSONPath is too.

    >>> path_of("$.identity.traits['plan']")[-1], path_of("plan"), path_of("$.what is this")
    (Step(descend=False, selectors=('plan',)), None, None)

    Raises:
        Unsupported: a JSONPath with a filter, or with an index that is an error in Flagsmith.
    """
    if not name.startswith("$."):
        return None
    try:
        return _steps(name)
    except _NotAPath:
        return None


def _steps(text: str) -> list[Step]:
    steps, at = [], 1
    while at < len(text):
        found = _STEP.match(text, _after_blanks(text, at))
        if found is None:
            raise _NotAPath
        at = found.end()
        if found["any"] or found["name"]:
            steps.append(Step(found["descend"] is not None, (found["name"],)))
        else:
            selectors, at = _selectors(text, at)
            steps.append(Step(found["descend_in"] is not None, selectors))
    return steps


def _selectors(text: str, at: int) -> tuple[tuple[str | int | slice | None, ...], int]:
    """What stands between brackets, and where it ends."""
    selectors: list[str | int | slice | None] = []
    while True:
        found = _SELECTOR.match(text, _after_blanks(text, at))
        if found is None:
            raise _NotAPath
        if found["filter"]:
            msg = f"the JSONPath {text} has a filter"
            raise Unsupported(msg)
        selectors.append(_selector(found, text))
        at = _after_blanks(text, found.end()) + 1
        if text[at - 1 : at] == "]":
            return tuple(selectors), at
        if text[at - 1 : at] != ",":
            raise _NotAPath


def _selector(found: re.Match[str], text: str) -> str | int | slice | None:
    if found["any"]:
        return None
    if found["quoted"]:
        return _unquoted(found["quoted"])
    if found["index"]:
        return _number(found["index"], text)
    start, stop, step = (found[part] and _number(found[part], text) for part in ("start", "stop", "step"))
    return slice(start, stop, step)


def _number(digits: str, text: str) -> int:
    if re.match(r"-?0.|-0", digits):
        raise _NotAPath
    if len(digits) > 20 or abs(int(digits)) > _LARGEST:
        msg = f"the JSONPath {text} has an index out of range, which is an error in Flagsmith"
        raise Unsupported(msg)
    return int(digits)


def _unquoted(quoted: str) -> str:
    inner = quoted[1:-1]
    if quoted[0] == "'":
        inner = inner.replace('"', '\\"').replace("\\'", "'")
    try:
        decoded: str = json.loads(f'"{inner}"')
    except ValueError:
        raise _NotAPath from None
    if re.search(r"\\u00[01]", inner) or re.search("[\ud800-\udfff]", decoded):
        raise _NotAPath
    return decoded


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    assert found is not None  # noqa: S101 - no blank is a match too
    return found.end()
