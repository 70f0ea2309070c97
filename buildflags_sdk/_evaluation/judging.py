"""Conditions as the interpreter judges them: each gives a node that says what it looked at and what it answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from buildflags_sdk.errors import RulesetError

from . import condition_model as form
from .details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from .explained_bucketing import Bucketing
from .explained_jsonlogic import explained
from .lines import parse_time
from .reading import NOTHING, find, key_text
from .rows import prepared_expression, prepared_test, sees_missing
from .trace import ConditionTrace, Trace
from .walk import OFF, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .peer_words import Words
    from .world import World


class Neighbours(Protocol):
    """The evaluation that conditions belong to: its context and world, and what other entries come to."""

    context: Mapping[str, Any]
    world: World

    def flag(self, key: str) -> Any:
        """The flag's trace; None when there is no such flag, anything else when it is being decided."""

    def segment(self, key: str) -> Any:
        """Answer and node as a tuple; None when there is no such segment, anything else when it is being judged."""

    def flag_name(self, key: str) -> str:
        """What the flag's authors call it."""

    def segment_name(self, key: str) -> str:
        """What the segment's authors call it."""


class Judge:
    """Conditions, one method for each form. Each gives a node; a condition that ends the flag raises `Ended`.

    `words` are those of the definition that the conditions stand in.
    """

    def __init__(self, evaluation: Neighbours, words: Words) -> None:
        self.evaluation = evaluation
        self.words = words
        self.context = evaluation.context
        self.world = evaluation.world

    def condition(self, condition: Any) -> ConditionTrace:
        """Judge a condition of any form."""
        judge: Callable[[Any], ConditionTrace] = getattr(self, _JUDGES[type(condition).__name__])
        return judge(condition)

    def all_of(self, condition: form.All) -> ConditionTrace:
        """The first that does not hold settles it; one that is undecided leaves it undecided unless another settles it."""
        nodes: list[ConditionTrace] = []
        for inner in condition.conditions:
            nodes.append(self.condition(inner))
            if nodes[-1].holds is False or (condition.in_order and nodes[-1].holds is None):
                break
        answers = [node.holds for node in nodes]
        holds = False if False in answers else None if None in answers else True
        return ConditionTrace("all", holds, "all of", inner=tuple(nodes))

    def any_of(self, condition: form.AnyOf) -> ConditionTrace:
        """The first that holds settles it; one that is undecided leaves it undecided unless another settles it."""
        nodes: list[ConditionTrace] = []
        for inner in condition.conditions:
            nodes.append(self.condition(inner))
            if nodes[-1].holds is True:
                break
        answers = [node.holds for node in nodes]
        holds = True if True in answers else None if None in answers else False
        return ConditionTrace("any", holds, "any of", inner=tuple(nodes))

    def negation(self, condition: form.Not) -> ConditionTrace:
        """The opposite; undecided stays undecided."""
        node = self.condition(condition.condition)
        return ConditionTrace("not", _opposite(node.holds), "not", inner=(node,))

    def attribute(self, condition: form.Attribute) -> ConditionTrace:
        """An attribute against the operator's values."""
        found = find(self.context, condition.attr)
        test = prepared_test(condition.op, condition.dialect, condition.values, condition.broken)
        if found is None and condition.on_null is not None:
            holds = _truth(condition.on_null)
        elif (found is None or found is NOTHING) and condition.on_missing is not None:
            holds = _truth(condition.on_missing)
        elif (found is None or found is NOTHING) and not sees_missing(condition.op, condition.dialect):
            holds = False
        else:
            given = None if found is NOTHING else found
            answer = False if test is None else test(given, self.world) if test.needs_now else test(given)
            holds = _opposite(answer) if condition.negate else answer
        facts = {"path": condition.attr, "found": None if found is NOTHING else found, "missing": found is NOTHING}
        shown = "missing" if found is NOTHING else _shown(found)
        return ConditionTrace("attr", holds, f"{self.words.asked(condition)}: {shown}", facts)

    def segment(self, condition: form.InSegment) -> ConditionTrace:
        """Membership of a segment."""
        key = condition.segment
        inner: tuple[ConditionTrace, ...] = ()
        try:
            found = self.evaluation.segment(key)
        except RulesetError as error:
            holds = _fallback(condition.on_error, f"segment {key!r} is broken: {error}")
        else:
            if found is None:
                holds = _fallback(condition.on_absent, f"there is no segment {key!r}")
            elif not isinstance(found, tuple):
                holds = _fallback(condition.on_cycle, f"segment {key!r} is part of a cycle")
            else:
                holds, node = found
                inner = () if node is None else (node,)
        said = f"in segment {self.evaluation.segment_name(key)}"
        return ConditionTrace("segment", holds, said, {"segment": key}, inner)

    def prerequisite(self, condition: form.Prerequisite) -> ConditionTrace:
        """Another flag's decision, for the same context."""
        key = condition.flag
        found = self.evaluation.flag(key)
        if found is None:
            holds = _fallback(condition.on_absent, f"there is no flag {key!r}")
        elif not isinstance(found, Trace):
            holds = _fallback(condition.on_cycle, f"flag {key!r} is part of a cycle")
        elif (code := found.decision.error_code) is not None:
            holds = _fallback(condition.on_error, f"flag {key!r}: {found.decision.error_message}", code)
        else:
            holds = _agrees(condition, found.decision) if found.decision.decided else None
        neighbour = found if isinstance(found, Trace) else None
        said = f"flag {self.evaluation.flag_name(key)} {self._requirement(condition)}"
        return ConditionTrace("flag", holds, said, {"flag": key}, neighbour=neighbour)

    def _requirement(self, condition: form.Prerequisite) -> str:
        """What is required of the other flag."""
        parts = []
        if condition.enabled is not None:
            parts.append("is enabled" if condition.enabled else "is disabled")
        if condition.on is not None:
            parts.append("is on" if condition.on else "is off")
        if condition.variants is not None:
            parts.append(f"serves {' or '.join(condition.variants) or 'no variant'}")
        if condition.value is not None:
            parts.append(f"has a {self.words.required(condition.value)}")
        return " and ".join(parts) or "is decided"

    def share(self, condition: form.InShare) -> ConditionTrace:
        """A bucketing point in a range."""
        holds, bucket = Bucketing(self.context, self.world, self.words).of_share(condition.share)
        return ConditionTrace("share", holds, "in the share", bucket=bucket)

    def time(self, condition: form.InTime) -> ConditionTrace:
        """The evaluation's moment in a window."""
        window, now = condition.time, self.world.now()
        after = window.start is None or now >= parse_time(window.start)
        until = None if window.until is None else parse_time(window.until)
        before = until is None or now < until or (window.until_inclusive and now == until)
        said = [f"{word} {moment}" for word, moment in (("from", window.start), ("until", window.until)) if moment]
        return ConditionTrace("time", after and before, " ".join(said) or "at any time", {"now": now})

    def member_of(self, condition: form.MemberOf) -> ConditionTrace:
        """Membership of a list kept outside."""
        key = key_text(find(self.context, condition.by))
        holds = _truth(condition.on_missing) if key is None else self.world.is_member(condition.list_id, key)
        if holds is None and key is not None:
            holds = _truth(condition.on_unknown)
        return ConditionTrace(
            "member_of", holds, f"{self.words.attribute(condition.by)} in list {condition.list_id}", {"key": key}
        )

    def assigned(self, condition: form.Assigned) -> ConditionTrace:
        """An assignment kept by the client's store."""
        key = key_text(find(self.context, condition.by))
        stored = None if key is None else self.world.assigned(condition.experiment, key)
        holds = stored is not None and (condition.values is None or stored in condition.values)
        return ConditionTrace("assigned", holds, f"assigned in {condition.experiment}", {"key": key, "stored": stored})

    def expression(self, condition: form.Expression) -> ConditionTrace:
        """A program's result."""
        run = prepared_expression(condition.program, condition.dialect, condition.flag_key, condition.broken)
        holds = False if run is None else run(self.context, self.world)
        program, dialect = condition.program, condition.dialect
        steps = () if run is None else explained(program, dialect, condition.flag_key, self.context, self.world)
        return ConditionTrace("expression", holds, "expression", {"program": program}, steps)

    def error(self, condition: form.Failing) -> ConditionTrace:
        """The end: an error."""
        raise Ended(code=ErrorCode.PARSE_ERROR, message=condition.message)


