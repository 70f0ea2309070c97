"""Which entries name which, and what follows from it: who may end in an error, and whose chains are too long."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    Node = tuple[Literal["flag", "segment"], str]


class Links:
    """A graph of flags and segments, by their keys there."""

    def __init__(self) -> None:
        self.names: dict[Node, set[Node]] = defaultdict(set)
        self._named_by: dict[Node, set[Node]] = defaultdict(set)

    def add(self, node: Node, named: Node) -> None:
        """Note that one names another."""
        self.names[node].add(named)
        self._named_by[named].add(node)

    def reaching(self, nodes: Iterable[Node]) -> set[Node]:
        """The nodes, and all that name them, directly or not."""
        found = set(nodes)
        pending = list(found)
        while pending:
            for node in self._named_by[pending.pop()] - found:
                found.add(node)
                pending.append(node)
        return found

    def heights(self) -> dict[Node, int]:
        """How long the longest chain from a node is, itself counted. What reaches a cycle has none."""
        waiting = {node: len(named) for node, named in self.names.items()}
        heights = {node: 1 for node in self._named_by if not waiting.get(node)}
        pending = list(heights)
        for node in pending:  # grows while it is walked
            for above in self._named_by[node]:
                waiting[above] -= 1
                heights[above] = max(heights.get(above, 0), heights[node] + 1)
                if not waiting[above]:
                    pending.append(above)
        return {node: height for node, height in heights.items() if not waiting.get(node)}
