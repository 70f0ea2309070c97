from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._wire.page import encode_page, index_page, page_of
from buildflags_sdk.server.splicing import EMPTY, lay_out, splice


def line(key, size=200, mark="x"):
    return f'{{"key":"{key}","meta":"{mark * size}"}}'.encode()


class Shelf(dict[str, bytes]):
    """Pages by name, with what was read."""

    def __init__(self):
        super().__init__()
        self.taken = []

    def read(self, name):
        self.taken.append(name)
        return self[name]


def content(layout, shelf):
    if layout.inline is not None:
        return {key: found for _, key, found in index_page(layout.inline.encode())}
    pages = [shelf[name] for name in layout.pages if name in shelf]
    return {key: found for page in pages for _, key, found in index_page(page)}


def stored(spliced, shelf):
    shelf.update(spliced.written)
    return spliced.layout


def test_a_small_ruleset_travels_inline():
    spliced = splice(EMPTY, Shelf().read, {(False, "a"): line("a")})
    assert spliced.layout.inline == line("a").decode() + "\n"
    assert spliced.written == {}


def test_one_changed_flag_reads_and_writes_one_page():
    shelf = Shelf()
    layout = stored(lay_out([line(f"f{number}") for number in range(2000)]), shelf)
    assert layout.bits >= 3
    spliced = splice(layout, shelf.read, {(False, "f7"): line("f7", mark="y")})
    assert len(shelf.taken) == len(spliced.written) == 1
    differing = [
        at for at, pair in enumerate(zip(layout.pages, spliced.layout.pages, strict=True)) if pair[0] != pair[1]
    ]
    assert differing == [page_of("f7", layout.bits)]


def test_a_flag_that_is_gone_leaves_its_page():
    shelf = Shelf()
    layout = stored(lay_out([line(f"f{number}") for number in range(2000)]), shelf)
    after = stored(splice(layout, shelf.read, {(False, "f7"): None, (False, "never"): None}), shelf)
    assert content(after, shelf).keys() == {f"f{number}" for number in range(2000)} - {"f7"}
    assert after.entries == 1999


def test_a_page_that_outgrows_its_cap_is_split_though_the_mean_is_small():
    shelf = Shelf()
    layout = stored(lay_out([line(f"f{number}") for number in range(2000)]), shelf)
    crowded = [f"k{number}" for number in range(5000) if page_of(f"k{number}", layout.bits) == 0][:5]
    after = stored(splice(layout, shelf.read, {(False, key): line(key, 60_000) for key in crowded}), shelf)
    assert after.bits > layout.bits
    assert all(key in content(after, shelf) for key in crowded)


def test_a_line_that_no_number_of_pages_can_hold_is_refused():
    with pytest.raises(ValueError, match="over the limit"):
        lay_out([line("a", 70_000)])


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(
    rounds=st.lists(
        st.dictionaries(st.integers(0, 300), st.one_of(st.none(), st.integers(1, 3000)), min_size=1, max_size=150),
        max_size=5,
    )
)
def test_splicing_round_after_round_gives_what_laying_out_anew_gives(rounds):
    truth: dict[str, bytes] = {}
    shelf, layout = Shelf(), EMPTY
    for number, changes in enumerate(rounds):
        lines = {
            (False, f"f{key}"): None if size is None else line(f"f{key}", size, mark=str(number))
            for key, size in changes.items()
        }
        layout = stored(splice(layout, shelf.read, lines), shelf)
        for (_, key), changed in lines.items():
            truth.pop(key, None)
            if changed is not None:
                truth[key] = changed
        assert content(layout, shelf) == truth
        assert layout.entries == len(truth)
        assert layout.total_bytes == len(encode_page(truth.values())) if layout.inline is not None else True
        assert layout.total_bytes == sum(map(len, truth.values())) + len(truth)
