"""AppConfig's own flags: a switch with attributes, or variants of one, the first whose rule holds being served.

A flag with attributes is an object flag whose value they are; `is_enabled` answers the switch.
"""

from __future__ import annotations

from typing import Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported, a_list, an_object
from buildflags_sdk.importers.shape import unknown_fields

from .expression import condition_of

_UNTYPED = (
    "AppConfig's agent takes a context as text; here a number and its text compare alike, missing keys hold nothing"
)

_ONE_ANSWER = (
    "its _variant tells that this is what one context was given: the other variants and their rules are not here"
)
_STAMPS: dict[str, Any] = {"_createdAt": None, "_updatedAt": None}
_DEFINITION = {"name": None, "description": None, "attributes": None, "_deprecation": None, **_STAMPS}
_VARIANTS = {"_variants": [{"name": None, "enabled": None, "rule": None, "attributeValues": None}], **_STAMPS}


def notes_of(raw: Any, definition: Any, steps: tuple[str, ...], defined_at: tuple[str, ...]) -> list[str]:
    """What a flag's finding says beside what it became: where it differs, and the fields that are not known."""
    notes = [unknown_fields(definition, _DEFINITION, *defined_at)]
    if isinstance(raw, dict) and "_variants" in raw:
        variants = raw["_variants"] if isinstance(raw["_variants"], list) else []
        ruled = any(isinstance(each, dict) and each.get("rule") for each in variants)
        notes += [_UNTYPED if ruled else "", unknown_fields(raw, _VARIANTS, *steps)]
    elif isinstance(raw, dict):
        # What begins with an underscore is AppConfig's own; the customer's attributes begin with a letter.
        own = {name: each for name, each in raw.items() if name.startswith("_") and name != "_variant"}
        notes += [_ONE_ANSWER if "_variant" in raw else "", unknown_fields(own, _STAMPS, *steps)]
    return [note for note in notes if note]


def flag_entry(raw: Any, definition: Any, where: str) -> dict[str, Any]:
    """The flag in page form, but for its key. Without values it gives the caller's default. Raises `Unsupported`."""
    value = an_object(raw if raw is not None else {"_variants": []}, where)
    about = {
        name: definition[name]
        for name in ("name", "description")
        if isinstance(definition, dict) and name in definition
    }
    meta = {"meta": about} if about else {}
    if "_variants" not in value:
        attributes = {name: each for name, each in value.items() if name != "enabled" and not name.startswith("_")}
        variant = _Variant(value.get("enabled"), attributes, where)
        return {**_entry({"default": variant}, [], {"variant": "default"}), **meta}
    variants: dict[str, _Variant] = {}
    rules: list[dict[str, Any]] = []
    fallthrough = None
    for at, each in enumerate(a_list(value["_variants"], f"{where}._variants")):
        place = f"{where}._variants[{at}]"
        said = an_object(each, place)
        name = said.get("name")
        if not isinstance(name, str) or not name or name in variants:
            msg = f"{place}.name is {shown(name)}"
            raise Unsupported(msg)
        if fallthrough is not None:
            msg = f"{place} comes after the default variant, which has no rule"
            raise Unsupported(msg)
        attributes = an_object(said.get("attributeValues") or {}, f"{place}.attributeValues")
        variants[name] = _Variant(said.get("enabled"), attributes, place)
        rule = said.get("rule")
        if rule:
            rules.append({"id": name, "when": condition_of(rule, place), "serve": {"variant": name}})
        else:
            fallthrough = {"variant": name}
    return {**_entry(variants, rules, fallthrough), **meta}


class _Variant:
    def __init__(self, enabled: Any, attributes: dict[str, Any], where: str) -> None:
        if not isinstance(enabled, bool):
            msg = f"{where}.enabled is {shown(enabled)}, not true or false"
            raise Unsupported(msg)
        self.enabled = enabled
        self.attributes = attributes


def _entry(
    variants: dict[str, _Variant], rules: list[dict[str, Any]], fallthrough: dict[str, Any] | None
) -> dict[str, Any]:
    plain = not any(variant.attributes for variant in variants.values())
    return {
        "type": "boolean" if plain else "object",
        "variants": {
            name: variant.enabled if plain else {"value": variant.attributes, "on": variant.enabled}
            for name, variant in variants.items()
        },
        "enabled": True,
        "off": None,
        "rules": rules,
        "fallthrough": fallthrough,
    }
