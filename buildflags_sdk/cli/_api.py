"""A thin client of the management API: one method per act, and each problem turned into what to do about it.

It knows addresses and answers, not flags: what a flag is, the server decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from buildflags_sdk import __version__

from ._exit import Exit, Failure

DEADLINE_SECONDS = 15.0


class Management:
    """The management API of one workspace. Every method raises `Failure` for every answer that is no success."""

    def __init__(self, url: str, key: str, workspace: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self.workspace = workspace
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "User-Agent": f"buildflags-cli/{__version__}"},
            timeout=DEADLINE_SECONDS,
            follow_redirects=False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def environments(self) -> list[dict[str, Any]]:
        """All environments of the workspace."""
        return list(self._items(self._path("environments")))

    def environment(self, key: str) -> dict[str, Any]:
        """One environment: its epoch, revision, when it was published, what is pending."""
        return self._send("GET", self._path("environments", key))

    def flags(self) -> Iterator[dict[str, Any]]:
        """All flags of the workspace, page after page."""
        return self._items(self._path("flags"))

    def flag(self, key: str) -> dict[str, Any]:
        """One flag across its environments."""
        return self._send("GET", self._path("flags", key))

    def create_flag(self, body: Mapping[str, Any], *, publish: bool = True) -> dict[str, Any]:
        """Make a flag. Without `publish` it is saved and not live."""
        return self._send("POST", self._path("flags"), body, None if publish else {"publish": "false"})

    def create_segment(self, body: Mapping[str, Any], *, publish: bool = True) -> dict[str, Any]:
        """Make a segment. Without `publish` it is saved and not live."""
        return self._send("POST", self._path("segments"), body, None if publish else {"publish": "false"})

    def publish(self, environment: str) -> dict[str, Any]:
        """Make what is saved live in one environment."""
        return self._send("POST", self._path("environments", environment, "publish"))

    def flag_rules(self, key: str, environment: str) -> dict[str, Any]:
        """What one flag does in one environment."""
        return self._send("GET", self._path("flags", key, "environments", environment))

    def set_flag_rules(self, key: str, environment: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Replace what one flag does in one environment; `body` holds the version it was made from."""
        return self._send("PUT", self._path("flags", key, "environments", environment), body)

    def _path(self, *names: str) -> str:
        return "/".join(("/v1/workspaces", *(quote(name, safe="") for name in (self.workspace, *names))))

    def _items(self, path: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = self._send("GET", path, params={"limit": "100"} | ({} if cursor is None else {"cursor": cursor}))
            yield from page.get("items", [])
            cursor = page.get("next")
            if not cursor:
                return

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, json=body, params=params)
        except httpx.TransportError as error:
            raise unreachable(self.url, error) from None
        if answer.is_success:
            return _object_of(answer, self.url)
        raise self._failure(answer, path)

    def _failure(self, answer: httpx.Response, path: str) -> Failure:
        problem = _problem_of(answer)
        message = _message_of(problem, answer)
        if answer.status_code in (401, 403):
            advice = (
                "check that the management key (bf_management_…) belongs to this workspace and has not been revoked; "
                "an SDK key cannot manage"
            )
            return Failure(message, advice, exit_code=Exit.REFUSED)
        if answer.status_code == 404:
            return Failure(message, self._advice_for_missing(path), exit_code=Exit.NOT_FOUND)
        if answer.status_code in (409, 412):
            return Failure(message, "look at it again (`buildflags flags show …`) and repeat", exit_code=Exit.CONFLICT)
        if answer.status_code in (400, 422):
            return Failure(message, _errors_of(problem), exit_code=Exit.NEGATIVE)
        if answer.is_redirect:
            location = answer.headers.get("location", "elsewhere")
            return Failure(
                f"{self.url} redirects to {location}",
                "give that address as --url, if it is yours: a key is never sent along a redirect",
                exit_code=Exit.BACKEND,
            )
        return Failure(message, _advice_for_backend(answer), exit_code=Exit.BACKEND)

    def _advice_for_missing(self, path: str) -> str:
        """Name what does exist nearby: most not-founds are typing errors."""
        names = path.split("/")[4:]
        try:
            if len(names) >= 2 and names[0] == "flags":
                there = [flag["key"] for flag in self.flags()]
                if names[1] not in there:
                    return nearest("flag", names[1], there)
                names = names[2:]
            if len(names) >= 2 and names[0] == "environments":
                return nearest("environment", names[1], [environment["key"] for environment in self.environments()])
        except Failure:  # the question beside the question failed as well: the workspace itself is not there
            pass
        return (
            f"check the workspace ({self.workspace!r}): its key, not its title, as BUILDFLAGS_WORKSPACE or --workspace"
        )


def nearest(what: str, name: str, there: list[str]) -> str:
    """Advice for a name that does not exist: the most similar ones, else all if they are few."""
    if not there:
        return f"there is no {what} yet"
    if close := get_close_matches(name, there, n=3, cutoff=0.5):
        return f"did you mean {' or '.join(close)}?"
    if len(there) <= 12:
        return f"there {'is' if len(there) == 1 else 'are'} {', '.join(sorted(there))}"
    return f"there are {len(there)} {what}s: `buildflags flags list` shows them"


def unreachable(url: str, error: Exception) -> Failure:
    """The failure for an exchange that brought no answer."""
    if isinstance(error, httpx.TimeoutException):
        return Failure(
            f"{url} did not answer within {DEADLINE_SECONDS:.0f} s",
            "try again in a moment; `buildflags doctor` shows which step hangs",
            exit_code=Exit.UNREACHABLE,
        )
    return Failure(
        f"cannot reach {url}: {error}",
        "is the backend running, and is the URL right? `buildflags doctor` checks each step",
        exit_code=Exit.UNREACHABLE,
    )


def _object_of(answer: httpx.Response, url: str) -> dict[str, Any]:
    if answer.status_code == 204 or not answer.content:
        return {}
    try:
        value = answer.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Failure(
            f"{url} answered {answer.status_code} with something that is no JSON object",
            "is this the address of a buildflags backend? `buildflags doctor` shows what it answers",
            exit_code=Exit.BACKEND,
        )
    return value


def _problem_of(answer: httpx.Response) -> dict[str, Any]:
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _message_of(problem: Mapping[str, Any], answer: httpx.Response) -> str:
    text = problem.get("detail") or problem.get("title")
    return (
        str(text)
        if isinstance(text, str)
        else f"the backend answered {answer.status_code} {answer.reason_phrase}".rstrip()
    )


def _errors_of(problem: Mapping[str, Any]) -> str:
    errors = problem.get("errors")
    if not isinstance(errors, list) or not errors:
        return "correct it and repeat"
    lines = []
    for error in errors:
        if isinstance(error, Mapping):
            place = error.get("place") or error.get("loc") or error.get("pointer") or ""
            place = ".".join(str(step) for step in place) if isinstance(place, list) else str(place)
            lines.append(
                ": ".join(part for part in (place, str(error.get("message") or error.get("msg") or error)) if part)
            )
        else:
            lines.append(str(error))
    return "\n".join(lines)


def _advice_for_backend(answer: httpx.Response) -> str:
    if answer.status_code == 429:
        return f"too many requests: wait {answer.headers.get('retry-after', 'a few')} s"
    if answer.status_code >= 500:
        return "the fault is the backend's: its log says more; running clients keep their last good ruleset"
    return "is this the address of a buildflags backend? `buildflags doctor` shows what it answers"
