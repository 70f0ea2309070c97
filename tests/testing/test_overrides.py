"""The layers that overrides lie in."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from buildflags_sdk import Client, UnknownFlagError
from buildflags_sdk._overrides import EVERYWHERE, Laying, OverrideLayer


def layer_over(*keys: str) -> tuple[OverrideLayer, list[str]]:
    told: list[str] = []
    return OverrideLayer(lambda: keys, lambda: told.append("changed")), told


def test_layers_are_taken_off_in_any_order() -> None:
    layer, _ = layer_over("a", "b")
    first = layer.lay({"a": 1, "b": 1})
    second = layer.lay({"a": 2})

    layer.take_off(first)
    assert layer.values == {"a": 2}
    layer.take_off(second)
    assert layer.values == {}


def test_taking_a_layer_off_twice_is_taking_it_off_once() -> None:
    layer, _ = layer_over("a")
    token = layer.lay({"a": 1})
    below = layer.lay({"a": 2})

    layer.take_off(token)
    layer.take_off(token)

    assert layer.values == {"a": 2}
    layer.take_off(below)


def test_the_view_is_told_of_each_change() -> None:
    layer, told = layer_over("a")

    layer.take_off(layer.lay({"a": 1}))

    assert told == ["changed", "changed"]


def test_a_reader_keeps_the_mapping_that_it_took() -> None:
    layer, _ = layer_over("a")
    token = layer.lay({"a": 1})
    taken = layer.values

    layer.take_off(token)

    assert taken == {"a": 1}


def test_all_unknown_keys_are_named_at_once_and_nothing_is_laid() -> None:
    layer, _ = layer_over("new-checkout")

    with pytest.raises(UnknownFlagError, match=r"'new-chekout'.*'new-checkout'.*; .*'zzz'"):
        layer.lay({"new-chekout": True, "zzz": True, "new-checkout": True})

    assert layer.values == {}


def test_what_lies_everywhere_and_what_lies_here_are_one_pile_the_later_wins() -> None:
    layer, _ = layer_over("a")
    here = layer.lay({"a": "here"})
    everywhere = EVERYWHERE.lay(Laying({"a": "everywhere"}))
    assert layer.values == {"a": "everywhere"}

    later = layer.lay({"a": "later"})
    assert layer.values == {"a": "later"}

    EVERYWHERE.take_off(everywhere)
    layer.take_off(later)
    assert layer.values == {"a": "here"}
    layer.take_off(here)


def test_threads_that_lay_and_take_off_at_once_leave_nothing_behind() -> None:
    layer, _ = layer_over("a")

    def busy() -> None:
        for _turn in range(300):
            layer.take_off(layer.lay({"a": 1}))

    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert layer.values == {}


def test_a_client_dies_with_its_last_user_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        client = Client.from_flags({"a": True})
        gone = weakref.ref(client)
        del client

        assert gone() is None
    finally:
        gc.enable()
