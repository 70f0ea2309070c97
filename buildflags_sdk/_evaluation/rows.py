"""How an entry's words become rows of the tables of operators and schemes; one reading for both evaluators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .lines import Refused, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .operators import Operator


def operator_row(op: str, dialect: str) -> Operator:
    """The row of an operator. One that this version does not know spoils the flag, whatever `broken` says."""
    from .operators import OPERATORS  # noqa: PLC0415 - a constant flag needs no operators

    row = OPERATORS.get((op, dialect))
    if row is None:
        msg = f"there is no operator {shown(op)} with dialect {shown(dialect)}"
        raise Refused(msg)
    return row


def prepared_test(op: str, dialect: str, values: Sequence[Any], broken: str) -> Callable[[Any], bool | None] | None:
    """The prepared test, or None when the values cannot be prepared and `broken` confines the damage."""
    operator_row(op, dialect)
    from .operators import prepare  # noqa: PLC0415

    try:
        return prepare(op, dialect, list(values))
    except ValueError as error:
        if broken == "flag":
            raise Refused(str(error)) from None
        return None


def check_test(op: str, dialect: str, values: Sequence[Any], broken: str) -> None:
    """Raise `Refused` when this test would spoil its flag."""
    prepared_test(op, dialect, values, broken)


def check_scheme(scheme: str, seed: str, of: int) -> None:
    """Raise `Refused` for a scheme that this version does not know, or a seed or size that it cannot take."""
    from .bucketing import SCHEMES  # noqa: PLC0415

    row = SCHEMES.get(scheme)
    if row is None:
        msg = f"there is no bucketing scheme {shown(scheme)}"
        raise Refused(msg)
    try:
        row.prepare(seed, of)
    except ValueError as error:
        raise Refused(str(error)) from None


def prepared_expression(program: Any, dialect: str, broken: str) -> Callable[..., Any] | None:
    """The prepared program, or None when it cannot be prepared and `broken` confines the damage."""
    msg = f"there is no expression dialect {shown(dialect)}"
    raise Refused(msg)


def check_expression(program: Any, dialect: str, broken: str) -> None:
    """Raise `Refused` when this expression would spoil its flag."""
    prepared_expression(program, dialect, broken)
