"""flagd's `fractional`: names with weights, and a hash that picks one. Three versions that agree on nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .hashes import canonical_cbor
from .jsonlogic_shapes import is_data
from .peer_points import flagd_1, flagd_2

if TYPE_CHECKING:
    from .jsonlogic_words import Node

_MOST = 2**31  # the sum of weights stays below it


def prepare_fractional(raw: list[Any], arguments: list[Node], version: int) -> Node:
    """A node that gives the name of the bucket, or None: no key, no usable weights. `raw` are the operands as read."""

    def node(data: Any, root: Any) -> Any:
        values = [argument(data, root) for argument in arguments]
        buckets = _buckets(values if not values or isinstance(values[0], list) else values[1:])
        return _picked(_hashed(values, root, version), buckets, version)

    keyed = bool(raw) and not isinstance(raw[0], list)
    rows = raw[1:] if keyed else raw
    if not all(isinstance(row, list) and all(map(is_data, row)) for row in rows):
        return node
    constant = _buckets(rows)

    def among_constants(data: Any, root: Any) -> Any:
        if not keyed:
            return _picked(_hashed(rows, root, version), constant, version)
        values = [arguments[0](data, root), *rows]
        buckets = _buckets(values) if isinstance(values[0], list) else constant  # a list is a bucket, not a key
        return _picked(_hashed(values, root, version), buckets, version)

    return among_constants


def _hashed(values: list[Any], root: Any, version: int) -> bytes | None:
    """The bytes to hash: of the first argument if that is a value, else of flag and targeting key."""
    if values and not isinstance(values[0], list):
        key = values[0]
        if version == 3:
            return None if key is None else canonical_cbor(key)
        return key.encode() if isinstance(key, str) else None
    flag_key, targeting_key = root["$flagd"]["flagKey"], root.get("targetingKey")
    if not isinstance(targeting_key, str) or not targeting_key:
        return None
    return canonical_cbor([flag_key, targeting_key]) if version == 3 else (flag_key + targeting_key).encode()


def _buckets(values: list[Any]) -> list[tuple[Any, int]] | None:
    """Names and weights; a weight that is not given is 1, a negative one 0."""
    buckets = []
    for value in values:
        if not isinstance(value, list) or not 0 < len(value) < 3:
            return None
        weight = value[1] if len(value) == 2 else 1
        if isinstance(weight, float) and weight.is_integer():
            weight = int(weight)
        if isinstance(weight, bool) or not isinstance(weight, int):
            return None
        buckets.append((value[0], max(weight, 0)))
    return buckets if 0 < sum(weight for _, weight in buckets) < _MOST else None


def _picked(hashed: bytes | None, buckets: list[tuple[Any, int]] | None, version: int) -> Any:
    if hashed is None or buckets is None:
        return None
    return _picked_1(hashed, buckets) if version == 1 else _picked_2(hashed, buckets)


def _picked_1(hashed: bytes, buckets: list[tuple[Any, int]]) -> Any:
    total = sum(weight for _, weight in buckets)
    percent, end = flagd_1(hashed, 100), 0.0
    for name, weight in buckets:
        end += weight * 100 / total
        if percent < end:
            return name
    return None


def _picked_2(hashed: bytes, buckets: list[tuple[Any, int]]) -> Any:
    point, end = flagd_2(hashed, sum(weight for _, weight in buckets)), 0
    for name, weight in buckets:
        end += weight
        if point < end:
            return name
    return None
