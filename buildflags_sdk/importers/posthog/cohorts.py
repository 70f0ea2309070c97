"""PostHog's cohorts as segments: nested groups of filters, for persons and for each type of group apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Draft, Unsupported, an_object, place

from .fields import of_cohort
from .properties import Subject, property_condition, undecidable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Dependency = Callable[[dict[str, Any], str, Subject], dict[str, Any]]


class Cohorts:
    """The cohorts of one export. A segment is made when a flag first names its cohort."""

    def __init__(self, raw: Mapping[str, Any], draft: Draft, depends_on: Dependency, note: str = "") -> None:
        self.raw = raw
        self.note = note  # what is to be said of every cohort
        self.draft = draft
        self.depends_on = depends_on
        self._verdicts: dict[str, str | None] = {}
        self._made: dict[tuple[str, str | None], Exception | None] = {}

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
        """Why only PostHog's server can judge a cohort; empty when it can be judged here."""
        return self._server_only(number, ())

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
        known = (number, subject.group_type)
        name = f"cohort-{number}" if subject.group_type is None else f"cohort-{number}.{subject.group_type}"
        if known not in self._made:
            self._made[known] = None
            notes: list[str] = []
            where = place("cohorts", number)
            try:
                when = self._group(self.raw[number], where, subject, notes)
            except Unsupported as error:
                self._made[known] = error
                self.draft.refuse_segment(name, str(error), where=where)
            else:
                notes += filter(None, (of_cohort(self.raw[number], number), self.note))
                self.draft.add_segment(name, {"when": when}, where=where, why="; ".join(notes))
        problem = self._made[known]
        if problem is not None:
            msg = f"cohort {number}: {problem}"
            raise Unsupported(msg)
        return self.draft.name("segment", name)

    def _group(self, raw: Any, where: str, subject: Subject, notes: list[str]) -> dict[str, Any]:
        values = raw.get("values") or []
        if not values:
            return {"all": []}
        inner = [self._entry(each, f"{where}.values[{at}]", subject, notes) for at, each in enumerate(values)]
        return {"all" if raw["type"] == "AND" else "any": inner}

    def _entry(self, raw: dict[str, Any], where: str, subject: Subject, notes: list[str]) -> dict[str, Any]:
        if _is_group(raw):
            return self._group(raw, where, subject, notes)
        if raw.get("type") == "cohort":
            condition, _ = self.condition(raw, subject)
        elif raw.get("type") == "flag":
            condition = self.depends_on(raw, where, subject)
        else:
            condition = property_condition(raw, where, subject, notes)
        return {"not": condition} if raw.get("negation") else condition

    def _server_only(self, number: str, within: tuple[str, ...]) -> str:
        """Why only the server can judge a cohort: every branch is judged there, so one that is not here is enough."""
        if number in within:
            return f"cohort {number} is defined by itself"
        if number not in self._verdicts:
            if number not in self.raw:
                return f"cohort {number} is static or not in the export"
            self._verdicts[number] = self._problem_of(self.raw[number], (*within, number))
        return self._verdicts[number] or ""

    def _problem_of(self, raw: Any, within: tuple[str, ...]) -> str:
        if raw == {}:
            return ""
        if not isinstance(raw, dict) or raw.get("type") not in ("AND", "OR") or not isinstance(raw.get("values"), list):
            return f"cohort {within[-1]} holds {shown(raw)} where a group of filters is due"
        for each in raw["values"]:
            if not isinstance(each, dict):
                return f"cohort {within[-1]} holds {shown(each)} where a filter is due"
            if _is_group(each):
                problem = self._problem_of(each, within)
            elif each.get("type") == "cohort":
                problem = self._server_only(str(each.get("value")), within)
            else:
                continue
            if problem:
                return problem
        return ""


def _is_group(raw: dict[str, Any]) -> bool:
    return raw == {} or "values" in raw or raw.get("type") in ("AND", "OR")


def cohorts_of(raw: Any) -> dict[str, Any]:
    """The cohorts by their numbers as text. Raises `Unsupported` when there is something else in their place."""
    return {} if raw is None else an_object(raw, "$.cohorts")
