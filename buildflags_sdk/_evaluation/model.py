"""What a flag is: the page form of flags and segments, strict, with nothing unknown let through.

The JSON Schema, the server's checks, the importers' output and the interpreter come from here. The compiler must never
import this module: it has its own checks, and a property test holds the two equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field, JsonValue, ValidationError, model_validator

from buildflags_sdk.errors import RulesetError

from .computed import prepared_name
from .condition_model import (
    Condition,
    FlagType,
    Form,
    Name,
    Number,
    OnMissingKey,
    Path,
    Points,
    Ramp,
    Rows,
    patterns_of,
)
from .lines import FORMS, Refused, decode_line, encode_entry, shown
from .outcomes import Outcome, outcome_of
from .pattern_budget import check_patterns
from .rows import check_scheme
from .short_forms import expand_short_forms

__all__ = [
    "FlagDefinition",
    "SegmentDefinition",
    "expand_short_forms",
    "flag_line",
    "parse_flag",
    "parse_segment",
    "segment_line",
]


class Range(Form):
    """A stretch [from, to) of bucketing points and the variant it serves. The first range that holds the point wins."""

    start: Number = Field(alias="from")
    to: Number | Ramp
    to_inclusive: bool = False
    variant: str


class Split(Form):
    """Variants by bucketing point.

    `on_miss` says what a point outside all ranges does: `next` declines the rule, `stop` ends with the fallthrough.
    `on_missing_key` is the same for a context without the key; `first` serves the first range, `empty` and `null` hash
    those texts, `random` draws a point, `error` is TARGETING_KEY_MISSING. `or_by` names further places to look for a key.
    `sticky` names an experiment whose stored assignments win.
    """

    by: Path = ("targetingKey",)
    or_by: Rows[Path] = ()
    scheme: Name
    seed: str
    of: Points
    ranges: Rows[Range]
    on_miss: Literal["next", "stop"] = "next"
    on_missing_key: OnMissingKey = "error"
    sticky: Name | None = None

    @model_validator(mode="after")
    def _preparable(self) -> Split:
        check_scheme(self.scheme, self.seed, self.of)
        return self


class ServeVariant(Form):
    """Serves one variant."""

    variant: str


class ServeSplit(Form):
    """Serves one of several variants, by bucketing."""

    split: Split


class Computed(Form):
    """The variant that a JSON Logic program names: a name, or a number or bool by its text.

    Null declines the rule; what is no variant is GENERAL. `flag_key` is what the program reads as `$flagd.flagKey`.
    """

    program: JsonValue = Field(alias="expression")
    dialect: str = "jsonlogic"
    flag_key: str = ""

    @model_validator(mode="after")
    def _preparable(self) -> Computed:
        prepared_name(self.program, self.dialect, self.flag_key)
        return self


class ServeComputed(Form):
    """Serves the variant that an expression names."""

    computed: Computed


Serve = ServeVariant | ServeSplit | ServeComputed | None
"""None serves the caller's default, and the flag counts as decided: the ruleset said so."""


class Rule(Form):
    """Serves those for whom `when` holds; without `when`, everybody.

    `on_undecided`: what a `when` that cannot be judged does: leave the flag undecided now, count as not holding (`next`),
    or let later rules try and leave the flag undecided only if none of them serves (`next_then_undecided`).
    """

    spelt_out: ClassVar[frozenset[str]] = frozenset({"serve"})

    id: str | None = None
    when: Condition | None = None
    serve: Serve
    on_undecided: Literal["undecided", "next", "next_then_undecided"] = "undecided"


