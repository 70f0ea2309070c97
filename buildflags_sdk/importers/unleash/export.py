"""What Unleash's client API answers: features and segments as they stand, or the events that lead to them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import place

_VERSIONS: Final = (1, 2)
_ADVICE: Final = "give what GET /api/client/features answers"


class Item(NamedTuple):
    """A feature or segment and the steps to where it stands. `key` is a feature's name or a segment's number."""

    key: str
    body: dict[str, Any]
    steps: tuple[str | int, ...]

    @property
    def where(self) -> str:
        """Its place in the response."""
        return place(*self.steps)


class Export(NamedTuple):
    """Features by name and segments in order, the last of each name or number."""

    version: str
    features: dict[str, Item]
    segments: list[Item]


def read_export(raw: dict[str, Any]) -> Export:
    """Read a response. Raises `FlagFileError` for any other object."""
    if "events" in raw:
        return _of_events(raw["events"])
    if "features" not in raw:
        what = "an export of its admin API" if "featureStrategies" in raw else "no features"
        msg = f"a client features response of Unleash has `features`; this has {what}: {_ADVICE}"
        raise FlagFileError(msg)
    version = raw.get("version")
    if version not in _VERSIONS or isinstance(version, bool):
        msg = f"client features responses of version 1 and 2 can be read, not {shown(version)}: {_ADVICE}"
        raise FlagFileError(msg)
    features: dict[str, Item] = {}
    segments: dict[int, Item] = {}
    for at, body in enumerate(_list(raw["features"], "$.features")):
        _put_feature(features, body, "features", at)
    for at, body in enumerate(_list(raw.get("segments"), "$.segments")):
        _put_segment(segments, body, "segments", at)
    return Export(str(version), features, list(segments.values()))


def _of_events(raw: Any) -> Export:
    features: dict[str, Item] = {}
    segments: dict[int, Item] = {}
    for at, event in enumerate(_list(raw, "$.events")):
        where = f"$.events[{at}]"
        kind = _object(event, where).get("type")
        if kind == "hydration":
            features.clear()
            segments.clear()
            for index, body in enumerate(_list(event.get("features"), f"{where}.features")):
                _put_feature(features, body, "events", at, "features", index)
            for index, body in enumerate(_list(event.get("segments"), f"{where}.segments")):
                _put_segment(segments, body, "events", at, "segments", index)
        elif kind == "feature-updated":
            _put_feature(features, event.get("feature"), "events", at, "feature")
        elif kind == "feature-removed":
            features.pop(str(event.get("featureName")), None)
        elif kind == "segment-updated":
            _put_segment(segments, event.get("segment"), "events", at, "segment")
        elif kind == "segment-removed":
            segments.pop(_number(event.get("segmentId"), f"{where}.segmentId"), None)
        else:
            msg = f"{where}.type is {shown(kind)}, an event that this version does not know: {_ADVICE}"
            raise FlagFileError(msg)
    return Export("delta", features, list(segments.values()))


def _put_feature(features: dict[str, Item], raw: Any, *steps: str | int) -> None:
    where = place(*steps)
    name = _object(raw, where).get("name")
    if not isinstance(name, str) or not name:
        msg = f"{where}.name is {shown(name)}, no name of a feature: {_ADVICE}"
        raise FlagFileError(msg)
    features[name] = Item(name, raw, steps)


def _put_segment(segments: dict[int, Item], raw: Any, *steps: str | int) -> None:
    where = place(*steps)
    number = _number(_object(raw, where).get("id"), f"{where}.id")
    segments[number] = Item(str(number), raw, steps)


def _number(raw: Any, where: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        msg = f"{where} is {shown(raw)}, no number of a segment: {_ADVICE}"
        raise FlagFileError(msg)
    return raw


def _object(raw: Any, where: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        msg = f"{where} is {shown(raw)}, not an object: {_ADVICE}"
        raise FlagFileError(msg)
    return raw


def _list(raw: Any, where: str) -> list[Any]:
    if raw is None:
        return []
    if not isinstance(raw, list):
        msg = f"{where} is {shown(raw)}, not a list: {_ADVICE}"
        raise FlagFileError(msg)
    return raw
