"""`buildflags flags …`: look at flags and change what they do in an environment, through the management API."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from buildflags_sdk._evaluation.short_forms import expand_short_forms

from ._api import Management, nearest
from ._exit import Exit, Failure
from ._options import (
    Managing,
    environment_option,
    json_option,
    managing_options,
    only_environment_option,
    required_environment,
)
from ._output import add_branches, as_text, note, on_off, show, table, working

TYPES = ("boolean", "string", "integer", "float", "object")


@click.group()
def flags() -> None:
    """Look at flags and change them."""


@flags.command("list")
@managing_options
@only_environment_option
@json_option
def list_flags(
    managing: Managing,
    environment: str | None,
    as_json: bool,
) -> None:
    """List the workspace's flags, with their switch in each environment (or in one, with -e)."""
    with managing.api() as api, working("reading flags …"):
        found = list(api.flags())
        environments = [each["key"] for each in api.environments()]
    if environment is not None:
        environments = [_known(environment, environments)]

    def picture() -> RenderableType:
        if not found:
            return Text("No flags yet. `buildflags flags create KEY` makes one.", style="note")
        made = table("flag", "type", *environments, "variants", "owner")
        for flag in sorted(found, key=lambda each: str(each["key"])):
            switches = [on_off(_switch(flag, each)) for each in environments]
            owner = str((flag.get("meta") or {}).get("owner", ""))
            made.add_row(Text(flag["key"], style="key"), flag["type"], *switches, _variants_text(flag), owner)
        return made

    show({"items": found}, picture, as_json=as_json)


@flags.command("show")
@click.argument("key")
@managing_options
@only_environment_option
@json_option
def show_flag(
    key: str,
    managing: Managing,
    environment: str | None,
    as_json: bool,
) -> None:
    """Show one flag: its variants, and what it does in each environment (or in one, with -e)."""
    with managing.api() as api:
        flag = api.flag(key)
    if environment is not None:
        kept = _known(environment, list(flag.get("environments", {})))
        flag = {**flag, "environments": {kept: flag["environments"][kept]}}
    show(flag, lambda: _flag_tree(flag), as_json=as_json)


@flags.command("create")
@click.argument("key")
@click.option(
    "--type", "kind", type=click.Choice(TYPES), default="boolean", show_default=True, help="Type of its values."
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variant; VALUE as JSON (text may go without quotes). Repeat it. A boolean flag gets on and off by itself.",
)
@click.option("--owner", help="Who answers for the flag.")
@managing_options
@json_option
def create_flag(
    key: str,
    kind: str,
    variants: tuple[str, ...],
    owner: str | None,
    managing: Managing,
    as_json: bool,
) -> None:
    """Make a flag, switched off in every environment.

    Switched on, it serves its variant `on`, or else the first that is given; switched off, `off`, or else the first.
    """
    made = dict(_read_variant(variant, kind) for variant in variants)
    if not made and kind != "boolean":
        message = f"a flag of type {kind} needs its variants"
        raise click.UsageError(f"{message}: give --variant NAME=VALUE once for each")
    made = made or {"on": True, "off": False}
    served, off = ("on", "off") if kind == "boolean" and made.keys() == {"on", "off"} else (next(iter(made)),) * 2
    start = {"enabled": False, "off": off, "rules": [], "fallthrough": {"variant": served}}
    body: dict[str, Any] = {
        "key": key,
        "type": kind,
        "variants": made,
        "meta": {} if owner is None else {"owner": owner},
    }
    with managing.api() as api:
        flag = api.create_flag({**body, "environments": {each["key"]: start for each in api.environments()}})
    show(flag, lambda: _flag_tree(flag), as_json=as_json)


