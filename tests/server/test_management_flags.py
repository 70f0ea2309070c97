from __future__ import annotations

import json

import pytest

BOOLEAN = {"type": "boolean", "variants": {"on": True, "off": False}}
ON = {"enabled": True, "off": "off", "rules": [], "fallthrough": {"variant": "on"}}


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


def lines(site, environment="production"):
    inline = json.loads(site.manifest(environment).content)["inline"]
    return {entry.get("key") or entry["segment"]: entry for entry in map(json.loads, inline.splitlines())}


def test_a_new_flag_is_live_where_it_was_given_rules_and_off_elsewhere(site):
    answer = site.flag("new-search")
    assert answer.status_code == 201
    body = answer.json()
    assert body["live"] == {"production": True, "staging": True}
    assert body["version"] == body["environments"]["production"]["version"] == 1
    assert lines(site)["new-search"]["enabled"] is True
    assert lines(site, "staging")["new-search"] == {
        "key": "new-search",
        **BOOLEAN,
        "enabled": False,
        "off": None,
        "rules": [],
        "fallthrough": None,
    }


def test_what_get_gives_can_be_sent_back_with_put(site):
    site.flag()
    read = site.get("/flags/new-search")
    assert read.headers["etag"] == '"1"'
    answer = site.put("/flags/new-search", read.json())
    assert answer.status_code == 200, answer.text
    assert answer.json()["version"] == 2
    rules = site.get("/flags/new-search/environments/production").json()
    assert site.put("/flags/new-search/environments/production", rules).status_code == 200


def test_toggling_a_flag_in_one_environment_leaves_the_others_alone(site):
    site.flag()
    staging = site.manifest("staging").headers["etag"]
    rules = site.get("/flags/new-search/environments/production").json()
    answer = site.put("/flags/new-search/environments/production", {**rules, "enabled": False})
    assert answer.json()["live"] == {"production": True}
    assert lines(site)["new-search"]["enabled"] is False
    assert site.manifest("staging").headers["etag"] == staging


def test_new_variants_reach_every_environment_in_one_change(site):
    site.flag()
    read = site.get("/flags/new-search").json()
    site.put("/flags/new-search", {**read, "variants": {**read["variants"], "beta": {"value": True, "on": True}}})
    for environment in ("production", "staging"):
        assert "beta" in lines(site, environment)["new-search"]["variants"]


def test_of_two_changes_made_from_one_version_the_second_is_told_what_is_there(site):
    site.flag()
    path = "/flags/new-search/environments/production"
    assert site.put(path, {**ON, "enabled": False, "version": 1}).status_code == 200
    body = problem(site.put(path, {**ON, "version": 1}), 409)
    assert body["version"] == 2
    assert body["current"]["enabled"] is False
    assert "send version 2" in body["detail"]
    body = problem(site.put(path, ON, headers={"If-Match": '"1"'}), 412)
    assert body["version"] == 2
    assert site.put(path, ON, headers={"If-Match": 'W/"2"'}).status_code == 200


def test_a_change_must_say_which_version_it_was_made_from(site):
    site.flag()
    body = problem(site.put("/flags/new-search/environments/production", ON), 428)
    assert body["version"] == 1
    assert site.put("/flags/new-search/environments/production", ON, headers={"If-Match": "*"}).status_code == 200
    problem(site.put("/flags/new-search/environments/production", ON, headers={"If-Match": "yesterday"}), 400)


def test_a_put_of_rules_that_leaves_something_out_is_refused_not_guessed(site):
    site.flag()
    body = problem(site.put("/flags/new-search/environments/production", {"enabled": True, "version": 1}), 422)
    assert [error["place"] for error in body["errors"]] == ["off", "rules", "fallthrough"]


def test_a_flag_made_twice_is_in_conflict(site):
    site.flag()
    assert "PUT" in problem(site.flag(), 409)["detail"]


def test_errors_of_the_model_name_the_place(site):
    body = problem(site.flag(off="nowhere"), 422)
    assert body["errors"] == [{"place": "off", "message": "there is no variant 'nowhere'"}]
    assert site.get("/flags").json()["items"] == []


def test_a_misspelt_field_is_refused(site):
    body = problem(site.post("/flags", {"key": "a", **BOOLEAN, "varaints": {}}), 422)
    assert body["errors"][0]["place"] == "varaints"


@pytest.mark.parametrize("key", ["", "-a", "a/b", "a b", "ä", "a" * 129, "a\n"])
def test_a_key_of_the_wrong_shape_is_refused(site, key):
    problem(site.post("/flags", {"key": key, **BOOLEAN}), 422)


def test_a_line_over_64_kb_is_refused_with_what_to_do(site):
    body = problem(site.post("/flags", {"key": "a", **BOOLEAN, "meta": {"about": "x" * 65_536}}), 422)
    assert "membership source" in body["detail"]


def test_an_environment_that_is_not_there_is_named_with_those_that_are(site):
    body = problem(site.post("/flags", {"key": "a", **BOOLEAN, "environments": {"prod": ON}}), 422)
    assert "'prod'" in body["detail"]
    assert "production, staging" in body["detail"]
    site.flag()
    problem(site.get("/flags/new-search/environments/prod"), 404)


