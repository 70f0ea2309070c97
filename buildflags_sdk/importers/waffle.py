"""django-waffle: flags, switches and samples, as `manage.py dumpdata waffle` writes them (release 5's models).

Each becomes a boolean flag under its own name; where two kinds share a name, the later kind's is told apart by its kind.
A context says who the user is: `targetingKey` the primary key, `username`, `is_authenticated`, `is_staff`,
`is_superuser`, `groups` a list of primary keys (of names, for a dump with `--natural-foreign`) and `language` the
request's language code.

What cannot be kept as it is: `percent` is one throw of dice per browser, remembered in a cookie; here it is a stable
share of the targeting keys, so that about as many people are in, but not the same ones. `testing` is a query parameter
or cookie of one browser; here nobody is in by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk._evaluation.rows import RANDOM
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, a_list
from buildflags_sdk.importers.report import AttributeMapping, Imported
from buildflags_sdk.importers.shape import unknown_fields
from buildflags_sdk.importers.source import MAX_BYTES, read_json

if TYPE_CHECKING:
    from buildflags_sdk._evaluation.details import Decision
    from buildflags_sdk.importers.shape import Shape

__all__ = ["read", "result_of"]

_ON: Final = "on"
_OFF: Final = "off"
_POINTS: Final = 100_000
_KINDS: Final = {f"waffle.{kind}": kind for kind in ("flag", "switch", "sample")}
_ROW: Final = {"model": None, "pk": None}
_FIELDS: Final[dict[str, Shape]] = {
    "flag": dict.fromkeys(
        ("name", "everyone", "percent", "testing", "superusers", "staff", "authenticated", "languages", "groups", "users",
         "rollout", "note", "created", "modified")
    ),
    "switch": dict.fromkeys(("name", "active", "note", "created", "modified")),
    "sample": dict.fromkeys(("name", "percent", "note", "created", "modified")),
}  # fmt: skip
_OWN_MODEL_WHY: Final = (
    "it is of the model {model}, the application's own: what that adds to waffle's flags is not read"
)
_PERCENT_WHY: Final = (
    "percent is drawn once for each browser and kept in a cookie there; here it is a stable share of the targeting keys: "
    "as many people, not the same ones, and in rollout mode nobody is drawn for again"
)
_TESTING_WHY: Final = (
    "testing mode turns the flag on and off for one browser, by the query parameter or cookie dwft_{name}; nobody is in "
    "by it here: use an override instead"
)


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read a dump.

    Raises:
        FlagFileError: the bytes are no dump, or one without flags, switches and samples of waffle.
    """
    raw = read_json(data, max_bytes=max_bytes)
    rows = [] if not isinstance(raw, list) else [(at, row) for at, row in enumerate(raw) if _kind_of(row)]
    if not rows:
        models = sorted({_model_of(row) for row in raw if _model_of(row)}) if isinstance(raw, list) else []
        found = f", but only {', '.join(models)}" if models else ""
        msg = f"no waffle.flag, waffle.switch or waffle.sample here{found}: give what manage.py dumpdata waffle writes"
        raise FlagFileError(msg)
    draft = Draft("waffle")
    taken: set[str] = set()
    for kind in _FIELDS:
        for at, row in rows:
            if _kind_of(row) == kind:
                _add(draft, row, kind, at, taken)
    return draft.done(AttributeMapping("id", {}))


def result_of(decision: Decision, _entry: object = None) -> bool:
    """A decision as waffle gives it."""
    return bool(decision.on)


def _model_of(row: Any) -> str:
    model = row.get("model") if isinstance(row, dict) else None
    return model if isinstance(model, str) else ""


def _kind_of(row: Any) -> str:
    """What a row is: flag, switch or sample, or empty. A flag model of the application's own has waffle's fields."""
    model = _model_of(row)
    if model in _KINDS:
        return _KINDS[model]
    fields = row.get("fields") if model else None
    return "flag" if isinstance(fields, dict) and {"name", "everyone", "superusers", "percent"} <= fields.keys() else ""


def _add(draft: Draft, row: dict[str, Any], kind: str, at: int, taken: set[str]) -> None:
    where, fields = f"$[{at}]", row.get("fields")
    name = fields.get("name") if isinstance(fields, dict) else None
    if not isinstance(fields, dict) or not isinstance(name, str) or not name:
        msg = f"{where}.fields.name is {shown(name)}, no name of a {kind}: give what manage.py dumpdata waffle writes"
        raise FlagFileError(msg)
    key = name
    while key in taken:
        key = f"{key}.{kind}"
    taken.add(key)
    try:
        entry, why = {"flag": _flag, "switch": _switch, "sample": _sample}[kind](fields, f"{where}.fields")
    except Unsupported as error:
        draft.refuse_flag(key, str(error), where=where, type="boolean")
        return
    note = fields.get("note")
    said = {"meta": {"description": note}} if isinstance(note, str) and note else {}
    whole = {"type": "boolean", "variants": {_ON: True, _OFF: False}, "enabled": True, "off": _OFF, "rules": [], **said}
    own = "" if _model_of(row) in _KINDS else _OWN_MODEL_WHY.format(model=_model_of(row))
    unknown = unknown_fields(row, {**_ROW, "fields": _FIELDS[kind]}, at)
    draft.add_flag(key, {**whole, **entry}, where=where, why="; ".join(filter(None, (why, own, unknown))))


