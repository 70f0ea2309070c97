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

    Of the experiments that a layer delegates to only the first counts that gives nothing which is given already; its rule
    is the one that the SDK reports. Raises `Unsupported` for more rules than a layer has.
    """
    if len(parts) > _MOST_PARTS:
        msg = f"{where} has more than {_MOST_PARTS} rules that give parameters together"
        raise Unsupported(msg)
    yield from _from(parts, 0, [], {}, default, None, [])


def _from(
    parts: list[Part], at: int, when: list[Json], given: Json, default: Json, said: str | None, names: list[str]
) -> Iterator[tuple[str, list[Json], str, Json]]:
    """What follows from the part at `at` on for those whom `when` takes and who have what is `given`."""
    if at == len(parts):
        yield DEFAULT if said is None else said, when, "+".join(names) or DEFAULT, {**default, **given}
        return
    part = parts[at]
    # Those whom it takes come first, and all of them are served: so what follows need not say that it did not take them.
    if not part.delegates:
        (_, value), *_ = part.outcomes
        if not value.keys() <= given.keys():
            yield from _from(
                parts, at + 1, [*when, *part.when], {**value, **given}, default, said, [*names, part.name or "rule"]
            )
    elif said is None:
        for inner, value in part.outcomes:
            taken = bool(value.keys() & given.keys())
            now = (given, said, names) if taken else ({**value, **given}, part.name, [*names, part.name or "rule"])
            yield from _from(parts, at + 1, [*when, *part.when, *inner], now[0], default, *now[1:])
    yield from _from(parts, at + 1, when, given, default, said, names)
