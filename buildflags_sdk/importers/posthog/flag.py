"""One flag of a local evaluation payload: its body, its place, and what its filters and variants are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object

if TYPE_CHECKING:
    from collections.abc import Container

TRUE: Final = "true"
FALSE: Final = "false"
INDEX: Final = "aggregation_group_type_index"
BUCKETED: Final = "bucketing_identifier"


class Flag(NamedTuple):
    """A flag of the payload and where it stands."""

    key: str
    body: dict[str, Any]
    at: int

    @property
    def where(self) -> str:
        """Its place in the payload."""
        return f"$.flags[{self.at}]"

    @property
    def filters(self) -> dict[str, Any]:
        """Its filters; absent or null is none. Raises `Unsupported`."""
        raw = self.body.get("filters")
        return {} if raw is None else an_object(raw, f"{self.where}.filters")

    @property
    def variants(self) -> list[tuple[str, float]]:
        """Its variants: key and percentage. Raises `Unsupported`."""
        where = f"{self.where}.filters.multivariate"
        multivariate = self.filters.get("multivariate")
        raw = an_object({} if multivariate is None else multivariate, where)
        found = []
        for at, each in enumerate(a_list(raw.get("variants"), f"{where}.variants")):
            variant = an_object(each, f"{where}.variants[{at}]")
            key = variant.get("key")
            if not isinstance(key, str) or not key:
                msg = f"{where}.variants[{at}].key is {shown(key)}, not a text"
                raise Unsupported(msg)
            found.append((key, percentage(variant.get("rollout_percentage"), f"{where}.variants[{at}]")))
        return found

    @property
    def plain(self) -> dict[bool, str]:
        """What plain true and plain false are called: not as one of the variants is."""
        taken = {key for key, _ in self.variants}
        return {truth: free(TRUE if truth else FALSE, taken) for truth in (True, False)}


def without_types(flag: Flag) -> Flag:
    """The flag without any type of group: whoever reads it says for whom. One over groups is by no device."""
    filters, body = dict(flag.filters), dict(flag.body)
    index = filters.pop(INDEX, None)
    if index is not None:
        body.pop(BUCKETED, None)
        filters.pop(BUCKETED, None)
    if isinstance(filters.get("groups"), list):
        filters["groups"] = [
            {name: value for name, value in each.items() if name != INDEX} if isinstance(each, dict) else each
            for each in filters["groups"]
            if not isinstance(each, dict) or each.get(INDEX) in (None, index)
        ]
    return Flag(flag.key, {**body, "filters": filters}, flag.at)


def dicts(raw: Any) -> list[dict[str, Any]]:
    """What a list holds of objects."""
    return [each for each in raw if isinstance(each, dict)] if isinstance(raw, list) else []


def percentage(raw: Any, where: str) -> float:
    """A percentage. Raises `Unsupported` for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not 0 <= raw <= 100:
        msg = f"{where}.rollout_percentage is {shown(raw)}, no percentage"
        raise Unsupported(msg)
    return raw


def free(name: str, taken: Container[str]) -> str:
    """The name, with as many marks behind it as make it free."""
    while name in taken:
        name += "'"
    return name
