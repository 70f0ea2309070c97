"""Other systems' own SDKs, evaluating an export offline: what an import is compared with.

Each is loaded when it is asked for, and none is needed for anything else. Contexts are given as the peer's callers give
them. What two systems call the same answer is said by `ours`.
"""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._evaluation.details import CALLER_DEFAULT
from buildflags_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk._evaluation.details import Decision

    Evaluate = Callable[[str, Mapping[str, Any]], Any]

DEFAULT = "the caller's default"


class Peer(NamedTuple):
    """One SDK: what to install, the module that shows that it is there, and what makes an evaluator of an export."""

    package: str
    module: str
    make: Callable[[bytes], Evaluate]
    ours: Callable[[Decision, Mapping[str, Any]], Any]
    """Our decision of an imported entry, in the form in which the evaluator answers."""


def peer_of(system: str) -> Peer:
    """The SDK of a system, which is installed.

    Raises:
        ConfigurationError: that SDK cannot evaluate an export offline, or is not installed; the message says what to do.
    """
    peer = PEERS.get(system)
    if peer is None:
        able = ", ".join(sorted(PEERS))
        msg = f"there is no SDK of {system} that evaluates an export offline; there is one of {able}"
        raise ConfigurationError(msg)
    if not _is_installed(peer.module):
        msg = f"to compare side by side, install the other system's SDK: pip install {peer.package}"
        raise ConfigurationError(msg)
    return peer


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package that it lies in is not there
        return False


def _sdk(module: str) -> Any:
    """A module of another system's SDK: untyped here, whether or not it has types of its own."""
    return import_module(module)


def _value(decision: Decision, _entry: Mapping[str, Any]) -> Any:
    return DEFAULT if decision.value is CALLER_DEFAULT else decision.value


def _configcat(data: bytes) -> Evaluate:
    sdk, overrides = _sdk("configcatclient"), _sdk("configcatclient.overridedatasource")

    config = json.loads(data)
    _sdk("configcatclient.config").fixup_config_salt_and_segments(config)

    class Given(overrides.FlagOverrides, overrides.OverrideDataSource):  # type: ignore[misc, name-defined]
        """The export, in place of the peer's download."""

        override_behaviour = overrides.OverrideBehaviour.LocalOnly

        def __init__(self) -> None:
            """There is nothing to set up."""

        def create_data_source(self, _log: object) -> Given:
            return self

        def get_overrides(self) -> Any:
            return config

        def get_behaviour(self) -> Any:
            return self.override_behaviour

    options = sdk.ConfigCatOptions(polling_mode=sdk.PollingMode.manual_poll(), flag_overrides=Given())
    client = sdk.ConfigCatClient.get("configcat-sdk-1/0123456789012345678901/0123456789012345678901", options)

    def evaluate(key: str, context: Mapping[str, Any]) -> Any:
        known = {"Identifier", "Email", "Country"}
        custom = {name: value for name, value in context.items() if name not in known}
        user = sdk.user.User(context.get("Identifier", ""), context.get("Email"), context.get("Country"), custom)
        details = client.get_value_details(key, None, user)
        return DEFAULT if details.is_default_value else details.value

    return evaluate


def _eppo(data: bytes) -> Evaluate:
    sdk = _sdk("eppo_client")

    kinds = {key: flag.get("variationType", "") for key, flag in json.loads(data)["flags"].items()}
    client = sdk.init(
        sdk.ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=sdk.assignment_logger.AssignmentLogger(),
            poll_interval_seconds=None,
            initial_configuration=sdk.Configuration(flags_configuration=data),
        )
    )
    defaults = {"STRING": "\0", "INTEGER": -(2**40), "NUMERIC": -1e300, "BOOLEAN": None, "JSON": {"\0": 0}}

    def evaluate(key: str, context: Mapping[str, Any]) -> Any:
        kind = kinds[key]
        attributes = {name: value for name, value in context.items() if name != "subjectKey"}
        get = getattr(client, f"get_{kind.lower()}_assignment")
        subject = str(context.get("subjectKey", ""))
        if kind == "BOOLEAN":  # no value of its own can stand for "none": ask with both
            either = {get(key, subject, attributes, default) for default in (True, False)}
            return DEFAULT if len(either) > 1 else either.pop()
        value = get(key, subject, attributes, defaults[kind])
        return DEFAULT if value == defaults[kind] else value

    return evaluate


