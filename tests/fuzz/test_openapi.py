"""The whole server against its own OpenAPI document: no request, right or wrong, is answered 500 or in another form.

Skipped, and said so, where schemathesis is not installed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildflags_sdk.server import SqliteStore, create_app
from buildflags_sdk.server.provision import provision, provision_operator

if TYPE_CHECKING:
    from collections.abc import Iterator

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: the server is not fuzzed")
pytestmark = [pytest.mark.property, pytest.mark.slow]

EXAMPLES = 12
MODES = tuple(schemathesis.GenerationMode)
KNOWN = {"workspace": "acme", "environment": "production", "flag": "payments", "segment": "staff", "key": "payments"}
CHECKS = (
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
)

STORE = SqliteStore(":memory:")
provision(STORE, "acme", ["production", "staging"])
OPERATOR = {"Authorization": f"Bearer {provision_operator(STORE)}"}
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", create_app(STORE))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
tried: dict[int, int] = {}


@pytest.fixture(autouse=True, scope="module")
def told(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print what was tried, and close the store."""
    yield
    STORE.close()
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\nserver fuzzed: {sum(tried.values())} requests over {len(OPERATIONS)} operations, by status {tried}")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_is_answered_500_or_in_another_form_than_the_document_says(operation: Any) -> None:
    """Half of the requests go to what is there, so that they get past the path."""

    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data(), st.booleans())
    def ask(data: st.DataObject, to_what_is_there: bool) -> None:
        case = data.draw(operation.as_strategy(generation_mode=data.draw(st.sampled_from(MODES))))
        if to_what_is_there:
            case.path_parameters = {
                name: KNOWN.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        answer = case.call_and_validate(headers=OPERATOR, checks=CHECKS)
        tried[answer.status_code] = tried.get(answer.status_code, 0) + 1

    ask()


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("PUT", "/flags/none", {"If-Match": "1" * 5000}, b"{}", {400, 404, 422}),
        ("POST", "/flags", {"Content-Length": "9" * 5000}, b"{}", {413}),
        ("POST", "/flags", {}, b'{"key":"\\ud800","type":"boolean","variants":{"on":true}}', {422}),
        ("POST", "/flags", {}, b'{"key":"f","type":"boolean","variants":{"\\ud800":true}}', {409, 422}),
        ("POST", "/flags", {}, b'{"key":"g","type":"boolean","variants":{"on":true},"meta":{"\\ud800":1}}', {409, 422}),
        ("POST", "/flags", {}, b'{"key":"h","type":"integer","variants":{"a":1' + b"0" * 5000 + b"}}", {400, 422}),
        ("POST", "/flags", {}, b'{"key":"i","type":"float","variants":{"a":1e999}}', {400, 409, 422}),
        ("POST", "/flags", {}, b"[" * 100_000, {400, 422}),
        ("POST", "/segments", {}, b'{"segment":"t","include":["\\ud800"]}', {409, 422}),
        ("GET", "/changes?since=" + "9" * 5000, {}, b"", {200, 400, 422}),
        ("GET", "/flags?cursor=" + "A" * 5000, {}, b"", {200, 400, 422}),
        ("GET", "/flags/%ED%A0%80", {}, b"", {404, 422}),
        ("GET", "/flags?limit=" + "1" * 5000, {}, b"", {422}),
    ],
)
def test_what_schemas_cannot_say_is_refused_and_no_500(
    method: str, path: str, headers: dict[str, str], body: bytes, status: set[int]
) -> None:
    """Numbers without end, halves of surrogate pairs and depth: JSON and headers allow them, stores do not."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=SCHEMA.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            given = {"Content-Type": "application/json", **OPERATOR, **headers}
            return await client.request(method, f"/v1/workspaces/acme{path}", headers=given, content=body)

    answer = asyncio.run(ask())
    assert answer.status_code in status, answer.text[:300]
    assert answer.json() is not None
