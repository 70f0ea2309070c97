"""From one line of a page to a constant or a closure: the fast path. Never raises for any line, never imports the model.

A compiled entry refers to no snapshot and no neighbour: others are looked up by key, when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakValueDictionary

from . import checks
from .compiled_test import BROKEN, Test
from .conditions import compile_condition
from .context import TARGETING_KEY
from .details import Decision, ErrorCode, Reason
from .hash_split import MissingKey
from .lines import Refused, decode_line, shown
from .outcomes import caller_default, decision_of, failed, outcome_of
from .pattern_budget import check_patterns
from .reading import key_text, reader
from .rulelist import Flag, Row, compile_rows
from .serving import as_serve, compile_split, decline
from .walk import Walk, WalkNeeded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .outcomes import Outcome
    from .pattern_budget import Patterns
    from .serving import Serve
    from .world import World

    Evaluate = Callable[[Mapping[str, Any], Any, World], Decision]
    Names = frozenset[tuple[str, str]]

T = TypeVar("T")

_FLAG = frozenset(("key", "type", "variants", "enabled", "off", "rules", "fallthrough", "broken", "meta"))
_RULE = frozenset(("id", "when", "serve", "on_undecided"))
_SEGMENT = frozenset(("segment", "include", "exclude", "by", "when", "meta"))
_TYPES: Final = ("boolean", "string", "integer", "float", "object")
_DOUBTS: Final = ("undecided", "next", "next_then_undecided")
_NO_NAMES: Final[frozenset[tuple[str, str]]] = frozenset()
_MOST_SHARED: Final = 4096
_SHORT: Final = 32


class Pool:
    """What the entries of one ruleset share: equal conditions are one closure, equal small things one object."""

    __slots__ = ("_small", "conditions")

    def __init__(self) -> None:
        # Weakly: a pool lives on from revision to revision, and must not keep what no entry uses any more.
        self.conditions: WeakValueDictionary[bytes, Test] = WeakValueDictionary()
        self._small: dict[Any, Any] = {}

    def shared(self, small: T) -> T:
        """The equal text, or set of names, that was shown before; it forgets all when it has seen many.

        (Interned texts would never be forgotten: on Python 3.12 they live as long as the process.)
        """
        if len(self._small) >= _MOST_SHARED:
            self._small = {}
        return self._small.setdefault(small, small)  # type: ignore[no-any-return]


class CompiledFlag:
    """A flag, ready.

    `entry` is the answer itself for a constant boolean, else a function from (context, snapshot, world) to a `Decision`.
    `decision` is set when there is only one. `names` are the neighbours its line names, as ("flag", key)
    or ("segment", key). `broken` says why the flag is PARSE_ERROR. Calling the object decides, whatever `entry` is.
    """

    __slots__ = ("broken", "decision", "entry", "names")

    def __init__(self, entry: bool | Evaluate, decision: Decision | None, names: Names, broken: str | None) -> None:
        self.entry = entry
        self.decision = decision
        self.names = names
        self.broken = broken

    def __call__(self, context: Mapping[str, Any], snapshot: Any, world: World) -> Decision:
        if self.decision is not None:
            return self.decision
        return self.entry(context, snapshot, world)  # type: ignore[operator]


class CompiledSegment:
    """A segment, ready: `test` is a function from (context, snapshot, world) to true, false, or None for undecided."""

    __slots__ = ("broken", "names", "test", "when")

    def __init__(self, test: Callable[..., Any], names: Names, broken: str | None, when: Test | None = None) -> None:
        self.when = when  # keeps it in the pool
        self.test = test
        self.names = names
        self.broken = broken


def compile_flag(key: str, line: bytes, pool: Pool) -> CompiledFlag:
    """Compile the line of a flag. A line that cannot be used makes a flag that always answers PARSE_ERROR."""
    try:
        return _Flag(key, decode_line(line), pool).compiled()
    except (Refused, RecursionError) as error:
        message = str(error)
        return _constant(failed(key, ErrorCode.PARSE_ERROR, message), frozenset(), message)


def compile_segment(key: str, line: bytes, pool: Pool) -> CompiledSegment:
    """Compile the line of a segment. A line that cannot be used spoils the flags that reach it."""
    try:
        return _segment(key, decode_line(line), pool)
    except (Refused, RecursionError) as error:
        return CompiledSegment(lambda context, snapshot, world: BROKEN, frozenset(), str(error))


class _Flag:
    """One flag's line while it is compiled."""

    def __init__(self, key: str, raw: dict[str, Any], pool: Pool) -> None:
        checks.fields(raw, _FLAG, "flag")
        _check_key(raw, "key", key)
        self.key = key
        self.raw = raw
        self.pool = pool
        self.type = checks.word(raw, "type", "flag", _TYPES, None)
        variants = raw.get("variants")
        if variants.__class__ is not dict or "" in variants:
            msg = f"flag.variants: an object of named variants is needed, not {shown(variants)}"
            raise Refused(msg)
        shared = pool.shared
        self.outcomes: dict[str, Outcome] = {}
        for name, body in variants.items():
            if body.__class__ is str and len(body) <= _SHORT:
                body = shared(body)  # noqa: PLW2901 - the same text
            self.outcomes[name] = outcome_of(self.type, shared(name), body)
        self.enabled = checks.switch(raw, "enabled", "flag", default=True)
        self.broken = checks.optional_text(raw, "broken", "flag")
        self.names: Names = _NO_NAMES
        self.ends = False
        self.patterns: Patterns = ()
        _check_meta(raw, "flag.meta")

    def compiled(self) -> CompiledFlag:
        off_name = checks.optional_text(self.raw, "off", "flag")
        off = None if off_name is None else self._outcome(off_name, "flag.off")
        raw_rules = checks.rows(self.raw, "rules", "flag", [])
        last = self._fallthrough(Reason.DEFAULT if raw_rules else Reason.STATIC)
        rows = [row for at, rule in enumerate(raw_rules) for row in self._rule(rule, f"rules[{at}]", last)]
        check_patterns(self.patterns)
        if self.broken is not None:
            return _constant(failed(self.key, ErrorCode.PARSE_ERROR, self.broken), self.names, self.broken)
        if not self.enabled:
            return _constant(self._decision(off, Reason.DISABLED), self.names)
        if rows and rows[0].test is None and isinstance(rows[0].serve, Decision):
            return _constant(rows[0].serve, self.names)
        if not rows and isinstance(last, Decision):
            return _constant(last, self.names)
        opens = any(kind == "flag" for kind, _ in self.names)
        ends = self.ends or bool(self.names)
        entry = compile_rows(rows, last, Flag(self.key, self.type, off), ends=ends, opens=opens)
        return CompiledFlag(entry, None, self.names, None)

    def _fallthrough(self, reason: Reason) -> Decision | Serve:
        raw = self.raw.get("fallthrough")
        if raw is None:
            return caller_default(self.key, self.type, Reason.DEFAULT)
        default = caller_default(self.key, self.type, Reason.DEFAULT)
        return self._serve(raw, "fallthrough", reason, None, default, default)

    def _rule(self, raw: Any, place: str, last: Decision | Serve) -> list[Row]:
        """The rule's row, or none for a rule that can never serve."""
        checks.fields(raw, _RULE, place)
        rule_id = checks.optional_text(raw, "id", place)
        if rule_id is not None:
            rule_id = self.pool.shared(rule_id)
        doubt = checks.word(raw, "on_undecided", place, _DOUBTS, "undecided")
        if "serve" not in raw:
            msg = f"{place}.serve: a variant, a split or null is needed, and it is missing"
            raise Refused(msg)
        if raw["serve"] is None:
            serve: Decision | Serve = caller_default(self.key, self.type, Reason.DEFAULT, rule_id)
        else:
            serve = self._serve(raw["serve"], f"{place}.serve", Reason.TARGETING_MATCH, rule_id, decline, last)
        if raw.get("when") is None:
            return [Row(None, serve, doubt)]
        test = compile_condition(raw["when"], f"{place}.when", self.pool.conditions)
        if test.names and self.names != test.names:
            self.names = self.pool.shared(self.names | test.names)
        self.ends = self.ends or test.ends
        self.patterns += test.patterns
        if test.dead or test.constant is False:
            return []
        return [Row(None if test.constant else test, serve, doubt)]

    def _serve(
        self,
        raw: Any,
        place: str,
        reason: Reason,
        rule_id: str | None,
        declined: Decision | Serve,
        stopped: Decision | Serve,
    ) -> Decision | Serve:
        """A decision, or a split that goes on with `declined` or `stopped` when it does not serve."""
        if raw.__class__ is dict and raw.keys() == {"variant"}:
            return self._decision(self._outcome(checks.text(raw, "variant", place, empty=True), place), reason, rule_id)
        if raw.__class__ is dict and raw.keys() == {"computed"}:
            from .computed import NO_SUCH_VARIANT, compile_computed  # noqa: PLC0415 - only its users pay for the import

            decisions = {name: self._decision(self.outcomes[name], reason, rule_id) for name in self.outcomes}
            unknown = failed(self.key, ErrorCode.GENERAL, NO_SUCH_VARIANT, self.type)
            return compile_computed(raw["computed"], f"{place}.computed", decisions, unknown, as_serve(declined))
        if raw.__class__ is not dict or raw.keys() != {"split"}:
            msg = f"{place}: a variant, a split, a computed variant or null is needed, not {shown(raw)}"
            raise Refused(msg)

        made: dict[str, Decision] = {}

        def decision_for(name: str, where: str) -> Decision:
            if name not in made:
                made[name] = self._decision(self._outcome(name, where), Reason.SPLIT, rule_id)
            return made[name]

        def without_key(path: tuple[str, ...]) -> MissingKey:
            return MissingKey(self.key, self.type, path)

        return compile_split(raw["split"], f"{place}.split", without_key, decision_for, declined, stopped)

    def _outcome(self, name: str, place: str) -> Outcome:
        outcome = self.outcomes.get(name)
        if outcome is None:
            msg = f"{place}: there is no variant {shown(name)}"
            raise Refused(msg)
        return outcome

    def _decision(self, outcome: Outcome | None, reason: Reason, rule_id: str | None = None) -> Decision:
        return decision_of(self.key, self.type, outcome, reason, rule_id)


