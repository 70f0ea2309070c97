"""The reference: walks the model for one context, decides, and records what it saw. It is the definition, not the speed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from buildflags_sdk.errors import RulesetError

from . import condition_model as form
from .bucketing import SCHEMES
from .details import CALLER_DEFAULT, Decision, ErrorCode, Reason
from .lines import MAX_DEPTH, parse_time, ramp_at
from .model import (
    FlagDefinition,
    Range,
    SegmentDefinition,
    Serve,
    ServeVariant,
    Split,
    parse_flag,
    parse_segment,
)
from .outcomes import caller_default, failed, missing_key_message, served, undecided
from .reading import NOTHING, find, key_text
from .rows import prepared_expression, prepared_test, sees_missing
from .trace import Bucket, ConditionTrace, RuleTrace, Trace
from .walk import CYCLE, OFF, STOP, Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .world import World


class Source(Protocol):
    """Where definitions come from. Both methods raise `RulesetError` for an entry that cannot be used."""

    def definition(self, key: str) -> FlagDefinition | None:
        """The flag, or None without one."""

    def segment_definition(self, key: str) -> SegmentDefinition | None:
        """The segment, or None without one."""


class Definitions:
    """Definitions read from lines, each when it is first asked for.

    >>> line = b'{"key":"f","type":"boolean","variants":{"on":true},"fallthrough":{"variant":"on"}}'
    >>> Definitions({"f": line}).definition("f").type
    'boolean'
    """

    def __init__(self, flag_lines: Mapping[str, bytes], segment_lines: Mapping[str, bytes] | None = None) -> None:
        self._line_of: Callable[[str], bytes | None] = flag_lines.get
        self._segment_line_of: Callable[[str], bytes | None] = (segment_lines or {}).get
        self._flags: dict[str, FlagDefinition] = {}
        self._segments: dict[str, SegmentDefinition] = {}

    @classmethod
    def of(cls, snapshot: Any) -> Definitions:
        """The definitions of a snapshot, by its `line` and `segment_line`."""
        made = cls({})
        made._line_of, made._segment_line_of = snapshot.line, snapshot.segment_line
        return made

    def definition(self, key: str) -> FlagDefinition | None:
        """The flag, or None without one. Raises `RulesetError`."""
        if key not in self._flags:
            line = self._line_of(key)
            if line is None:
                return None
            self._flags[key] = _of_key(parse_flag(line), "key", key)
        return self._flags[key]

    def segment_definition(self, key: str) -> SegmentDefinition | None:
        """The segment, or None without one. Raises `RulesetError`."""
        if key not in self._segments:
            line = self._segment_line_of(key)
            if line is None:
                return None
            self._segments[key] = _of_key(parse_segment(line), "segment", key)
        return self._segments[key]


def interpret(source: Source, key: str, context: Mapping[str, Any] | None, world: World) -> Trace:
    """Decide a flag for a context (None is an empty one) and say how. Never raises for any ruleset or context."""
    given: object = {} if context is None else context
    if not isinstance(given, Mapping):
        message = f"an evaluation context is a mapping, not {type(given).__name__}"
        return Trace(failed(key, ErrorCode.INVALID_CONTEXT, message))
    try:
        evaluation = _Evaluation(source, given, world)
        trace = evaluation.flag(key)
    except RecursionError:
        return Trace(failed(key, ErrorCode.PARSE_ERROR, "nested deeper than this process can follow"))
    return (
        trace if isinstance(trace, Trace) else Trace(failed(key, ErrorCode.FLAG_NOT_FOUND, f"there is no flag {key!r}"))
    )


class _Evaluation:
    """One evaluation: its context and world, what each entry came to, and which are on the way."""

    def __init__(self, source: Source, context: Mapping[str, Any], world: World) -> None:
        self.source = source
        self.context = context
        self.world = world
        self.flags: dict[str, Any] = {}
        self.segments: dict[str, Any] = {}
        self.depth = 0

    def flag(self, key: str) -> Any:
        """The flag's trace; None when there is no such flag, CYCLE when it is being decided."""
        if key not in self.flags:
            try:
                definition = self.source.definition(key)
            except RulesetError as error:
                self.flags[key] = Trace(failed(key, ErrorCode.PARSE_ERROR, str(error)))
                return self.flags[key]
            if definition is None:
                return None
            self.flags[key] = CYCLE
            self._enter(self.flags, key)
            self.flags[key] = _FlagWalk(self, definition).trace()
            self.depth -= 1
        return self.flags[key]

    def segment(self, key: str) -> Any:
        """What the segment answers, and how; None when there is no such segment, CYCLE when it is being judged."""
        definition = self.source.segment_definition(key)
        if definition is None:
            return None
        if not _names_others(definition.when):
            return self._judge(definition)
        if key not in self.segments:
            self.segments[key] = CYCLE
            self._enter(self.segments, key)
            try:
                self.segments[key] = self._judge(definition)
            except Ended:
                del self.segments[key]
                raise
            finally:
                self.depth -= 1
        return self.segments[key]

    def _enter(self, memo: dict[str, Any], key: str) -> None:
        if self.depth == MAX_DEPTH:
            del memo[key]
            raise Ended(code=ErrorCode.PARSE_ERROR, message=f"more than {MAX_DEPTH} entries name each other in a row")
        self.depth += 1

    def _judge(self, segment: SegmentDefinition) -> tuple[bool | None, ConditionTrace | None]:
        key = key_text(find(self.context, segment.by))
        if key in segment.exclude:
            return False, None
        if key in segment.include:
            return True, None
        if segment.when is None or _is_dead(segment.when):
            return False, None
        node = _Judge(self).condition(segment.when)
        return node.holds, node


