"""One table of operators: what an attribute is asked, in each system's reading of it. It decides nothing else.

`prepare(op, dialect, values)` gives the test. Rows, by family (dialect `strict` is the native one, also written ``""``):

=================================================  ==================================================================
operators                                          dialects
=================================================  ==================================================================
in, equals, starts_with, ends_with, contains       strict, lower, casefold, text, text_lower
matches                                            strict (search), ignore_case, at_start, text, text_ignore_case
lt, lte, gt, gte, eq, neq                          strict, text; all but neq: unleash; lt … gte: eppo
semver_eq, _neq, _lt, _lte, _gt, _gte              strict, filled, lenient, padded, truncated, statsig
semver_caret, semver_tilde                         strict, filled, truncated
before, after                                      strict, epoch_s, epoch_ms, relative (needs now), unleash (needs now)
exists, type, intersects, contains_all, size,      strict
modulo, element_match
cidr                                               strict, unleash
in, starts_with, ends_with                         salted_sha256; in: statsig_id_list
satisfies                                          growthbook (what stands under a path), growthbook_tree (a whole one)
equals, not_equals, lt … gte, contains,            flagsmith
not_contains, matches, in, modulo
in, contains, starts_with, ends_with, matches,     posthog (release 7.42; None is its "inconclusive")
not_matches, before, after (need now), lt … gte,
semver_eq … semver_gte, _caret, _tilde, _wildcard
(not_)in, (not_)contains, (not_)starts_with,       configcat; hashed but contains: configcat_hashed
(not_)ends_with, (not_)intersects
lt … neq, semver_lt … semver_gte, semver_in,       configcat
not_semver_in, before, after
before, after, on                                  statsig
(not_)equals, (not_)in, (not_)contains, all_in,    powertools
(not_)intersects, starts_with, ends_with, lt …
gte, modulo_range, time_of_day, moment_between,
day_of_week (the last three need now)
=================================================  ==================================================================

An importer names the row; each row says in `operand` what its values are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import (
    configcat,
    dates,
    equality,
    flagsmith,
    growthbook,
    hashed,
    network,
    numbers,
    posthog,
    powertools,
    sets,
    statsig,
    text,
    versions,
)
from .row import Operator, Unpreparable, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["OPERATORS", "Operator", "Unpreparable", "prepare"]

OPERATORS: dict[tuple[str, str], Operator] = {}
_GENERAL = (equality, text, numbers, versions, dates, sets, network, hashed)
_PEERS = (configcat, flagsmith, growthbook, posthog, powertools, statsig)
for _family in (*_GENERAL, *_PEERS):
    OPERATORS.update(_family.ROWS)


def prepare(op: str, dialect: str, values: Sequence[Any]) -> Callable[..., bool | None]:
    """The test of one condition. Raises `Unpreparable` for an unknown row and for values that the row cannot take."""
    row = OPERATORS.get((op, dialect or "strict"))
    if row is None:
        msg = f"there is no operator {shown(op)} with dialect {shown(dialect)}"
        raise Unpreparable(msg)
    return row.prepare(list(values))
