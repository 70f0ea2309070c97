"""Draws an interpreter's trace as a tree: each rule and condition, whether it held, and the values that decided it."""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from buildflags_sdk._evaluation.trace import Bucket, ConditionTrace, RuleTrace, Trace

MARKS = {True: ("✔ ", "good"), False: ("✘ ", "bad"), None: ("? ", "warning")}


def trace_tree(trace: Trace) -> Tree:
    """The whole way to a decision."""
    decision = trace.decision
    tree = Tree(Text.assemble(("why ", "note"), (decision.flag_key, "key"), "  ", _ending(trace)), guide_style="dim")
    _add_steps(tree, trace)
    return tree


def _add_steps(tree: Tree, trace: Trace) -> None:
    for rule in trace.rules:
        _add_rule(tree, rule)
    if trace.fallthrough is not None:
        tree.add(Text.assemble(("fallthrough", "bold"), "  ", _bucket_text(trace.fallthrough)))
    if trace.decision.error_message is not None:
        tree.add(Text(f"{trace.decision.error_code}: {trace.decision.error_message}", style="bad"))


def _add_rule(tree: Tree, rule: RuleTrace) -> None:
    style = "good" if rule.result.startswith("serves") else "note"
    branch = tree.add(Text.assemble("rule ", (rule.title, "bold"), "  ", (rule.result, style)))
    if rule.when is not None:
        _add_condition(branch, rule.when)
    for step in rule.steps:
        _add_condition(branch, step)
    if rule.bucket is not None:
        branch.add(_bucket_text(rule.bucket))


def _add_condition(tree: Tree, condition: ConditionTrace) -> None:
    branch = tree.add(Text.assemble(MARKS[condition.holds], condition.says))
    for inner in condition.inner:
        _add_condition(branch, inner)
    if condition.bucket is not None:
        branch.add(_bucket_text(condition.bucket))
    if condition.neighbour is not None:
        neighbour = condition.neighbour
        _add_steps(branch.add(Text.assemble((neighbour.decision.flag_key, "key"), "  ", _ending(neighbour))), neighbour)


def _bucket_text(bucket: Bucket) -> Text:
    return Text(str(bucket), style="value")


def _ending(trace: Trace) -> Text:
    decision = trace.decision
    variant = "the caller's default" if decision.variant is None else decision.variant
    return Text.assemble((variant, "value"), (f"  {decision.reason}", "note"))
