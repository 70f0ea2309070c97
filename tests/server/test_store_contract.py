"""What every store does. Written in DynamoDB's terms; a store is right when it passes."""

from __future__ import annotations

import threading

import pytest

from buildflags_sdk.server.stores import ABSENT, Check, ConditionFailedError, Delete, Put, query_all


def item(sk="a", pk="P", **values):
    return {"PK": pk, "SK": sk, **values}


def test_an_item_comes_back_as_it_was_written(store):
    written = item(text="größe", number=2**62, yes=True, nothing=None, one=b"\x00\xff", two=b"", empty="")
    store.transact([Put(written)])
    read = store.get("P", "a")
    assert read == written
    assert read["yes"] is True


def test_a_put_replaces_the_whole_item(store):
    store.transact([Put(item(old=1))])
    store.transact([Put(item(new=2))])
    assert store.get("P", "a") == item(new=2)


def test_what_is_not_there_reads_as_none(store):
    assert store.get("P", "a") is None


def test_get_many_keeps_the_order_and_the_gaps(store):
    store.put_many([item("a", n=1), item("b", n=2)])
    assert store.get_many([("P", "b"), ("P", "x"), ("P", "a")]) == [item("b", n=2), None, item("a", n=1)]


def test_a_query_gives_one_partition_in_the_order_of_the_bytes_of_its_keys(store):
    store.put_many([item(sk) for sk in ("b", "a", "ä", "B", "~")] + [item("a", pk="Q")])
    assert [found["SK"] for found in store.query("P").items] == ["B", "a", "b", "~", "ä"]


def test_a_query_by_prefix_gives_nothing_else(store):
    store.put_many([item(sk) for sk in ("FLAG", "FLAG#", "FLAG#a", "FLAG#\U0001f600", "FLAG$", "FLAH")])
    assert [found["SK"] for found in store.query("P", prefix="FLAG#").items] == ["FLAG#", "FLAG#a", "FLAG#\U0001f600"]


@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_a_query_give_each_item_once(store, descending):
    keys = [f"K#{number:03d}" for number in range(10)]
    store.put_many([item(sk) for sk in [*keys, "L"]])
    seen, cursor, pages = [], None, 0
    while True:
        page = store.query("P", prefix="K#", after=cursor, limit=3, descending=descending)
        seen += [found["SK"] for found in page.items]
        pages += 1
        cursor = page.next
        if cursor is None:
            break
    assert seen == (keys[::-1] if descending else keys)
    assert pages == 4


def test_query_all_follows_the_pages(store):
    store.put_many(item(f"{number:05d}") for number in range(2500))
    assert len(list(query_all(store, "P"))) == 2500


def test_after_need_not_be_a_key_that_exists(store):
    store.put_many([item("a"), item("c")])
    assert [found["SK"] for found in store.query("P", after="b").items] == ["c"]


@pytest.mark.parametrize(
    ("expect", "holds"),
    [
        (ABSENT, False),
        ({"n": 1}, True),
        ({"n": 2}, False),
        ({"n": 1, "t": "x"}, True),
        ({"missing": None}, True),
        (None, True),
    ],
)
def test_a_write_happens_only_if_the_item_is_as_expected(store, expect, holds):
    store.transact([Put(item(n=1, t="x"))])
    for write in (Put(item(n=9), expect), Delete("P", "a", expect), Check("P", "a", expect)):
        store.put_many([item(n=1, t="x")])
        if holds:
            store.transact([write])
        else:
            with pytest.raises(ConditionFailedError) as failed:
                store.transact([write])
            assert failed.value.item == item(n=1, t="x")
            assert store.get("P", "a") == item(n=1, t="x")


def test_no_item_holds_only_absent(store):
    store.transact([Put(item(), ABSENT)])
    with pytest.raises(ConditionFailedError) as failed:
        store.transact([Delete("P", "x", {"n": 1})])
    assert failed.value.item is None


def test_a_failed_transaction_writes_nothing_and_says_which_write_failed(store):
    store.transact([Put(item("b", n=1))])
    with pytest.raises(ConditionFailedError) as failed:
        store.transact([Put(item("a")), Put(item("b", n=3), {"n": 2}), Delete("P", "c")])
    assert failed.value.index == 1
    assert store.get("P", "a") is None
    assert store.get("P", "b") == item("b", n=1)


def test_deleting_what_is_not_there_is_no_error(store):
    store.transact([Delete("P", "a")])


@pytest.mark.parametrize(
    "writes",
    [
        [Put(item(str(number))) for number in range(101)],
        [Put(item(str(number), body=bytes(390_000))) for number in range(11)],
        [Put(item(body=bytes(400_001)))],
        [Put(item()), Check("P", "a", None)],
    ],
    ids=["101 writes", "over 4 MB", "an item over 400 KB", "one item twice"],
)
def test_a_transaction_keeps_to_the_limits_of_dynamodb(store, writes):
    with pytest.raises(ValueError, match="transaction"):
        store.transact(writes)
    assert store.query("P").items == []


def test_put_many_takes_more_than_a_transaction(store):
    store.put_many(item(f"{number:04d}", n=number) for number in range(1234))
    assert store.get("P", "1233") == item("1233", n=1233)


def test_counting_from_many_threads_loses_nothing(store):
    store.transact([Put(item(n=0))])

    def count() -> None:
        done = 0
        while done < 20:
            now = store.get("P", "a")["n"]
            try:
                store.transact([Put(item(n=now + 1), {"n": now})])
            except ConditionFailedError:
                continue
            done += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("P", "a") == item(n=80)


def test_a_store_keeps_its_identity(store):
    before = store.identity()
    store.transact([Put(item())])
    assert store.identity() == before != ""
