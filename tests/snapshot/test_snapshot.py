"""One revision in memory: what it answers, what it takes over from the last, and what it lets go."""

from __future__ import annotations

import contextlib
import gc
import json
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.details import CALLER_DEFAULT, ErrorCode
from buildflags_sdk._snapshot import Snapshot, build, build_now
from buildflags_sdk._snapshot.changes import run
from buildflags_sdk._snapshot.indexed_page import index_in_steps
from buildflags_sdk._wire.canonical import encode
from buildflags_sdk._wire.limits import Limits
from buildflags_sdk._wire.manifest import Manifest, decode_manifest, encode_manifest
from buildflags_sdk._wire.page import encode_pages, line_key, page_name
from buildflags_sdk.errors import PageError, RulesetError

STAFF = {"targetingKey": "ada"}


def flag(key, value=True, when=None, **more):
    rules = [] if when is None else [{"id": "r", "when": when, "serve": {"variant": "on"}}]
    fallthrough = {"variant": "on" if when is None else "off"}
    return encode(
        {
            "key": key,
            "type": "boolean",
            "variants": {"on": value, "off": not value},
            "enabled": True,
            "off": "off",
            "rules": rules,
            "fallthrough": fallthrough,
            **more,
        }
    )


def segment(key, *include, **more):
    return encode({"segment": key, "include": list(include), "exclude": [], **more})


def published(lines, revision=1, bits=2) -> tuple[Manifest, dict[str, bytes]]:
    bodies = encode_pages(lines, bits)
    return of_pages(bodies, revision)


def of_pages(bodies, revision=1) -> tuple[Manifest, dict[str, bytes]]:
    names = [page_name(body) for body in bodies]
    body = encode_manifest(
        workspace="w", environment="e", epoch=1, revision=revision, published_at="", pages_at="/p/x/", pages=names
    )
    return decode_manifest(body, workspace="w", environment="e"), dict(zip(names, bodies, strict=True))


def snapshot_of(lines, previous=None, revision=1):
    return build_now(*published(lines, revision), previous=previous)


def test_a_constant_boolean_flag_is_the_bool_itself_in_the_table():
    table = snapshot_of([flag("a"), flag("b", value=False)]).table
    assert table["a"] is True
    assert table["b"] is False


def test_a_flag_with_rules_is_decided_for_a_context(no_world):
    snapshot = snapshot_of([flag("a", when={"segment": "staff"}), segment("staff", "ada")])
    assert snapshot.table["a"](STAFF, snapshot, no_world).value is True
    assert snapshot.decide("a", STAFF, no_world).value is True
    assert snapshot.decide("a", {"targetingKey": "bob"}, no_world).value is False
    assert snapshot.flag("a")(STAFF, snapshot, no_world) is snapshot.decide("a", STAFF, no_world)


def test_a_flag_that_is_not_there_is_decided_too_and_not_stored(no_world):
    snapshot = snapshot_of([flag("a")])
    for decision in (snapshot.table["nope"](STAFF, snapshot, no_world), snapshot.decide("nope", STAFF, no_world)):
        assert (decision.value, decision.decided) == (CALLER_DEFAULT, False)
        assert decision.error_code is ErrorCode.FLAG_NOT_FOUND
    assert decision.flag_key == "nope"
    assert "'nope'" in decision.error_message
    assert "nope" not in snapshot.table
    assert (
        snapshot.compiled("nope") is snapshot.flag("nope") is snapshot.segment("nope") is snapshot.line("nope") is None
    )


def test_a_flag_is_compiled_once_however_often_it_is_asked_for():
    snapshot = snapshot_of([flag("a", when={"segment": "s"}), segment("s")])
    table = snapshot.table
    assert table["a"] is table["a"]
    assert snapshot.compiled("a") is snapshot.compiled("a")
    assert snapshot.segment("s") is snapshot.segment("s")
    assert snapshot.table is table


def test_lines_are_given_back_as_they_came():
    lines = {key: flag(key, meta={"n": key}) for key in ("a", "b", 'q"uote', "ü")}
    snapshot = snapshot_of([*lines.values(), segment("a", "x")])
    assert {key: snapshot.line(key) for key in snapshot.keys()} == lines  # noqa: SIM118 - no dict
    assert snapshot.segment_line("a") == segment("a", "x")
    assert list(snapshot.segment_keys()) == ["a"]


def test_a_page_whose_lines_are_not_sorted_is_read_all_the_same():
    body = b"".join(flag(key) + b"\n" for key in "cab")
    snapshot = build_now(*of_pages([body]))
    assert all(snapshot.line(key) == flag(key) for key in "abc")


