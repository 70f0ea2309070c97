"""Workspaces, environments, segments, keys, changes, health; who may; and what every answer has."""

from __future__ import annotations

import json

import pytest

from buildflags_sdk._wire.bundle import decode_bundle
from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk.server.keys import hash_key

BOOLEAN = {"type": "boolean", "variants": {"on": True, "off": False}}
STAFF = {"key": "staff", "include": ["u1"], "when": {"attr": ["email"], "op": "ends_with", "values": ["@acme.com"]}}
STAFF_RULE = {"when": {"segment": "staff"}, "serve": {"variant": "on"}}


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    return answer.json()


def lines(site, environment="production"):
    inline = json.loads(site.manifest(environment).content)["inline"]
    return {entry.get("key") or entry["segment"]: entry for entry in map(json.loads, inline.splitlines())}


# workspaces and environments


def test_an_operator_makes_a_workspace_and_others_do_not(site):
    body = {"key": "second", "name": "The second"}
    problem(site.post("/v1/workspaces", body), 403)
    made = site.post("/v1/workspaces", body, key=site.operator)
    assert made.status_code == 201
    assert made.json()["name"] == "The second"
    problem(site.post("/v1/workspaces", body, key=site.operator), 409)
    assert [one["key"] for one in site.get("/v1/workspaces", key=site.operator).json()["items"]] == ["acme", "second"]
    assert [one["key"] for one in site.get("/v1/workspaces").json()["items"]] == ["acme"]
    assert site.get("/v1/workspaces/acme").json()["key"] == "acme"


def test_a_new_environment_has_every_flag_off(site):
    site.flag()
    answer = site.post("/environments", {"key": "dev"})
    assert answer.status_code == 201
    assert answer.json()["live"] == {"dev": True}
    assert answer.json()["pending"] == 0
    key = site.post("/keys", {"kind": "server", "environments": ["dev"]}).json()["key"]
    inline = json.loads(site.manifest("dev", key=key).content)["inline"]
    assert json.loads(inline)["enabled"] is False
    problem(site.post("/environments", {"key": "dev"}), 409)
    assert [one["key"] for one in site.get("/environments").json()["items"]] == ["dev", "production", "staging"]


def test_an_environment_tells_its_revision_and_not_its_pages_address(site):
    body = site.get("/environments/production").json()
    site.flag()
    after = site.get("/environments/production").json()
    assert (after["epoch"], after["revision"]) == (body["epoch"], body["revision"] + 1)
    secret = json.loads(site.manifest().content)["pages_at"].split("/")[2]
    assert secret not in json.dumps(after)
    problem(site.get("/environments/nope"), 404)
    problem(site.post("/environments/nope/publish"), 404)


def test_an_export_is_a_bundle_of_what_is_live(site):
    site.flag()
    answer = site.get("/environments/production/export")
    bundle = decode_bundle(answer.content)
    assert bundle.manifest_body == site.manifest().content
    assert bundle.etag == site.manifest().headers["etag"]
    assert decode_manifest(bundle.manifest_body, workspace=None, environment=None).environment == "production"


# segments


def test_a_segment_is_live_everywhere_and_a_change_of_it_too(site):
    answer = site.post("/segments", STAFF)
    assert answer.status_code == 201
    assert answer.json()["live"] == {"production": True, "staging": True}
    for environment in ("production", "staging"):
        assert lines(site, environment)["staff"]["include"] == ["u1"]
    read = site.get("/segments/staff")
    assert read.headers["etag"] == '"1"'
    assert site.put("/segments/staff", {**read.json(), "include": ["u2"]}).json()["version"] == 2
    assert lines(site, "staging")["staff"]["include"] == ["u2"]
    assert problem(site.put("/segments/staff", {"include": [], "version": 1}), 409)["current"]["include"] == ["u2"]
    assert [one["key"] for one in site.get("/segments").json()["items"]] == ["staff"]


def test_a_segment_is_removed_only_when_nothing_names_it(site):
    site.post("/segments", STAFF)
    site.flag(rules=[STAFF_RULE])
    body = problem(site.delete("/segments/staff?version=1"), 409)
    assert body["named_by"] == ["flag 'new-search' (production)"]
    rules = site.get("/flags/new-search/environments/production").json()
    site.put("/flags/new-search/environments/production", {**rules, "rules": []})
    problem(site.delete("/segments/staff"), 428)
    assert site.delete("/segments/staff?version=1").status_code == 200
    assert "staff" not in lines(site)
    problem(site.get("/segments/staff"), 404)


