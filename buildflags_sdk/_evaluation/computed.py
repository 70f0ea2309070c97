"""A serve that computes a variant's name: which of the flag's variants a JSON Logic program names, if any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from . import checks
from .lines import Refused
from .rows import prepared_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .details import Decision
    from .serving import Serve
    from .world import World

NO_SUCH_VARIANT: Final = "the expression gave what is no variant of this flag"
_COMPUTED: Final = frozenset(("expression", "dialect", "flag_key"))


def prepared_name(program: Any, dialect: str, flag_key: str) -> Callable[[Any, World], str | None]:
    """A function to the name that a program gives: numbers and bools by their text, None for null. Raises `Refused`."""
    from .operators.wording import plain_text  # noqa: PLC0415 - only rules with an expression pay for the import

    run = prepared_program(program, dialect, flag_key)

    def name_of(context: Any, world: World) -> str | None:
        result = run(context, world)
        return None if result is None else plain_text(result) or ""  # no variant has an empty name

    return name_of


def compile_computed(raw: Any, place: str, decisions: Mapping[str, Decision], unknown: Decision, null: Serve) -> Serve:
    """The decision that a program names; `null` is what comes after a program that names none. Raises `Refused`."""
    from .operators.wording import plain_text  # noqa: PLC0415

    computed = checks.fields(raw, _COMPUTED, place)
    if "expression" not in computed:
        msg = f"{place}.expression: a JSON Logic program is needed, and it is missing"
        raise Refused(msg)
    dialect = checks.text(computed, "dialect", place, "jsonlogic", empty=True)
    flag_key = checks.text(computed, "flag_key", place, "", empty=True)
    run = prepared_program(computed["expression"], dialect, flag_key)

    def serve(context: Mapping[str, Any], snapshot: Any, world: World) -> Decision | None:
        name = run(context, world)
        if name.__class__ is not str:
            if name is None:
                return null(context, snapshot, world)
            name = plain_text(name) or ""  # as in `prepared_name`
        return decisions.get(name, unknown)

    return serve