class _FlagWalk:
    """One flag being decided."""

    def __init__(self, evaluation: _Evaluation, definition: FlagDefinition) -> None:
        self.evaluation = evaluation
        self.flag = definition
        self.outcomes = definition.outcomes
        self.rules: list[RuleTrace] = []
        self.bucketing = _Bucketing(evaluation.context, evaluation.world)

    def trace(self) -> Trace:
        """Decide, and say how."""
        flag = self.flag
        if flag.broken is not None:
            return Trace(failed(flag.key, ErrorCode.PARSE_ERROR, flag.broken))
        if not flag.enabled:
            return Trace(self._off())
        try:
            return self._by_rules()
        except Ended as ended:
            return self._ended(ended)

    def _by_rules(self) -> Trace:
        doubtful = False
        for at, rule in enumerate(self.flag.rules):
            if rule.when is not None and _is_dead(rule.when):
                self.rules.append(RuleTrace(at, rule.id, "broken"))
                continue
            node: ConditionTrace | None = None
            holds: bool | None = True
            if rule.when is not None:
                try:
                    node = _Judge(self.evaluation).condition(rule.when)
                except Ended:
                    self.rules.append(RuleTrace(at, rule.id, "ends the flag"))
                    raise
                holds = node.holds
            if holds is None:
                self.rules.append(RuleTrace(at, rule.id, "undecided", node))
                if rule.on_undecided == "undecided":
                    return self._done(undecided(self.flag.key, self.flag.type))
                doubtful = doubtful or rule.on_undecided == "next_then_undecided"
            elif not holds:
                self.rules.append(RuleTrace(at, rule.id, "does not hold", node))
            else:
                decision, bucket = self._serve(rule.serve, Reason.TARGETING_MATCH, rule.id, stops=True)
                self.rules.append(RuleTrace(at, rule.id, "declines" if decision is None else "serves", node, bucket))
                if decision is not None:
                    return self._done(decision)
        if doubtful:
            return self._done(undecided(self.flag.key, self.flag.type))
        return self._fallthrough()

    def _fallthrough(self) -> Trace:
        reason = Reason.DEFAULT if self.flag.rules else Reason.STATIC
        decision, bucket = self._serve(self.flag.fallthrough, reason, None, stops=False)
        return self._done(decision or caller_default(self.flag.key, self.flag.type, Reason.DEFAULT), bucket)

    def _serve(
        self, serve: Serve, reason: Reason, rule_id: str | None, *, stops: bool
    ) -> tuple[Decision | None, Bucket | None]:
        """The decision, None for declined, and the bucketing behind it. In the fallthrough a split has nowhere to stop."""
        key, flag_type = self.flag.key, self.flag.type
        if serve is None:
            return caller_default(key, flag_type, Reason.DEFAULT, rule_id), None
        if isinstance(serve, ServeVariant):
            return served(key, flag_type, self.outcomes[serve.variant], reason, rule_id), None
        split = serve.split
        found, bucket = self.bucketing.of_split(split)
        if found == "error":
            message = missing_key_message(split.by, self.evaluation.context)
            return failed(key, ErrorCode.TARGETING_KEY_MISSING, message, flag_type), bucket
        if found == "stop" and stops:
            return self._fallthrough().decision, bucket
        if isinstance(found, Range):
            return served(key, flag_type, self.outcomes[found.variant], Reason.SPLIT, rule_id), bucket
        return None, bucket

    def _off(self) -> Decision:
        key, flag_type, off = self.flag.key, self.flag.type, self.flag.off
        if off is None:
            return caller_default(key, flag_type, Reason.DISABLED)
        return served(key, flag_type, self.outcomes[off], Reason.DISABLED)

    def _ended(self, ended: Ended) -> Trace:
        if ended.end == STOP:
            return self._fallthrough()
        if ended.end == OFF:
            return self._done(self._off())
        said = ended.message
        message = said if isinstance(said, str) else missing_key_message(said, self.evaluation.context)
        return self._done(failed(self.flag.key, ended.code or ErrorCode.GENERAL, message, self.flag.type))

    def _done(self, decision: Decision, fallthrough: Bucket | None = None) -> Trace:
        return Trace(decision, tuple(self.rules), fallthrough)


