"""The weak set that is read while it changes."""

from __future__ import annotations

import gc
import threading

from buildflags_sdk._living import Living


class Member:
    """Anything that can be referred to weakly."""


def test_it_holds_nobody_and_each_member_once() -> None:
    living: Living[Member] = Living()
    one, two = Member(), Member()
    for member in (one, two, one):
        living.add(member)
    assert set(living) == {one, two}
    assert len(list(living)) == 2
    living.discard(one)
    living.discard(one)
    assert list(living) == [two]
    del two
    gc.collect()
    assert [member for member in living if member is not one] == []
    living.add(one)
    living.clear()
    assert list(living) == []


def test_it_is_read_while_it_grows_and_shrinks() -> None:
    living: Living[Member] = Living()
    kept = [Member() for _ in range(10)]
    for member in kept:
        living.add(member)
    more = []
    for member in living:
        more.append(Member())
        living.add(more[-1])
        living.discard(member)
    assert set(living) == set(more)


def test_it_is_read_while_another_thread_adds() -> None:
    living: Living[Member] = Living()
    kept = [Member() for _ in range(300)]
    for member in kept:
        living.add(member)
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            for member in [Member() for _ in range(50)]:
                living.add(member)

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(1000):
            assert sum(1 for _ in living) >= 300
    finally:
        stop.set()
        thread.join(10)
