"""What a JSONPath finds in an evaluation context: what is known now, and the places that only an evaluation fills.

The engine takes the first thing that a path selects. Where that may be absent, such as a trait, what comes after it counts
when it is: hence a list of nodes.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk.importers.draft import Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .paths import Step

RESULT_FIELDS = ("enabled", "name", "reason", "value", "variant", "metadata")
"""The fields of a flag's result, in the engine's order."""


class Place(Enum):
    """A part of the context that only an evaluation fills."""

    IDENTITY = "identity"
    IDENTIFIER = "identifier"
    TRAITS = "traits"
    KEY = "key"
    FLAGS = "flags"


class Trait(NamedTuple):
    """What stands in the traits, under these names one in the other."""

    path: tuple[str, ...]


class Result(NamedTuple):
    """What stands in the result of a feature; the whole result without names."""

    feature: str
    path: tuple[str, ...] = ()


class Known(NamedTuple):
    """What the export itself holds."""

    value: Any


Node = Place | Trait | Result | Known


class Contexts:
    """The evaluation contexts of one export. `reads` collects the features whose results are asked for."""

    def __init__(self, context: dict[str, Any], features: dict[str, Any], *, own_keys: bool) -> None:
        self.context = {name: Known(value) for name, value in context.items() if name != "identity"}
        self.places = list(context)  # an identity of the export tells where the application's own stands
        self.features = features
        self.own_keys = own_keys
        self.reads: set[str] = set()

    def select(self, steps: list[Step], text: str, *, identified: bool) -> list[Node]:
        """What the path may find, the first that is there counting; nothing comes after what is surely there.

        Raises:
            Unsupported: what comes first depends on the order of traits, or of the evaluation.
        """
        root: dict[str, Any] = {}
        for name in dict.fromkeys([*self.places, "identity", "flags"]):
            if name == "identity" and identified:
                root[name] = Place.IDENTITY
            elif name == "flags":
                root[name] = Place.FLAGS
            elif name in self.context:
                root[name] = self.context[name]
        nodes: Iterable[Any] = [root]
        try:
            for step in steps:
                nodes = self._resolve(nodes, step)
            found: list[Node] = []
            for node in nodes:
                found.append(node if isinstance(node, (Place, Trait, Result, Known)) else Known(node))
                if self._is_certain(found[-1]):
                    break
        except _AnyOfMany as many:
            msg = f"the JSONPath {text} selects whatever comes first in {many}, which has no order here"
            raise Unsupported(msg) from None
        return found

    def _is_certain(self, node: Node) -> bool:
        if node is Place.IDENTIFIER:
            return not self.own_keys
        if isinstance(node, Result):
            return len(node.path) < 2 and node.path != ("metadata",)
        return isinstance(node, (Place, Known))

    def _resolve(self, nodes: Iterable[Any], step: Step) -> Iterator[Any]:
        for node in nodes:
            for parent in self._all_below(node) if step.descend else (node,):
                for selector in step.selectors:
                    yield from self._select(parent, selector)

    def _all_below(self, node: Any) -> Iterator[Any]:
        """The node, and everything below it that may hold something; traits are texts, numbers and booleans."""
        yield node
        if node is Place.FLAGS:
            raise _AnyOfMany(Place.FLAGS)
        if node is Place.IDENTITY:
            yield Place.TRAITS
        for child in _children(node):
            if isinstance(_plain(child), (dict, list)) or isinstance(child, Place):
                yield from self._all_below(child)

    def _select(self, node: Any, selector: str | int | slice | None) -> Iterator[Any]:
        if isinstance(selector, str):
            yield from self._named(node, selector)
        elif isinstance(node, Trait) or (isinstance(node, Result) and node.path[:1] in (("value",), ("metadata",))):
            raise _AnyOfMany(node)
        elif isinstance(selector, int):
            items = _plain(node)
            if isinstance(items, list) and -len(items) <= selector < len(items):
                yield items[selector]
        elif selector is not None:
            items = _plain(node)
            if isinstance(items, list) and selector.step != 0:
                yield from items[selector]
        elif isinstance(node, Place):
            if node in (Place.FLAGS, Place.TRAITS) or (node is Place.IDENTITY and self.own_keys):
                raise _AnyOfMany(node)
            yield from (Place.IDENTIFIER, Place.TRAITS, Place.KEY) if node is Place.IDENTITY else ()
        elif isinstance(node, Result):
            yield from () if node.path else (Result(node.feature, (name,)) for name in RESULT_FIELDS)
        else:
            yield from _children(node)

    def _named(self, node: Any, name: str) -> Iterator[Any]:
        if node is Place.FLAGS:
            if name in self.features:
                self.reads.add(name)
                yield Result(name)
            else:
                yield Known(None)
        elif node is Place.IDENTITY:
            if name in ("identifier", "traits", "key"):
                yield Place(name)
        elif node is Place.TRAITS:
            yield Trait((name,))
        elif isinstance(node, Trait):
            yield Trait((*node.path, name))
        elif isinstance(node, Result):
            if node.path or name in RESULT_FIELDS:
                yield Result(node.feature, (*node.path, name))
        elif isinstance(_plain(node), dict) and name in _plain(node):
            yield _plain(node)[name]


class _AnyOfMany(Exception):
    def __init__(self, node: Place | Trait | Result) -> None:
        names = (node.value,) if isinstance(node, Place) else node.path
        super().__init__(".".join(names))


def _plain(node: Any) -> Any:
    return node.value if isinstance(node, Known) else node


def _children(node: Any) -> list[Any]:
    plain = _plain(node)
    return list(plain.values()) if isinstance(plain, dict) else plain if isinstance(plain, list) else []
