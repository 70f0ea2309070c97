"""The middleware. Sync and async: under ASGI no request is moved to a thread on its account, unless its context needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction, sync_to_async

from .settings import client, context_builder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from django.http import HttpRequest, HttpResponse


class BuildFlagsMiddleware:
    """Opens a scope for each request and sets `request.flags`, a view of one revision with the request's context.

    `BUILDFLAGS["CONTEXT"]` makes that context. A coroutine function is awaited; under ASGI a plain function runs where
    Django runs sync code, since it may ask the database for `request.user`.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Answer a request inside a scope of its own."""
        if self._is_async:
            return self._answer(request)
        with client().scope(_context(request)) as flags:
            request.flags = flags  # type: ignore[attr-defined]  # what the middleware adds
            return cast("HttpResponse", self._get_response(request))

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        with client().scope(await _awaited_context(request)) as flags:
            request.flags = flags  # type: ignore[attr-defined]  # what the middleware adds
            return cast("HttpResponse", await self._get_response(request))


def _context(request: HttpRequest) -> Mapping[str, Any] | None:
    build = context_builder()
    if build is None:
        return None
    context = async_to_sync(build)(request) if iscoroutinefunction(build) else build(request)
    return cast("Mapping[str, Any] | None", context)


async def _awaited_context(request: HttpRequest) -> Mapping[str, Any] | None:
    build = context_builder()
    if build is None:
        return None
    context = await (build(request) if iscoroutinefunction(build) else sync_to_async(build)(request))
    return cast("Mapping[str, Any] | None", context)