@flags.command("set")
@click.argument("key")
@click.option("--enabled/--disabled", default=None, help="The switch.")
@click.option("--serve", metavar="VARIANT", help="What is served when no rule decides ('null': the caller's default).")
@click.option("--off", metavar="VARIANT", help="What is served while disabled ('null': the caller's default).")
@click.option("--rules", metavar="FILE", help="A JSON list of rules that replaces the present one ('-': from stdin).")
@managing_options
@environment_option
@json_option
def set_flag(
    key: str,
    enabled: bool | None,
    serve: str | None,
    off: str | None,
    rules: str | None,
    managing: Managing,
    environment: str | None,
    as_json: bool,
) -> None:
    """Change what a flag does in one environment. What is not given stays as it is."""
    change: dict[str, Any] = {}
    if enabled is not None:
        change["enabled"] = enabled
    if serve is not None:
        change["fallthrough"] = None if serve == "null" else {"variant": serve}
    if off is not None:
        change["off"] = None if off == "null" else off
    if rules is not None:
        change["rules"] = expand_short_forms({"key": key, "rules": _read_rules(rules)})["rules"]
    if not change:
        message = "nothing to change: give --enabled, --disabled, --serve, --off or --rules"
        raise click.UsageError(message)
    with managing.api() as api:
        change_rules(api, key, required_environment(environment), lambda _: change, as_json=as_json)


@flags.command("toggle")
@click.argument("key")
@click.option("--on/--off", "wanted", default=None, help="To which side; without it, to the other.")
@managing_options
@environment_option
@json_option
def toggle_flag(
    key: str,
    wanted: bool | None,
    managing: Managing,
    environment: str | None,
    as_json: bool,
) -> None:
    """Flip a flag's switch in one environment."""

    def flipped(present: Mapping[str, Any]) -> dict[str, Any]:
        return {"enabled": (not present["enabled"]) if wanted is None else wanted}

    with managing.api() as api:
        change_rules(api, key, required_environment(environment), flipped, as_json=as_json)


def change_rules(api: Management, key: str, environment: str, change: Any, *, as_json: bool) -> None:
    """Read, change, write back with the version that was read: nobody's edit is lost."""
    flag = api.flag(key)
    present = flag["environments"][_known(environment, list(flag.get("environments", {})))]
    body = {
        **{name: present[name] for name in ("enabled", "off", "rules", "fallthrough", "version") if name in present}
    }
    body |= change(present)
    answer = api.set_flag_rules(key, environment, body)
    after = {**body, **{name: answer[name] for name in body if name in answer}}
    live = _is_live(answer, environment)

    def picture() -> RenderableType:
        shown = Text.assemble((key, "key"), " in ", (environment, "bold"), "  ", on_off(bool(present["enabled"])))
        if after["enabled"] != present["enabled"]:
            shown.append_text(Text.assemble("  ⟶  ", on_off(bool(after["enabled"]))))
        served = _served_text(after)
        return Text.assemble(
            shown, "   serves ", (served, "value"), "   ", ("live" if live else "saved, not live yet", "note")
        )

    show(answer, picture, as_json=as_json)
    if not live:
        note("the next publish of this environment takes it along; running clients see it after that")


def _known(environment: str, there: list[str]) -> str:
    if environment not in there:
        raise Failure(
            f"there is no environment {environment!r} in this workspace",
            nearest("environment", environment, there),
            exit_code=Exit.NOT_FOUND,
        )
    return environment


def _is_live(answer: Mapping[str, Any], environment: str) -> bool:
    live = answer.get("live", True)
    return bool(live.get(environment, True) if isinstance(live, Mapping) else live)


def _switch(flag: Mapping[str, Any], environment: str) -> bool | None:
    rules = (flag.get("environments") or {}).get(environment)
    return None if rules is None else bool(rules.get("enabled"))


def _variants_text(flag: Mapping[str, Any]) -> Text:
    shown = Text()
    for name, value in (flag.get("variants") or {}).items():
        plain = value["value"] if isinstance(value, Mapping) and "value" in value else value
        text = as_text(plain)
        text = text if len(text) <= 24 else text[:23] + "…"
        if shown:
            shown.append("  ")
        shown.append_text(Text.assemble(name, ("=", "note"), (text, "value")))
    return shown


def _served_text(rules: Mapping[str, Any]) -> str:
    if not rules["enabled"]:
        return "the caller's default" if rules.get("off") is None else str(rules["off"])
    count = len(rules.get("rules") or [])
    last = _serve_text(rules.get("fallthrough"))
    return last if count == 0 else f"{count} rule{'s' if count > 1 else ''}, else {last}"


