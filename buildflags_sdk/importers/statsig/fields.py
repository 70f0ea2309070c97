"""The fields of Statsig's specs: those that are read here, and those that decide nothing, there as here.

The latter say who edits, groups or samples: what is logged of a decision, to which apps' clients it goes, its version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk.importers.shape import Shape

_CONDITION: Final[Mapping[str, Shape]] = {
    **dict.fromkeys(("type", "targetValue", "operator", "field", "idType", "isDeviceBased", "checksum")),
    "additionalValues": {"salt": None, "custom_field": None},
}
_RULE: Final[Mapping[str, Shape]] = {
    **dict.fromkeys((
        "name", "id", "salt", "idType", "passPercentage", "returnValue", "configDelegate", "groupName",
        "isExperimentGroup", "samplingRate", "isDeviceBased",
    )),
    "conditions": [_CONDITION],
}  # fmt: skip
_SPEC: Final[Mapping[str, Shape]] = {
    **dict.fromkeys((
        "name", "type", "salt", "enabled", "defaultValue", "idType", "entity", "isActive", "hasSharedParams",
        "explicitParameters", "version", "checksum", "targetAppIDs", "forwardAllExposures", "fieldsUsed",
        "isDeviceBased", "useNewLayerEval",
    )),
    "rules": [_RULE],
}  # fmt: skip
_MAPPING: Final[Shape] = {"new_config_name": None, "rules": [{"rule_name": None, "start_time": None}]}

USED: Final[Shape] = {
    **{table: {"*": _SPEC} for table in ("feature_gates", "dynamic_configs", "layer_configs")},
    "condition_map": {"*": _CONDITION},
    "overrides": {"*": [_MAPPING]},
    "override_rules": {"*": _RULE},
}
"""An export of what one flag is made of."""

EXPORT: Final[Shape] = dict.fromkeys((
    "feature_gates", "dynamic_configs", "layer_configs", "condition_map", "overrides", "override_rules", "id_lists",
    "param_stores", "cmab_configs", "app_id", "layers", "experiment_to_layer", "has_updates", "time", "checksum",
    "company_id", "default_environment", "response_format", "diagnostics", "sdk_configs", "sdk_flags",
    "sdk_keys_to_app_ids", "hashed_sdk_keys_to_app_ids", "hashed_sdk_keys_to_entities", "session_replay_info",
    "auto_capture_settings", "gcir_config",
))  # fmt: skip

PARAMETER: Final[Shape] = dict.fromkeys((
    "name", "ref_type", "param_type", "value", "gate_name", "pass_value", "fail_value", "config_name", "experiment_name",
    "layer_name", "param_name",
))  # fmt: skip
STORE: Final[Shape] = dict.fromkeys(("parameters", "targetAppIDs", "version", "checksum"))
