"""The management application: routers put together behind the door, and every error as a problem object."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from buildflags_sdk import __version__
from buildflags_sdk.errors import RulesetError
from buildflags_sdk.server.asgi import App, with_safe_headers
from buildflags_sdk.server.management import changes, environments, flags, health, keys, segments, workspaces
from buildflags_sdk.server.management.desk import Service
from buildflags_sdk.server.management.door import with_door
from buildflags_sdk.server.problems import MEDIA_TYPE, PROBLEM_SCHEMA, ProblemError
from buildflags_sdk.server.publish import PublishError, UnknownEnvironmentError
from buildflags_sdk.server.receiving import with_body_limits
from buildflags_sdk.server.restore import RestoredStoreError
from buildflags_sdk.server.settings import Settings
from buildflags_sdk.server.stores import Store

_log = logging.getLogger("buildflags_sdk.server")


def create_management(store: Store, settings: Settings, now: Callable[[], float]) -> App:
    """Make the management application alone, as a function of its own needs it."""
    app = FastAPI(
        title="buildflags management",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        responses={
            "default": {"description": "A problem (RFC 9457)", "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}}}
        },
    )
    app.state.service = Service(store, settings, now)
    for noun in (health, workspaces, environments, flags, segments, keys, changes):
        app.include_router(noun.router)
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http)
    for error in (PublishError, RestoredStoreError, RulesetError):
        app.add_exception_handler(error, _not_live)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(with_body_limits, limit=settings.body_bytes, seconds=settings.body_seconds)
    app.add_middleware(with_door, store=store, now=now)  # added last, passed first
    return with_safe_headers(app)


def _answer(request: Request, problem: ProblemError) -> Response:
    headers = {"Cache-Control": "private, no-store", **problem.headers}
    return Response(problem.body(request.url.path), problem.status, headers, MEDIA_TYPE)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - narrows the type that Starlette cannot
    return _answer(request, error)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    errors: list[dict[str, Any]] = []
    for fault in error.errors():
        where, *steps = fault["loc"]
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
        errors.append({"in": where, "place": place, "message": fault["msg"]})
    said = "; ".join(f"{fault['place'] or fault['in']}: {fault['message']}" for fault in errors)
    unread = any(fault["type"] == "json_invalid" for fault in error.errors())
    return _answer(
        request, ProblemError(400 if unread else 422, f"{said}. Correct it and send it again", errors=errors)
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    detail = {
        404: f"there is nothing at {request.url.path}; /openapi.json lists every address",
        405: f"{request.url.path} does not take {request.method}; /openapi.json says what it takes",
    }.get(error.status_code, str(error.detail))
    return _answer(request, ProblemError(error.status_code, detail, headers=error.headers))


async def _not_live(request: Request, error: Exception) -> Response:
    status = 404 if isinstance(error, UnknownEnvironmentError) else 409 if isinstance(error, RulesetError) else 503
    return _answer(request, ProblemError(status, str(error), headers={"Retry-After": "5"} if status == 503 else None))


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("a request failed", exc_info=error, extra={"method": request.method, "path": request.url.path})
    return _answer(request, ProblemError(500, "the fault is the server's, its log says more; try again later"))