def _switch(fields: dict[str, Any], where: str) -> tuple[dict[str, Any], str]:
    return {"enabled": _truth(fields, "active", where), "fallthrough": {"variant": _ON}}, ""


def _sample(fields: dict[str, Any], where: str) -> tuple[dict[str, Any], str]:
    """A throw of dice for each call."""
    percent = _percent(fields, where)
    inside = {"from": 0, "to": percent or 0, "variant": _ON}
    split = {
        "scheme": RANDOM,
        "seed": "",
        "of": 100,
        "ranges": [inside, {"from": percent or 0, "to": 100, "variant": _OFF}],
    }
    return {"fallthrough": {"split": split}}, ""


def _flag(fields: dict[str, Any], where: str) -> tuple[dict[str, Any], str]:
    """In waffle's order: everyone, testing, languages, the user, and last the percentage."""
    everyone = fields.get("everyone")
    if everyone is not None:
        return {"enabled": _truth(fields, "everyone", where), "fallthrough": {"variant": _ON}}, ""
    whys = []
    if _truth(fields, "testing", where):
        whys.append(_TESTING_WHY.format(name=fields["name"]))
    conditions = _conditions(fields, where)
    rules: list[dict[str, Any]] = [
        {"id": rule, "when": condition, "serve": {"variant": _ON}} for rule, condition in conditions.items()
    ]
    percent = _percent(fields, where)
    last: dict[str, Any] = {"variant": _OFF}
    if percent is not None and percent >= 100:
        last = {"variant": _ON}
    elif percent:
        whys.append(_PERCENT_WHY)
        end = round(percent * _POINTS / 100)
        ranges = [{"from": 0, "to": end, "variant": _ON}, {"from": end, "to": _POINTS, "variant": _OFF}]
        split = {"scheme": "bf1", "seed": f"waffle:{fields['name']}", "of": _POINTS, "ranges": ranges}
        rules.append({"id": "percent", "serve": {"split": split}})
    return {"rules": rules, "fallthrough": last}, "; ".join(whys)


def _conditions(fields: dict[str, Any], where: str) -> dict[str, dict[str, Any]]:
    """Whom a flag names, by what it names them."""
    found: dict[str, dict[str, Any]] = {}
    languages = fields.get("languages") or ""
    if not isinstance(languages, str):
        msg = f"{where}.languages is {shown(languages)}, not a text"
        raise Unsupported(msg)
    if languages:
        codes = [code.strip() for code in languages.split(",")]
        found["languages"] = {"attr": ["language"], "op": "in", "values": codes}
    # A field that a dump does not have gets its model's default when it is loaded there.
    for field, attribute, default in (
        ("authenticated", "is_authenticated", False),
        ("staff", "is_staff", False),
        ("superusers", "is_superuser", True),
    ):
        if _truth(fields, field, where) if field in fields else default:
            found[field] = {"attr": [attribute], "op": "in", "values": [True]}
    for field, attribute, natural in (("users", "targetingKey", "username"), ("groups", "groups", "groups")):
        keys, names = _people(fields.get(field), f"{where}.{field}")
        either = [{"attr": [attribute], "op": "in", "values": keys, "dialect": "text"}] if keys else []
        either += [{"attr": [natural], "op": "in", "values": names, "dialect": "text"}] if names else []
        if either:
            found[field] = either[0] if len(either) == 1 else {"any": either}
    return found


def _people(raw: Any, where: str) -> tuple[list[str], list[str]]:
    """Primary keys and natural keys of users or groups. Raises `Unsupported`."""
    keys, names = [], []
    for at, each in enumerate(a_list(raw, where)):
        if isinstance(each, list) and len(each) == 1 and isinstance(each[0], str):
            names.append(each[0])
        elif isinstance(each, (int, str)) and not isinstance(each, bool):
            keys.append(str(each))
        else:
            msg = f"{where}[{at}] is {shown(each)}, no primary key and no natural key of one part"
            raise Unsupported(msg)
    return keys, names


def _truth(fields: dict[str, Any], name: str, where: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        msg = f"{where}.{name} is {shown(value)}, neither true nor false"
        raise Unsupported(msg)
    return value is True


def _percent(fields: dict[str, Any], where: str) -> float | None:
    """A percentage: Django writes decimals as text. Raises `Unsupported`."""
    raw = fields.get("percent")
    if raw is None:
        return None
    try:
        number = float(raw) if isinstance(raw, (str, int, float)) and not isinstance(raw, bool) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        msg = f"{where}.percent is {shown(raw)}, no percentage"
        raise Unsupported(msg)
    return number
