"""The evaluation context: who is asking. A read-only dict, so that compiled rules read it with one C call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Never

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGETING_KEY = "targetingKey"


class EvaluationContext(dict[str, Any]):
    """Attributes of the subject of an evaluation, with its targeting key under `targetingKey`.

    >>> context = EvaluationContext("user-7", country="DE")
    >>> context.targeting_key, context["country"]
    ('user-7', 'DE')

    Any mapping works where a context is asked for; this class adds the field's names and cannot be changed.
    """

    __slots__ = ()

    def __init__(
        self,
        targeting_key: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        /,
        **more: Any,
    ) -> None:
        super().__init__(attributes or {}, **more)
        if targeting_key is not None:
            super().__setitem__(TARGETING_KEY, targeting_key)

    @property
    def targeting_key(self) -> str | None:
        """The subject's stable identifier, or None."""
        return self.get(TARGETING_KEY)

    @property
    def attributes(self) -> dict[str, Any]:
        """A new plain dict of everything but the targeting key."""
        return {key: value for key, value in self.items() if key != TARGETING_KEY}

    def merged(self, other: Mapping[str, Any]) -> EvaluationContext:
        """A new context in which the entries of `other` win (OpenFeature's merge)."""
        return EvaluationContext(None, {**self, **other})

    def _refuse(self, *_args: Any, **_kwargs: Any) -> Never:
        msg = "an EvaluationContext cannot be changed; make another one with merged({...})"
        raise TypeError(msg)

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> Never:  # type: ignore[override]
        msg = "an EvaluationContext holds a mapping and cannot be hashed"
        raise TypeError(msg)

    def __reduce__(self) -> tuple[type[EvaluationContext], tuple[None, dict[str, Any]]]:
        return (EvaluationContext, (None, dict(self)))