_JUDGES = {
    "All": "all_of",
    "AnyOf": "any_of",
    "Not": "negation",
    "Attribute": "attribute",
    "InSegment": "segment",
    "Prerequisite": "prerequisite",
    "InShare": "share",
    "InTime": "time",
    "MemberOf": "member_of",
    "Assigned": "assigned",
    "Expression": "expression",
    "Failing": "error",
}


def _agrees(condition: form.Prerequisite, decision: Decision) -> bool | None:
    """Every part that is given; a caller's default counts as off."""
    if condition.on is not None and bool(decision.on) is not condition.on:
        return False
    if condition.enabled is not None and (decision.reason != Reason.DISABLED) is not condition.enabled:
        return False
    if condition.variants is not None and decision.variant not in condition.variants:
        return False
    wanted = condition.value
    if wanted is None:
        return True
    found = find({"value": decision.value}, ("value", *wanted.path))
    missing = found is None or found is NOTHING or found is CALLER_DEFAULT
    if missing and wanted.on_missing is not None:
        return _truth(wanted.on_missing)
    if missing and not sees_missing(wanted.op, wanted.dialect):
        return False
    test = prepared_test(wanted.op, wanted.dialect, wanted.values, "flag")
    answer = None if test is None else test(None if missing else found)
    return _opposite(answer) if wanted.negate else answer


def _fallback(knob: bool | str, message: str, code: ErrorCode = ErrorCode.PARSE_ERROR) -> bool | None:
    if knob == "error":
        raise Ended(code=code, message=message)
    if knob == "off":
        raise Ended(OFF)
    return _truth(knob)


def _shown(found: Any) -> str:
    try:
        return repr(found)
    except ValueError:
        return "an integer of more digits than Python agrees to write, or something with one inside"


def _truth(word: bool | str) -> bool | None:
    return None if word == "undecided" else bool(word)


def _opposite(holds: bool | None) -> bool | None:
    return None if holds is None else not holds


def _conditions_in(condition: Any) -> Iterator[Any]:
    """The condition and all that it consists of."""
    yield condition
    parts = (condition.condition,) if isinstance(condition, form.Not) else getattr(condition, "conditions", ())
    for part in parts:
        yield from _conditions_in(part)


def is_dead(condition: Any) -> bool:
    """Tell whether something in it cannot be prepared and says that this spoils its rule."""
    return any(_spoils_its_rule(each) for each in _conditions_in(condition))


def _spoils_its_rule(condition: Any) -> bool:
    if isinstance(condition, form.Attribute) and condition.broken == "rule":
        return prepared_test(condition.op, condition.dialect, condition.values, "rule") is None
    if isinstance(condition, form.Expression) and condition.broken == "rule":
        return prepared_expression(condition.program, condition.dialect, condition.flag_key, "rule") is None
    return False


def names_others(condition: Any) -> bool:
    if condition is None:
        return False
    return any(isinstance(each, (form.InSegment, form.Prerequisite)) for each in _conditions_in(condition))