def _flagd(data: bytes) -> Evaluate:
    context_of = _sdk("openfeature.evaluation_context").EvaluationContext
    failure = _sdk("openfeature.exception").OpenFeatureError
    core = _sdk("openfeature.contrib.tools.flagd.core").FlagdCore()
    core.set_flags(data.decode())
    samples = {
        key: next(iter(flag.get("variants", {}).values()), "") for key, flag in json.loads(data)["flags"].items()
    }
    kinds = {bool: "boolean", str: "string", int: "integer", float: "float"}

    def evaluate(key: str, context: Mapping[str, Any]) -> Any:
        attributes = {name: value for name, value in context.items() if name != "targetingKey"}
        resolve = getattr(core, f"resolve_{kinds.get(type(samples[key]), 'object')}_value")
        try:
            details = resolve(key, None, context_of(context.get("targetingKey"), attributes))
        except failure:
            return DEFAULT
        return DEFAULT if details.variant is None else details.value

    return evaluate


def _flagsmith(data: bytes) -> Evaluate:
    engine, mappers = _sdk("flag_engine.engine"), _sdk("flagsmith.mappers")
    document = mappers.map_environment_document_to_context(json.loads(data))

    def evaluate(key: str, context: Mapping[str, Any]) -> Any:
        traits = {name: value for name, value in context.items() if name != "targetingKey"}
        identifier = context.get("targetingKey")
        asked = document
        if identifier is not None:
            asked = mappers.map_context_and_identity_data_to_context(document, identifier, traits)
        flag = engine.get_evaluation_result(asked)["flags"][key]
        return flag["enabled"], flag["value"]

    return evaluate


def _enabled_and_value(decision: Decision, _entry: Mapping[str, Any]) -> Any:
    return decision.on, None if decision.value is CALLER_DEFAULT else decision.value


def _growthbook(data: bytes) -> Evaluate:
    sdk = _sdk("growthbook")
    document = json.loads(data)
    features, groups = document.get("features", document), document.get("savedGroups", {})

    def evaluate(key: str, context: Mapping[str, Any]) -> Any:
        book = sdk.GrowthBook(features=features, attributes=dict(context), savedGroups=groups)
        try:
            result = book.eval_feature(key)
            return DEFAULT if result.source == "unknownFeature" or result.value is None else result.value
        finally:
            book.destroy()

    return evaluate


def _launchdarkly(data: bytes) -> Evaluate:
    sdk, model, events = _sdk("ldclient"), _sdk("ldclient.impl.model"), _sdk("ldclient.impl.events.types")
    document = json.loads(data)
    flags = {key: model.FeatureFlag(raw) for key, raw in document.get("flags", {}).items()}
    segments = {key: model.Segment(raw) for key, raw in document.get("segments", {}).items()}
    evaluator = _sdk("ldclient.impl.evaluator").Evaluator(flags.get, segments.get, lambda _key: (None, "HEALTHY"))

    def evaluate(key: str, context: Mapping[str, Any]) -> Any:
        raw = dict(context) if "kind" in context else _user(context)
        detail = evaluator.evaluate(
            flags[key], sdk.Context.from_dict(raw), events.EventFactory(with_reasons=False)
        ).detail
        return DEFAULT if detail.variation_index is None else detail.value

    return evaluate


def _user(context: Mapping[str, Any]) -> dict[str, Any]:
    """An old-style user as a context of kind user."""
    own = {name: value for name, value in context.items() if name != "custom"}
    return {"kind": "user", **(context.get("custom") or {}), **own}


def _unleash(data: bytes) -> Evaluate:
    engine = _sdk("yggdrasil_engine.engine").UnleashEngine()
    engine.take_state(data.decode())

    def evaluate(key: str, context: Mapping[str, Any]) -> Any:
        known = {"userId", "sessionId", "appName", "environment", "remoteAddress", "currentTime", "properties"}
        more = {name: value for name, value in context.items() if name not in known}
        asked = {name: value for name, value in context.items() if name in known}
        asked["properties"] = {**more, **(context.get("properties") or {})}
        variant = engine.get_variant(key, asked).variant
        return bool(engine.is_enabled(key, asked).is_enabled), variant.name if variant.enabled else None

    return evaluate


def _enabled_and_variant(decision: Decision, entry: Mapping[str, Any]) -> Any:
    from .unleash import result_of  # noqa: PLC0415 - the importer of one system

    said = result_of(decision, entry)
    return said.feature_enabled, said.name if said.enabled else None


PEERS: dict[str, Peer] = {
    "configcat": Peer("configcat-client", "configcatclient", _configcat, _value),
    "eppo": Peer("eppo-server-sdk", "eppo_client", _eppo, _value),
    "flagd": Peer("openfeature-provider-flagd", "openfeature.contrib.tools.flagd.core", _flagd, _value),
    "flagsmith": Peer("flagsmith", "flagsmith", _flagsmith, _enabled_and_value),
    "growthbook": Peer("growthbook", "growthbook", _growthbook, _value),
    "launchdarkly": Peer("launchdarkly-server-sdk", "ldclient", _launchdarkly, _value),
    "unleash": Peer("UnleashClient", "yggdrasil_engine", _unleash, _enabled_and_variant),
}
"""The systems whose SDK evaluates an export offline."""
