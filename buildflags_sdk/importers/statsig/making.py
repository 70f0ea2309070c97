"""One flag in the making: its variants, told apart by what they hold, and its rules in order."""

from __future__ import annotations

from typing import Any, Final

from buildflags_sdk.importers.draft import Unsupported

Json = dict[str, Any]

DEFAULT: Final = "default"
_MOST_RULES: Final = 1000
_OF: Final = 10_000


class Making:
    """A flag in the making. With `grouped` it tells variants of one value but two groups of an experiment apart."""

    def __init__(self, default: Any, *, boolean: bool, grouped: bool = False) -> None:
        self.boolean = boolean
        self.grouped = grouped
        self.variants: Json = {"on": True, "off": False} if boolean else {}
        self.groups: dict[str, str | None] = {}
        self.rules: list[Json] = []
        self.gave_up = False
        self.names: dict[str, str] = {}
        """What the rules are called, by their ids."""
        self.default = self.variant(DEFAULT, default, None, default=True)

    def variant(self, name: str, value: Any, group: Any, *, default: bool = False) -> str:
        """The variant of that name and value; another of the same name is told apart by a number.

        A gate's rule is on unless it says false, its default off unless it says true; what is no object is an empty one.
        """
        if self.boolean:
            return "on" if value is True or (value is not False and not default) else "off"
        held = {"value": as_object(value)}
        kept = group if self.grouped and isinstance(group, str) else None
        own, count = name, 1
        while own in self.variants and (self.variants[own] != held or self.groups[own] != kept):
            count += 1
            own = f"{name}:{count}"
        self.variants[own] = held
        self.groups[own] = kept
        return own

    def missed(self, group: Any) -> str:
        """The variant of whoever misses the share of a rule: the default, in the rule's group."""
        if not self.grouped or not isinstance(group, str):
            return self.default
        return self.variant(self.default, self.variants[self.default]["value"], group)

    def add(
        self, name: str, when: list[Json], variant: str, share: Json | None = None, missed: str | None = None
    ) -> None:
        """A rule that ends the evaluation for whom it holds: whoever misses its share gets `missed`."""
        if len(self.rules) >= _MOST_RULES:
            msg = f"with what it delegates to it has more than {_MOST_RULES:,} rules"
            raise Unsupported(msg)
        rule: Json = {"id": name, "when": when[0] if len(when) == 1 else {"all": when}, "serve": {"variant": variant}}
        if share is not None:
            passing = share["to"]
            ranges = [
                {"from": 0, "to": passing, "variant": variant},
                {"from": passing, "to": _OF, "variant": missed or self.default},
            ]
            split = {name: value for name, value in share.items() if name not in ("from", "to")}
            rule["serve"] = {"split": {**split, "ranges": ranges}}
        self.rules.append(rule)

    def give_up(self, when: list[Json], asked: Json | None) -> None:
        """A rule at which the SDK gives up, under no rule's id: an empty object; of a gate what was last `asked`, or off."""
        self.gave_up = True
        if self.boolean and asked is not None:
            self.add("", [*when, asked], "on")
        self.add("", when, self.variant("unsupported", False if self.boolean else {}, None))

    def outcomes(self) -> list[tuple[list[Json], Json]]:
        """Whom its rules hold for, the first counting, and what each gives. Raises `Unsupported` if it gives up somewhere."""
        if self.gave_up:
            msg = "it delegates to a config that Statsig's SDK gives up at, in a layer whose parameters come from several rules"
            raise Unsupported(msg)
        found: list[tuple[list[Json], Json]] = []
        for rule in self.rules:
            ranges = rule["serve"].get("split", {}).get("ranges")
            if ranges is None:
                found.append(([rule["when"]], self.variants[rule["serve"]["variant"]]["value"]))
                continue
            passing, missed = ranges
            share = {name: value for name, value in rule["serve"]["split"].items() if name != "ranges"}
            inside = {"share": {**share, "from": 0, "to": passing["to"]}}
            found.append(([rule["when"], inside], self.variants[passing["variant"]]["value"]))
            found.append(([rule["when"]], self.variants[missed["variant"]]["value"]))
        return found


def as_object(value: Any) -> Json:
    """What its SDK takes for a config's value: an object, or an empty one."""
    return value if isinstance(value, dict) else {}
