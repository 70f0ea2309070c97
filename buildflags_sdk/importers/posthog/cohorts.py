"""PostHog's cohorts as segments: nested groups of filters, for persons and for each type of group apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Draft, Unsupported, an_object, place
from buildflags_sdk.importers.links import Links

from .fields import of_cohort
from .properties import Subject, property_condition, undecidable
from .tried import Tried

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .dependencies import Dependencies


class Cohorts:
    """The cohorts of one export. A segment is made when a flag first names its cohort."""

    def __init__(self, raw: Mapping[str, Any], draft: Draft, dependencies: Dependencies, note: str = "") -> None:
        self.raw = raw
        self.note = note  # what is to be said of every cohort
        self.draft = draft
        self.dependencies = dependencies
        self._made: dict[tuple[str, str | None], Exception | None] = {}
        links = Links()
        for number in raw:
            for named in self.named(number):
                links.add(("segment", number), ("segment", named))
        self._links = links
        asking = [number for number in raw if any(each.get("type") == "flag" for each in self.filters(number))]
        self._asking = links.reaching([("segment", number) for number in asking])
        heights = links.heights()
        self._heights = {key: heights.get(("segment", key), 0) for _, key in links.names}
        # From those that name no other upwards: each finds what it names judged, however many name each other in a row.
        self._verdicts: dict[str, str] = {}
        for number in sorted(raw, key=lambda each: self._heights.get(each, 1)):
            self._verdicts[number] = self._problem_of(raw[number], number)

    def condition(self, filter_: dict[str, Any], subject: Subject) -> tuple[dict[str, Any], str]:
        """Membership of the cohort that a filter names, and why only the server can tell, if so.

        Raises `Unsupported` when the cohort has something that has no equal here.
        """
        number = str(filter_.get("value"))
        only_server = self.only_server(number)
        if only_server:
            return undecidable(f"cohort {number}"), only_server
        operator = filter_.get("operator") or "exact"
        if operator not in ("exact", "in", "not_in"):
            return undecidable(f"operator {shown(operator)}"), ""
        condition = {"segment": self._segment(number, subject)}
        return ({"not": condition} if operator == "not_in" else condition), ""

    def only_server(self, number: str) -> str:
        """Why only PostHog's server can judge a cohort; empty when it can be judged here.

        Every branch is judged there, so one that is not here is enough.
        """
        if self._heights.get(number) == 0:
            return f"cohort {number} is defined by itself, or by one that is"
        return self._verdicts.get(number, f"cohort {number} is static or not in the export")

    def beneath(self, number: str) -> list[str]:
        """A cohort and all that it names, directly or not, each after those that it names."""
        found = (key for _, key in self._links.reached_by([("segment", number)]))
        return sorted(found, key=lambda key: (self._heights.get(key, 1), key))

    def asks_flags(self, number: str) -> bool:
        """Whether a cohort, or one that it names, directly or not, has a filter over a flag."""
        return ("segment", number) in self._asking

    def named(self, number: str) -> Iterator[str]:
        """The cohorts that a cohort's own groups of filters name."""
        return (str(each.get("value")) for each in self.filters(number) if each.get("type") == "cohort")

    def filters(self, number: str) -> Iterator[dict[str, Any]]:
        """The filters of a cohort, in whatever group of it."""
        pending = [self.raw.get(number)]
        while pending:
            raw = pending.pop()
            if isinstance(raw, dict) and _is_group(raw):
                pending += raw["values"] if isinstance(raw.get("values"), list) else []
            elif isinstance(raw, dict):
                yield raw

    def import_all(self) -> None:
        """Make the segments that no flag has named, for persons; say which cohorts only the server can judge."""
        for number in self.raw:
            where = place("cohorts", number)
            why = self.only_server(number)
            if why:
                self.draft.refuse_segment(f"cohort-{number}", f"{why}: only PostHog's server can judge it", where=where)
            elif not any(made == number for made, _ in self._made):
                try:
                    self._segment(number, Subject())
                except Unsupported:
                    continue  # the draft has its finding

    def _segment(self, number: str, subject: Subject) -> str:
        if (number, subject.group_type) not in self._made:
            for each in self.beneath(number):
                if (each, subject.group_type) not in self._made and not self.only_server(each):
                    self._make(each, subject)
        problem = self._made[number, subject.group_type]
        if problem is not None:
            msg = f"cohort {number}: {problem}"
            raise Unsupported(msg)
        return self.draft.name("segment", _name(number, subject))

    def _make(self, number: str, subject: Subject) -> None:
        self._made[number, subject.group_type] = None
        name, where = _name(number, subject), place("cohorts", number)
        notes: list[str] = []
        try:
            when = self._group(self.raw[number], where, subject, Tried(), notes)
        except Unsupported as error:
            self._made[number, subject.group_type] = error
            self.draft.refuse_segment(name, str(error), where=where)
        else:
            notes += filter(None, (of_cohort(self.raw[number], number), self.note))
            self.draft.add_segment(name, {"when": when}, where=where, why="; ".join(notes))

    def _group(self, raw: Any, where: str, subject: Subject, tried: Tried, notes: list[str]) -> dict[str, Any]:
        values = raw.get("values") or []
        if not values:
            return {"all": []}
        inner = [self._entry(each, f"{where}.values[{at}]", subject, tried, notes) for at, each in enumerate(values)]
        return {"all" if raw["type"] == "AND" else "any": inner}

    def _entry(
        self, raw: dict[str, Any], where: str, subject: Subject, tried: Tried, notes: list[str]
    ) -> dict[str, Any]:
        if _is_group(raw):
            return self._group(raw, where, subject, tried, notes)
        if raw.get("type") == "cohort":
            condition, _ = self.condition(raw, subject)
            self.dependencies.in_cohort(str(raw.get("value")), where, tried, notes)
        elif raw.get("type") == "flag":
            condition = self.dependencies.condition(raw, where, subject, tried, (), notes)
        else:
            condition = property_condition(raw, where, subject, notes)
        return {"not": condition} if raw.get("negation") else condition

    def _problem_of(self, raw: Any, number: str) -> str:
        if raw == {}:
            return ""
        if not isinstance(raw, dict) or raw.get("type") not in ("AND", "OR") or not isinstance(raw.get("values"), list):
            return f"cohort {number} holds {shown(raw)} where a group of filters is due"
        for each in raw["values"]:
            if not isinstance(each, dict):
                return f"cohort {number} holds {shown(each)} where a filter is due"
            if _is_group(each):
                problem = self._problem_of(each, number)
            elif each.get("type") == "cohort":
                problem = self.only_server(str(each.get("value")))
            else:
                continue
            if problem:
                return problem
        return ""


def _name(number: str, subject: Subject) -> str:
    return f"cohort-{number}" if subject.group_type is None else f"cohort-{number}.{subject.group_type}"


def _is_group(raw: dict[str, Any]) -> bool:
    return raw == {} or "values" in raw or raw.get("type") in ("AND", "OR")


def cohorts_of(raw: Any) -> dict[str, Any]:
    """The cohorts by their numbers as text. Raises `Unsupported` when there is something else in their place."""
    return {} if raw is None else an_object(raw, "$.cohorts")
