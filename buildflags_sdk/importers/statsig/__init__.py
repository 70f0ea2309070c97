"""Statsig's config specs, as server SDKs download them: gates, dynamic configs, experiments and layers.

Both forms: lists with their conditions inside, and (version 2) objects by name whose conditions stand in `condition_map`.
Follows statsig-python-core 0.24. Id lists stand in files of their own there: put each as a list of its hashes under
`id_lists` to have it imported; one that is not at hand is asked of the client's source of lists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.details import Reason
from buildflags_sdk._evaluation.lines import MAX_DEPTH
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, an_object, place
from buildflags_sdk.importers.links import Links
from buildflags_sdk.importers.report import AttributeMapping, Imported
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .conditions import Conditions
from .configs import Configs
from .contexts import context_of

if TYPE_CHECKING:
    from buildflags_sdk._evaluation.details import Decision
    from buildflags_sdk.importers.links import Node

    Json = dict[str, Any]

__all__ = ["context_of", "read", "rule_id_of"]

_TABLES = {"feature_gates": "gate", "dynamic_configs": "config", "layer_configs": "layer"}


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read an export. Contexts go through `attributes.apply`, which is `context_of`.

    A gate keeps its name; a config or layer too, unless a gate or config has it already: then it is `config-NAME` or
    `layer-NAME`.

    Raises:
        FlagFileError: the bytes are no such export; the message says what to give instead.
    """
    export = read_object(data, system="Statsig", max_bytes=max_bytes)
    specs = {table: _table(export, table) for table in _TABLES}
    if not any(table in export for table in _TABLES):
        msg = f"this is no export of Statsig, with the fields {sorted(export)[:8]}: give what download_config_specs answers"
        raise FlagFileError(msg)
    draft, links = Draft("statsig", str(export.get("time", ""))), Links()
    keys = _source_keys(specs)
    draft.reserve("flag", keys.values())
    reader = _Reader(draft, links, export, specs)
    made = {key: reader.entry(table, name, key) for (table, name), key in keys.items()}
    heights = links.heights()
    refused: set[Node] = {("flag", key) for key, (entry, _, _) in made.items() if entry is None}
    shadowed = links.reaching(refused)
    for key, (entry, why, where) in made.items():
        height = heights.get(("flag", key), 1 if ("flag", key) not in links.names else 0)
        if entry is None:
            draft.refuse_flag(key, why, where=where)
        elif not 0 < height <= MAX_DEPTH:
            problem = f"its gates name each other {height} deep" if height else "its gates lead back to each other"
            draft.refuse_flag(key, problem, where=where, type=entry["type"])
        elif ("flag", key) in shadowed and not why:
            draft.add_flag(key, entry, where=where, why="it asks a gate that is refused: there it is an error")
        else:
            draft.add_flag(key, entry, where=where, why=why)
    for name in export.get("param_stores") or {}:
        draft.refuse_flag(f"param_store:{name}", "parameter stores are not read", where=place("param_stores", name))
    return draft.done(AttributeMapping("userID", {}, context_of))


def rule_id_of(decision: Decision) -> str:
    """The rule id that Statsig's SDKs report for a decision."""
    if decision.reason == Reason.DISABLED:
        return "disabled"
    return "default" if decision.rule_id is None else decision.rule_id


class _Reader:
    """Reads the specs of one export."""

    def __init__(self, draft: Draft, links: Links, export: Json, specs: dict[str, Json]) -> None:
        self.draft = draft
        self.links = links
        self.specs = specs
        self.mapped = export.get("overrides") or {}
        self._key = ""
        lists = export.get("id_lists")
        self._conditions = Conditions(lists if isinstance(lists, dict) else {}, self._gate)
        shared = export.get("condition_map")
        self._configs = Configs(self._conditions, shared if isinstance(shared, dict) else {}, specs["dynamic_configs"])

    def entry(self, table: str, name: str, key: str) -> tuple[Json | None, str, str]:
        """The flag of one spec and in which way it is not exact, or no flag and why; and its place."""
        where, raw = place(table, name), self.specs[table][name]
        self._key = key
        self._conditions.outside.clear()
        if name in self.mapped:
            return None, f"{where} is replaced for some users by another config (config mapping)", where
        make = self._configs.gate if table == "feature_gates" else self._configs.config
        try:
            entry = make(an_object(raw, where), where)
        except Unsupported as error:
            return None, str(error), where
        whys = [
            f"whoever is in {name} is asked of the client's source of lists"
            for name in sorted(self._conditions.outside)
        ]
        if not entry["enabled"]:
            whys.append(
                "it is disabled, which gives its default here and in SDKs before the core; that one evaluates it"
            )
        return entry, "; ".join(whys), where

    def _gate(self, name: str) -> Json:
        self.links.add(("flag", self._key), ("flag", name))
        return {"flag": self.draft.name("flag", name), "on": True, "on_absent": False}


def _table(export: Json, name: str) -> Json:
    """Specs by name, of either form."""
    table = export.get(name) or {}
    if isinstance(table, list):
        named = {each["name"]: each for each in table if isinstance(each, dict) and isinstance(each.get("name"), str)}
        if len(named) != len(table):
            msg = f"{name} holds a spec without a name of its own"
            raise FlagFileError(msg)
        table = named
    if not isinstance(table, dict):
        msg = f"{name} must hold specs: give what download_config_specs answers"
        raise FlagFileError(msg)
    if any(isinstance(each, dict) and "rules" not in each and "value" in each for each in table.values()):
        msg = f"{name} holds one user's values and no rules: give what download_config_specs answers"
        raise FlagFileError(msg)
    return table


def _source_keys(specs: dict[str, Json]) -> dict[tuple[str, str], str]:
    keys: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for table, kind in _TABLES.items():
        for name in specs[table]:
            keys[table, name] = f"{kind}:{name}" if name in taken else name
            taken.add(keys[table, name])
    return keys
