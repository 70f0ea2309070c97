"""Statsig's config specs, as server SDKs download them: gates, dynamic configs, experiments and layers.

Both forms: lists with their conditions inside, and (version 2) objects by name whose conditions stand in `condition_map`.
Follows statsig-python-core 0.24, config mapping (`overrides`) included. A disabled spec gives its default in the first
form, which only the SDKs before the core read; in the second its rules count, as in the core, and a finding says so.
Id lists stand in files of their own there: put each as a list of its hashes under `id_lists` to have it imported; one that
is not at hand is asked of the client's source of lists. Each parameter of a parameter store is a flag of its own,
`param_store-STORE.PARAMETER`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.details import Reason
from buildflags_sdk._evaluation.lines import MAX_DEPTH
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, place
from buildflags_sdk.importers.links import Links
from buildflags_sdk.importers.report import AttributeMapping, Imported
from buildflags_sdk.importers.shape import unknown_fields
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .conditions import Conditions
from .configs import CONFIGS, GATES, LAYERS, Configs
from .contexts import context_of
from .fields import EXPORT, USED
from .stores import Stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from buildflags_sdk._evaluation.details import Decision
    from buildflags_sdk.importers.links import Node

    Json = dict[str, Any]

__all__ = ["context_of", "read", "rule_id_of"]

_BY_NAME = ("condition_map", "overrides", "override_rules", "id_lists", "param_stores", "cmab_configs")
_TABLES = {GATES: "gate", CONFIGS: "config", LAYERS: "layer"}


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
    for name in _BY_NAME:
        if not isinstance(export.get(name) or {}, dict):
            msg = f"{name} must hold objects by name: give what download_config_specs answers"
            raise FlagFileError(msg)
    draft, links = Draft("statsig", str(export.get("time", ""))), Links()
    keys = _source_keys(specs)
    draft.reserve("flag", keys.values())
    reader = _Reader(draft, links, export, specs, keys)
    made = {key: reader.entry(table, name, key) for (table, name), key in keys.items()}
    reader.tell_groups()
    made |= Stores(reader.refer, {key: entry for key, (entry, _, _) in made.items()}).read(
        _objects(export, "param_stores")
    )
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
        else:
            asks = "it asks a flag that is refused: there it is an error" if ("flag", key) in shadowed else ""
            draft.add_flag(key, entry, where=where, why="; ".join(filter(None, (why, asks))))
    for key, why, where in _left_out(export, specs):
        draft.refuse_flag(key, why, where=where)
    return draft.done(AttributeMapping("userID", {}, context_of))


def rule_id_of(decision: Decision) -> str:
    """The rule id that Statsig's SDKs report for a decision."""
    if decision.reason == Reason.DISABLED:
        return "disabled"
    return "default" if decision.rule_id is None else decision.rule_id


class _Reader:
    """Reads the specs of one export. `keys` are our names of them."""

    def __init__(
        self, draft: Draft, links: Links, export: Json, specs: dict[str, Json], keys: Mapping[tuple[str, str], str]
    ) -> None:
        self.draft = draft
        self.links = links
        self.specs = specs
        self.keys = keys
        self.bandits = _objects(export, "cmab_configs")
        self._key = ""
        self._unknown = unknown_fields(export, EXPORT)
        self._conditions = Conditions(_objects(export, "id_lists"), export.get("app_id"), self._gate, self._group)
        self._configs = Configs(self._conditions, export, specs, _experiments_asked(export, specs))
        self._groups: dict[str, Mapping[str, str | None]] = {}
        self._asked: list[tuple[Json, str, Callable[[str | None], bool]]] = []

    def entry(self, table: str, name: str, key: str) -> tuple[Json | None, str, str]:
        """The flag of one spec and in which way it is not exact, or no flag and why; and its place."""
        where = place(table, name)
        self._key = key
        self._conditions.outside.clear()
        self._conditions.notes.clear()
        if table == CONFIGS and name in self.bandits:
            return None, f"{place('cmab_configs', name)}: a bandit tries its variants at random and by scores", where
        try:
            made = self._configs.flag(table, name)
        except Unsupported as error:
            return None, str(error), where
        self._groups[key] = made.groups
        whys = [
            *dict.fromkeys([*made.notes, *self._conditions.notes]),
            *(
                f"whoever is in {name} is asked of the client's source of lists"
                for name in sorted(self._conditions.outside)
            ),
            *filter(None, (unknown_fields(made.used, USED), self._unknown)),
        ]
        return made.entry, "; ".join(whys), where

    def tell_groups(self) -> None:
        """Say of each condition over an experiment's group which variants it holds for, now that they are known."""
        for condition, key, holds in self._asked:
            condition["variants"] = [name for name, group in self._groups.get(key, {}).items() if holds(group)]

    def refer(self, asking: str, table: str, name: str) -> tuple[str, str] | None:
        """The source key and our key of the flag of a spec that a parameter asks; None without one."""
        key = self.keys.get((table, name))
        if key is None:
            return None
        self.links.add(("flag", asking), ("flag", key))
        return key, self.draft.name("flag", key)

    def _gate(self, name: str) -> Json:
        self.links.add(("flag", self._key), ("flag", name))
        return {"flag": self.draft.name("flag", name), "on": True, "on_absent": False}

    def _group(self, experiment: str, holds: Callable[[str | None], bool]) -> Json:
        key = self.keys.get((CONFIGS, experiment))
        if key is None:
            return {"all" if holds(None) else "any": []}
        self.links.add(("flag", self._key), ("flag", key))
        condition: Json = {"flag": self.draft.name("flag", key), "variants": []}
        self._asked.append((condition, key, holds))
        return condition


def _objects(export: Json, name: str) -> Json:
    return export.get(name) or {}


def _experiments_asked(export: Json, specs: dict[str, Json]) -> set[str]:
    """The experiments that some condition asks the group of."""
    listed = [*_objects(export, "condition_map").values()]
    specs_ = [each for table in specs.values() for each in table.values()]
    for rule in (rule for each in specs_ if isinstance(each, dict) for rule in _listed(each.get("rules"))):
        listed += _listed(rule.get("conditions")) if isinstance(rule, dict) else []
    kinds = [each for each in listed if isinstance(each, dict) and str(each.get("type")).lower() == "experiment_group"]
    return {each["field"] for each in kinds if isinstance(each.get("field"), str)}


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _left_out(export: Json, specs: dict[str, Json]) -> Iterator[tuple[str, str, str]]:
    """What the export names and no flag is made of: key, why and where."""
    for name in _objects(export, "cmab_configs").keys() - specs[CONFIGS].keys():
        why = "a bandit tries its variants at random and by scores"
        yield f"bandit:{name}", why, place("cmab_configs", name)
    for name in _objects(export, "overrides"):
        if not any(name in table for table in specs.values()):
            yield (
                f"override:{name}",
                "others stand in for it, and the export does not have it",
                place("overrides", name),
            )


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
