"""Statsig's layers of the new kind, whose parameters come from several rules, as rules of which the first counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk.importers.draft import Unsupported

from .making import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    Json = dict[str, Any]

_MOST_PARTS: Final = 200


class Part(NamedTuple):
    """A rule of a layer: whom it takes, and what it gives to whom of them, the first counting and the last for all."""

    name: str
    when: list[Json]
    outcomes: list[tuple[list[Json], Json]]
    delegates: bool = False


def merged(parts: list[Part], default: Json, where: str) -> Iterator[tuple[str, list[Json], str, Json]]:
    """The rule id, the conditions, a name for the variant, and the value of every combination, the first counting.

    An experiment that a layer delegates to counts only where no rule before it takes: the layer's rule that leads to it is
    then the one that the SDK reports, and otherwise none. Raises `Unsupported` for more rules than a layer has.
    """
    if len(parts) > _MOST_PARTS:
        msg = f"{where} has more than {_MOST_PARTS} rules that give parameters together"
        raise Unsupported(msg)
    yield from _from(parts, 0, [], None, default, DEFAULT, [])


def _from(
    parts: list[Part], at: int, when: list[Json], given: Json | None, default: Json, said: str, names: list[str]
) -> Iterator[tuple[str, list[Json], str, Json]]:
    """What follows from the part at `at` on for those whom `when` takes and who have what is `given`, None before a rule."""
    if at == len(parts):
        yield said, when, "+".join(names) or DEFAULT, {**default, **(given or {})}
        return
    part = parts[at]
    # Those whom it takes come first, and all of them are served: so what follows need not say that it did not take them.
    if given is None or not part.delegates:
        named, tells = [*names, part.name or "rule"], part.name if part.delegates else said
        for inner, value in part.outcomes:
            if given is None or not value.keys() <= given.keys():
                now = {**value, **(given or {})}
                yield from _from(parts, at + 1, [*when, *part.when, *inner], now, default, tells, named)
    yield from _from(parts, at + 1, when, given, default, said, names)
