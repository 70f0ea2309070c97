"""Statsig's parameter stores: each parameter is a flag of its own, `param_store-STORE.PARAMETER`, over what it refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported, an_object, place
from buildflags_sdk.importers.shape import unknown_fields
from buildflags_sdk.importers.value_types import common_type, variant_body

from .configs import CONFIGS, GATES, LAYERS
from .fields import PARAMETER, STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Json = dict[str, Any]

_NAMES_OF: Final = {
    "gate": (GATES, "gate_name"),
    "dynamic_config": (CONFIGS, "config_name"),
    "experiment": (CONFIGS, "experiment_name"),
    "layer": (LAYERS, "layer_name"),
}


class Stores:
    """Reads the parameter stores of one export.

    `refer` gives our key of the flag of a spec, or None without one, and notes who asks; `flags` are those made, by source key.
    """

    def __init__(
        self, refer: Callable[[str, str, str], tuple[str, str] | None], flags: Mapping[str, Json | None]
    ) -> None:
        self.refer = refer
        self.flags = flags

    def read(self, stores: Json) -> Iterator[tuple[str, tuple[Json | None, str, str]]]:
        """Each parameter by its source key: its flag and in which way it is not exact, or no flag and why; and its place."""
        for store, raw in stores.items():
            where = place("param_stores", store)
            try:
                body = an_object(raw, where)
                parameters = an_object(body.get("parameters", {}), f"{where}.parameters")
            except Unsupported as error:
                yield f"param_store:{store}", (None, str(error), where)
                continue
            of_store = unknown_fields(body, STORE, "param_stores", store)
            for name, each in parameters.items():
                key, here = f"param_store:{store}.{name}", place("param_stores", store, "parameters", name)
                try:
                    entry = self._entry(key, an_object(each, here), here)
                except Unsupported as error:
                    yield key, (None, str(error), here)
                else:
                    own = unknown_fields(each, PARAMETER, "param_stores", store, "parameters", name)
                    yield key, (entry, "; ".join(filter(None, (own, of_store))), here)

    def _entry(self, key: str, raw: Json, where: str) -> Json:
        kind = raw.get("ref_type")
        if kind == "static":
            return _flag({"value": raw.get("value")}, [], "value")
        if kind not in _NAMES_OF:
            msg = f"{where}.ref_type is {shown(kind)}, which is unknown here"
            raise Unsupported(msg)
        table, field = _NAMES_OF[kind]
        named = raw.get(field)
        found = self.refer(key, table, named) if isinstance(named, str) else None
        if kind == "gate":
            when: list[tuple[Json, str | None]] = [({"flag": found[1], "on": True}, "pass")] if found else []
            return _flag({"pass": raw.get("pass_value"), "fail": raw.get("fail_value")}, when, "fail")
        source = self.flags.get(found[0]) if found else None
        if found is None:
            return _flag({}, [], None)
        variants = {} if source is None else source["variants"]
        parameter = raw.get("param_name")
        values = {name: body["value"][parameter] for name, body in variants.items() if parameter in body["value"]}
        asked: list[tuple[Json, str | None]] = [({"flag": found[1], "variants": [name]}, name) for name in values]
        # A source that is refused is asked all the same: there it is an error.
        if not asked:
            asked.append(({"flag": found[1], "variants": []}, None))
        return _flag(values, asked, None)


def _flag(values: Mapping[str, Any], rules: list[tuple[Json, str | None]], last: str | None) -> Json:
    """A flag of those values: for whom a rule's condition holds, its variant; for all others the last. Null is no value."""
    kind = common_type(values.values()) or "object"
    bodies = {
        name: {"value": value} if kind == "object" else variant_body(value)
        for name, value in values.items()
        if value is not None
    }

    def serve(name: str | None) -> Json | None:
        return {"variant": name} if name in bodies else None

    return {
        "type": kind,
        "variants": bodies,
        "enabled": True,
        "off": None,
        "rules": [{"id": name or "asked", "when": when, "serve": serve(name)} for when, name in rules],
        "fallthrough": serve(last),
    }
