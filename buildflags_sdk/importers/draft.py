"""An import in the making: keys that are valid here, entries that are checked, and a finding for each of them."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.model import flag_line, parse_flag, parse_segment, segment_line
from buildflags_sdk._wire.limits import DEFAULT_LIMITS
from buildflags_sdk._wire.names import is_name
from buildflags_sdk.errors import RulesetError

from .links import links_of, too_long
from .report import AttributeMapping, Finding, Imported, Report, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    Kind = Literal["flag", "segment"]

_LONGEST = 128


class Unsupported(Exception):
    """A construct of the peer that has no equal here. The message names it; the entry that holds it is refused."""


class Draft:
    """Collects what one export becomes. Each entry passes the model's own checks, or is refused with what they said."""

    def __init__(self, system: str, version: str = "") -> None:
        self.system = system
        self.version = version
        self.flags: dict[str, dict[str, Any]] = {}
        self.segments: dict[str, dict[str, Any]] = {}
        self._findings: list[Finding] = []
        self._names: dict[tuple[Kind, str], str] = {}
        self._taken: set[tuple[Kind, str]] = set()

    def reserve(self, kind: Kind, source_keys: Iterable[str]) -> None:
        """Give those keys their names first, so that a key that is valid here keeps it whoever comes before."""
        for valid in (True, False):
            for key in source_keys:
                if is_name(key) is valid:
                    self.name(kind, key)

    def name(self, kind: Kind, source_key: str) -> str:
        """The key here of a flag or segment there: the same if it is valid, else a readable one made from it."""
        if (kind, source_key) not in self._names:
            name = source_key if is_name(source_key) else _name_like(source_key)
            if (kind, name) in self._taken:
                name = _with_digest(name, source_key)
            self._names[kind, source_key] = name
            self._taken.add((kind, name))
        return self._names[kind, source_key]

    def add_flag(
        self, source_key: str, entry: dict[str, Any], *, where: str, why: str = "", named: str | None = None
    ) -> None:
        """Add a flag, its `key` being filled in. With `why` it counts as approximated. `named`: a further one of that key."""
        key = named or self.name("flag", source_key)
        whole = {"key": key, **entry, "meta": self._meta(entry, source_key, where)}
        problem = _problem("flag", whole)
        if problem is not None:
            self.refuse_flag(source_key, problem, where=where, type=entry.get("type", "object"))
            return
        self.flags[key] = whole
        self._find("flag", source_key, key, why, where)

    def problem_of_flag(self, source_key: str, entry: dict[str, Any]) -> str | None:
        """Why `add_flag` would refuse it, or None."""
        return _problem("flag", {"key": self.name("flag", source_key), **entry})

    def problem_of_segment(self, source_key: str, entry: dict[str, Any]) -> str | None:
        """Why `add_segment` would refuse it, or None."""
        return _problem("segment", {"segment": self.name("segment", source_key), **entry})

    def refuse_flag(self, source_key: str, why: str, *, where: str, type: str = "object") -> None:
        """Add a flag that gives the caller's default, with an error that says why."""
        key = self.name("flag", source_key)
        self.flags[key] = self._broken(source_key, key, why, where, type)
        self._findings.append(Finding("flag", source_key, key, Standing.REFUSED, why, where))

    def add_segment(self, source_key: str, entry: dict[str, Any], *, where: str, why: str = "") -> None:
        """Add a segment, its `segment` being filled in. With `why` it counts as approximated."""
        key = self.name("segment", source_key)
        whole = {"segment": key, **entry, "meta": self._meta(entry, source_key, where)}
        problem = _problem("segment", whole)
        if problem is not None:
            self.refuse_segment(source_key, problem, where=where)
            return
        self.segments[key] = whole
        self._find("segment", source_key, key, why, where)

    def refuse_segment(self, source_key: str, why: str, *, where: str) -> None:
        """Leave a segment out. A flag that reaches a segment which is absent is PARSE_ERROR unless its condition says else."""
        key = self.name("segment", source_key)
        self._findings.append(Finding("segment", source_key, key, Standing.REFUSED, why, where))

    def done(self, attributes: AttributeMapping) -> Imported:
        """The import. A flag whose entries lead on for longer than evaluation follows them is refused after all."""
        heights = links_of(self.flags, self.segments).heights()
        for at, finding in enumerate(self._findings):
            problem = too_long(heights.get((finding.kind, finding.key), 0))
            if problem and finding.kind == "flag" and finding.standing != Standing.REFUSED:
                type_ = self.flags[finding.key]["type"]
                self.flags[finding.key] = self._broken(finding.source_key, finding.key, problem, finding.where, type_)
                self._findings[at] = finding._replace(standing=Standing.REFUSED, why=problem)
        return Imported(self.flags, self.segments, Report(self.system, self.version, tuple(self._findings)), attributes)

    def _broken(self, source_key: str, key: str, why: str, where: str, type_: str) -> dict[str, Any]:
        return {
            "key": key,
            "type": type_,
            "variants": {},
            "broken": f"not imported from {self.system}: {why}",
            "meta": {"imported": self._origin(source_key, where)},
        }

    def _origin(self, source_key: str, where: str) -> dict[str, Any]:
        return {"system": self.system, "key": source_key, "where": where}

    def _meta(self, entry: dict[str, Any], source_key: str, where: str) -> dict[str, Any]:
        """The entry's own `meta`, with its origin in front of what the importer noted under `imported`."""
        meta = entry.get("meta", {})
        return {**meta, "imported": {**self._origin(source_key, where), **meta.get("imported", {})}}

    def _find(self, kind: Kind, source_key: str, key: str, why: str, where: str) -> None:
        standing = Standing.APPROXIMATED if why else Standing.EXACT
        self._findings.append(Finding(kind, source_key, key, standing, why, where))


def _problem(kind: Kind, entry: dict[str, Any]) -> str | None:
    try:
        line = flag_line(parse_flag(entry)) if kind == "flag" else segment_line(parse_segment(entry))
    except RulesetError as error:
        return str(error)
    except UnicodeEncodeError:
        return "half of a surrogate pair in its text"
    if len(line) > DEFAULT_LIMITS.line_bytes:
        return f"it takes {len(line):,} bytes here, over the limit of {DEFAULT_LIMITS.line_bytes:,} for one entry"
    return None


def _name_like(source_key: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", source_key).strip("-._")[:_LONGEST]
    return plain if is_name(plain) and len(source_key) <= _LONGEST else _with_digest(plain, source_key)


def _with_digest(name: str, source_key: str) -> str:
    digest = sha256(source_key.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: _LONGEST - 9]}-{digest}" if name else f"key-{digest}"


def place(*steps: str | int) -> str:
    """A JSON path such as `$.flags["my flag"].rules[0]`.

    >>> place("flags", "my flag", "rules", 0)
    '$.flags["my flag"].rules[0]'
    """
    return "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" if re.fullmatch(r"\w+", step) else f'["{step}"]'
        for step in steps
    )


def an_object(raw: Any, where: str) -> dict[str, Any]:
    """The object that must stand there. Raises `Unsupported`."""
    if not isinstance(raw, dict):
        msg = f"{where} is {shown(raw)}, not an object"
        raise Unsupported(msg)
    return raw


def a_list(raw: Any, where: str) -> list[Any]:
    """The list that must stand there; absent or null is empty. Raises `Unsupported`."""
    if raw is None:
        return []
    if not isinstance(raw, list):
        msg = f"{where} is {shown(raw)}, not a list"
        raise Unsupported(msg)
    return raw
