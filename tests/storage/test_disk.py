"""The disk copy: what is saved is loaded exactly, or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk._storage.disk import DiskCopy
from buildflags_sdk._storage.head import HEAD_VERSION, checked_body
from buildflags_sdk._wire.page import digest_name
from buildflags_sdk.errors import RulesetError, StorageError


def files(copy, ending=""):
    return sorted(path for path in Path(copy.directory).iterdir() if path.name.endswith(ending))


def age(path, seconds):
    os.utime(path, (2000.0 - seconds, 2000.0 - seconds))


def test_what_was_saved_is_loaded_by_the_next_process(make_copy, make_stored):
    stored = make_stored()._replace(signature="k1=abc", failed_at=900.0, failures=3)
    assert make_copy().save(stored)
    assert make_copy().load() == stored
    assert make_copy().peek() == stored._replace(pages={})


def test_without_a_copy_there_is_nothing_and_no_folder_is_made(make_copy):
    copy = make_copy()
    assert copy.load() is None
    assert copy.peek() is None
    assert not Path(copy.directory).exists()


@pytest.mark.parametrize(
    "other",
    [{"url": "https://other.example"}, {"workspace": "other"}, {"environment": "staging"}],
    ids=lambda other: next(iter(other)),
)
def test_a_copy_of_another_place_is_never_loaded(make_copy, make_stored, other):
    make_copy().save(make_stored())
    assert make_copy(**other).load() is None


def test_a_copy_moved_to_another_places_name_is_never_loaded(make_copy, make_stored):
    here, other = make_copy(), make_copy(url="https://other.example")
    here.save(make_stored())
    (head,) = files(here, ".head")
    other.save(make_stored(2))
    (other_head,) = set(files(here, ".head")) - {head}
    head.replace(other_head)
    assert other.load() is None


def test_environments_share_a_folder_and_their_equal_pages(make_copy, make_stored):
    make_copy().save(make_stored())
    pages = files(make_copy(), ".page")
    make_copy(environment="staging").save(make_stored(environment="staging"))
    assert files(make_copy(), ".page") == pages
    assert make_copy().load() == make_stored()
    assert make_copy(environment="staging").load() == make_stored(environment="staging")


def test_nobody_else_can_read_what_is_written(make_copy, make_stored):
    before = os.umask(0)
    try:
        copy = make_copy()
        copy.save(make_stored())
        with copy.poll_turn(2000.0, 2010.0):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(Path(copy.directory).stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in files(copy)}
    assert modes == {0o600}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_anywhere_is_found_and_the_next_save_repairs_it(make_stored, data):
    with tempfile.TemporaryDirectory() as folder:
        stored = make_stored()
        directory = Path(folder) / "cache"
        copy = DiskCopy(directory, "https://flags.example", "acme", "production")
        copy.save(stored)
        path = data.draw(st.sampled_from(files(copy, ".page") + files(copy, ".head") * 3))
        body = bytearray(path.read_bytes())
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(body)
        next_process = DiskCopy(directory, "https://flags.example", "acme", "production")
        assert next_process.load() is None
        assert next_process.save(stored)
        assert copy.load() == stored


@pytest.mark.parametrize("ending", [".page", ".head"])
@pytest.mark.parametrize("length", [0, 1, 50])
def test_a_file_cut_short_is_found(make_copy, make_stored, ending, length):
    copy = make_copy()
    copy.save(make_stored())
    os.truncate(files(copy, ending)[0], length)
    assert make_copy().load() is None


def test_a_file_with_something_after_its_end_is_found(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored())
    path = files(copy, ".page")[0]
    path.write_bytes(path.read_bytes() + b"\n")
    assert make_copy().load() is None


def test_a_missing_page_is_found_and_written_again(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored())
    files(copy, ".page")[0].unlink()
    assert make_copy().load() is None
    assert copy.save(make_stored(checked_at=1500.0))
    assert make_copy().load() == make_stored(checked_at=1500.0)


def test_a_newer_revision_replaces_an_older_one_and_never_the_other_way(make_copy, make_stored):
    assert make_copy().save(make_stored(2))
    assert not make_copy().save(make_stored(1, checked_at=1999.0))
    assert make_copy().load() == make_stored(2)
    assert make_copy().save(make_stored(3))
    assert make_copy().load() == make_stored(3)


def test_the_same_pair_with_other_bytes_is_a_step_back_that_nobody_accepted(make_copy, make_stored):
    make_copy().save(make_stored(2))
    assert not make_copy().save(make_stored(2, text="other"))
    assert make_copy().load() == make_stored(2)


def test_an_accepted_step_back_counts_one_generation_up_and_stands(make_copy, make_stored):
    make_copy().save(make_stored(9))
    assert make_copy().save(make_stored(2, generation=1))
    assert not make_copy().save(make_stored(10)), "a process that has not noticed the step back"
    assert make_copy().load() == make_stored(2, generation=1)


def test_of_one_manifest_the_later_check_stands(make_copy, make_stored):
    make_copy().save(make_stored(checked_at=1000.0))
    assert make_copy().save(make_stored(checked_at=1060.0))
    assert not make_copy().save(make_stored(checked_at=1030.0))
    assert make_copy().load() == make_stored(checked_at=1060.0)


def test_a_check_from_the_future_does_not_stand(make_copy, make_stored):
    make_copy().save(make_stored(checked_at=9_999_999.0))
    assert make_copy().save(make_stored(checked_at=2000.0))
    assert make_copy().load() == make_stored(checked_at=2000.0)


def test_a_failure_is_noted_for_the_other_processes(make_copy, make_stored):
    make_copy().save(make_stored(checked_at=1000.0))
    make_copy().note_failure(1060.0, 2)
    assert make_copy().load() == make_stored(checked_at=1000.0)._replace(failed_at=1060.0, failures=2)


def test_a_failure_before_the_last_good_answer_is_not_noted(make_copy, make_stored):
    make_copy().save(make_stored(checked_at=1000.0))
    make_copy().note_failure(999.0, 2)
    assert make_copy().load() == make_stored(checked_at=1000.0)


def test_a_failure_without_a_copy_is_noted_nowhere(make_copy):
    copy = make_copy()
    copy.note_failure(1060.0, 2)
    assert copy.load() is None


def test_a_ruleset_that_lacks_a_page_or_is_of_elsewhere_is_not_saved(make_copy, make_stored):
    stored = make_stored()
    with pytest.raises(RulesetError, match="page"):
        make_copy().save(stored._replace(pages=dict(list(stored.pages.items())[1:])))
    with pytest.raises(RulesetError, match="staging"):
        make_copy().save(make_stored(environment="staging"))
    assert make_copy().load() is None


def test_only_pages_that_are_new_are_written(make_copy, make_stored):
    copy = make_copy()
    stored = make_stored()
    copy.save(stored)
    before = {path: path.stat().st_ino for path in files(copy, ".page")}
    copy.save(stored._replace(checked_at=1060.0))
    make_copy().save(stored._replace(checked_at=1070.0))
    assert {path: path.stat().st_ino for path in files(copy, ".page")} == before


def test_old_pages_that_no_head_names_go_with_the_next_revision(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored(1))
    make_copy(environment="staging").save(make_stored(1, text="staging", environment="staging"))
    first = set(files(copy, ".page"))
    for path in first:
        age(path, 3601.0)
    copy.save(make_stored(2))
    assert make_copy(environment="staging").load() is not None, "another environment still names its pages"
    left = {path.stem for path in files(copy, ".page")}
    assert left == set(make_stored(2).pages) | set(make_stored(1, text="staging", environment="staging").pages)


def test_young_pages_stay_for_who_may_be_about_to_name_them(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored(1))
    pages = files(copy, ".page")
    for path in pages:
        age(path, 3599.0)
    copy.save(make_stored(2))
    assert set(pages) < set(files(copy, ".page"))


def test_what_killed_writers_left_goes_after_an_hour(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored(1))
    for name, seconds in (("old.1-ab.part", 3601.0), ("young.1-ab.part", 60.0)):
        path = Path(copy.directory) / name
        path.touch()
        age(path, seconds)
    copy.save(make_stored(2))
    assert [path.name for path in files(copy, ".part")] == ["young.1-ab.part"]


def test_pages_named_by_a_head_of_a_newer_version_stay(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored(1))
    for path in files(copy, ".page"):
        age(path, 7200.0)
    body = b'{"buildflags_head":99}\n{"pages":"elsewhere"}'
    (Path(copy.directory) / "newer.head").write_bytes(digest_name(body).encode() + b"\n" + body)
    pages = files(copy, ".page")
    copy.save(make_stored(2))
    assert set(pages) < set(files(copy, ".page"))


def test_a_head_of_a_newer_version_is_ignored_and_replaced(make_copy, make_stored):
    copy = make_copy()
    copy.save(make_stored(1))
    path = files(copy, ".head")[0]
    body = checked_body(path.read_bytes())
    assert body is not None
    newer = body.replace(b'"buildflags_head":%d' % HEAD_VERSION, b'"buildflags_head":99')
    path.write_bytes(digest_name(newer).encode() + b"\n" + newer)
    assert copy.load() is None
    assert copy.save(make_stored(1))
    assert copy.load() == make_stored(1)


def test_an_inline_ruleset_needs_no_page(make_copy, make_stored):
    body = b'{"format":1,"workspace":"acme","environment":"production","epoch":7,"revision":3,"published_at":"","pages_at":"/p/x/","inline":""}'
    stored = make_stored()._replace(manifest_body=body, pages={})
    assert make_copy().save(stored)
    assert make_copy().load() == stored
    assert files(make_copy(), ".page") == []


def test_errors_of_the_disk_say_what_to_do(tmp_path, make_stored):
    (tmp_path / "cache").write_text("not a folder")
    copy = DiskCopy(tmp_path / "cache" / "inner", "https://flags.example", "acme", "production")
    with pytest.raises(StorageError, match=r"BUILDFLAGS_CACHE_DIR.*cache_dir=None"):
        copy.save(make_stored())