class _Bucketing:
    """Points and ranges, as the model says them."""

    def __init__(self, context: Mapping[str, Any], world: World) -> None:
        self.context = context
        self.world = world

    def of_split(self, split: Split) -> tuple[Range | str, Bucket]:
        """The range that serves, or "next", "stop", "error"; and the bucketing."""
        if split.sticky is not None:
            kept = self._stored(split, split.sticky)
            if kept is not None:
                return kept, self._bucket(split, "stored", None, kept, kept.variant)
        key, point = self._point(split)
        found: Range | str | None = self._holding(split.ranges, point) if point is not None else None
        if point is None:
            policy = split.on_missing_key
            if policy == "first":
                found = split.ranges[0] if split.ranges else split.on_miss
            elif policy in ("error", "next", "stop"):
                found = policy
            else:
                point = self._stand_in(split)
                found = None if point is None else self._holding(split.ranges, point)
        found = found if found is not None else split.on_miss
        bounds = found if isinstance(found, Range) else None
        return found, self._bucket(split, key, point, bounds, found.variant if isinstance(found, Range) else found)

    def of_share(self, share: form.Share) -> tuple[bool, Bucket]:
        """Whether the point lies in the share; and the bucketing. Raises `Ended`."""
        key, point = self._point(share)
        if point is None:
            policy = share.on_missing_key
            if policy == "error":
                raise Ended(code=ErrorCode.TARGETING_KEY_MISSING, message=share.by)
            if policy == "stop":
                raise Ended(STOP)
            point = {"first": 0, "next": None}.get(policy) if policy in ("first", "next") else self._stand_in(share)
        inside = point is not None and self._holding((share,), point) is not None
        return inside, self._bucket(share, key, point, share, "inside" if inside else "outside")

    def _point(self, bucketing: Split | form.Share) -> tuple[Any, Any]:
        """The first key that the scheme takes, and its point; None for no point."""
        if bucketing.scheme == "random":
            return None, self.world.random() * bucketing.of
        point_of = SCHEMES[bucketing.scheme].prepare(bucketing.seed, bucketing.of)
        for path in (bucketing.by, *bucketing.or_by):
            key = find(self.context, path)
            point = None if key is None or key is NOTHING else point_of(key)
            if point is not None:
                return key, point
        return None, None

    def _stand_in(self, bucketing: Split | form.Share) -> Any:
        if bucketing.on_missing_key == "random":
            return self.world.random() * bucketing.of
        text = "" if bucketing.on_missing_key == "empty" else "null"
        return SCHEMES[bucketing.scheme].prepare(bucketing.seed, bucketing.of)(text)

    def _holding(self, ranges: tuple[Any, ...], point: Any) -> Any:
        return next((each for each in ranges if self._holds(each, point)), None)

    def _holds(self, each: Range | form.Share, point: Any) -> bool:
        to = self._end(each)
        return each.start <= point and (point < to or (each.to_inclusive and point == to))

    def _end(self, each: Range | form.Share) -> float:
        to = each.to
        return ramp_at(to.points, self.world.now(), stepped=to.stepped) if isinstance(to, form.Ramp) else to

    def _stored(self, split: Split, experiment: str) -> Range | None:
        keys = (key_text(find(self.context, path)) for path in (split.by, *split.or_by))
        key = next((key for key in keys if key is not None), None)
        variant = None if key is None else self.world.assigned(experiment, key)
        return next((each for each in split.ranges if each.variant == variant), None)

    def _bucket(self, asked: Split | form.Share, key: Any, point: Any, bounds: Any, outcome: str) -> Bucket:
        at = None if point is None else float(point)
        held = None if bounds is None or point is None else (float(bounds.start), float(self._end(bounds)))
        return Bucket(".".join(asked.by), key, asked.scheme, asked.seed, asked.of, at, held, outcome)


