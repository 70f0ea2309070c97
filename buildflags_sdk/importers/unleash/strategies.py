"""Unleash's activation strategies as conditions: who is let in, before any variant is picked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.rows import RANDOM
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object
from buildflags_sdk.importers.report import TARGETING_KEY

from .constraints import ALWAYS, NEVER, USER, Names, NeverOn, closed, conditions_of, text, unquoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PERCENT = re.compile(r"\+?0{0,999}\d{1,20}", re.ASCII)
_LARGEST = 2**64 - 1
"""A number beyond it is none to the engine."""
HOSTNAME: Final = "hostname"


class Strategy(NamedTuple):
    """A strategy: whom it lets in, whether by chance, its own variants, how those are bucketed, what differs here."""

    condition: dict[str, Any]
    by_chance: bool
    variants: list[Any]
    group: str
    stickiness: str
    notes: list[str]


def strategy_of(raw: Any, flag: str, where: str, names: Names, segments: Mapping[int, Segment]) -> Strategy:
    """Read one strategy.

    Raises:
        NeverOn: Unleash compiles it to a flag that is off.
        Unsupported: it is a custom strategy, or has a shape that no Unleash server sends.
    """
    strategy = an_object(raw, where)
    name = text(strategy, "name", where)
    given = strategy.get("parameters")
    parameters = an_object({} if given is None else given, f"{where}.parameters")
    said = {key: _parameter(value, f"{where}.parameters.{key}") for key, value in parameters.items()}
    own = _own_condition(name, _Given(said, flag, names, f"{where}.parameters"))
    notes = [f"the host's name is read from the attribute {HOSTNAME!r}"] if name == "applicationHostname" else []
    if strategy.get("disabled"):
        notes.append(f"{where}.disabled is set, which Unleash's engine does not ask: the strategy counts")
    conditions = conditions_of(strategy.get("constraints"), f"{where}.constraints", names, notes)
    conditions += [_in_segment(each, f"{where}.segments", segments) for each in a_list(strategy.get("segments"), where)]
    chance = _may_be_random(name, said)
    if own is not ALWAYS:
        conditions.append(own)
    return Strategy(
        conditions[0] if len(conditions) == 1 else {"all": conditions} if conditions else ALWAYS,
        chance,
        a_list(strategy.get("variants"), f"{where}.variants"),
        said.get("groupId", flag),
        said.get("stickiness", "default"),
        notes,
    )


class Segment(NamedTuple):
    """A segment of the export: its key here, and why a flag that uses it is off or refused."""

    key: str
    problem: Exception | None = None


def bucketing(stickiness: str, names: Names, *, on_missing: str) -> dict[str, Any]:
    """The fields of a share or split that say whose point is computed."""
    if stickiness == RANDOM:
        return {"scheme": RANDOM, "seed": ""}
    if stickiness == "default":
        return {"by": [TARGETING_KEY], "or_by": [["sessionId"]], "on_missing_key": RANDOM}
    return {"by": names.path(stickiness), "on_missing_key": on_missing}


def _parameter(value: Any, where: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        msg = f"{where} is {shown(value)}, not a text"
        raise Unsupported(msg)
    return value


def _in_segment(raw: Any, where: str, segments: Mapping[int, Segment]) -> dict[str, Any]:
    if not isinstance(raw, int) or isinstance(raw, bool):
        msg = f"{where} names {shown(raw)}, which is no segment's number"
        raise Unsupported(msg)
    segment = segments.get(raw)
    if segment is None:
        msg = f"{where}: there is no segment {raw}"
        raise NeverOn(msg)
    if segment.problem is not None:
        msg = f"{where}: segment {raw}: {segment.problem}"
        raise type(segment.problem)(msg)
    return {"segment": segment.key}


class _Given(NamedTuple):
    """What a strategy's own condition is made of."""

    parameters: Mapping[str, str]
    flag: str
    names: Names
    where: str


def _own_condition(name: str, given: _Given) -> dict[str, Any]:
    make = _STRATEGIES.get(name)
    if make is None:
        msg = f"the custom strategy {shown(name)} is code of the application: write its rule as constraints"
        raise Unsupported(msg)
    return make(given)


def _may_be_random(name: str, parameters: Mapping[str, str]) -> bool:
    stickiness = parameters.get("stickiness", "default")
    return name == "gradualRolloutRandom" or (name == "flexibleRollout" and stickiness in ("default", RANDOM))


def _listed(field: str, parameter: str, op: str, dialect: str) -> Callable[[_Given], dict[str, Any]]:
    """A strategy that lists its people, hosts or networks in one text."""

    def make(given: _Given) -> dict[str, Any]:
        if parameter not in given.parameters:
            return NEVER
        values = [part.strip() for part in given.parameters[parameter].split(",")]
        closed(values, f"{given.where}.{parameter}")
        return {"attr": given.names.path(field), "op": op, "values": values, "dialect": dialect}

    return make


def _gradual(field: str) -> Callable[[_Given], dict[str, Any]]:
    def make(given: _Given) -> dict[str, Any]:
        if "groupId" not in given.parameters:
            return NEVER
        return _rollout(given, given.parameters.get("percentage"), given.parameters["groupId"], field)

    return make


def _gradual_random(given: _Given) -> dict[str, Any]:
    percent = given.parameters.get("percentage", "")
    beyond = _PERCENT.fullmatch(percent) is not None and int(percent) > 100
    return ALWAYS if beyond else _rollout(given, percent, "", RANDOM)


def _flexible(given: _Given) -> dict[str, Any]:
    group, stickiness = given.parameters.get("groupId", given.flag), given.parameters.get("stickiness", "default")
    return _rollout(given, given.parameters.get("rollout"), group, stickiness)


def _rollout(given: _Given, percent: str | None, group: str, stickiness: str) -> dict[str, Any]:
    """Points run from 1 to 100, and a percentage lets in those up to itself; zero and no percentage let in nobody."""
    if percent is None or not _PERCENT.fullmatch(percent) or int(percent) > _LARGEST:
        return NEVER  # before the group is looked at: the engine writes no rule with it then
    group = unquoted(group, f"{given.where}.groupId").replace('\\"', '"')
    if int(percent) == 0:
        return NEVER
    if int(percent) > 100:
        msg = f"a rollout of {percent} per cent"
        raise NeverOn(msg)
    if percent.lstrip("+0") == "100" and stickiness in ("default", RANDOM):
        return ALWAYS
    share = {"scheme": "unleash_rollout", "seed": group, "of": 100, "from": 0, "to": int(percent), "to_inclusive": True}
    return {"share": {**share, **bucketing(stickiness, given.names, on_missing="next")}}


_STRATEGIES: Final[dict[str, Callable[[_Given], dict[str, Any]]]] = {
    "default": lambda _: ALWAYS,
    "userWithId": _listed(USER, "userIds", "in", "text"),
    "remoteAddress": _listed("remoteAddress", "IPs", "cidr", "unleash"),
    "applicationHostname": _listed(HOSTNAME, "hostNames", "in", "text_lower"),
    "gradualRolloutUserId": _gradual(USER),
    "gradualRolloutSessionId": _gradual("sessionId"),
    "gradualRolloutRandom": _gradual_random,
    "flexibleRollout": _flexible,
}
