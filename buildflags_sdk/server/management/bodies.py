"""The shapes of request bodies. What conditions and rules may say is the model's business, not theirs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from buildflags_sdk._wire.canonical import encode
from buildflags_sdk.server.access import EVERY
from buildflags_sdk.server.records import KEY_PATTERN

NewKey = Annotated[str, Field(pattern=f"^{KEY_PATTERN}$")]
EnvironmentName = Annotated[str, Field(pattern=rf"^({KEY_PATTERN}|\{EVERY})$")]


class Body(BaseModel):
    """Strict and closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _is_json(cls, given: Any) -> Any:
        """Refuse what Python's reader of JSON lets in and no page can hold: NaN, infinities, halves of surrogate pairs."""
        if isinstance(given, bytes):
            msg = "it is not said to be JSON: send it with Content-Type: application/json"
            raise ValueError(msg)  # noqa: TRY004 - pydantic makes a refusal of this one
        encode(given)
        return given


class NewWorkspace(Body):
    """A workspace to make."""

    key: NewKey
    name: str = Field(default="", max_length=200)


class NewEnvironment(Body):
    """An environment to make; every flag is off in it."""

    key: NewKey


class Rules(Body):
    """What a flag does in one environment, in page form."""

    enabled: bool = False
    off: str | None = None
    rules: list[dict[str, JsonValue]] = Field(default_factory=list)
    fallthrough: dict[str, JsonValue] | None = None
    version: int | None = None
    key: Any = Field(default=None, description="read-only; ignored")
    environment: Any = Field(default=None, description="read-only; ignored")
    live: Any = Field(default=None, description="read-only; ignored")

    def said(self) -> dict[str, Any]:
        """Give the rules alone."""
        return self.model_dump(include={"enabled", "off", "rules", "fallthrough"})


class Flag(Body):
    """What a flag is, and what it does where `environments` says so."""

    type: Literal["boolean", "string", "integer", "float", "object"]
    variants: dict[str, JsonValue]
    broken: str | None = Field(
        default=None, description="why it cannot be evaluated: callers get their default and this"
    )
    meta: dict[str, JsonValue] | None = None
    version: int | None = None
    environments: dict[str, Rules] = Field(default_factory=dict)
    created_at: Any = Field(default=None, description="read-only; ignored")
    archived_at: Any = Field(default=None, description="read-only; ignored")
    live: Any = Field(default=None, description="read-only; ignored")

    def definition(self) -> dict[str, Any]:
        """Give what the flag is in all environments."""
        return self.model_dump(include={"type", "variants", "broken", "meta"})


class NewFlag(Flag):
    """A flag to make."""

    key: NewKey


class ChangedFlag(Flag):
    """A flag's next version."""

    key: str | None = None


class Segment(Body):
    """What a segment says, in page form."""

    include: list[str] | None = None
    exclude: list[str] | None = None
    by: list[str] | None = None
    when: dict[str, JsonValue] | None = None
    meta: dict[str, JsonValue] | None = None
    version: int | None = None
    live: Any = Field(default=None, description="read-only; ignored")

    def said(self) -> dict[str, Any]:
        """Give the segment alone, without what was not said."""
        return self.model_dump(include={"include", "exclude", "by", "when", "meta"}, exclude_none=True)


class NewSegment(Segment):
    """A segment to make."""

    key: NewKey


class ChangedSegment(Segment):
    """A segment's next version."""

    key: str | None = None


class NewApiKey(Body):
    """A key to issue."""

    kind: Literal["server", "browser", "management"]
    name: str = Field(default="", max_length=200)
    environments: list[EnvironmentName] = Field(default_factory=lambda: [EVERY], min_length=1, max_length=25)
    role: Literal["viewer", "editor", "admin"] | None = None
    expires_at: str | None = Field(default=None, description="RFC 3339, with its offset")


class Rotation(Body):
    """How long the old key stays valid beside the new one."""

    overlap_seconds: Annotated[int, Field(ge=0, le=90 * 86_400)] = 7 * 86_400
