"""One table of operators: what an attribute is asked, in each system's reading of it. It decides nothing else.

`prepare(op, dialect, values)` gives the test. Rows, by family (dialect `strict` is the native one, also written ``""``):

=================================================  ==================================================================
operators                                          dialects
=================================================  ==================================================================
in, equals, starts_with, ends_with, contains       strict, lower, casefold, text, text_lower
matches                                            strict (search), ignore_case, at_start, text, text_ignore_case
lt, lte, gt, gte, eq, neq                          strict, text; all but neq: unleash
semver_eq, _neq, _lt, _lte, _gt, _gte              strict, filled, lenient, padded, truncated
semver_caret, semver_tilde                         strict, filled, truncated
before, after                                      strict, chrono, epoch_s, epoch_ms, relative (needs now), unleash (needs now)
exists, type, intersects, contains_all, size,      strict
modulo, element_match
cidr                                               strict, unleash
in, starts_with, ends_with                         salted_sha256; in: statsig_id_list
satisfies                                          growthbook (what stands under a path), growthbook_tree (a whole one)
in, matches, lt, lte, gt, gte                      eppo (a version or a number)
equals, not_equals, lt … gte, contains,            flagsmith, flagsmith_key (the identity key that it composes)
not_contains, matches, in, modulo
in, contains, starts_with, ends_with, matches,     posthog (release 7.42; None is its "inconclusive")
not_matches, before, after (need now), lt … gte,
semver_eq … semver_gte, _caret, _tilde, _wildcard
(not_)in, (not_)contains, (not_)starts_with,       configcat; hashed but contains: configcat_hashed
(not_)ends_with, (not_)intersects
lt … neq, semver_lt … semver_gte, semver_in,       configcat
not_semver_in, before, after
in, starts_with, ends_with, contains, matches,     statsig; in: statsig_case
equals, intersects, contains_all, lt … gte,
semver_eq … semver_gte, before, after, on
(not_)equals, (not_)in, (not_)contains, all_in,    powertools
(not_)intersects, starts_with, ends_with, lt …
gte, modulo_range, time_of_day, moment_between,
day_of_week (the last three need now)
=================================================  ==================================================================

An importer names the row; each row says in `operand` what its values are.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .row import Operator, Unpreparable, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    OPERATORS: dict[tuple[str, str], Operator]

__all__ = ["OPERATORS", "Operator", "Unpreparable", "find_row", "prepare"]

# The most used first: a look-up loads families up to the one that has the row (all of them: 6 ms of a cold start).
_FAMILIES: Final = (
    *("equality", "text", "numbers", "sets", "versions", "dates", "network", "hashed"),
    *("configcat", "eppo", "flagsmith", "growthbook", "posthog", "powertools", "statsig"),
)
_rows: Final[dict[tuple[str, str], Operator]] = {}
_loaded: Final[set[str]] = set()


def find_row(op: str, dialect: str) -> Operator | None:
    """The row of an operator, or None where there is none."""
    wanted = (op, dialect or "strict")
    for family in _FAMILIES:
        if wanted in _rows:
            break
        _load(family)
    return _rows.get(wanted)


def __getattr__(name: str) -> Any:
    if name != "OPERATORS":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    for family in _FAMILIES:
        _load(family)
    return _rows


def _load(family: str) -> None:
    if family not in _loaded:
        _rows.update(import_module(f"{__name__}.{family}").ROWS)
        _loaded.add(family)


def prepare(op: str, dialect: str, values: Sequence[Any]) -> Callable[..., bool | None]:
    """The test of one condition. Raises `Unpreparable` for an unknown row and for values that the row cannot take."""
    row = find_row(op, dialect)
    if row is None:
        msg = f"there is no operator {shown(op)} with dialect {shown(dialect)}"
        raise Unpreparable(msg)
    return row.prepare(list(values))
