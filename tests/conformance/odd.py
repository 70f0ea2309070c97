"""Values that systems read each in its own way, and the matrices of every operator with every pair of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.details import CALLER_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, Any]

TEXTS: Final = [
    "", "a", "A", "\u0130", "\u0131", "I", "\u00df", "SS", "\u03a3", "\u03c2", "\u0391\u03a3", "K", "\u212a", "\u00e9", "\u00c9",
    "1", "\u0661", "\u00b2", "1_0", " 1", "1 ", "+1", "-1", "1.", "1.0", ".5", "1e3", "1e400", "inf", "Infinity", "nan", "NaN",
    "0x10", "1,000", "true", "True", "null", "None", "1.2.3", "v1.2.3", "1.2", "1.2.3-beta", "1.2.3+b", "01.2.3", "1.2.3.4",
    "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.123456789Z", "2023-11-14T22:13:20+02:00", "2023-11-14", "2023-11-14 22:13:20",
    "2023-02-30T00:00:00Z", "2023-11-14t22:13:20z", "2023-11-14T24:00:00Z", "2016-12-31T23:59:60Z", "1700000000",
    "1700000000000", "[1]", "{}",
]  # fmt: skip
NUMBERS: Final[list[Any]] = [
    0, 1, -1, 1.5, 1e21, 1e-7, 1_700_000_000, 1_700_000_000_000, 2**53 + 1, 2**63, -0.0, True, False, 1000.0, 0.1 + 0.2,
]  # fmt: skip
OTHERS: Final[list[Any]] = [None, [], ["a"], ["A", "b"], [1, "1"], [True], [None], [["a"]], [2**63, -0.0], {"a": 1}, {}]
_OF_PATTERNS: Final = ("in Unicode", "as RE2 does", "as RE2 reads")  # what a finding says of one that is read otherwise
VALUES: Final = [*TEXTS, *NUMBERS, *OTHERS]


def by_key(operands: list[Any], make: Callable[[str, Any], Json]) -> dict[str, Json]:
    return {f"f{at}": make(f"f{at}", operand) for at, operand in enumerate(operands)}


def compare(
    decided: Any,
    keys: list[str],
    values: list[Any],
    context_of: Callable[[Any], Any],
    theirs: Callable[[str, Any], Any],
) -> int:
    """Ask each flag about each value; how many answers there were. A None of theirs is an SDK that broke off or draws lots."""
    asked = 0
    standings = {each.source_key: each for each in decided.imported.report.findings if each.kind == "flag"}
    told = [key for key in keys if any(words in standings[key].why for words in _OF_PATTERNS)]
    for value in values:
        context = context_of(value)
        for key in keys:
            if standings[key].standing == "refused" or key in told:
                continue
            wanted = theirs(key, value)
            if wanted is None:
                continue
            found = decided.decide(key, context).value
            assert (False if found is CALLER_DEFAULT else found) is wanted, (key, value, decided.imported.flags[key])
            asked += 1
    assert asked
    return asked
