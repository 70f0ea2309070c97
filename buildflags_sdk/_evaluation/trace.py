"""What the interpreter saw on its way to a decision: as data, as a tree of lines, and compared with another one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from .details import CALLER_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .details import Decision

_PLAIN = (str, int, float, bool, type(None))
_MARKS = {True: "✓", False: "✗", None: "?"}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucketing that was asked for: what was hashed, the point it gave and the range that holds the point."""

    by: str
    key: Any
    scheme: str
    seed: str
    of: int
    point: float | None
    range: tuple[float, float] | None
    outcome: str
    named: str | None = None  # `by` in the words of the rule's authors, where those are not ours

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "by": self.by,
            "key": _plain(self.key),
            "scheme": self.scheme,
            "seed": self.seed,
            "of": self.of,
            "point": self.point,
            "range": None if self.range is None else list(self.range),
            "outcome": self.outcome,
        }

    def __str__(self) -> str:
        where = "no usable key" if self.point is None else f"point {self.point:g} of {self.of}"
        held = "" if self.range is None else f" in [{self.range[0]:g}, {self.range[1]:g})"
        return f"{self.scheme}({self.seed!r}, {self.named or self.by} = {self.key!r}): {where}{held} → {self.outcome}"


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """A condition that was judged. `holds` is None for undecided; `facts` are what it looked at."""

    form: str
    holds: bool | None
    says: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    inner: tuple[ConditionTrace, ...] = ()
    bucket: Bucket | None = None
    neighbour: Trace | None = None

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        data: dict[str, Any] = {"form": self.form, "holds": self.holds, "says": self.says}
        data.update({name: _plain(value) for name, value in self.facts.items()})
        if self.inner:
            data["inner"] = [node.as_dict() for node in self.inner]
        if self.bucket is not None:
            data["bucket"] = self.bucket.as_dict()
        if self.neighbour is not None:
            data["decided"] = self.neighbour.as_dict()
        return data

    def lines(self) -> Iterator[str]:
        """As a tree."""
        yield f"{_MARKS[self.holds]} {self.says}"
        for node in self.inner:
            yield from _indented(node.lines())
        if self.bucket is not None:
            yield f"    {self.bucket}"
        if self.neighbour is not None:
            yield from _indented(self.neighbour.lines())


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """A rule that was tried. `result`: serves, does not hold, declines, undecided, broken, or how it ended the flag.

    `name` is what its authors call it beside its id; `steps` are those of an expression that computes what it serves.
    """

    at: int
    rule_id: str | None
    result: str
    when: ConditionTrace | None = None
    bucket: Bucket | None = None
    name: str | None = None
    steps: tuple[ConditionTrace, ...] = ()

    @property
    def title(self) -> str:
        """What people know the rule by: its name, with its id beside it, else its id, else its place."""
        called = str(self.at) if self.rule_id is None else self.rule_id
        return called if self.name is None else f"{self.name} ({called})"

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "at": self.at,
            "id": self.rule_id,
            "name": self.name,
            "result": self.result,
            "when": None if self.when is None else self.when.as_dict(),
            "steps": [step.as_dict() for step in self.steps],
            "bucket": None if self.bucket is None else self.bucket.as_dict(),
        }

    def lines(self) -> Iterator[str]:
        """As a tree."""
        yield f"rule {self.title}: {self.result}"
        if self.when is not None:
            yield from _indented(self.when.lines())
        for step in self.steps:
            yield from _indented(step.lines())
        if self.bucket is not None:
            yield f"    {self.bucket}"


@dataclass(frozen=True, slots=True)
class Trace:
    """How a flag was decided for one context."""

    decision: Decision
    rules: tuple[RuleTrace, ...] = ()
    fallthrough: Bucket | None = None

    def as_dict(self) -> dict[str, Any]:
        """As plain data: the decision's fields, `rules` in the order tried, and the fallthrough's bucketing."""
        decision = self.decision
        return {
            "flag": decision.flag_key,
            "value": None if decision.value is CALLER_DEFAULT else decision.value,
            "caller_default": decision.value is CALLER_DEFAULT,
            "variant": decision.variant,
            "on": decision.on,
            "reason": str(decision.reason),
            "rule_id": decision.rule_id,
            "error_code": None if decision.error_code is None else str(decision.error_code),
            "error_message": decision.error_message,
            "decided": decision.decided,
            "rules": [rule.as_dict() for rule in self.rules],
            "fallthrough": None if self.fallthrough is None else self.fallthrough.as_dict(),
        }

    def lines(self) -> Iterator[str]:
        """As a tree, a line at a time."""
        decision = self.decision
        value = "the caller's default" if decision.value is CALLER_DEFAULT else repr(decision.value)
        variant = "" if decision.variant is None else f" (variant {decision.variant})"
        yield f"{decision.flag_key} = {value}{variant}, {decision.reason}"
        if decision.error_message is not None:
            yield f"    {decision.error_code}: {decision.error_message}"
        for rule in self.rules:
            yield from _indented(rule.lines())
        if self.fallthrough is not None:
            yield f"    fallthrough: {self.fallthrough}"


class Difference(NamedTuple):
    """A place at which two traces differ, such as `rules[0].when.holds`; absent is None."""

    place: str
    before: Any
    after: Any


def diff(before: Trace, after: Trace) -> list[Difference]:
    """What differs between two traces, the decision first, then the steps in their order."""
    return list(_differences("", before.as_dict(), after.as_dict()))


def _differences(place: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _differences(f"{place}.{name}".lstrip("."), before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list):
        for at in range(max(len(before), len(after))):
            one, other = (side[at] if at < len(side) else None for side in (before, after))
            yield from _differences(f"{place}[{at}]", one, other)
    elif before != after or type(before) is not type(after):
        yield Difference(place, before, after)


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _plain(value: Any) -> Any:
    """JSON stays as it is; anything else is shown."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return value if isinstance(value, _PLAIN) else repr(value)