def test_an_inline_ruleset_is_one_page():
    inline = (flag("a") + b"\n").decode()
    body = encode_manifest(
        workspace="w", environment="e", epoch=1, revision=1, published_at="", pages_at="/p/x/", inline=inline
    )
    snapshot = build_now(decode_manifest(body, workspace="w", environment="e"), {})
    assert snapshot.table["a"] is True
    assert snapshot.pages == {}


def test_a_snapshot_of_lines_at_hand():
    snapshot = Snapshot.from_lines({"b": flag("b"), "a": flag("a")}, {"s": segment("s")}, revision=4)
    assert snapshot.table["a"] is True
    assert snapshot.order == (0, 4)
    assert snapshot.segment("s") is not None
    with pytest.raises(RulesetError, match="newline"):
        Snapshot.from_lines({"a": b"{\n}"}, {})


def test_a_page_that_is_missing_or_other_than_its_name_is_refused():
    manifest, pages = published([flag("a"), flag("b")])
    with pytest.raises(PageError, match="missing"):
        build_now(manifest, {})
    with pytest.raises(PageError, match="hash"):
        build_now(manifest, {name: body.replace(b"true", b"null") for name, body in pages.items()})


@pytest.mark.parametrize("line", [flag("a"), segment("a")])
@pytest.mark.parametrize("apart", [True, False])
def test_a_key_found_twice_refuses_the_ruleset(line, apart):
    bodies = [line + b"\n", line + b" \n"] if apart else [line + b"\n" + line + b"\n"]
    with pytest.raises(RulesetError, match="twice"):
        build_now(*of_pages(bodies))


def test_more_entries_than_the_limit_refuse_the_ruleset():
    manifest, pages = published([flag(key) for key in "abc"])
    assert len(build_now(manifest, pages, None, Limits(entries=3)).keys()) == 3
    with pytest.raises(RulesetError, match="limit"):
        build_now(manifest, pages, None, Limits(entries=2))


def test_a_line_over_the_limit_refuses_the_ruleset():
    manifest, pages = published([flag("a", meta={"x": "y" * 1_000})])
    with pytest.raises(PageError, match="line 1"):
        build_now(manifest, pages, None, Limits(line_bytes=900))


def test_one_broken_flag_is_named_and_the_good_ones_are_served(no_world):
    bodies = [b'{"key":"bad","type":"boole\n' + flag("good") + b"\n" + b'{"key":"ugly","x":"\xff"}\n']
    snapshot = build_now(*of_pages(bodies))
    assert snapshot.table["good"] is True
    for key in ("bad", "ugly"):
        assert snapshot.decide(key, STAFF, no_world).error_code == ErrorCode.PARSE_ERROR
    assert set(snapshot.broken()) == {"bad", "ugly"}


def test_a_line_that_is_no_entry_is_named_by_its_place_and_the_rest_is_served():
    body = flag("a") + b"\n" + b"garbage\n" + b'{"key":"\xff"}\n' + b"\n" + flag("b") + b"\n"
    snapshot = build_now(*of_pages([body]))
    assert snapshot.table["a"] is snapshot.table["b"] is True
    assert set(snapshot.broken()) == {f"page {page_name(body)} line {number}" for number in (2, 3, 4)}
    assert snapshot.line("b") == flag("b")


def test_nothing_changed_between_equal_revisions():
    lines = [flag("a"), flag("b", when={"segment": "s"}), segment("s")]
    first = snapshot_of(lines)
    assert snapshot_of(lines, first, 2).changed_since(first) == frozenset()
    assert first.changed_since(first) == frozenset()


def test_the_first_ruleset_changes_all_keys():
    assert snapshot_of([flag("a"), segment("s")]).changed_since(None) == {"a"}


def test_added_changed_and_removed_flags_are_changes():
    first = snapshot_of([flag("same"), flag("edited"), flag("gone")])
    second = snapshot_of([flag("same"), flag("edited", value=False), flag("new")], first, 2)
    assert second.changed_since(first) == {"edited", "gone", "new"}
    assert first.changed_since(second) == {"edited", "gone", "new"}