def test_a_segment_that_the_model_refuses_names_the_place(site):
    body = problem(
        site.post("/segments", {"key": "staff", "when": {"attr": ["a"], "op": "no-such", "values": []}}), 422
    )
    assert body["errors"][0]["place"].startswith("when")
    problem(site.post("/segments", {"key": "staff", "when": {"segment": "nope"}}), 422)


# keys


def test_a_key_is_shown_once_and_stored_as_a_hash(site):
    made = site.post("/keys", {"kind": "server", "environments": ["production"], "name": "web"}).json()
    listed = site.get("/keys")
    assert made["key"] not in listed.text
    assert hash_key(made["key"]) not in listed.text
    found = next(one for one in listed.json()["items"] if one["id"] == made["id"])
    assert made["key"].startswith(found["hint"])
    assert (found["name"], found["environments"], found["valid"]) == ("web", ["production"], True)
    assert made["key"] not in site.get("/changes").text


def test_while_a_key_is_rotated_both_are_valid(site):
    old = site.post("/keys", {"kind": "server", "environments": ["production"]}).json()
    new = site.post(f"/keys/{old['id']}/rotate", {"overlap_seconds": 600}).json()
    assert (new["kind"], new["environments"]) == ("server", ["production"])
    for key in (old["key"], new["key"]):
        assert site.manifest(key=key).status_code == 200
    site.now.at += 600
    assert site.manifest(key=old["key"]).status_code == 403
    assert site.manifest(key=new["key"]).status_code == 200
    problem(site.post(f"/keys/{old['id']}/rotate"), 409)


def test_rotating_never_makes_an_expiring_key_live_longer(site):
    old = site.post("/keys", {"kind": "server", "expires_at": "2026-11-23T09:10:00Z"}).json()
    new = site.post(f"/keys/{old['id']}/rotate").json()
    assert new["replaces"]["expires_at"] == "2026-11-23T09:10:00.000Z"


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "root"},
        {"kind": "server", "environments": ["nope"]},
        {"kind": "server", "environments": []},
        {"kind": "server", "role": "admin"},
        {"kind": "management", "environments": ["production"]},
        {"kind": "server", "expires_at": "tomorrow"},
        {"kind": "server", "expires_at": "2027-01-01T00:00:00"},
    ],
)
def test_a_key_that_cannot_be_is_refused(site, body):
    problem(site.post("/keys", body), 422)


def test_a_key_that_is_not_there_is_404(site):
    problem(site.delete("/keys/nope"), 404)
    problem(site.post("/keys/nope/rotate"), 404)


def test_revoking_twice_is_once(site):
    made = site.post("/keys", {"kind": "server"}).json()
    first = site.delete(f"/keys/{made['id']}").json()
    site.now.at += 60
    assert site.delete(f"/keys/{made['id']}").json()["revoked_at"] == first["revoked_at"]


# who may


def test_without_a_management_key_nothing_is_told(site):
    answer = site.get("/flags", key=None)
    problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    problem(site.get("/flags", key=site.keys.server["production"]), 403)
    problem(site.get("/flags", key="bf_management_x"), 403)
    problem(site.get("/v1/workspaces/other/flags"), 403)
    problem(site.get("/v1/workspaces/other/flags", key=site.operator), 404)


@pytest.mark.parametrize(
    ("role", "reads", "edits", "issues"),
    [("viewer", 200, 403, 403), ("editor", 200, 201, 403), ("admin", 200, 201, 201)],
)
def test_roles_allow_what_they_say(site, role, reads, edits, issues):
    key = site.post("/keys", {"kind": "management", "role": role}).json()["key"]
    assert site.get("/flags", key=key).status_code == reads
    assert site.post("/flags", {"key": "a", **BOOLEAN}, key=key).status_code == edits
    assert site.post("/keys", {"kind": "server"}, key=key).status_code == issues
    assert site.post("/environments", {"key": "dev"}, key=key).status_code == issues


# changes


