"""The reference: walks the model for one context, decides, and records what it saw. It is the definition, not the speed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from buildflags_sdk.errors import RulesetError

from .computed import NO_SUCH_VARIANT, prepared_name
from .details import Decision, ErrorCode, Reason
from .explained_bucketing import Bucketing
from .explained_jsonlogic import explained
from .judging import Judge, is_dead, names_others
from .lines import MAX_DEPTH
from .model import (
    Computed,
    FlagDefinition,
    Range,
    Rule,
    SegmentDefinition,
    Serve,
    ServeComputed,
    ServeVariant,
    parse_flag,
    parse_segment,
)
from .outcomes import caller_default, decision_of, failed, missing_key_message, undecided
from .peer_words import Words
from .reading import find, key_text
from .trace import Bucket, ConditionTrace, RuleTrace, Trace
from .walk import CYCLE, OFF, STOP, Ended

if TYPE_CHECKING:
    from collections.abc import Callable

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
        if not names_others(definition.when):
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

    def flag_name(self, key: str) -> str:
        """What the flag's authors call it; its key where there is none that can be read."""
        return self._name(self.source.definition, key)

    def segment_name(self, key: str) -> str:
        """What the segment's authors call it; its key where there is none that can be read."""
        return self._name(self.source.segment_definition, key)

    def _name(self, definition_of: Callable[[str], Any], key: str) -> str:
        try:
            definition = definition_of(key)
        except RulesetError:
            return key
        return key if definition is None else Words(definition.meta).name(key)

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
        if segment.when is None or is_dead(segment.when):
            return False, None
        node = Judge(self, Words(segment.meta)).condition(segment.when)
        return node.holds, node


class _FlagWalk:
    """One flag being decided."""

    def __init__(self, evaluation: _Evaluation, definition: FlagDefinition) -> None:
        self.evaluation = evaluation
        self.flag = definition
        self.outcomes = definition.outcomes
        self.rules: list[RuleTrace] = []
        self.words = Words(definition.meta)
        self.bucketing = Bucketing(evaluation.context, evaluation.world, self.words)

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
            if rule.when is not None and is_dead(rule.when):
                self._tried(at, rule, "broken")
                continue
            node: ConditionTrace | None = None
            holds: bool | None = True
            if rule.when is not None:
                try:
                    node = Judge(self.evaluation, self.words).condition(rule.when)
                except Ended:
                    self._tried(at, rule, "ends the flag")
                    raise
                holds = node.holds
            if holds is None:
                self._tried(at, rule, "undecided", node)
                if rule.on_undecided == "undecided":
                    return self._done(undecided(self.flag.key, self.flag.type))
                doubtful = doubtful or rule.on_undecided == "next_then_undecided"
            elif not holds:
                self._tried(at, rule, "does not hold", node)
            else:
                decision, bucket = self._serve(rule.serve, Reason.TARGETING_MATCH, rule.id, stops=True)
                self._tried(at, rule, "declines" if decision is None else "serves", node, bucket)
                if decision is not None:
                    return self._done(decision)
        if doubtful:
            return self._done(undecided(self.flag.key, self.flag.type))
        return self._fallthrough()

    def _tried(
        self, at: int, rule: Rule, result: str, node: ConditionTrace | None = None, bucket: Bucket | None = None
    ) -> None:
        steps: tuple[ConditionTrace, ...] = ()
        if isinstance(rule.serve, ServeComputed) and result in ("serves", "declines"):
            computed, evaluation = rule.serve.computed, self.evaluation
            steps = explained(
                computed.program, computed.dialect, computed.flag_key, evaluation.context, evaluation.world
            )
        self.rules.append(RuleTrace(at, rule.id, result, node, bucket, self.words.rule(rule.id), steps))

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
            return decision_of(key, flag_type, self.outcomes[serve.variant], reason, rule_id), None
        if isinstance(serve, ServeComputed):
            return self._computed(serve.computed, reason, rule_id), None
        split = serve.split
        found, bucket = self.bucketing.of_split(split)
        if found == "error":
            message = missing_key_message(split.by, self.evaluation.context)
            return failed(key, ErrorCode.TARGETING_KEY_MISSING, message, flag_type), bucket
        if found == "stop" and stops:
            return self._fallthrough().decision, bucket
        if isinstance(found, Range):
            return decision_of(key, flag_type, self.outcomes[found.variant], Reason.SPLIT, rule_id), bucket
        return None, bucket

    def _computed(self, computed: Computed, reason: Reason, rule_id: str | None) -> Decision | None:
        key, flag_type = self.flag.key, self.flag.type
        name_of = prepared_name(computed.program, computed.dialect, computed.flag_key)
        name = name_of(self.evaluation.context, self.evaluation.world)
        if name is None:
            return None
        outcome = self.outcomes.get(name)
        if outcome is None:
            return failed(key, ErrorCode.GENERAL, NO_SUCH_VARIANT, flag_type)
        return decision_of(key, flag_type, outcome, reason, rule_id)

    def _off(self) -> Decision:
        key, flag_type, off = self.flag.key, self.flag.type, self.flag.off
        if off is None:
            return caller_default(key, flag_type, Reason.DISABLED)
        return decision_of(key, flag_type, self.outcomes[off], Reason.DISABLED)

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


def _of_key(definition: Any, field: str, key: str) -> Any:
    named = getattr(definition, field)
    if named != key:
        msg = f"the line of {key!r} says it is {named!r}"
        raise RulesetError(msg)
    return definition
