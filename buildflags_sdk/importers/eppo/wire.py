"""The form of a flag in a UFC document: what its SDK does not read as one is refused, and what it does not read is named.

One flag that is not in this form is the caller's default there, whoever asks. Conditions alone are read one by one: nobody passes
one that cannot be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.importers.draft import Unsupported, an_object, place
from buildflags_sdk.importers.shape import unknown_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk.importers.shape import Shape

    Steps = tuple[str | int, ...]


class _Kind(NamedTuple):
    words: str
    holds: Callable[[Any], bool]


def _is_count(raw: Any) -> bool:
    return isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 1 << 32


def _are_texts(raw: Any) -> bool:
    return isinstance(raw, dict) and all(isinstance(each, str) for each in raw.values())


_TEXT = _Kind("a text", lambda raw: isinstance(raw, str))
_BOOL = _Kind("true or false", lambda raw: isinstance(raw, bool))
_COUNT = _Kind("a count", _is_count)
_SCALAR = _Kind("a text, a number, true or false", lambda raw: isinstance(raw, (str, int, float)))
_TEXTS = _Kind("an object of texts", _are_texts)

# A name that ends in ? may be absent; None is read elsewhere, or by people.
_CONDITION: Final = {"attribute?": None, "operator?": None, "value?": None}
_SHARD: Final = {"salt": _TEXT, "ranges": [{"start": _COUNT, "end": _COUNT}]}
_SPLIT: Final = {"variationKey": _TEXT, "shards": [_SHARD], "extraLogging?": _TEXTS}
_ALLOCATION: Final = {
    "key": _TEXT,
    "rules?": [{"conditions": [_CONDITION]}],
    "startAt?": None,
    "endAt?": None,
    "splits": [_SPLIT],
    "doLog?": _BOOL,
}
_FLAG: Final = {
    "key": _TEXT,
    "enabled": _BOOL,
    "variationType": None,
    "variations": {"*": {"key": _TEXT, "value": _SCALAR}},
    "allocations": [_ALLOCATION],
    "totalShards": _COUNT,
    "comment?": None,
}


def check_flag(key: str, raw: Any) -> dict[str, Any]:
    """The flag, in the form that Eppo's SDK reads. Raises `Unsupported` with the place of what is not."""
    _check(raw, _FLAG, ("flags", key))
    for name, variation in raw["variations"].items():
        if variation["key"] != name:
            where = place("flags", key, "variations", name, "key")
            msg = f"{where} is {shown(variation['key'])}, and splits name the variation by it, not by {shown(name)}"
            raise Unsupported(msg)
    flag: dict[str, Any] = raw
    return flag


def _check(raw: Any, form: Any, steps: Steps) -> None:
    where = place(*steps)
    if form is _CONDITION:
        return  # which is read by itself
    if isinstance(form, dict):
        found = an_object(raw, where)
        for name, inner in form.items():
            if name == "*":
                for each, value in found.items():
                    _check(value, inner, (*steps, each))
            elif name.removesuffix("?") in found:
                _check(found[name.removesuffix("?")], inner, (*steps, name.removesuffix("?")))
            elif not name.endswith("?"):
                msg = f"{where} has no {name}"
                raise Unsupported(msg)
    elif isinstance(form, list):
        if not isinstance(raw, list):
            msg = f"{where} is {shown(raw)}, not a list"
            raise Unsupported(msg)
        for at, each in enumerate(raw):
            _check(each, form[0], (*steps, at))
    elif form is not None and not form.holds(raw):
        msg = f"{where} is {shown(raw)}, not {form.words}"
        raise Unsupported(msg)


def notes_on(key: str, flag: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    """What the finding of a flag says: of what a split adds to the log there, and of fields that are not known."""
    splits = [
        place("flags", key, "allocations", at, "splits", inside, "extraLogging")
        for at, allocation in enumerate(flag["allocations"])
        for inside, split in enumerate(allocation["splits"])
        if split.get("extraLogging")
    ]
    told = [f"extraLogging is not added to events here: {', '.join(splits)}"] if splits else []
    unknown = unknown_fields({**document, "flags": {key: flag}}, _DOCUMENT)
    return [*told, unknown] if unknown else told


def _shape(form: Any) -> Shape:
    if isinstance(form, dict):
        return {name.removesuffix("?"): _shape(inner) for name, inner in form.items()}
    return [_shape(form[0])] if isinstance(form, list) else None


_DOCUMENT: Final[Shape] = {
    **dict.fromkeys(("createdAt", "format", "environment", "bandits", "banditReferences")),
    "flags": {"*": _shape(_FLAG)},
}
