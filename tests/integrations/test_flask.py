"""The Flask extension, in an application that a real server runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask
import pytest

from buildflags_sdk import Client, ConfigurationError, override_flags
from buildflags_sdk.integrations.flask import BuildFlags
from buildflags_sdk.testing import flag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GERMANS = {"when": {"attr": "country", "op": "in", "values": ["DE"]}, "serve": "on"}


@pytest.fixture
def client() -> Client:
    german = flag("german", "off", variants={"on": True, "off": False}, rules=[GERMANS])
    return Client.from_flags({"german": german, "new-checkout": False, "page-size": 20})


@pytest.fixture
def app(client: Client) -> flask.Flask:
    app = flask.Flask("shop")
    BuildFlags(app, client=client, context=lambda request: {"country": request.headers.get("Country", "")})

    @app.get("/view")
    def view() -> str:
        return f"{flask.g.flags.is_enabled('german')} {client.is_enabled('german')} {flask.g.flags.is_enabled('new-checkout')}"

    @app.get("/template")
    def template() -> str:
        return flask.render_template_string(
            "{% if flag_enabled('german') %}Hallo{% else %}Hello{% endif %} {{ flag_value('page-size', 10) }}",
        )

    @app.get("/fails")
    def fails() -> str:
        msg = "on purpose"
        raise RuntimeError(msg)

    return app


def test_views_read_with_the_requests_context_through_g_and_through_the_client(
    app: flask.Flask, serve_wsgi: Callable[[Any], Any]
) -> None:
    with serve_wsgi(app) as ask:
        assert ask("/view", Country="DE") == "True True False"
        assert ask("/view", Country="FR") == "False False False"


def test_templates_read_with_the_requests_context(app: flask.Flask, serve_wsgi: Callable[[Any], Any]) -> None:
    with serve_wsgi(app) as ask:
        assert ask("/template", Country="DE") == "Hallo 20"
        assert ask("/template", Country="FR") == "Hello 20"


def test_a_server_in_another_thread_sees_what_a_test_overrides(
    app: flask.Flask, serve_wsgi: Callable[[Any], Any]
) -> None:
    with serve_wsgi(app) as ask:
        with override_flags(new_checkout=True, everywhere=True):
            assert ask("/view") == "False False True"
        assert ask("/view") == "False False False"


def test_the_scope_ends_with_the_request_a_failing_one_too(app: flask.Flask, client: Client) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False

    assert app.test_client().get("/fails", headers={"Country": "DE"}).status_code == 500
    assert not client.is_enabled("german")
    assert client.pinned().context == {}


def test_a_request_that_an_earlier_function_answers_needs_no_scope(client: Client) -> None:
    app = flask.Flask("shop")
    app.before_request(lambda: "closed for maintenance")
    BuildFlags(app, client=client)

    assert app.test_client().get("/anything").text == "closed for maintenance"


def test_the_extension_may_be_made_before_the_application_and_serve_two(client: Client) -> None:
    flags = BuildFlags(client=client)
    apps = [flask.Flask("one"), flask.Flask("two")]

    for app in apps:
        flags.init_app(app)

    for app in apps:
        assert app.extensions["buildflags"] is client
        with app.app_context():
            assert flags.client is client


def test_a_client_is_made_of_the_applications_configuration_and_started(tmp_path: Path) -> None:
    app = flask.Flask("shop")
    app.config.update(
        BUILDFLAGS_URL="http://127.0.0.1:9",
        BUILDFLAGS_SDK_KEY="bf_server_0123456789abcdef",
        BUILDFLAGS_WORKSPACE="acme",
        BUILDFLAGS_ENVIRONMENT="staging",
        BUILDFLAGS_CACHE_DIR=tmp_path,
        BUILDFLAGS_START_WAIT=0,
    )

    BuildFlags(app)

    client = app.extensions["buildflags"]
    try:
        status = client.status()
        assert (status.workspace, status.environment) == ("acme", "staging")
        assert status.refreshing or status.next_refresh_in is not None
    finally:
        client.close()


def test_a_configuration_that_lacks_a_value_is_an_error_that_names_it() -> None:
    app = flask.Flask("shop")
    app.config.update(BUILDFLAGS_URL="http://127.0.0.1:9", BUILDFLAGS_SDK_KEY="bf_server_0123456789abcdef")

    with pytest.raises(ConfigurationError, match=r"BUILDFLAGS_WORKSPACE.*BUILDFLAGS_ENVIRONMENT"):
        BuildFlags(app)