def _serve_text(serve: Any) -> str:
    if serve is None:
        return "the caller's default"
    if "variant" in serve:
        return str(serve["variant"])
    if "computed" in serve:
        return "as its expression says"
    split = serve.get("split", {})
    of = split.get("of", 100_000)
    parts = [f"{(each['to'] - each['from']) / of:.4g}".rstrip() for each in split.get("ranges", [])]
    shares = (
        f"{float(part) * 100:g} % {each['variant']}" for part, each in zip(parts, split.get("ranges", []), strict=True)
    )
    return "split: " + ", ".join(shares)


def _flag_tree(flag: Mapping[str, Any]) -> Tree:
    tree = Tree(Text.assemble((flag["key"], "key"), "  ", (str(flag["type"]), "note")), guide_style="dim")
    variants = tree.add(Text("variants", style="bold"))
    for name, value in flag["variants"].items():
        variants.add(Text.assemble((name, "bold"), "  ", (as_text(value), "value")))
    for environment, rules in (flag.get("environments") or {}).items():
        branch = tree.add(Text.assemble((environment, "bold"), "  ", on_off(bool(rules["enabled"]))))
        for rule in rules.get("rules") or []:
            inner = branch.add(
                Text.assemble(
                    "rule ", (str(rule.get("id")), "bold"), "  serves ", (_serve_text(rule.get("serve")), "value")
                )
            )
            inner.add(condition_text(rule.get("when")))
        branch.add(Text.assemble("else  serves ", (_serve_text(rules.get("fallthrough")), "value")))
        branch.add(
            Text.assemble(
                "while off  serves ",
                ("the caller's default" if rules.get("off") is None else str(rules["off"]), "value"),
            )
        )
    if flag.get("meta"):
        add_branches(tree.add(Text("meta", style="bold")), flag["meta"])
    return tree


def condition_text(condition: Any) -> Text:
    """A condition on one line, as people would say it; forms that are not known here as JSON."""
    return Text.assemble(("when ", "note"), _words_of(condition))


def _words_of(condition: Any) -> str:
    if not isinstance(condition, Mapping):
        return "always" if condition is None else as_text(condition)
    for name, word in (("all", " and "), ("any", " or ")):
        if name in condition:
            parts = [_words_of(part) for part in condition[name]]
            return (
                f"({word.join(parts)})"
                if len(parts) > 1
                else (parts[0] if parts else ("always" if name == "all" else "never"))
            )
    if "not" in condition:
        return f"not {_words_of(condition['not'])}"
    if "attr" in condition:
        path = condition["attr"]
        name = path if isinstance(path, str) else ".".join(path)
        values = " | ".join(as_text(value) for value in condition.get("values", []))
        negated = "not " if condition.get("negate") else ""
        return f"{name} {negated}{condition.get('op')} {values}".rstrip()
    if "segment" in condition:
        return f"in segment {condition['segment']}"
    if "flag" in condition:
        return f"flag {condition['flag']} is {as_text({k: v for k, v in condition.items() if k != 'flag'})}"
    return as_text(condition)


def _read_variant(text: str, kind: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        message = f"{text!r} is no variant: give NAME=VALUE"
        raise click.BadParameter(message, param_hint="--variant")
    try:
        return name, json.loads(value)
    except ValueError:
        if kind == "string":
            return name, value
        message = f"{value!r} is no {kind} in JSON"
        raise click.BadParameter(message, param_hint="--variant") from None


def _read_rules(source: str) -> list[Any]:
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        rules = json.loads(text)
    except OSError as error:
        message = f"cannot read {source!r}: {error.strerror}"
        raise click.BadParameter(message, param_hint="--rules") from None
    except ValueError as error:
        message = f"{source!r} is not valid JSON: {error}"
        raise click.BadParameter(message, param_hint="--rules") from None
    if not isinstance(rules, list):
        message = f"{source!r} holds a {type(rules).__name__}, not a list of rules"
        raise click.BadParameter(message, param_hint="--rules")
    return rules
