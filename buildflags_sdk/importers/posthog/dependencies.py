"""PostHog's filters over another flag's answer: its chain of flags, each of them judged for the subject of the one that asks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Draft, Unsupported
from buildflags_sdk.importers.links import Links

from .flag import INDEX, Flag, dicts, free, without_types
from .properties import Subject, in_order, undecidable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .cohorts import Cohorts
    from .tried import Tried

    Condition = dict[str, Any]


class Dependencies:
    """What the flags of one payload ask of each other, and the copies of flags that it takes."""

    cohorts: Cohorts

    def __init__(self, flags: Mapping[str, Flag], draft: Draft, types: Mapping[str, str], person: Subject) -> None:
        self.flags = flags
        self.draft = draft
        self.types = types
        self.person = person
        self._asked: dict[str, list[tuple[str, list[str]]]] = {}
        self._copies: dict[tuple[str, str | None], str] = {}
        self._to_copy: list[tuple[Flag, str, Subject]] = []

    def copies(self) -> Iterator[tuple[Flag, str, Subject]]:
        """The copies that were asked for, their names and subjects; reading one may ask for more."""
        while self._to_copy:
            yield self._to_copy.pop()

    def condition(
        self,
        raw: dict[str, Any],
        where: str,
        subject: Subject,
        tried: Tried,
        before: Sequence[Condition],
        notes: list[str],
    ) -> Condition:
        """A filter over another flag's answer for that subject, after those of its group. Raises `Unsupported`.

        All flags of the chain are to be decided, in order. One that is not is passed over wherever the same evaluation
        meets it again, as PostHog's SDK does, which keeps what it has tried.
        """
        key, wanted, chain = raw.get("key"), raw.get("value"), raw.get("dependency_chain")
        if raw.get("operator", "exact") != "flag_evaluates_to" or not key or wanted is None:
            return {"any": []}
        if not isinstance(key, str) or not isinstance(chain, (list, type(None))):
            msg = f"{where} is {shown(raw)}, which names no flag"
            raise Unsupported(msg)
        if not chain:
            return undecidable(f"flag {key}")
        decided = {name: self._decided(name, where, subject) for name in chain}
        if self._differs(key, chain, tried):
            notes.append(
                f"{where}: a flag of its chain that is undecided is passed over where PostHog's SDK has tried it before, "
                "which is not followed here: it may decide more"
            )
        path, checks = list(before), []
        for name in chain:
            check = None if name == key else tried.or_decided(name, decided[name])
            tried.add(name, path)
            if check is not None:
                checks.append(check)
                path.append(check)
        tried.blur(self._beyond(chain))
        if key not in chain or key not in self.flags:
            return undecidable(f"flag {key}")
        return in_order([*checks, self._answers(key, decided[key], wanted)])

    def in_cohort(self, number: str, where: str, tried: Tried, notes: list[str]) -> str:
        """What a filter over a cohort tries: its own filters know nothing of what the flag has tried before.

        Gives why a flag that it asks may need the server, as `asks_server` does.
        """
        asked = list(self._of_cohort(number))
        if any(name in tried for key, chain in asked for name in chain if name != key):
            notes.append(
                f"{where}: a flag that cohort {number} depends on is passed over where it is undecided and PostHog's SDK "
                "has tried it before, which is not followed here: it may decide more"
            )
        for _, chain in asked:
            tried.blur([*chain, *self._beyond(chain)])
        return next(filter(None, (self.asks_server(chain) for _, chain in asked)), "")

    def asks_server(self, chain: Any) -> str:
        """Why one of these flags, or of those that they depend on, may need the server; empty when none does."""
        names = chain if isinstance(chain, list) else []
        return next((self._of_server[each] for each in names if isinstance(each, str) and each in self._of_server), "")

    @cached_property
    def _of_server(self) -> dict[str, str]:
        """The flags that only the server may judge, or that depend on one, and why."""
        links = Links()
        found: dict[str, str] = {}
        for name, flag in self.flags.items():
            for each in _filters(flag):
                why = self.cohorts.only_server(str(each.get("value"))) if each.get("type") == "cohort" else ""
                if why:
                    found.setdefault(name, f"flag {shown(name)}: {why}")
            for _, chain in self._of_flag(name):
                for named in chain:
                    links.add(("flag", name), ("flag", named))
        for name in list(found):
            for _, above in links.reaching([("flag", name)]):
                found.setdefault(above, found[name])
        return found

    def _answers(self, key: str, condition: Condition, wanted: Any) -> Condition:
        if isinstance(wanted, bool):
            return {**condition, "on": wanted}
        names = [name for name, _ in self.flags[key].variants]
        return {**condition, "variants": [wanted] if wanted in names else []}

    def _decided(self, name: Any, where: str, subject: Subject) -> Condition:
        if not isinstance(name, str) or not name:
            msg = f"{where}.dependency_chain holds {shown(name)}, no key of a flag"
            raise Unsupported(msg)
        unsure = dict.fromkeys(("on_absent", "on_cycle", "on_error"), "undecided")
        return {"flag": self.draft.name("flag", self._for_subject(name, subject)), **unsure}

    def _differs(self, key: str, chain: Sequence[str], tried: Tried) -> bool:
        """Whether what was tried before decides more in PostHog's SDK than conditions say here."""
        if key not in chain and key in tried:
            return True  # its answer is kept there
        met = [name for name in chain if name != key and name in tried]
        if not met:
            return False
        # What is passed over here is passed over by the flags after it in the chain as well: their own conditions do not say so.
        beside = {each for name in chain for of, beside in self._of_flag(name) for each in beside if each != of}
        return bool(self._beyond(chain)) or any(tried.maybe(name) or name in beside for name in met)

    def _beyond(self, chain: Sequence[str]) -> set[str]:
        """What the flags of a chain ask of others beside it, and whatever those reach: nothing of a whole chain."""
        known = set(chain)
        asked = {each for name in known for _, inner in self._of_flag(name) for each in inner}
        return set() if asked <= known else self.flags.keys() - known

    def _of_flag(self, name: str) -> list[tuple[str, list[str]]]:
        """The key and the chain of every filter over a flag that a flag has, those of its cohorts too."""
        if name not in self._asked:
            flag = self.flags.get(name)
            self._asked[name] = [each for raw in _filters(flag) for each in self._of_filter(raw)] if flag else []
        return self._asked[name]

    def _of_filter(self, raw: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
        if raw.get("type") == "cohort":
            yield from self._of_cohort(str(raw.get("value")))
        elif raw.get("type") == "flag" and isinstance(raw.get("dependency_chain"), list):
            yield str(raw.get("key")), [each for each in raw["dependency_chain"] if isinstance(each, str)]

    def _of_cohort(self, number: str) -> Iterator[tuple[str, list[str]]]:
        """The same of a cohort, and of the cohorts that it names."""
        for each in self.cohorts.beneath(number) if self.cohorts.asks_flags(number) else ():
            for raw in self.cohorts.filters(each):
                if raw.get("type") == "flag":
                    yield from self._of_filter(raw)

    def _for_subject(self, key: str, subject: Subject) -> str:
        """The flag, or the copy of it, that answers as PostHog's SDK judges it for a flag over that subject.

        The SDK judges what a flag depends on by the properties and the key of that flag's own subject, whatever kind the
        other is over, and tells it of no groups: its groups of filters over another type than its own never hold there.
        """
        flag = self.flags.get(key)
        if flag is None or not flag.body.get("active"):
            return key
        filters = flag.filters
        index, groups = filters.get(INDEX), filters.get("groups")
        kept = [each for each in dicts(groups) if each.get(INDEX) in (None, index)]
        same = subject.group_type is None if index is None else self.types.get(str(index)) == subject.group_type
        known = index is None or bool(self.types.get(str(index)))
        if same and known and len(kept) == len(dicts(groups)):
            return key
        made = (key, subject.group_type)
        if made not in self._copies:
            name = free(f"{key}.for-{subject.group_type or 'person'}", self.flags)
            self._copies[made] = name
            self._to_copy.append((without_types(flag), name, self.person if subject.group_type is None else subject))
        return self._copies[made]


def _filters(flag: Flag) -> list[dict[str, Any]]:
    filters = flag.body.get("filters")
    groups = dicts(filters.get("groups")) if isinstance(filters, dict) else []
    return [each for group in groups for each in dicts(group.get("properties"))]
