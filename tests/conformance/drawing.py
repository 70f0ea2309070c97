"""What a differential fuzz draws with, beside hypothesis itself."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def any_of(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One of these, each as likely as it is often named: `one_of` takes a strategy that is named twice for one."""
    return st.sampled_from(range(len(strategies))).flatmap(strategies.__getitem__)


def seldom(strategy: st.SearchStrategy[Any], rest: int) -> st.SearchStrategy[Any]:
    """What may be left out of a dictionary: None `rest` times of `rest` + 1."""
    return any_of(*[st.none()] * rest, strategy)


def given_ones(drawn: dict[str, Any]) -> dict[str, Any]:
    """Without the keys whose value is None."""
    return {name: value for name, value in drawn.items() if value is not None}
