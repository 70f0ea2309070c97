"""How an entry's words become rows of the tables of operators and schemes; one reading for both evaluators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .lines import Refused, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .operators import Operator
    from .pattern_budget import Patterns
    from .world import World

RANDOM: Final = "random"
"""The scheme of a point that is drawn anew each time. It has no row: it hashes nothing."""


class PreparedTest:
    """A row's test for one condition's values. Called with the attribute, and the world too when it `needs_now`."""

    __slots__ = ("needs_now", "patterns", "sees_missing", "test")

    def __init__(self, test: Callable[..., bool | None], row: Operator, patterns: Patterns) -> None:
        self.test = test
        self.patterns = patterns
        self.needs_now = row.needs_now
        self.sees_missing = row.sees_missing

    def __call__(self, attribute: Any, world: World | None = None) -> bool | None:
        return self.test(attribute, world.now()) if world is not None and self.needs_now else self.test(attribute)


def sees_missing(op: str, dialect: str) -> bool:
    """Tell whether an operator itself answers for an attribute that is missing."""
    return _row(op, dialect).sees_missing


def prepared_test(op: str, dialect: str, values: Sequence[Any], broken: str) -> PreparedTest | None:
    """The prepared test, or None when the values cannot be prepared and `broken` confines the damage.

    An operator that this version does not know spoils the flag, whatever `broken` says. Raises `Refused`.
    """
    row = _row(op, dialect)
    from .operators.row import PATTERNS  # noqa: PLC0415 - loaded with the row

    patterns: list[tuple[str, int]] = []
    asked = PATTERNS.set(patterns)
    try:
        return PreparedTest(row.prepare(list(values)), row, tuple(patterns))
    except ValueError as error:
        if broken == "flag":
            msg = f"{op}: {error}"
            raise Refused(msg) from None
        return None
    finally:
        PATTERNS.reset(asked)


def value_test(op: str, dialect: str, values: Sequence[Any]) -> PreparedTest:
    """The test of a prerequisite's value. Raises `Refused`."""
    test = prepared_test(op, dialect, values, "flag")
    if test is None or test.needs_now:
        msg = f"{op} with dialect {shown(dialect)} compares with the moment, which a prerequisite's value is not"
        raise Refused(msg)
    return test


def check_scheme(scheme: str, seed: str, of: int) -> None:
    """Raise `Refused` for a scheme that this version does not know, or a seed or size that it cannot take."""
    from .bucketing import find_scheme  # noqa: PLC0415 - a flag without bucketing needs none

    if scheme == RANDOM:
        return
    row = find_scheme(scheme)
    if row is None:
        msg = f"there is no bucketing scheme {shown(scheme)}"
        raise Refused(msg)
    try:
        row.prepare(seed, of)
    except ValueError as error:
        raise Refused(str(error)) from None


def prepared_program(program: Any, dialect: str, flag_key: str) -> Callable[[Any, World], Any]:
    """The prepared program, which gives what it computes. Raises `Refused`."""
    from .jsonlogic import DIALECTS, prepare_program  # noqa: PLC0415 - only its users pay for the import

    if dialect not in DIALECTS:
        msg = f"there is no expression dialect {shown(dialect)}"
        raise Refused(msg)
    try:
        return prepare_program(program, dialect, flag_key)
    except ValueError as error:
        raise Refused(str(error)) from None


def prepared_expression(program: Any, dialect: str, flag_key: str, broken: str) -> Callable[[Any, World], bool] | None:
    """The prepared program, or None when it cannot be prepared and `broken` confines the damage. Raises `Refused`."""
    from .javascript import truthy  # noqa: PLC0415 - only rules with an expression pay for the import
    from .jsonlogic import DIALECTS  # noqa: PLC0415

    try:
        run = prepared_program(program, dialect, flag_key)
    except Refused:
        if broken == "flag" or dialect not in DIALECTS:
            raise
        return None
    return lambda context, world: truthy(run(context, world))


def _row(op: str, dialect: str) -> Operator:
    from .operators import find_row  # noqa: PLC0415 - a constant flag needs no operators

    row = find_row(op, dialect)
    if row is None:
        msg = f"there is no operator {shown(op)} with dialect {shown(dialect)}"
        raise Refused(msg)
    return row