def test_a_flag_that_is_not_there_is_404(site):
    assert "'nope'" in problem(site.get("/flags/nope"), 404)["detail"]
    problem(site.put("/flags/nope", {**BOOLEAN, "version": 1}), 404)
    problem(site.delete("/flags/nope?version=1"), 404)


def test_a_flags_type_never_changes(site):
    site.flag()
    answer = site.put("/flags/new-search", {"type": "string", "variants": {"on": "1", "off": "0"}, "version": 1})
    assert "type boolean" in problem(answer, 422)["detail"]


def test_an_archived_flag_is_gone_for_clients_and_comes_back_by_put(site):
    site.flag()
    answer = site.delete("/flags/new-search", headers={"If-Match": '"1"'})
    assert answer.status_code == 200
    assert answer.json()["archived_at"]
    assert lines(site) == {}
    assert site.get("/flags").json()["items"] == []
    assert [flag["key"] for flag in site.get("/flags?archived=true").json()["items"]] == ["new-search"]
    problem(site.put("/flags/new-search/environments/production", {**ON, "version": 2}), 409)
    read = site.get("/flags/new-search").json()
    assert site.put("/flags/new-search", read).json()["archived_at"] is None
    assert lines(site)["new-search"]["enabled"] is True


def test_a_change_can_be_saved_now_and_made_live_later(site):
    site.flag()
    rules = site.get("/flags/new-search/environments/production").json()
    answer = site.put("/flags/new-search/environments/production?publish=false", {**rules, "enabled": False})
    assert answer.json()["live"] == {"production": False}
    assert lines(site)["new-search"]["enabled"] is True
    assert site.get("/environments/production").json()["pending"] == 1
    published = site.post("/environments/production/publish").json()
    assert published["changed"] is True
    assert published["pending"] == 0
    assert lines(site)["new-search"]["enabled"] is False


def test_a_list_comes_in_pages(site):
    for number in range(5):
        site.flag(f"f{number}")
    keys, cursor = [], ""
    while True:
        page = site.get(f"/flags?limit=2{cursor}").json()
        assert len(page["items"]) <= 2
        keys += [flag["key"] for flag in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert keys == [f"f{number}" for number in range(5)]


@pytest.mark.parametrize("cursor", ["!", "bm9uc2Vuc2U", "YQ"])
def test_a_cursor_that_the_list_did_not_give_out_is_refused(site, cursor):
    problem(site.get(f"/flags?cursor={cursor}"), 400)


def test_flags_made_after_a_moment_are_one_range(site):
    site.flag("z-first")
    site.now.at += 60
    site.flag("b-second")
    site.now.at += 60
    site.flag("a-third")
    after = site.get("/flags?created_after=2026-11-23T09:00:30.000Z").json()["items"]
    assert [flag["key"] for flag in after] == ["b-second", "a-third"]


def test_a_rule_that_names_what_is_not_there_is_refused(site):
    rule = {"when": {"all": [{"segment": "insiders"}]}, "serve": {"variant": "on"}}
    assert "'insiders'" in problem(site.flag(rules=[rule]), 422)["detail"]
    rule = {"when": {"flag": "other", "on": True}, "serve": {"variant": "on"}}
    assert "'other'" in problem(site.flag(rules=[rule]), 422)["detail"]
    site.flag("other")
    assert site.flag(rules=[rule]).status_code == 201


def test_a_rule_that_says_what_stands_in_for_an_absent_entry_may_name_one(site):
    when = {"any": [{"flag": "other", "on": True, "on_absent": False}, {"segment": "insiders", "on_absent": True}]}
    assert site.flag(rules=[{"when": when, "serve": {"variant": "on"}}]).status_code == 201
    itself = {"when": {"flag": "self", "on": True, "on_absent": False}, "serve": {"variant": "on"}}
    assert "names itself" in problem(site.flag("self", rules=[itself]), 422)["detail"]


def test_a_segment_may_name_the_flag_that_has_its_name_and_not_itself(site):
    site.flag("beta")
    answer = site.post("/segments", {"key": "beta", "when": {"flag": "beta", "on": True}})
    assert answer.status_code == 201, answer.text
    itself = {**answer.json(), "when": {"segment": "beta"}}
    assert "names itself" in problem(site.put("/segments/beta", itself), 422)["detail"]


def test_a_flag_that_is_said_to_be_broken_is_so_for_clients_until_it_is_replaced(site):
    said = "its rule is code of another system"
    made = site.post("/flags", {"key": "moved", **BOOLEAN, "broken": said, "environments": {"production": ON}})
    assert made.json()["broken"] == said
    assert lines(site)["moved"]["broken"] == lines(site, "staging")["moved"]["broken"] == said
    mended = site.put("/flags/moved", {**made.json(), "broken": None})
    assert mended.status_code == 200, mended.text
    assert "broken" not in lines(site)["moved"]


def test_a_flag_that_others_need_is_not_archived(site):
    site.flag("base")
    site.flag("above", rules=[{"when": {"flag": "base", "on": True}, "serve": {"variant": "on"}}])
    body = problem(site.delete("/flags/base?version=1"), 409)
    assert body["named_by"] == ["flag 'above' (production)"]