def _segment(key: str, raw: dict[str, Any], pool: Pool) -> CompiledSegment:
    checks.fields(raw, _SEGMENT, "segment")
    _check_key(raw, "segment", key)
    include, exclude = (frozenset(checks.texts(raw, name, "segment", ())) for name in ("include", "exclude"))
    read = reader(checks.path(raw, "by", "segment", (TARGETING_KEY,)))
    _check_meta(raw, "segment.meta")
    test = None
    if raw.get("when") is not None:
        test = compile_condition(raw["when"], "when", pool.conditions)
        check_patterns(test.patterns)
    if test is None or test.dead:
        when: Callable[..., Any] | None = None
    else:
        when = test.holds

    def holds_by_lists(context: Mapping[str, Any], snapshot: Any, world: World) -> bool | None:
        found = read(context)
        listed = found if found.__class__ is str else key_text(found)
        if listed in exclude:
            return False
        return listed in include or (when is not None and when(context, snapshot, world))

    holds = when if when is not None and not include and not exclude else holds_by_lists
    names: Names = test.names if test is not None else frozenset()
    if not names or when is None:
        return CompiledSegment(holds, names, None, test)

    def holds_once(context: Mapping[str, Any], snapshot: Any, world: World) -> Any:
        if world.__class__ is not Walk:
            raise WalkNeeded
        return world.segment(key, holds, context, snapshot)

    return CompiledSegment(holds_once, names, None, test)


def _constant(decision: Decision, names: Names, broken: str | None = None) -> CompiledFlag:
    if decision.type == "boolean" and isinstance(decision.value, bool) and decision.on is decision.value:
        return CompiledFlag(decision.value, decision, names, broken)
    return CompiledFlag(decision.always, decision, names, broken)


def _check_meta(raw: dict[str, Any], place: str) -> None:
    meta = raw.get("meta")
    if meta is not None and meta.__class__ is not dict:
        msg = f"{place}: an object is needed, not {shown(meta)}"
        raise Refused(msg)


def _check_key(raw: dict[str, Any], field: str, key: str) -> None:
    named: str = checks.text(raw, field, "entry")
    if named != key:
        msg = f"the line of {shown(key)} says it is {shown(named)}"
        raise Refused(msg)