def test_a_changed_segment_changes_flags_whose_own_line_did_not(no_world):
    flags = [flag("direct", when={"segment": "inner"}), flag("nested", when={"segment": "outer"}), flag("apart")]
    flags.append(flag("after", when={"flag": "nested", "on": True}))
    outer = segment("outer", when={"segment": "inner"})
    first = snapshot_of([*flags, outer, segment("inner", "bob")])
    before = {key: first.compiled(key) for key in first.keys()}  # noqa: SIM118
    assert first.decide("after", STAFF, no_world).value is False
    second = snapshot_of([*flags, outer, segment("inner", "ada")], first, 2)
    assert second.changed_since(first) == {"direct", "nested", "after"}
    assert second.compiled("apart") is before["apart"]
    assert all(second.compiled(key) is not before[key] for key in ("direct", "nested", "after"))
    assert second.decide("after", STAFF, no_world).value is True


def test_a_segment_that_appears_or_goes_changes_the_flags_that_name_it():
    lines = [flag("a", when={"segment": "s"}), flag("b")]
    without = snapshot_of(lines)
    with_it = snapshot_of([*lines, segment("s")], without, 2)
    assert with_it.changed_since(without) == without.changed_since(with_it) == {"a"}


def test_entries_that_reach_each_other_in_a_circle_end_the_search():
    def ring(value):
        return [flag("a", value, when={"flag": "b"}), flag("b", when={"flag": "c"}), flag("c", when={"flag": "a"})]

    first = snapshot_of(ring(value=True))
    assert snapshot_of(ring(value=False), first, 2).changed_since(first) == {"a", "b", "c"}


def test_segments_that_reach_a_changed_segment_are_compiled_again():
    outer = segment("outer", when={"segment": "inner"})
    first = snapshot_of([outer, segment("inner", "bob"), segment("apart")])
    before = {key: first.segment(key) for key in first.segment_keys()}
    second = snapshot_of([outer, segment("inner", "ada"), segment("apart")], first, 2)
    assert second.segment("apart") is before["apart"]
    assert second.segment("outer") is not before["outer"]
    assert second.segment("inner") is not before["inner"]


def test_segments_that_reach_each_other_in_a_circle_end_the_search():
    ring = [segment("s", when={"segment": "t"}), segment("t", when={"segment": "s"}), flag("a", when={"segment": "s"})]
    first = snapshot_of([*ring, segment("u")])
    changed = segment("s", "ada", when={"segment": "t"})
    assert snapshot_of([changed, *ring[1:], segment("u")], first, 2).changed_since(first) == {"a"}


KEYS = st.sampled_from(["s", 'q"', "b\\", "ü", "\x01", "😀", "{", '","segment":"s'])


@settings(max_examples=150)
@given(
    KEYS, st.sampled_from(["segment", "flag"]), st.sampled_from([",:", ", : ", ",\t:\n"]), st.booleans(), st.booleans()
)
def test_no_way_of_writing_a_name_in_json_hides_it(key, kind, spaces, ascii_only, escaped_word):
    item, separator = spaces[0], spaces[1:].replace("\n", "\t")
    named = json.dumps({"x": [{"not": {kind: key}}]}, ensure_ascii=ascii_only, separators=(item, separator))
    if escaped_word:
        named = named.replace(f'"{kind}"', '"' + "".join(f"\\u{ord(letter):04x}" for letter in kind) + '"')
    line = b'{"key":"reader","meta":' + named.encode() + b"}"
    target = flag if kind == "flag" else segment
    older = Snapshot.from_lines({"reader": line}, {})
    lines = {key: target(key)}
    newer = Snapshot.from_lines({"reader": line, **(lines if kind == "flag" else {})}, {} if kind == "flag" else lines)
    assert "reader" in newer.changed_since(older)


def test_what_was_compiled_and_changed_is_compiled_again_before_the_end():
    lines = [flag("hot"), flag("cold"), flag("same"), segment("s"), flag("large", meta={"x": "y" * 9000})]
    first = snapshot_of(lines)
    first.table["hot"], first.table["same"], first.segment("s")
    changed = [flag("hot", value=False), flag("cold", value=False), flag("same"), segment("s", "x"), lines[4]]
    second = snapshot_of(changed, first, 2)
    assert set(second._compiled_flags) == {"hot", "same", "large"}
    assert set(second._compiled_segments) == {"s"}
    assert second.table["hot"] is False


def test_pages_that_did_not_change_are_shared_without_being_looked_at_again():
    lines = [flag(f"f{number}") for number in range(64)]
    first = build_now(*published(lines, 1, bits=4))
    manifest, pages = published([flag("f0", value=False), *lines[1:]], 2, bits=4)
    new = {name: body for name, body in pages.items() if name not in first.pages}
    assert len(new) == 1
    second = build_now(manifest, new, first)
    assert second.pages == pages
    shared = [name for name in manifest.pages if second.pages[name] is first.pages.get(name)]
    assert len(shared) == 15
    assert second.changed_since(first) == {"f0"}


