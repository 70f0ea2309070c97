"""Which flags an evaluation has tried before a filter, and on what condition it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .properties import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Condition = dict[str, Any]

_MOST: Final = 4
"""Ways to have tried one flag that are written out: a condition holds all of them, and theirs in turn."""


class Tried:
    """What was tried, in the order of the filters: PostHog's SDK passes over a flag that was undecided when tried before."""

    def __init__(self) -> None:
        self._paths: dict[str, list[list[Condition]]] = {}
        self._unsure: set[str] = set()

    def add(self, name: str, path: Sequence[Condition]) -> None:
        """From here on the flag was tried wherever all of the path holds."""
        paths = self._paths.setdefault(name, [])
        if not path:
            paths[:] = [[]]
        elif [] not in paths:
            if len(paths) < _MOST:
                paths.append(list(path))
            else:
                self._unsure.add(name)

    def blur(self, names: Iterable[str]) -> None:
        """From here on these may have been tried, nobody can say when."""
        self._unsure.update(names)

    def maybe(self, name: str) -> bool:
        """Whether it was tried somewhere that no condition says."""
        return name in self._unsure and [] not in self._paths.get(name, ())

    def __contains__(self, name: str) -> bool:
        return name in self._paths or name in self._unsure

    def or_decided(self, name: str, decided: Condition) -> Condition | None:
        """The flag was tried before, or is decided now; None where it was tried in any case."""
        paths = self._paths.get(name, [])
        if [] in paths:
            return None
        if not paths:
            return decided
        return {"any": [*map(in_order, paths), decided]}
