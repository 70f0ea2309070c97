"""The evaluating methods, written once for every view of a client. They never wait: no lock, no I/O, no event.

The one mutable thing they read is a reference to the current table, replaced by one assignment. `_table` is that table
while nothing special holds; None says that something does (a scope was opened somewhere, a limit on staleness, a fork),
and `_route` then finds the table and the context to use. Inside a scope that read this view's table last, which `_pin`
tells, that is done in place: a call of `_route` would double the cost of a constant flag (150 ns against 75).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from ._evaluation.details import CALLER_DEFAULT, Decision, ErrorCode, EvaluationDetails, Fallback, Reason, Source
from ._scope import InvalidContext, merge, no_mapping
from ._scope import current as current_scope
from ._snapshot import NOT_FOUND
from ._tables import OverlayTable
from ._values import MISFIT, fit, mistaken_context, name_of, own

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from ._evaluation.trace import Trace
    from ._evaluation.world import World
    from ._snapshot import Table
    from ._standing import Standing

    class _NoValue:
        """Keeps the overload for models from matching None, which would give every optional default the type JSON."""

    JSON = dict[str, Any] | list[Any] | str | int | float | bool | None
    M = TypeVar("M", bound=BaseModel)

T = TypeVar("T")

NO_CONTEXT: Final[Mapping[str, Any]] = {}


class Reading:
    """What reads flags: a client, an environment's view, or a pinned view."""

    _table: Table | None
    _pin: object
    _context: Mapping[str, Any]
    _world: World
    _models: dict[Any, Any]
    _max_staleness: float | None

    def is_enabled(self, key: str, context: Mapping[str, Any] | None = None, *, default: bool = False) -> bool:
        """Tell whether the flag is on: the served variant's `on`, for a boolean flag its value.

        Returns `default` when there is no such flag, no ruleset yet, or the ruleset says "the caller's default". Raises
        nothing.

        >>> from buildflags_sdk import Client
        >>> Client.from_flags({"new-checkout": True}).is_enabled("new-checkout")
        True
        """
        table = self._table
        if table is None:
            scope = current_scope()
            if scope is None or (table := scope.last).pin is not self._pin:
                table, context = self._route(context)
            elif context is None:
                context = scope.context
            elif scope.context is not None:
                context = merge(scope.context, context)
        try:
            entry = table[key]
            if entry is True or entry is False:
                return entry
            if context is None:
                context = self._context
            elif self._context is not NO_CONTEXT:
                context = {**self._context, **context}
            on = entry(context, table.snapshot, self._world).on
        except Exception as error:  # noqa: BLE001 - the failure path of an evaluation: it answers and reports, never raises
            self._failed(key, context, error)
            return default
        return default if on is None else on

    # The overloads overlap as numbers do (a bool is an int, an int may be read as a float): the first that fits counts.
    @overload
    def get_value(self, key: str, default: bool, /, context: Mapping[str, Any] | None = None) -> bool: ...
    @overload
    def get_value(self, key: str, default: int, /, context: Mapping[str, Any] | None = None) -> int: ...  # type: ignore[overload-overlap]
    @overload
    def get_value(self, key: str, default: float, /, context: Mapping[str, Any] | None = None) -> float: ...
    @overload
    def get_value(self, key: str, default: str, /, context: Mapping[str, Any] | None = None) -> str: ...
    @overload
    def get_value(self, key: str, default: None, /, context: Mapping[str, Any] | None = None) -> JSON: ...  # type: ignore[overload-overlap]
    @overload
    def get_value(self, key: str, default: bool | None, /, context: Mapping[str, Any] | None = None) -> bool | None: ...  # type: ignore[overload-overlap]
    @overload
    def get_value(self, key: str, default: int | None, /, context: Mapping[str, Any] | None = None) -> int | None: ...  # type: ignore[overload-overlap]
    @overload
    def get_value(  # type: ignore[overload-overlap]
        self, key: str, default: float | None, /, context: Mapping[str, Any] | None = None
    ) -> float | None: ...
    @overload
    def get_value(self, key: str, default: str | None, /, context: Mapping[str, Any] | None = None) -> str | None: ...
    @overload
    def get_value(self, key: str, default: M | _NoValue, /, context: Mapping[str, Any] | None = None) -> M: ...
    @overload
    def get_value(
        self, key: str, default: Mapping[str, Any], /, context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]: ...
    @overload
    def get_value(self, key: str, default: Sequence[Any], /, context: Mapping[str, Any] | None = None) -> list[Any]: ...
    def get_value(  # noqa: C901, PLR0912 - the hot path: written out, since a call costs as much as an evaluation
        self, key: str, default: Any, /, context: Mapping[str, Any] | None = None
    ) -> Any:
        """The flag's value, in the type of `default`; `default` itself when there is none or it does not fit.

        A pydantic instance as default gives instances of its class, validated once per revision and shared; a dict or
        list is the caller's own copy. Raises nothing: a flag of another type gives `default` and one log line.

        >>> from buildflags_sdk import Client
        >>> Client.from_flags({"page-size": 50}).get_value("page-size", 20)
        50
        """
        table = self._table
        if table is None:
            scope = current_scope()
            if scope is None or (table := scope.last).pin is not self._pin:
                table, context = self._route(context)
            elif context is None:
                context = scope.context
            elif scope.context is not None:
                context = merge(scope.context, context)
        try:
            entry = table[key]
            if entry is True or entry is False:
                if type(default) is bool:
                    return entry
                decision = table.snapshot.decide(key, NO_CONTEXT, self._world)
            else:
                if context is None:
                    context = self._context
                elif self._context is not NO_CONTEXT:
                    context = {**self._context, **context}
                decision = entry(context, table.snapshot, self._world)
            value = decision.value
            if value is CALLER_DEFAULT:
                return default
            if type(value) is type(default) and decision.copy is None:
                return value
            value = fit(decision, default, self._models)
            if value is MISFIT:
                self._mismatched(key, decision, default)
                return default
        except Exception as error:  # noqa: BLE001 - the failure path of an evaluation: it answers and reports, never raises
            self._failed(key, context, error)
            return default
        return value

    def get_details(  # noqa: C901, PLR0912 - as `get_value`
        self, key: str, default: T, /, context: Mapping[str, Any] | None = None
    ) -> EvaluationDetails[T]:
        """The value with what it is: variant, reason, rule, error, revision, source, freshness, age.

        `decided` is false when the value is only a fallback, so that "off" is told from "could not decide".

        >>> from buildflags_sdk import Client
        >>> details = Client.from_flags({"page-size": 50}).get_details("page-size", 20)
        >>> details.value, details.reason.value, details.decided
        (50, 'STATIC', True)
        """
        table = self._table
        if table is None:
            scope = current_scope()
            if scope is None or (table := scope.last).pin is not self._pin:
                table, context = self._route(context)
            elif context is None:
                context = scope.context
            elif scope.context is not None:
                context = merge(scope.context, context)
        snapshot = table.snapshot
        value: Any = default
        laid = None
        try:
            entry = table[key]
            if isinstance(table, OverlayTable):
                laid = table.laid(key)
            if laid is not None:
                decision = laid
            elif entry is True or entry is False or entry is NOT_FOUND:
                decision = snapshot.decide(key, NO_CONTEXT, self._world)
            else:
                if context is None:
                    context = self._context
                elif self._context is not NO_CONTEXT:
                    context = {**self._context, **context}
                decision = entry(context, snapshot, self._world)
            if decision.value is not CALLER_DEFAULT:
                fitted = own(decision) if default is None else fit(decision, default, self._models)
                if fitted is MISFIT:
                    decision = self._mismatched(key, decision, default)
                else:
                    value = fitted
        except Exception as error:  # noqa: BLE001 - the failure path of an evaluation: it answers and reports, never raises
            laid, decision = None, self._failed(key, context, error)
        standing = self._standing_of(table)
        return EvaluationDetails(
            flag_key=key,
            value=value,
            variant=decision.variant,
            on=decision.on,
            reason=decision.reason,
            rule_id=decision.rule_id,
            error_code=decision.error_code,
            error_message=decision.error_message,
            revision=None if standing.source is Source.DEFAULT else snapshot.revision,
            source=standing.source if laid is None else Source.OVERRIDE,
            freshness=standing.freshness(self._max_staleness),
            age=standing.age(),
            decided=decision.decided and decision.error_code is None,
        )

    def explain(self, key: str, context: Mapping[str, Any] | None = None) -> Trace:
        """The decision again, by the reference evaluator, with every rule and condition it tried. For people, not for speed.

        `trace.decision` is the decision, `trace.as_dict()` the trace as data, `trace.lines()` as a tree in text. Overrides
        are not in it: it explains the ruleset.

        >>> from buildflags_sdk import Client
        >>> Client.from_flags({"page-size": 50}).explain("page-size").decision.value
        50
        """
        from ._evaluation.interpreter import Definitions, interpret  # noqa: PLC0415 - loads pydantic
        from ._evaluation.trace import Trace  # noqa: PLC0415

        table = self._table
        if table is None:
            table, context = self._route(context)
        context = merge(self._context, context)
        try:
            return interpret(Definitions.of(table.snapshot), key, context, self._world)
        except Exception as error:  # noqa: BLE001 - as for the evaluation that it explains
            return Trace(self._failed(key, context, error))

    # -- what a view supplies ------------------------------------------------------------------------------------------

    def _route(self, context: Mapping[str, Any] | None) -> tuple[Table, Mapping[str, Any] | None]:
        """The table and context to use while something special holds. Never raises."""
        raise AssertionError

    def _standing_of(self, table: Table) -> Standing:
        """Where the ruleset behind a table came from, and how old it is."""
        raise AssertionError

    def _report(self, key: str, code: str, message: str) -> None:
        """Say once per key and revision that an evaluation could not answer as asked."""
        raise AssertionError

    # -- failure paths -------------------------------------------------------------------------------------------------

    def _failed(self, key: Any, context: Any, error: Exception) -> Decision:
        from collections.abc import Mapping  # noqa: PLC0415 - the failure path only

        wrong = next((given for given in (context, self._context) if not isinstance(given, Mapping | None)), None)
        if isinstance(error, InvalidContext):
            code, message = ErrorCode.INVALID_CONTEXT, str(error)
        elif wrong is not None:
            code, message = ErrorCode.INVALID_CONTEXT, no_mapping(wrong)
        elif not isinstance(key, str):
            code = ErrorCode.GENERAL
            message = f"the flag key is a {type(key).__name__}; give its text"
        else:
            code = ErrorCode.GENERAL
            message = f"evaluating {key!r} failed: {type(error).__name__}: {error}"
        name = key if isinstance(key, str) else type(key).__name__
        self._report(name, code, message)
        return Fallback(name, reason=Reason.ERROR, error_code=code, error_message=message)

    def _mismatched(self, key: str, decision: Decision, default: Any) -> Decision:
        message = f"flag {key!r} is of type {decision.type or type(decision.value).__name__}, the default is of type {name_of(default)}"
        if mistaken_context(default):
            message += "; it looks like an evaluation context: give the default second and the context as context=…"
        self._report(key, ErrorCode.TYPE_MISMATCH, message)
        return Fallback(
            key,
            type=decision.type,
            on=decision.on,
            reason=Reason.ERROR,
            error_code=ErrorCode.TYPE_MISMATCH,
            error_message=message,
        )
