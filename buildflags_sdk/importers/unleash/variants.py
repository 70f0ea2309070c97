"""Unleash's variants: their names and payloads as one table of a flag, and the weighing among them as splits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.rows import RANDOM
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object

from .constraints import Names, text, texts
from .strategies import bucketing

if TYPE_CHECKING:
    from collections.abc import Iterable

DISABLED: Final = "disabled"
"""What Unleash calls the variant of whoever gets none."""


class Variants:
    """The variants of one flag. Beside the peer's own there are two: off, and on without any variant."""

    def __init__(self, flag: str, names: Names, listed: Iterable[Any]) -> None:
        self.flag = flag
        self.names = names
        self.table: dict[str, Any] = {}
        self.peers: dict[str, dict[str, Any]] = {}
        self.twins: list[str] = []
        own = {each["name"] for each in listed if isinstance(each, dict) and isinstance(each.get("name"), str)}
        self.boolean = not own
        self.off = _free(DISABLED, own)
        self.on = _free("enabled", own)
        if self.boolean:
            self.table |= {self.on: True, self.off: False}
        else:
            self.table |= {self.on: {"on": True}, self.off: {"on": False}}

    def serve(self, raw: list[Any], group: str, stickiness: str | None, where: str) -> dict[str, Any]:
        """Serve one of these variants by weight; without any weight, the flag's own on. Raises `Unsupported`."""
        ranges, end = [], 0
        for at, each in enumerate(raw):
            place = f"{where}[{at}]"
            variant = an_object(each, place)
            name = self.name_of(variant, place)
            weight = variant.get("weight")
            if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
                msg = f"{place}.weight is {shown(weight)}, no count"
                raise Unsupported(msg)
            ranges.append({"from": end, "to": end + weight, "to_inclusive": True, "variant": name})
            end += weight
        if end == 0:
            return {"variant": self.on}
        if len(ranges) == 1:
            return {"variant": ranges[0]["variant"]}
        sticky = stickiness if stickiness is not None else text(raw[0], "stickiness", f"{where}[0]", "default")
        split = {"scheme": "unleash_variant", "seed": group, "of": end, "ranges": ranges}
        return {"split": {**split, **bucketing(sticky or "default", self.names, on_missing=RANDOM)}}

    def overrides(self, raw: list[Any], where: str) -> list[tuple[dict[str, Any], str]]:
        """Whom a flag's variants name outright: a condition and the variant, in order. Raises `Unsupported`."""
        found = []
        for at, each in enumerate(raw):
            variant = an_object(each, f"{where}[{at}]")
            for index, override in enumerate(a_list(variant.get("overrides"), f"{where}[{at}].overrides")):
                place = f"{where}[{at}].overrides[{index}]"
                row = an_object(override, place)
                values = texts(row.get("values"), f"{place}.values")
                path = self.names.path(text(row, "contextName", place))
                condition = {"attr": path, "op": "in", "values": values, "dialect": "text"}
                found.append((condition, self.name_of(variant, f"{where}[{at}]")))
        return found

    def name_of(self, variant: dict[str, Any], where: str) -> str:
        """The name here of a variant; two of one name and different payloads get two names. Raises `Unsupported`."""
        name = text(variant, "name", where)
        payload = variant.get("payload")
        body: dict[str, Any] = {"on": True}
        if payload is not None:
            held = an_object(payload, f"{where}.payload")
            body["value"] = text(held, "value", f"{where}.payload")
            payload = {"type": text(held, "type", f"{where}.payload", "string"), "value": body["value"]}
        ours = name
        while ours in self.table and self.peers.get(ours) != {"name": name, "payload": payload}:
            ours += "'"
        if ours not in self.table:
            self.table[ours] = body
            self.peers[ours] = {"name": name, "payload": payload}
            if ours != name:
                self.twins.append(ours)
        return ours

    def named(self, peer_names: Iterable[str]) -> list[str]:
        """Our names of the peer's variants of these names. Unleash's engine asks nothing of whoever gets no variant."""
        wanted = set(peer_names)
        return [*(name for name, peer in self.peers.items() if peer["name"] in wanted), self.on]


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    return name
