"""What an evaluation costs, as ratios to code a person would write by hand, in one interleaved run."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

from buildflags_sdk import Client
from buildflags_sdk._evaluation.model import flag_line, parse_flag

from .report import Row, nanoseconds
from .rulesets import COUNTRIES, flags, insiders


class ByHand:
    """What the figures are ratios to: a method over a dict, and methods that decide the same by hand."""

    def __init__(self, answers: dict[str, bool]) -> None:
        self._answers = answers

    def is_enabled(self, key: str, context: Any = None, *, default: bool = False) -> bool:
        """Wraps one `dict.get`."""
        return self._answers.get(key, default)

    def one_rule(self, key: str, context: Any = None, *, default: bool = False) -> bool:
        """One rule on one attribute."""
        if context is not None and context.get("country") == "DE":
            return True
        return default

    def split(self, key: str, context: Any = None, *, default: bool = False) -> bool:
        """A split: hash and compare."""
        user = context.get("targetingKey")
        if user is None:
            return default
        return int.from_bytes(hashlib.sha1(f"split:ab12:{user}".encode()).digest()) * 100_000 >> 160 < 50_000


def _definitions(count: int) -> dict[str, Any]:
    base: dict[str, Any] = {"type": "boolean", "variants": {"on": True, "off": False}, "enabled": True, "off": "off"}
    one_rule = {"id": "de", "when": {"attr": ["country"], "op": "in", "values": ["DE"]}, "serve": {"variant": "on"}}
    split = {
        "by": ["targetingKey"],
        "scheme": "bf1",
        "seed": "split:ab12",
        "of": 100_000,
        "ranges": [{"from": 0, "to": 50_000, "variant": "on"}, {"from": 50_000, "to": 100_000, "variant": "off"}],
    }
    made: dict[str, Any] = {key: parse_flag(value) for key, value in flags(count).items()}
    made["constant"] = True
    made["one-rule"] = parse_flag(
        {"key": "one-rule", **base, "rules": [one_rule], "fallthrough": {"variant": "off"}, "meta": {}}
    )
    made["split"] = parse_flag({"key": "split", **base, "rules": [], "fallthrough": {"split": split}, "meta": {}})
    made["segment"] = parse_flag(
        {
            "key": "segment",
            **base,
            "rules": [{"id": "beta", "when": {"segment": "beta"}, "serve": {"variant": "on"}}],
            "fallthrough": {"variant": "off"},
        }
    )
    ten = [
        {"id": name, "when": {"attr": ["country"], "op": "equals", "values": [name]}, "serve": {"variant": "on"}}
        for name in (*COUNTRIES[1:], COUNTRIES[0])
    ]
    made["ten-rules"] = parse_flag({"key": "ten-rules", **base, "rules": ten, "fallthrough": {"variant": "off"}})
    return made


def _client(count: int) -> Client:
    lines = {key: flag_line(definition) for key, definition in _definitions(count).items() if definition is not True}
    lines["constant"] = b'{"key":"constant","type":"boolean","variants":{"on":true},"fallthrough":{"variant":"on"}}'
    ids = json.dumps([f"user-{number}" for number in range(4200, 5200)])
    segments = {"beta": f'{{"segment":"beta","include":{ids}}}'.encode(), "insiders": insiders()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flags.json"
        path.write_text(
            json.dumps(
                {
                    "buildflags": 1,
                    "flags": {key: _without(line, "key") for key, line in lines.items()},
                    "segments": {key: _without(line, "segment") for key, line in segments.items()},
                }
            )
        )
        return Client.from_file(path)


def _without(line: bytes, field: str) -> Any:
    entry = json.loads(line)
    del entry[field]
    return entry


def run() -> list[Row]:
    """Measure."""
    small, large = _client(100), _client(10_000)
    context = {"targetingKey": "user-4711", "country": "DE", "plan": "pro", "email": "someone@example.org"}
    names: dict[str, object] = {"hand": ByHand({"constant": True}), "small": small, "large": large, "context": context}
    calls = {
        "dict": "hand.is_enabled('constant', context)",
        "hand rule": "hand.one_rule('one-rule', context)",
        "hand split": "hand.split('split', context)",
    }
    for size in ("small", "large"):
        for key in ("constant", "one-rule", "split", "missing", "segment", "ten-rules"):
            calls[f"{size} {key}"] = f"{size}.is_enabled({key!r}, context)"
    took = nanoseconds(calls, names)
    with small.scope(context):
        calls = {"scope " + key: f"small.is_enabled({key!r})" for key in ("constant", "one-rule", "split")}
        inside = nanoseconds(
            {**calls, "merged": "small.is_enabled('one-rule', more)"}, {**names, "more": {"plan": "free"}}
        )
    dict_get, rule, split = took["dict"], took["hand rule"], took["hand split"]

    def row(name: str, mine: float, theirs: float, bar: float) -> Row:
        return Row(name, mine / theirs, bar, "×", f"{mine:.0f} ns against {theirs:.0f} ns")

    return [
        row("is_enabled, constant / a method over dict.get", took["small constant"], dict_get, 2.5),
        row("is_enabled, one rule / written by hand", took["small one-rule"], rule, 3.0),
        row("is_enabled, split / hash and compare by hand", took["small split"], split, 1.4),
        row("inside a scope, constant / outside", inside["scope constant"], took["small constant"], 1.5),
        row("inside a scope, one rule / outside", inside["scope one-rule"], took["small one-rule"], 1.5),
        row("inside a scope, split / outside", inside["scope split"], took["small split"], 1.5),
        row("constant, 10,000 flags / 100 flags", took["large constant"], took["small constant"], 1.25),
        row("one rule, 10,000 flags / 100 flags", took["large one-rule"], took["small one-rule"], 1.25),
        row("missing flag, 10,000 flags / 100 flags", took["large missing"], took["small missing"], 1.25),
        Row("one rule inside a scope, with more context in the call", inside["merged"], None, "ns"),
        row("missing flag / a method over dict.get", took["small missing"], dict_get, 6.0),
        row("member of a segment of 1,000 ids / one rule", took["small segment"], took["small one-rule"], 4.0),
        row("ten rules on one attribute, the last / one rule", took["small ten-rules"], took["small one-rule"], 1.25),
    ]
