"""The conditions of a rule, in page form: strict, closed, frozen. Part of the model; the compiler never imports it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    PrivateAttr,
    Tag,
    model_validator,
)

from .lines import FORMS, MAX_POINTS, parse_time, ramp_points, within_floats
from .pattern_budget import Patterns
from .rows import check_scheme, prepared_expression, prepared_test, value_test

Item = TypeVar("Item")
Rows = Annotated[tuple[Item, ...], Field(strict=False)]  # JSON has lists only; the items stay strict
Name = Annotated[str, Field(min_length=1)]
Number = Annotated[int | float, AfterValidator(within_floats)]
Points = Annotated[int, Field(gt=0, le=MAX_POINTS)]
Path = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Truth = bool | Literal["undecided"]
FlagType = Literal["boolean", "string", "integer", "float", "object"]
OnMissingKey = Literal["error", "next", "stop", "first", "empty", "null", "random"]
Fallback = bool | Literal["error", "undecided", "off"]
"""What stands in for a segment or prerequisite that is absent, in error or part of a cycle: `error` makes the flag
PARSE_ERROR (or gives it the prerequisite's own code), `off` gives the flag's off variant, the rest is a truth value."""


class Form(BaseModel):
    """Strict, closed and frozen; messages name fields as the page does."""

    spelt_out: ClassVar[frozenset[str]] = frozenset()  # fields that a line spells out even at their default

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Share(Form):
    """A stretch [from, to) of bucketing points. `to` may be a ramp."""

    by: Path = ("targetingKey",)
    or_by: Rows[Path] = ()
    scheme: Name
    seed: str
    of: Points
    start: Number = Field(default=0, alias="from")
    to: Number | Ramp
    to_inclusive: bool = False
    on_missing_key: OnMissingKey = "error"

    @model_validator(mode="after")
    def _preparable(self) -> Share:
        check_scheme(self.scheme, self.seed, self.of)
        return self


class Ramp(Form):
    """A bound that moves with time: linear between its points, or stepped; flat before the first and after the last."""

    ramp: Annotated[tuple[Annotated[tuple[str, Number], Field(strict=False)], ...], Field(strict=False, min_length=1)]
    stepped: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Ramp:
        ramp_points(self.ramp)
        return self

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """The points with their moments in seconds since 1970."""
        return ramp_points(self.ramp)


class All(Form):
    """Holds when each of its conditions does; without any, it holds.

    One that does not hold settles it, even after one that is undecided; `in_order`, whichever of the two comes first.
    """

    conditions: Rows[Condition] = Field(alias="all")
    in_order: bool = False


class AnyOf(Form):
    """Holds when one of its conditions does; without any, it does not."""

    conditions: Rows[Condition] = Field(alias="any")


class Not(Form):
    """Holds when its condition does not; undecided when that is."""

    condition: Condition = Field(alias="not")


class Attribute(Form):
    """An attribute of the context, held against an operator's values.

    `negate` turns the operator's answer round and leaves `on_missing` alone: that is the answer, as it stands, for an
    attribute that is absent or null. `on_null`, when given, is the answer for null. Without `on_missing` the condition
    does not hold, except for an operator that itself looks at absence, such as `exists`.
    """

    attr: Path
    op: Name
    values: Rows[JsonValue] = ()
    dialect: str = "strict"
    negate: bool = False
    on_missing: Truth | None = None
    on_null: Truth | None = None
    broken: Literal["flag", "rule", "condition"] = "flag"
    _patterns: Patterns = PrivateAttr(())

    @model_validator(mode="after")
    def _preparable(self) -> Attribute:
        prepared = prepared_test(self.op, self.dialect, self.values, self.broken)
        self._patterns = () if prepared is None else prepared.patterns
        return self

    @property
    def patterns(self) -> Patterns:
        """The regular expressions among the values."""
        return self._patterns


class InSegment(Form):
    """Holds for members of a segment."""

    segment: Name
    on_absent: Fallback = "error"
    on_cycle: Fallback = "error"
    on_error: Fallback = "error"


class ValueTest(Form):
    """What a prerequisite's value must pass; `path` looks into an object value."""

    op: Name
    values: Rows[JsonValue] = ()
    dialect: str = "strict"
    path: Rows[str] = ()
    negate: bool = False
    on_missing: Truth | None = None
    _patterns: Patterns = PrivateAttr(())

    @model_validator(mode="after")
    def _preparable(self) -> ValueTest:
        self._patterns = value_test(self.op, self.dialect, self.values).patterns
        return self

    @property
    def patterns(self) -> Patterns:
        """The regular expressions among the values."""
        return self._patterns


class Prerequisite(Form):
    """Holds when another flag, decided for the same context, is as said in each part given. No part: it is decided.

    `enabled` asks for the flag's switch, `on` for what `is_enabled` would answer (the caller's default counts as off).
    """

    flag: Name
    on: bool | None = None
    enabled: bool | None = None
    variants: Rows[str] | None = None
    value: ValueTest | None = None
    on_absent: Fallback = "error"
    on_cycle: Fallback = "error"
    on_error: Fallback = "error"


class InShare(Form):
    """Holds when the bucketing point lies in the share: traffic allocation, holdouts, mutual exclusion."""

    share: Share


class Window(Form):
    """From a moment on, until another: the second is outside unless `until_inclusive`."""

    start: str | None = Field(default=None, alias="from")
    until: str | None = None
    until_inclusive: bool = False

    @model_validator(mode="after")
    def _moments(self) -> Window:
        for moment in (self.start, self.until):
            if moment is not None:
                parse_time(moment)
        return self


class InTime(Form):
    """Holds while the evaluation's moment lies in the window."""

    time: Window


class MemberOf(Form):
    """Holds for members of a list kept outside.

    `on_unknown` is what it comes to where nobody knows: the list has no word on the key, or the client was given no source
    of such lists.
    """

    list_id: Name = Field(alias="member_of")
    by: Path = ("targetingKey",)
    on_missing: Truth = False
    on_unknown: Truth = "undecided"


class Assigned(Form):
    """Holds for those for whom the client's store keeps an assignment in an experiment: one of `values`, if given."""

    experiment: Name = Field(alias="assigned")
    by: Path = ("targetingKey",)
    values: Rows[str] | None = None


class Expression(Form):
    """Holds when a JSON Logic program gives something truthy. `flag_key` is what the program reads as `$flagd.flagKey`."""

    program: JsonValue = Field(alias="expression")
    dialect: str = "jsonlogic"
    flag_key: str = ""
    broken: Literal["flag", "rule", "condition"] = "flag"

    @model_validator(mode="after")
    def _preparable(self) -> Expression:
        prepared_expression(self.program, self.dialect, self.flag_key, self.broken)
        return self


class Failing(Form):
    """Makes the flag PARSE_ERROR, with this message, when it is asked: what is wrong there spoils nobody else's answer."""

    message: Name = Field(alias="error")


def patterns_of(condition: Condition | None) -> Iterator[tuple[str, int]]:
    """The regular expressions of a condition, in the order of the page, each with the most steps a search takes."""
    if isinstance(condition, All | AnyOf):
        for inner in condition.conditions:
            yield from patterns_of(inner)
    elif isinstance(condition, Not):
        yield from patterns_of(condition.condition)
    elif isinstance(condition, Attribute):
        yield from condition.patterns
    elif isinstance(condition, Prerequisite) and condition.value is not None:
        yield from condition.value.patterns


def _form_of(raw: Any) -> str | None:
    if isinstance(raw, Mapping):
        return next((field for field in raw if field in FORMS), None)
    return _FORM_OF_CLASS.get(type(raw))


Condition = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Attribute, Tag("attr")]
    | Annotated[InSegment, Tag("segment")]
    | Annotated[Prerequisite, Tag("flag")]
    | Annotated[InShare, Tag("share")]
    | Annotated[InTime, Tag("time")]
    | Annotated[MemberOf, Tag("member_of")]
    | Annotated[Assigned, Tag("assigned")]
    | Annotated[Expression, Tag("expression")]
    | Annotated[Failing, Tag("error")],
    Discriminator(
        _form_of,
        custom_error_type="condition_form",
        custom_error_message="a condition has one of the fields " + ", ".join(sorted(FORMS)),
    ),
]
_FORM_OF_CLASS: dict[type, str] = {
    All: "all",
    AnyOf: "any",
    Not: "not",
    Attribute: "attr",
    InSegment: "segment",
    Prerequisite: "flag",
    InShare: "share",
    InTime: "time",
    MemberOf: "member_of",
    Assigned: "assigned",
    Expression: "expression",
    Failing: "error",
}
