"""Statsig's SDK over an export of its specs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .answers import DEFAULT, Answer, said, sdk, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision

    from .answers import Evaluate

_TABLES = {"feature_gates": "gate", "dynamic_configs": "config", "layer_configs": "layer"}
_OWN = {
    "userID": "user_id", "email": "email", "ip": "ip", "userAgent": "user_agent", "country": "country",
    "locale": "locale", "appVersion": "app_version", "custom": "custom", "privateAttributes": "private_attributes",
    "customIDs": "custom_ids",
}  # fmt: skip
_GETTERS = {
    "string": ("get_string", "a", "b"), "boolean": ("get_bool", False, True), "number": ("get_float", 0.5, 1.5),
    "array": ("get_array", ["a"], ["b"]), "object": ("get_map", {"a": 1}, {"b": 1}),
}  # fmt: skip
"""How a parameter of a type is asked for, and two defaults by which one is told from a value."""


def evaluator(data: bytes) -> Evaluate:
    """Evaluates the specs from a data store, without its network, logs and look-ups.

    Raises:
        ValueError: the SDK would answer nothing but defaults: the export is of the first version, with lists, or lacks a
            field that it needs.
    """
    package = sdk("statsig_python_core")
    specs = data.decode()
    tables = json.loads(data)
    if any(isinstance(tables.get(table), list) for table in _TABLES):
        msg = "it reads the second version of the specs, with objects by name: export that"
        raise ValueError(msg)

    class Store(package.DataStore):  # type: ignore[misc, name-defined]
        """The export, in place of the peer's download."""

        def get(self, key: str) -> Any:
            del key
            return package.DataStoreResponse(specs, 1_700_000_000_000)

    options = package.StatsigOptions()
    options.disable_network = options.disable_all_logging = options.disable_country_lookup = True
    options.wait_for_user_agent_init = False
    options.output_log_level = "none"
    options.data_store = Store()
    client = package.Statsig("secret-of-nobody", options)
    client.initialize().wait()
    if not client.get_initialize_details().is_config_spec_ready:
        msg = "it finds no specs in it and does not say why: a table may be missing, such as experiment_to_layer"
        raise ValueError(msg)

    def evaluate(key: str, context: Mapping[str, Any]) -> Answer:
        known = {_OWN[name]: value for name, value in context.items() if name in _OWN and value is not None}
        user = package.StatsigUser(**known)
        if key in stored:
            store, parameter, (getter, *defaults) = stored[key]
            ask = getattr(client.get_parameter_store(user, store), getter)
            first, second = (ask(parameter, default) for default in defaults)
            return Answer(first if first == second else DEFAULT)
        kind, name = kind_of(key)
        if kind == "layer":  # a layer gives its parameters one by one
            layer = client.get_layer(user, name)
            values = {parameter: layer.get(parameter, None) for parameter in parameters}
            return Answer((_given(values), rule_of(layer)), said(rule=rule_of(layer)))
        found = (client.get_dynamic_config if kind == "config" else client.get_feature_gate)(user, name)
        return Answer((found.value, rule_of(found)), said(rule=rule_of(found)))

    def rule_of(found: Any) -> str:
        """The id of the rule that decided. Where the SDK gives up it says none, or one that is left from elsewhere."""
        return "" if found.details.reason.endswith(":Unsupported") else str(found.rule_id)

    def kind_of(key: str) -> tuple[str, str]:
        """What a key of the report names: `config:NAME` and `layer:NAME` where a gate has the name too."""
        kind, _, name = key.partition(":")
        if name in known_names.get(kind, ()):
            return kind, name
        return next((kind for kind, names in known_names.items() if key in names), "gate"), key

    stored = {
        f"param_store:{store}.{name}": (store, name, _GETTERS.get(parameter.get("param_type"), _GETTERS["string"]))
        for store, body in (tables.get("param_stores") or {}).items()
        for name, parameter in (body.get("parameters") or {}).items()
    }
    parameters = sorted(_parameters(tables))
    known_names = {kind: frozenset(tables.get(table) or ()) for table, kind in _TABLES.items()}
    return evaluate


def ours(decision: Decision, entry: Mapping[str, Any]) -> Any:
    """A decision of ours as a value with the id of its rule; of a stored parameter the value alone."""
    from buildflags_sdk.importers.statsig import rule_id_of  # noqa: PLC0415 - the importer of one system

    where = entry["meta"]["imported"]["where"]
    if where.startswith("$.param_stores"):
        return value_of(decision, entry)
    value = value_of(decision, entry)
    return (_given(value) if ".layer_configs" in where else value, rule_id_of(decision))


def _parameters(tables: Mapping[str, Any]) -> set[str]:
    """The parameters that a layer may have: its own, and those of the configs that it delegates to."""
    specs = [spec for table in ("layer_configs", "dynamic_configs") for spec in (tables.get(table) or {}).values()]
    objects = [spec.get("defaultValue") for spec in specs]
    objects += [rule.get("returnValue") for spec in specs for rule in spec.get("rules") or ()]
    return {name for given in objects if isinstance(given, dict) for name in given}


def _given(values: Any) -> Any:
    """A layer's parameters: one that is null and one that is not there are alike to who asks for it."""
    return {name: value for name, value in values.items() if value is not None} if isinstance(values, dict) else values
