"""The management API's client: each problem becomes an exit code and something to do."""

from __future__ import annotations

import httpx
import pytest

from buildflags_sdk.cli._api import Management, nearest
from buildflags_sdk.cli._exit import Exit, Failure

FLAGS = [{"key": "new-checkout"}, {"key": "banner-text"}]
ENVIRONMENTS = [{"key": "development"}, {"key": "production"}]


def management(answers):
    """The API of a workspace that answers by path."""

    def answer(request: httpx.Request) -> httpx.Response:
        made: httpx.Response = answers(request)
        assert request.headers["authorization"] == "Bearer bf_management_secret"
        return made

    return Management("http://backend", "bf_management_secret", "acme", transport=httpx.MockTransport(answer))


def problem(status: int, **members: object) -> httpx.Response:
    return httpx.Response(status, json=members, headers={"content-type": "application/problem+json"})


def failure_of(answers, act=lambda api: api.flag("new-checkout")) -> Failure:
    with management(answers) as api, pytest.raises(Failure) as caught:
        act(api)
    return caught.value


def lists_or(other):
    """Lists of what is there; anything else is answered by `other`."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/workspaces/acme/flags":
            return httpx.Response(200, json={"items": FLAGS, "next": None})
        if request.url.path == "/v1/workspaces/acme/environments":
            return httpx.Response(200, json={"items": ENVIRONMENTS, "next": None})
        elsewhere: httpx.Response = other(request)
        return elsewhere

    return answer


def test_a_list_is_read_to_its_last_page():
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("cursor") == "more":
            return httpx.Response(200, json={"items": FLAGS[1:], "next": None})
        return httpx.Response(200, json={"items": FLAGS[:1], "next": "more"})

    with management(answer) as api:
        assert list(api.flags()) == FLAGS


def test_keys_are_quoted_in_addresses():
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={})

    with management(answer) as api:
        api.flag("a/b")
    assert seen == [b"/v1/workspaces/acme/flags/a%2Fb"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_says_which_key_is_needed(status):
    failure = failure_of(lambda request: problem(status, detail="the key does not allow this"))
    assert failure.exit_code == Exit.REFUSED
    assert "management key" in failure.advice
    assert failure.message == "the key does not allow this"


def test_an_unknown_flag_suggests_the_nearest():
    failure = failure_of(lists_or(lambda request: problem(404, detail="no flag")), lambda api: api.flag("new-chekout"))
    assert failure.exit_code == Exit.NOT_FOUND
    assert failure.advice == "did you mean new-checkout?"


def test_an_unknown_environment_names_those_that_exist():
    failure = failure_of(
        lists_or(lambda request: problem(404, detail="no environment")),
        lambda api: api.flag_rules("new-checkout", "xyz"),
    )
    assert failure.advice == "there are development, production"


def test_an_unknown_workspace_says_to_check_the_workspace():
    failure = failure_of(lambda request: problem(404, detail="there is no workspace 'acme'"))
    assert failure.exit_code == Exit.NOT_FOUND
    assert "--workspace" in failure.advice


@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_says_to_look_again(status):
    failure = failure_of(lambda request: problem(status, detail="changed meanwhile"))
    assert failure.exit_code == Exit.CONFLICT
    assert "flags show" in failure.advice


def test_what_is_not_valid_lists_each_place():
    errors = [
        {"place": "rules[0].when", "message": "unknown operator 'is'"},
        {"loc": ["body", "off"], "msg": "no variant"},
    ]
    failure = failure_of(lambda request: problem(422, detail="not valid", errors=errors))
    assert failure.exit_code == Exit.NEGATIVE
    assert failure.advice.splitlines() == ["rules[0].when: unknown operator 'is'", "body.off: no variant"]


def test_a_server_error_says_that_clients_go_on():
    failure = failure_of(lambda request: httpx.Response(500, text="oops"))
    assert failure.exit_code == Exit.BACKEND
    assert failure.message == "the backend answered 500 Internal Server Error"
    assert "last good ruleset" in failure.advice


def test_a_redirect_is_not_followed_and_its_target_is_named():
    failure = failure_of(lambda request: httpx.Response(308, headers={"location": "https://elsewhere/v1"}))
    assert failure.exit_code == Exit.BACKEND
    assert "https://elsewhere/v1" in failure.message


def test_something_else_at_that_address_is_told_apart():
    failure = failure_of(lambda request: httpx.Response(200, text="<html>welcome</html>"))
    assert failure.exit_code == Exit.BACKEND
    assert "no JSON object" in failure.message


@pytest.mark.parametrize(
    ("error", "said"),
    [(httpx.ConnectError("Connection refused"), "cannot reach"), (httpx.ReadTimeout("slow"), "did not answer within")],
)
def test_no_answer_is_unreachable(error, said):
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    with (
        Management("http://backend", "key", "acme", transport=httpx.MockTransport(answer)) as api,
        pytest.raises(Failure, match=said) as caught,
    ):
        api.flag("new-checkout")
    assert caught.value.exit_code == Exit.UNREACHABLE
    assert "doctor" in caught.value.advice


def test_the_key_is_in_no_message():
    failure = failure_of(lambda request: problem(403, detail="refused"))
    assert "bf_management_secret" not in failure.message + failure.advice


def test_the_nearest_names_are_few():
    assert nearest("flag", "x", []) == "there is no flag yet"
    assert nearest("flag", "zzz", ["alpha"]) == "there is alpha"
    assert "there are 40 flags" in nearest("flag", "zzz", [f"alpha-{number}" for number in range(40)])