def test_other_pages_with_the_same_lines_are_no_change():
    lines = [flag(f"f{number}") for number in range(20)]
    first = build_now(*published(lines, 1, bits=1))
    first.table["f3"]
    second = build_now(*published(lines, 2, bits=3), previous=first)
    assert second.changed_since(first) == frozenset()
    assert second.compiled("f3") is first.compiled("f3")


def test_a_thousand_swaps_keep_one_snapshot_alive():
    pages = [flag("a", when={"segment": "s"}), flag("b"), segment("s", "ada")]
    current = snapshot_of(pages)
    alive = []
    gc.disable()
    try:
        for revision in range(2, 1002):
            alive.append(weakref.ref(current))
            current.table["a"], current.table["b"], current.segment("s")
            current = snapshot_of([*pages[:2], segment("s", f"user-{revision}")], current, revision)
        assert [ref for ref in alive if ref() is not None] == []
    finally:
        gc.enable()
    assert current.changed_since(None) == {"a", "b"}


def test_a_thousand_swaps_do_not_grow_the_pool_of_shared_conditions():
    def lines(revision):
        attributes = [{"attr": [name], "op": "starts_with", "values": [str(revision)]} for name in "nm"]
        return [flag("a", when={"any": [{"all": attributes}, {"not": attributes[0]}]})]

    current = snapshot_of(lines(0))
    current.table["a"]
    for revision in range(1, 1000):
        current = snapshot_of(lines(revision), current, revision)
    assert len(current._pool.conditions) < 600


def test_a_table_keeps_its_snapshot_and_answers_after_the_swap(no_world):
    table = snapshot_of([flag("a", when={"segment": "s"}), segment("s", "ada")]).table
    assert table["a"](STAFF, table.snapshot, no_world).value is True


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_snapshot_built_from_another_is_as_if_built_alone(no_world, data):
    def draw_lines():
        keys = data.draw(st.sets(st.sampled_from("abcdef"), max_size=6))
        lines = []
        for key in sorted(keys):
            when = data.draw(
                st.sampled_from([None, {"segment": "s"}, {"segment": "t"}, {"flag": "a", "on": True}, {"flag": "b"}])
            )
            lines.append(flag(key, when=when))
        include = data.draw(st.sampled_from([["ada"], ["bob"]]))
        return [
            *lines,
            segment("s", *include),
            segment("t", when={"segment": data.draw(st.sampled_from(["s", "gone"]))}),
        ]

    current: Snapshot | None = None
    for revision in range(1, 4):
        lines = draw_lines()
        bits = data.draw(st.integers(0, 2))
        older = current
        current = build_now(*published(lines, revision, bits), previous=older)
        alone = build_now(*published(lines, revision, bits))
        for key in "abcdef":
            ours, theirs = current.decide(key, STAFF, no_world), alone.decide(key, STAFF, no_world)
            assert ours.same_as(theirs)
            if older is not None and key not in current.changed_since(older):
                assert ours.same_as(older.decide(key, STAFF, no_world))


def test_building_pauses_often():
    lines = [flag(f"f{number}") for number in range(2000)]
    manifest, pages = published(lines, bits=3)
    assert sum(1 for _ in build(manifest, pages, None)) > 2000 / 128


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b'{"key":"',
        b'{"key":"a\\u0062"}',
        '{"key":"ä"}'.encode(),
        b'{"key":"\xff"}',
        b'{"segment":"s"}',
        b"nonsense",
    ],
    ids=["none", "without an end", "escaped", "beyond ASCII", "not UTF-8", "a segment", "no entry"],
)
def test_a_page_is_indexed_as_its_lines_say_whatever_stands_among_plain_flags(odd):
    lines = [flag_line(key) for key in ("b", "c", "")] + ([odd] if odd else [])
    page = run(index_in_steps("p", b"\n".join(lines), Limits()))
    said = []
    for line in lines:
        with contextlib.suppress(RulesetError):
            said.append((*line_key(line), line))
    found = [(kind, key, page.line(kind, key)) for kind in (False, True) for key in page.entries(kind).keys]
    assert sorted(found) == sorted(said)
    assert len(page.unreadable) == len(lines) - len(said)


def flag_line(key):
    return b'{"key":"%s","type":"boolean"}' % key.encode()