class _Judge:
    """Conditions, one method for each form. Each gives a node; a condition that ends the flag raises `Ended`."""

    def __init__(self, evaluation: _Evaluation) -> None:
        self.evaluation = evaluation
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
            if nodes[-1].holds is False:
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
        said = f"{'not ' * condition.negate}{'.'.join(condition.attr)} {condition.op} {list(condition.values)}"
        facts = {"path": condition.attr, "found": None if found is NOTHING else found, "missing": found is NOTHING}
        shown = "missing" if found is NOTHING else repr(found)
        dialect = "" if condition.dialect == "strict" else f" ({condition.dialect})"
        return ConditionTrace("attr", holds, f"{said}{dialect}: {shown}", facts)

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
        return ConditionTrace("segment", holds, f"in segment {key}", {"segment": key}, inner)

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
        return ConditionTrace("flag", holds, f"flag {key} is as required", {"flag": key}, neighbour=neighbour)

    def share(self, condition: form.InShare) -> ConditionTrace:
        """A bucketing point in a range."""
        holds, bucket = _Bucketing(self.context, self.world).of_share(condition.share)
        return ConditionTrace("share", holds, "in the share", bucket=bucket)

    def time(self, condition: form.InTime) -> ConditionTrace:
        """The evaluation's moment in a window."""
        window, now = condition.time, self.world.now()
        after = window.start is None or now >= parse_time(window.start)
        until = None if window.until is None else parse_time(window.until)
        before = until is None or now < until or (window.until_inclusive and now == until)
        return ConditionTrace("time", after and before, f"from {window.start} until {window.until}", {"now": now})

    def member_of(self, condition: form.MemberOf) -> ConditionTrace:
        """Membership of a list kept outside."""
        key = key_text(find(self.context, condition.by))
        holds = _truth(condition.on_missing) if key is None else self.world.is_member(condition.list_id, key)
        return ConditionTrace("member_of", holds, f"in list {condition.list_id}", {"key": key})

    def expression(self, condition: form.Expression) -> ConditionTrace:
        """A program's result."""
        run = prepared_expression(condition.program, condition.dialect, condition.flag_key, condition.broken)
        holds = False if run is None else run(self.context, self.world)
        return ConditionTrace("expression", holds, "expression", {"program": condition.program})


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
    "Expression": "expression",
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


def _is_dead(condition: Any) -> bool:
    """Tell whether something in it cannot be prepared and says that this spoils its rule."""
    return any(_spoils_its_rule(each) for each in _conditions_in(condition))


def _spoils_its_rule(condition: Any) -> bool:
    if isinstance(condition, form.Attribute) and condition.broken == "rule":
        return prepared_test(condition.op, condition.dialect, condition.values, "rule") is None
    if isinstance(condition, form.Expression) and condition.broken == "rule":
        return prepared_expression(condition.program, condition.dialect, condition.flag_key, "rule") is None
    return False


def _names_others(condition: Any) -> bool:
    if condition is None:
        return False
    return any(isinstance(each, (form.InSegment, form.Prerequisite)) for each in _conditions_in(condition))


def _of_key(definition: Any, field: str, key: str) -> Any:
    named = getattr(definition, field)
    if named != key:
        msg = f"the line of {key!r} says it is {named!r}"
        raise RulesetError(msg)
    return definition