def test_the_log_says_who_what_and_why(site):
    site.flag()
    rules = site.get("/flags/new-search/environments/production").json()
    site.now.at += 1
    site.put(
        "/flags/new-search/environments/production",
        {**rules, "enabled": False},
        headers={"BuildFlags-Reason": "incident 7"},
    )
    newest = site.get("/changes").json()["items"][0]
    assert (newest["action"], newest["subject"], newest["environment"]) == ("flag.rules", "new-search", "production")
    assert newest["reason"] == "incident 7"
    assert newest["before"]["enabled"] is True
    assert newest["after"]["enabled"] is False
    assert newest["actor"] in [one["id"] for one in site.get("/keys").json()["items"]]


def test_changes_are_paged_across_months_in_both_directions(site):
    for number in range(4):
        site.flag(f"f{number}")
        site.now.at += 20 * 86_400

    def walk(query):
        seen, cursor = [], ""
        while True:
            page = site.get(f"/changes?limit=2{query}{cursor}").json()
            seen += [one["subject"] for one in page["items"] if one["action"] == "flag.create"]
            if page["next"] is None:
                return seen
            cursor = f"&cursor={page['next']}"

    assert walk("") == ["f3", "f2", "f1", "f0"]
    assert walk("&since=2026-12-01T00:00:00Z") == ["f1", "f2", "f3"]
    problem(site.get("/changes?since=yesterday"), 400)


def test_a_reader_of_since_goes_back_five_minutes(site):
    site.now.at += 86_400
    site.flag("just-before")
    site.now.at += 200
    site.flag("just-after")
    items = site.get("/changes?since=2026-11-24T09:03:00Z").json()["items"]
    assert [one["subject"] for one in items] == ["just-before", "just-after"]


def test_a_large_state_is_logged_as_its_hash(site):
    site.post("/flags", {"key": "a", **BOOLEAN, "meta": {"about": "x" * 20_000}})
    (change,) = [one for one in site.get("/changes").json()["items"] if one["action"] == "flag.create"]
    assert set(change["after"]) == {"sha256", "bytes"}


# every answer


def test_health_needs_no_key_and_tells_no_names(site):
    assert site.get("/health", key=None).json() == {"status": "ok", "publishing": True}


def test_every_answer_has_safe_headers_and_none_allows_other_origins(site):
    for answer in (site.get("/flags"), site.get("/nope"), site.manifest(), site.get("/p/x", key=None)):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
    asked = site.ask(
        "OPTIONS", "/flags", headers={"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    )
    assert "access-control-allow-origin" not in asked.headers


def test_a_body_over_the_limit_is_413_whether_or_not_it_says_its_length(site):
    large = b'{"key":"' + b"a" * 1_000_001 + b'"}'

    async def pieces():
        for at in range(0, len(large), 100_000):
            yield large[at : at + 100_000]

    headers = {"Content-Type": "application/json"}
    problem(site.ask("POST", "/flags", content=large, headers=headers), 413)
    problem(site.ask("POST", "/flags", content=pieces(), headers=headers), 413)


def test_a_body_that_is_no_json_is_400(site):
    headers = {"Content-Type": "application/json"}
    problem(site.ask("POST", "/flags", content=b"{", headers=headers), 400)


def test_a_body_that_is_not_said_to_be_json_is_refused_with_the_header_to_send(site):
    refused = problem(site.ask("POST", "/flags", content=b'{"key":"a"}'), 422)
    assert "Content-Type: application/json" in refused["detail"]


def test_addresses_and_methods_that_do_not_exist_are_problems_too(site):
    problem(site.get("/nope"), 404)
    problem(site.ask("PATCH", "/flags"), 405)


def test_the_api_describes_itself(site):
    paths = site.get("/openapi.json", key=None).json()["paths"]
    assert "/v1/workspaces/{workspace}/flags/{key}/environments/{environment}" in paths


def test_a_store_that_fails_as_the_key_is_looked_up_is_said_as_a_problem_too(site):
    site.store.close()
    answer = site.get("/flags")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/v1/workspaces", "/v1/workspaces/acme/nothing", "/v1/nothing", "/v1/"])
def test_without_a_key_nothing_below_v1_tells_whether_it_is_there(site, path):
    assert site.ask("POST", path, key=None).status_code == 401
    assert site.ask("POST", path, key=site.keys.server["production"]).status_code == 403
