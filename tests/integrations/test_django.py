"""The Django app and middleware, under a real WSGI and a real ASGI server."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import warnings
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings
from django.core import checks
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine, TemplateSyntaxError
from django.test import RequestFactory, override_settings
from django.urls import path

from buildflags_sdk import Client, ConfigurationError, override_flags
from buildflags_sdk.testing import flag

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

APP = "buildflags_sdk.integrations.django"
GERMANS = {"when": {"attr": "country", "op": "in", "values": ["DE"]}, "serve": "on"}

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "testserver"],
        INSTALLED_APPS=[APP],
        MIDDLEWARE=[f"{APP}.BuildFlagsMiddleware"],
        SECRET_KEY="for tests",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            },
        ],
    )
    django.setup()

from buildflags_sdk.integrations import django as flags_of_django  # noqa: E402 - needs the settings

TEMPLATE = '{% load buildflags %}{% flag "german" %}Hallo{% else %}Hello{% endflag %}'


def render(source: str, **values: Any) -> str:
    engine = Engine(libraries={"buildflags": f"{APP}.templatetags.buildflags"})
    return engine.from_string(source).render(Context(values))


def read(request: HttpRequest) -> HttpResponse:
    client = flags_of_django.client()
    answers = {
        "request": request.flags.is_enabled("german"),  # type: ignore[attr-defined]
        "client": client.is_enabled("german"),
        "template": render(TEMPLATE, request=request),
        "checkout": client.is_enabled("new-checkout"),
    }
    return HttpResponse(json.dumps(answers), content_type="application/json")


async def read_async(request: HttpRequest) -> HttpResponse:
    return read(request)


class urls:  # noqa: N801 - stands for a module of URLs
    urlpatterns = (path("sync", read), path("async", read_async))


def context_of(request: HttpRequest) -> dict[str, Any]:
    return {"country": request.headers.get("Country", "")}


async def context_of_async(request: HttpRequest) -> dict[str, Any]:
    return context_of(request)


@pytest.fixture
def client() -> Client:
    german = flag("german", "off", variants={"on": True, "off": False}, rules=[GERMANS])
    return Client.from_flags({"german": german, "new-checkout": False, "page-size": 20})


@pytest.fixture(params=["sync", "async", None])
def configured(client: Client, request: pytest.FixtureRequest) -> Any:
    """Django with this client, and with a context made by a function, by a coroutine function, or not at all."""
    builder = {"sync": context_of, "async": context_of_async, None: None}[request.param]
    with override_settings(BUILDFLAGS={"CLIENT": client, "CONTEXT": builder}, ROOT_URLCONF=urls):
        yield builder


@pytest.fixture(params=["wsgi", "asgi"])
def serve(request: pytest.FixtureRequest, serve_wsgi: Any, serve_asgi: Any) -> Callable[[], Any]:
    return (lambda: serve_wsgi(WSGIHandler())) if request.param == "wsgi" else (lambda: serve_asgi(ASGIHandler()))


@pytest.mark.parametrize("view", ["/sync", "/async"])
def test_views_and_templates_read_with_the_requests_context(
    configured: Any, serve: Callable[[], Any], view: str
) -> None:
    german = configured is not None
    expected = {"request": german, "client": german, "template": "Hallo" if german else "Hello", "checkout": False}

    with serve() as ask:
        assert json.loads(ask(view, Country="DE")) == expected
        assert json.loads(ask(view, Country="FR")) == {
            "request": False,
            "client": False,
            "template": "Hello",
            "checkout": False,
        }


def test_a_server_in_another_thread_sees_what_a_test_overrides(configured: Any, serve: Callable[[], Any]) -> None:
    with serve() as ask:
        with override_flags(new_checkout=True, everywhere=True):
            assert json.loads(ask("/sync"))["checkout"]
        assert not json.loads(ask("/sync"))["checkout"]


def test_the_scope_ends_with_the_request_a_failing_one_too(client: Client) -> None:
    def fails(_request: HttpRequest) -> HttpResponse:
        msg = "on purpose"
        raise RuntimeError(msg)

    with override_settings(BUILDFLAGS={"CLIENT": client, "CONTEXT": context_of}):
        middleware = flags_of_django.BuildFlagsMiddleware(fails)
        with pytest.raises(RuntimeError, match="on purpose"):
            middleware(RequestFactory(headers={"country": "DE"}).get("/"))

    assert not client.is_enabled("german")
    assert client.pinned().context == {}


def test_templates_without_a_request_read_the_processs_client(client: Client) -> None:
    with override_settings(BUILDFLAGS={"CLIENT": client}), client.scope({"country": "DE"}):
        assert render(TEMPLATE) == "Hallo"


def test_a_flags_key_may_be_a_variable_and_its_else_may_be_left_out(client: Client) -> None:
    with override_settings(BUILDFLAGS={"CLIENT": client}), client.override({"new-checkout": True}):
        source = "{% load buildflags %}{% flag key %}on{% endflag %}"

        assert render(source, key="new-checkout") == "on"
        assert render(source, key="german") == ""


def test_enabled_and_value_can_be_kept_in_a_variable(client: Client) -> None:
    source = (
        '{% load buildflags %}{% flag_enabled "german" as on %}{% flag_value "page-size" 10 as size %}'
        '{% flag_value "none-such" 10 as other %}{{ on }} {{ size }} {{ other }}'
    )
    with override_settings(BUILDFLAGS={"CLIENT": client}):
        assert render(source) == "False 20 10"


def test_a_flag_tag_without_a_key_is_a_syntax_error_that_shows_how() -> None:
    with pytest.raises(TemplateSyntaxError, match=re.escape('{% flag "new-checkout" %}')):
        render("{% load buildflags %}{% flag %}{% endflag %}")


def test_a_client_is_made_of_the_setting_once_and_started(tmp_path: Path) -> None:
    values = {
        "URL": "http://127.0.0.1:9",
        "SDK_KEY": "bf_server_0123456789abcdef",
        "WORKSPACE": "acme",
        "ENVIRONMENT": "staging",
        "CACHE_DIR": tmp_path,
        "START_WAIT": 0,
    }
    with override_settings(BUILDFLAGS=values):
        client = flags_of_django.client()
        try:
            status = client.status()
            assert (status.workspace, status.environment) == ("acme", "staging")
            assert status.refreshing or status.next_refresh_in is not None
            assert flags_of_django.client() is client
        finally:
            client.close()


def test_public_keys_to_pin_may_be_a_list_in_the_setting() -> None:
    key = "bf_public_O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik"
    values = {"URL": "http://127.0.0.1:9", "SDK_KEY": "k", "WORKSPACE": "acme", "ENVIRONMENT": "staging"}
    with override_settings(BUILDFLAGS={**values, "CACHE_DIR": "", "START_WAIT": 0, "SIGNING_KEYS": [key, key]}):
        assert checks.run_checks(tags=["buildflags"]) == []
        client = flags_of_django.client()
        client.close()
    assert client._engine is not None
    assert client._engine.settings.signing_keys == (key, key)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_that_is_forked_while_a_thread_makes_the_client_makes_its_own() -> None:
    begun, going = threading.Event(), threading.Event()

    class Slow(str):
        __slots__ = ()

        def __str__(self) -> str:
            begun.set()
            going.wait(60)
            return "http://127.0.0.1:9"

    values = {"URL": Slow(), "SDK_KEY": "k", "WORKSPACE": "acme", "ENVIRONMENT": "staging", "START_WAIT": 0}
    with override_settings(BUILDFLAGS=values), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        thread = threading.Thread(target=flags_of_django.client)
        thread.start()
        assert begun.wait(60)
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # ends a child that waits for the lock of a thread it does not have
            going.set()
            flags_of_django.client()
            os._exit(7)
        status = os.waitpid(child, 0)[1]
        going.set()
        thread.join(60)
        flags_of_django.client().close()
    assert os.waitstatus_to_exitcode(status) == 7


def test_a_setting_that_lacks_a_value_is_an_error_that_names_it() -> None:
    with (
        override_settings(BUILDFLAGS={"URL": "http://127.0.0.1:9"}),
        pytest.raises(ConfigurationError, match=r"BUILDFLAGS_SDK_KEY.*BUILDFLAGS_WORKSPACE.*BUILDFLAGS_ENVIRONMENT"),
    ):
        flags_of_django.client()


def test_the_system_check_finds_a_misspelt_setting_and_a_path_that_leads_nowhere() -> None:
    with override_settings(BUILDFLAGS={"SDKKEY": "…", "CONTEXT": "shop.no_such_module.context_of"}):
        found = {error.id: error for error in checks.run_checks(tags=["buildflags"])}

    assert found["buildflags.E001"].hint == "Did you mean 'SDK_KEY'?"
    assert "shop" in found["buildflags.E002"].msg


def test_the_system_check_is_content_with_a_setting_that_works(client: Client) -> None:
    with override_settings(BUILDFLAGS={"CLIENT": client, "CONTEXT": context_of}):
        assert checks.run_checks(tags=["buildflags"]) == []
