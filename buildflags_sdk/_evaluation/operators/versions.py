"""`semver_eq`, `semver_neq`, `semver_lt` … and the ranges caret, tilde, wildcard: versions, as each system reads them."""

from __future__ import annotations

import operator
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from .row import Operator, Rows, Unpreparable, of_any_element, only, shown
from .wording import python_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[Any], Any]
    Prepare = Callable[[list[Any]], Callable[[Any], bool]]

_NUMBER = r"(0|[1-9]\d*)"
_TAIL = (
    r"(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_STRICT = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}{_TAIL}"
_FILLED = rf"{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?{_TAIL}"
_LONGEST = 256  # a version; beyond it nothing is parsed
_RELEASE = ((2,),)  # after every pre-release


def strict_version(value: Any) -> Any:
    """Semantic Versioning 2 exactly, build ignored: a key that orders by precedence (§11), or None."""
    return _key(_STRICT, value)


def filled_version(value: Any) -> Any:
    """As strict, but a missing minor or patch is 0 (LaunchDarkly)."""
    return _key(_FILLED, value)


def lenient_version(value: Any) -> Any:
    """flagd: as filled, with a leading `v` or `V`; numbers count by their text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        from .wording import plain_text  # noqa: PLC0415

        value = plain_text(value)
    return filled_version(value[1:] if isinstance(value, str) and value[:1] in ("v", "V") else value)


def _key(pattern: str, value: Any) -> Any:
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    found = _compiled(pattern).fullmatch(value)
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    return int(major), int(minor or 0), int(patch or 0), _RELEASE if pre is None else _pre_release(pre)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled on first use: doing it on import cost every cold start 8 ms, versions or not."""
    return re.compile(pattern, re.ASCII)


def _pre_release(text: str) -> tuple[tuple[int, int | str], ...]:
    """Identifiers: numbers by value and below words, words by their text; a longer list beats its own beginning."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in text.split("."))


def cut_version(value: Any) -> tuple[int, int, int] | None:
    """PostHog: `v` and spaces dropped, three numbers, whatever follows `-` or `+` cut off; missing ones are 0."""
    text = python_text(value) or ""
    parts = text.strip().lstrip("vV").split("-")[0].split("+")[0].split(".")
    if len(text) > _LONGEST or not parts[0]:
        return None
    major, minor, patch = [*(cut_number(part) if part else 0 for part in parts[:3]), 0, 0][:3]
    return None if major is None or minor is None or patch is None else (major, minor, patch)


def cut_number(part: str) -> int | None:
    """A number of a version: digits without a zero in front (Semantic Versioning 2 §2)."""
    usable = part.isdecimal() and (part == "0" or part[0] != "0") and len(part) <= _LONGEST  # of any script, as `int`
    return int(part) if usable else None


def _digits(part: str) -> int:
    if not part.isdigit() or not part.isascii():
        msg = f"no number: {part}"
        raise ValueError(msg)
    return int(part)


def padded_version(value: Any) -> str | None:
    """GrowthBook: numeric parts padded to five places, `~` after a three-part version, compared as text."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        from .wording import javascript_text  # noqa: PLC0415

        value = javascript_text(value)
    if not value or not isinstance(value, str):
        value = "0"
    parts = re.split(r"[-.]", re.sub(r"^v|\+.*$", "", value))
    if len(parts) == 3:
        parts.append("~")
    return "-".join(part.rjust(5) if re.fullmatch(r"[0-9]+", part) else part for part in parts)


_ORDERINGS: dict[str, tuple[Callable[[Any, Any], bool], Callable[[Any], Any]]] = {
    "lt": (operator.lt, max),
    "lte": (operator.le, max),
    "gt": (operator.gt, min),
    "gte": (operator.ge, min),
}


def compare_versions(read: Read, ordering: str) -> Prepare:
    """An ordering of versions as `read` reads them; with several values, any of them."""
    compare, deciding = _ORDERINGS[ordering]

    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        if not values:
            return lambda _: False
        bound = deciding(_read_all(read, values))

        def holds(thing: Any) -> bool:
            version = read(thing)
            return version is not None and compare(version, bound)

        return of_any_element(holds)

    return prepare


def _read_all(read: Read, values: list[Any]) -> list[Any]:
    taken = [read(value) for value in values]
    if None in taken:
        msg = f"not a version: {shown(values[taken.index(None)])}"
        raise Unpreparable(msg)
    return taken


def _prepare_eq(read: Read) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        wanted = frozenset(_read_all(read, values))
        return of_any_element(lambda thing: read(thing) in wanted)

    return prepare


def _prepare_neq(read: Read) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        (unwanted,) = _read_all(read, [only(values)])

        def holds(thing: Any) -> bool:
            version = read(thing)
            return version is not None and version != unwanted

        return of_any_element(holds)

    return prepare


def caret(version: tuple[int, int, int]) -> tuple[int, int, int]:
    """The first version that a caret range leaves out: the leftmost non-zero number may not change."""
    major, minor, patch = version
    if major:
        return major + 1, 0, 0
    return (0, minor + 1, 0) if minor else (0, 0, patch + 1)


def tilde(version: tuple[int, int, int]) -> tuple[int, int, int]:
    """The first version that a tilde range leaves out: the next minor one."""
    return version[0], version[1] + 1, 0


def _prepare_range(read: Read, end: Callable[[tuple[int, int, int]], tuple[int, int, int]]) -> Prepare:
    def prepare(values: list[Any]) -> Callable[[Any], bool]:
        (low,) = _read_all(read, [only(values)])
        high = (*end(low[:3]), ()) if len(low) > 3 else end(low)

        def holds(thing: Any) -> bool:
            version = read(thing)
            return version is not None and bool(low <= version < high)

        return of_any_element(holds)

    return prepare


ROWS: Rows = {}
for _dialect, _read in {
    "strict": strict_version,
    "filled": filled_version,
    "lenient": lenient_version,
    "padded": padded_version,
    "truncated": cut_version,
}.items():
    ROWS["semver_eq", _dialect] = Operator(_prepare_eq(_read), "versions")
    ROWS["semver_neq", _dialect] = Operator(_prepare_neq(_read), "one version")
    for _ordering in _ORDERINGS:
        ROWS[f"semver_{_ordering}", _dialect] = Operator(compare_versions(_read, _ordering), "versions")
for _dialect, _read in {"strict": strict_version, "filled": filled_version, "truncated": cut_version}.items():
    ROWS["semver_caret", _dialect] = Operator(_prepare_range(_read, caret), "one version")
    ROWS["semver_tilde", _dialect] = Operator(_prepare_range(_read, tilde), "one version")
