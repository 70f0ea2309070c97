"""The short forms that people write, spelt out as the page form. Files and the command line pass through here; pages never."""

from __future__ import annotations

from typing import Any

from .lines import Refused, shown

_BUCKETING: dict[str, Any] = {"scheme": "bf1", "of": 100_000}


def expand_short_forms(entry: dict[str, Any]) -> dict[str, Any]:
    """A flag or segment in its page form, from one that may use short forms. What is long already stays as it is.

    - `"attr": "a.b"` and `"by": "a.b"` become paths, `"value": x` beside `op` becomes `"values": [x]`;
    - a serve or `off` may be a variant's bare name, and `"split": {"new": 20000, "bold": 10000}` lists shares;
    - `{"share": 20000, "variant": "new"}` in `ranges` continues where the range before ended;
    - `{"share": 20000}` as a condition is the first 20,000 of 100,000 points;
    - scheme, seed and size of a split or share default to `bf1`, the entry's key and 100,000;
    - an object variant may be the bare object, unless it looks like the long form.

    >>> expand_short_forms({"key": "f", "type": "boolean", "variants": {"on": True, "off": False},
    ...                     "rules": [{"when": {"attr": "plan.name", "op": "in", "values": ["pro"]}, "serve": "on"}],
    ...                     "fallthrough": "off"})["rules"]
    [{'when': {'attr': ['plan', 'name'], 'op': 'in', 'values': ['pro']}, 'serve': {'variant': 'on'}}]
    """
    seed = str(entry.get("key", entry.get("segment", "")))
    long = dict(entry)
    if isinstance(long.get("by"), str):
        long["by"] = long["by"].split(".")
    if "when" in long:
        long["when"] = _condition(long["when"], seed)
    if long.get("type") == "object" and isinstance(long.get("variants"), dict):
        long["variants"] = {name: _object_variant(body) for name, body in long["variants"].items()}
    if isinstance(long.get("rules"), list):
        long["rules"] = [_rule(rule, seed) for rule in long["rules"]]
    if "fallthrough" in long:
        long["fallthrough"] = _serve(long["fallthrough"], seed)
    return long


def _object_variant(body: Any) -> Any:
    long_already = isinstance(body, dict) and body.keys() <= {"value", "on"} and body
    return {"value": body} if isinstance(body, dict) and not long_already else body


def _rule(rule: Any, seed: str) -> Any:
    if not isinstance(rule, dict):
        return rule
    long = dict(rule)
    if "when" in long:
        long["when"] = _condition(long["when"], seed)
    if "serve" in long:
        long["serve"] = _serve(long["serve"], seed)
    return long


def _serve(serve: Any, seed: str) -> Any:
    if isinstance(serve, str):
        return {"variant": serve}
    if not isinstance(serve, dict) or not isinstance(serve.get("split"), dict):
        return serve
    split = serve["split"]
    if split and all(isinstance(share, int) for share in split.values()):
        split = {"ranges": [{"share": share, "variant": variant} for variant, share in split.items()]}
    long = _bucketing(split, seed)
    if isinstance(long.get("ranges"), list):
        long["ranges"] = _consecutive(long["ranges"])
    return {**serve, "split": long}


def _consecutive(ranges: list[Any]) -> list[Any]:
    long: list[Any] = []
    end: Any = 0
    for row in ranges:
        if isinstance(row, dict) and "share" in row:
            if not isinstance(end, (int, float)) or not isinstance(row["share"], (int, float)):
                msg = f"a share must be a number and cannot follow a ramp: {shown(row)}"
                raise Refused(msg)
            rest = {name: value for name, value in row.items() if name != "share"}
            long.append({"from": end, "to": end + row["share"], **rest})
        else:
            long.append(row)
        end = long[-1].get("to") if isinstance(long[-1], dict) else None
    return long


def _bucketing(body: dict[str, Any], seed: str) -> dict[str, Any]:
    long = dict(body)
    if isinstance(long.get("by"), str):
        long["by"] = long["by"].split(".")
    given: dict[str, Any] = {name: long.pop(name) for name in ("by", "or_by") if name in long}
    words = {"scheme": _BUCKETING["scheme"], "seed": seed, "of": _BUCKETING["of"]}
    return {**given, **{name: long.pop(name, default) for name, default in words.items()}, **long}


def _condition(raw: Any, seed: str) -> Any:
    if not isinstance(raw, dict):
        return raw
    long = dict(raw)
    for field in ("all", "any"):
        if isinstance(long.get(field), list):
            long[field] = [_condition(inner, seed) for inner in long[field]]
    if "not" in long:
        long["not"] = _condition(long["not"], seed)
    for field in ("attr", "by"):
        if isinstance(long.get(field), str):
            long[field] = long[field].split(".")
    if "attr" in long and "value" in long and "values" not in long:
        long = {
            ("values" if name == "value" else name): ([value] if name == "value" else value)
            for name, value in long.items()
        }
    if isinstance(long.get("share"), (int, float)) and not isinstance(long["share"], bool):
        long["share"] = {"from": 0, "to": long["share"]}
    if isinstance(long.get("share"), dict):
        long["share"] = _bucketing(long["share"], seed)
    return long