class FlagDefinition(Form):
    """A flag, resolved for one environment: one line of a page.

    A variant is a bare value, or `{"value": …, "on": …}` with either part optional: without a value it stands for the
    caller's default, `on` is what `is_enabled` says. An object value is always written in the long form, so that a field
    added to that form later cannot be mistaken for part of a value.
    """

    spelt_out: ClassVar[frozenset[str]] = frozenset({"enabled", "off", "rules", "fallthrough"})

    key: Name
    type: FlagType
    variants: dict[Name, JsonValue]
    enabled: bool = True
    off: str | None = None
    rules: Rows[Rule] = ()
    fallthrough: Serve = None
    broken: str | None = None
    meta: dict[str, JsonValue] | None = None

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """The variants, each with its value (`CALLER_DEFAULT` when it has none) and what `is_enabled` says."""
        return {name: outcome_of(self.type, name, body) for name, body in self.variants.items()}

    @model_validator(mode="after")
    def _consistent(self) -> FlagDefinition:
        self.outcomes  # noqa: B018 - raises Refused for a variant that does not suit the type
        for place, name in self._named_variants():
            if name not in self.variants:
                msg = f"{place}: there is no variant {shown(name)}"
                raise Refused(msg)
        check_patterns(pattern for rule in self.rules for pattern in patterns_of(rule.when))
        return self

    def _named_variants(self) -> list[tuple[str, str]]:
        named = [("off", self.off)] if self.off is not None else []
        serves = [(f"rules.{at}.serve", rule.serve) for at, rule in enumerate(self.rules)]
        for place, serve in [*serves, ("fallthrough", self.fallthrough)]:
            if isinstance(serve, ServeVariant):
                named.append((place, serve.variant))
            elif isinstance(serve, ServeSplit):
                named.extend((f"{place}.split.ranges", row.variant) for row in serve.split.ranges)
        return named


class SegmentDefinition(Form):
    """A named set of contexts: one line of a page. `exclude` wins, then `include`, then `when`."""

    segment: Name
    include: Rows[str] = ()
    exclude: Rows[str] = ()
    by: Path = ("targetingKey",)
    when: Condition | None = None
    meta: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _within_bounds(self) -> SegmentDefinition:
        check_patterns(patterns_of(self.when))
        return self


Entry = TypeVar("Entry", FlagDefinition, SegmentDefinition)


def parse_flag(line: bytes | str | Mapping[str, Any]) -> FlagDefinition:
    """Read a flag in its page form. Raises `RulesetError` with one line for each thing that is wrong."""
    return _parse(FlagDefinition, "flag", line)


def parse_segment(line: bytes | str | Mapping[str, Any]) -> SegmentDefinition:
    """Read a segment in its page form. Raises `RulesetError` with one line for each thing that is wrong."""
    return _parse(SegmentDefinition, "segment", line)


def flag_line(definition: FlagDefinition) -> bytes:
    """The canonical bytes of a flag: keys in model order, no spaces, defaults left out, no newline."""
    return _canonical(definition)


def segment_line(definition: SegmentDefinition) -> bytes:
    """The canonical bytes of a segment: keys in model order, no spaces, defaults left out, no newline."""
    return _canonical(definition)


def _parse(entry: type[Entry], kind: str, line: bytes | str | Mapping[str, Any]) -> Entry:
    raw: dict[str, Any] = {}
    try:
        raw = decode_line(encode_entry(line) if isinstance(line, Mapping) else line)
        return entry.model_validate(raw)
    except ValidationError as error:
        problems = [
            (_place(fault["loc"]), fault["msg"]) for fault in error.errors(include_url=False, include_input=False)
        ]
        msg = "\n".join(f"{place}: {what}" if place else what for place, what in problems)
    except Refused as error:
        msg = str(error)
    name = raw.get("key", raw.get("segment"))
    msg = f"{kind} {shown(name)}: {msg}" if name is not None else msg
    raise RulesetError(msg)


def _place(loc: tuple[int | str, ...]) -> str:
    """A path such as `rules[0].when.values`, without the names of the union's members."""
    hidden = {"ServeVariant", "ServeSplit", "ServeComputed", "int", "float", "bool", "Ramp"}
    steps = [
        step
        for at, step in enumerate(loc)
        if step not in hidden and not (step in FORMS and at + 1 < len(loc) and _is_tag(loc, at))
    ]
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _is_tag(loc: tuple[int | str, ...], at: int) -> bool:
    return at > 0 and (loc[at - 1] in ("when", "not") or isinstance(loc[at - 1], int))


def _canonical(definition: Form) -> bytes:
    text = json.dumps(_page_form(definition), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def _page_form(value: Any) -> Any:
    if isinstance(value, Form):
        return {
            field.alias or name: _page_form(getattr(value, name))
            for name, field in type(value).model_fields.items()
            if field.is_required() or name in value.spelt_out or getattr(value, name) != field.default
        }
    if isinstance(value, tuple):
        return [_page_form(item) for item in value]
    return value
