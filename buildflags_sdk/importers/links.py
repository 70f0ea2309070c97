"""Which entries name which, and what follows from it: who may end in an error, and whose chains are too long."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

from buildflags_sdk._evaluation.lines import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
        return _spread(nodes, self._named_by)

    def reached_by(self, nodes: Iterable[Node]) -> set[Node]:
        """The nodes, and all that they name, directly or not."""
        return _spread(nodes, self.names)

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


def _spread(nodes: Iterable[Node], edges: Mapping[Node, set[Node]]) -> set[Node]:
    found = set(nodes)
    pending = list(found)
    while pending:
        for node in edges.get(pending.pop(), set()) - found:
            found.add(node)
            pending.append(node)
    return found


def links_of(flags: Mapping[str, Mapping[str, Any]], segments: Mapping[str, Mapping[str, Any]]) -> Links:
    """What the conditions of entries name, by their keys here."""
    links = Links()
    for key, flag in flags.items():
        for rule in flag.get("rules", ()):
            _follow(links, ("flag", key), rule.get("when"))
    for key, segment in segments.items():
        _follow(links, ("segment", key), segment.get("when"))
    return links


def too_long(height: int) -> str | None:
    """What is wrong with so many entries that name each other in a row; None when evaluation follows them."""
    return f"{height} entries name each other in a row, over the limit of {MAX_DEPTH}" if height > MAX_DEPTH else None


def _follow(links: Links, node: Node, condition: Any) -> None:
    pending = [condition]
    while pending:
        each = pending.pop()
        if not isinstance(each, dict):
            continue
        for kind in ("flag", "segment"):
            if kind in each:
                links.add(node, (kind, each[kind]))
        pending += [*each.get("all", ()), *each.get("any", ()), each.get("not")]
