"""Changing flags and segments: each change is one transaction that says what it was made from, so that nothing is lost.

A change and the notes that make it live later (PENDING) are written together. Publishing is the caller's next step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from buildflags_sdk._wire.signing import Signer
from buildflags_sdk.errors import RulesetError
from buildflags_sdk.server.entries import (
    DEFINITION,
    NO_RULES,
    RULE_FIELDS,
    created_row,
    definition_of,
    encode_flag,
    flag_row,
    named_entries,
    rules_of,
    rules_row,
)
from buildflags_sdk.server.problems import ProblemError
from buildflags_sdk.server.records import (
    FLAG,
    META,
    PENDING_FLAG,
    RULES,
    SEGMENT,
    change_item,
    environment_pk,
    pending_item,
    timestamp,
    workspace_pk,
)
from buildflags_sdk.server.stores import ABSENT, Check, ConditionFailedError, Item, Put, Store, Write, number, text
from buildflags_sdk.server.workspaces import environments_of, workspace_meta

_ATTEMPTS = 8


class Desk(NamedTuple):
    """Where a change is made, by whom and why."""

    store: Store
    workspace: str
    actor: str
    reason: str | None
    now: Callable[[], float]
    signer: Signer | None = None

    def change(self, action: str, subject: str, **what: Any) -> Write:
        """Give the change log's row."""
        row = change_item(
            self.workspace, self.now(), actor=self.actor, action=action, subject=subject, reason=self.reason, **what
        )
        return Put(row, ABSENT)

    def settle(self, attempt: Callable[[], Iterator[Write]]) -> None:
        """Write what `attempt` makes of the state it reads; when somebody was faster, let it read and judge again."""
        for _ in range(_ATTEMPTS):
            try:
                self.store.transact(list(attempt()))
            except ConditionFailedError:
                continue
            return
        msg = "too many others change the same thing at once; nothing was changed, try again"
        raise ProblemError(503, msg, headers={"Retry-After": "1"})


class MadeFrom(NamedTuple):
    """Which version a change was made from, as its author says."""

    version: int | None
    by_header: bool = False
    whatever: bool = False

    def require(self, what: str, current: int, state: Mapping[str, Any]) -> None:
        """Raise `ProblemError` 428 without a version, 412 or 409 when it is not the current one."""
        if self.whatever:
            return
        if self.version is None:
            msg = f"{what} is at version {current}: send it as `If-Match` or `version`, so that no other change is lost"
            raise ProblemError(428, msg, version=current)
        if self.version != current:
            msg = (
                f"{what} is at version {current}, this change was made from {self.version}: "
                f"look at `current`, make the change again from there and send version {current}"
            )
            raise ProblemError(412 if self.by_header else 409, msg, version=current, current=state)


def find_flag(desk: Desk, key: str) -> Item:
    """Read a flag's row. Raises `ProblemError` 404."""
    row = desk.store.get(workspace_pk(desk.workspace), f"{FLAG}{key}")
    if row is None:
        msg = f"there is no flag {key!r} in workspace {desk.workspace!r}; create it with POST, or check the key"
        raise ProblemError(404, msg)
    return row


def create_flag(
    desk: Desk, key: str, definition: Mapping[str, Any], environments: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Make a flag; where `environments` says nothing, it is off. Give the environments that are touched."""
    touched: list[str] = []

    def attempt() -> Iterator[Write]:
        meta = workspace_meta(desk.store, desk.workspace)
        touched[:] = environments_of(desk.store, desk.workspace)
        _refuse_unknown_environments(environments, touched)
        if desk.store.get(workspace_pk(desk.workspace), f"{FLAG}{key}") is not None:
            msg = f"there is a flag {key!r} already (it may be archived); change it with PUT, or choose another key"
            raise ProblemError(409, msg)
        refuse_missing_entries(desk, key, list(environments.values()))
        now = desk.now()
        row = flag_row(desk.workspace, key, definition, version=1, created_at=timestamp(now))
        yield Check(workspace_pk(desk.workspace), META, {"shape": meta["shape"]})
        yield Put(row, ABSENT)
        yield Put(created_row(desk.workspace, key, now))
        for environment in touched:
            rules = environments.get(environment, NO_RULES)
            yield from _rules_writes(desk, environment, key, definition, rules, None)
        if not touched:  # validated all the same
            encoded(key, definition, NO_RULES)
        yield desk.change("flag.create", key, after={**definition, "environments": dict(environments)})

    desk.settle(attempt)
    return touched


def update_flag(
    desk: Desk,
    key: str,
    definition: Mapping[str, Any],
    made_from: MadeFrom,
    environments: Mapping[str, tuple[Mapping[str, Any], MadeFrom]],
) -> list[str]:
    """Replace what a flag is, and what it does where `environments` says so. An archived flag comes back by it."""
    touched: list[str] = []

    def attempt() -> Iterator[Write]:
        meta = workspace_meta(desk.store, desk.workspace)
        touched[:] = environments_of(desk.store, desk.workspace)
        _refuse_unknown_environments(environments, touched)
        row = find_flag(desk, key)
        before = definition_of(row)
        made_from.require(f"the flag {key!r}", number(row, "version"), before)
        if definition["type"] != before["type"]:
            msg = (
                f"the flag {key!r} is of type {before['type']}; code that reads it relies on that. "
                f"Make another flag of type {definition['type']}"
            )
            raise ProblemError(422, msg)
        refuse_missing_entries(desk, key, [rules for rules, _ in environments.values()])
        changed = flag_row(
            desk.workspace, key, definition, version=number(row, "version") + 1, created_at=text(row, "created_at")
        )
        yield Check(workspace_pk(desk.workspace), META, {"shape": meta["shape"]})
        yield Put(changed, {"version": row["version"]})
        for environment, stored in zip(touched, _rules_rows(desk, key, touched), strict=True):
            rules = rules_of(stored)
            if environment in environments:
                given, given_from = environments[environment]
                given_from.require(f"{key!r} in {environment}", number(stored, "version") if stored else 0, rules)
                rules = dict(given)
            yield from _rules_writes(desk, environment, key, definition, rules, stored)
        yield desk.change("flag.update", key, before=before, after=dict(definition))

    desk.settle(attempt)
    return touched


def archive_flag(desk: Desk, key: str, made_from: MadeFrom) -> list[str]:
    """Take a flag out of every environment. What it was stays, and a PUT brings it back."""
    touched: list[str] = []

    def attempt() -> Iterator[Write]:
        meta = workspace_meta(desk.store, desk.workspace)
        touched[:] = environments_of(desk.store, desk.workspace)
        row = find_flag(desk, key)
        before = definition_of(row)
        made_from.require(f"the flag {key!r}", number(row, "version"), before)
        refuse_if_named(desk, "flag", key, touched)
        archived: Item = {**row, "version": number(row, "version") + 1, "archived_at": timestamp(desk.now())}
        yield Check(workspace_pk(desk.workspace), META, {"shape": meta["shape"]})
        yield Put(archived, {"version": row["version"]})
        for environment, stored in zip(touched, _rules_rows(desk, key, touched), strict=True):
            version = number(stored, "version") if stored else 0
            gone = rules_row(desk.workspace, environment, key, rules_of(stored), None, version=version + 1)
            yield Put(gone, {"version": version} if stored else ABSENT)
            yield Put(pending_item(desk.workspace, environment, f"{PENDING_FLAG}{key}"))
        yield desk.change("flag.archive", key, before=before)

    desk.settle(attempt)
    return touched


def read_rules(desk: Desk, key: str, environment: str) -> tuple[Item, Item | None]:
    """Read a flag's row and its rules' row in one environment. Raises `ProblemError` 404."""
    _refuse_unknown_environments([environment], environments_of(desk.store, desk.workspace), status=404)
    return find_flag(desk, key), desk.store.get(environment_pk(desk.workspace, environment), f"{RULES}{key}")


def set_rules(desk: Desk, key: str, environment: str, rules: Mapping[str, Any], made_from: MadeFrom) -> None:
    """Replace what a flag does in one environment."""

    def attempt() -> Iterator[Write]:
        row, stored = read_rules(desk, key, environment)
        if row["archived_at"] is not None:
            msg = f"the flag {key!r} is archived; PUT the flag itself to bring it back"
            raise ProblemError(409, msg, version=row["version"])
        before = rules_of(stored)
        made_from.require(f"{key!r} in {environment}", number(stored, "version") if stored else 0, before)
        refuse_missing_entries(desk, key, [rules])
        yield Check(text(row, "PK"), text(row, "SK"), {"version": row["version"]})
        yield from _rules_writes(desk, environment, key, definition_of(row), rules, stored)
        yield desk.change("flag.rules", key, environment=environment, before=before, after=dict(rules))

    desk.settle(attempt)


def encoded(key: str, definition: Mapping[str, Any], rules: Mapping[str, Any]) -> bytes:
    """Give a flag's line. Raises `ProblemError` 422, with the place of each error."""
    try:
        return encode_flag(key, definition, rules)
    except RulesetError as error:
        raise invalid(error) from None


def invalid(error: RulesetError) -> ProblemError:
    """Give the problem for what the model refuses: the whole text, and each error with its place."""
    errors = []
    said = str(error).replace("Value error, ", "")  # pydantic's prefix to what the model says
    for line in re.sub(r"\A(?:flag|segment) '[^']*': ", "", said).splitlines():
        match = re.fullmatch(r"([\w.\[\]-]+): (.+)", line)
        errors.append({"place": match[1], "message": match[2]} if match else {"place": "", "message": line})
    return ProblemError(422, f"{said}. Correct what `errors` names and send it again", errors=errors)


def _rules_rows(desk: Desk, key: str, environments: list[str]) -> list[Item | None]:
    return desk.store.get_many([(environment_pk(desk.workspace, name), f"{RULES}{key}") for name in environments])


def _rules_writes(
    desk: Desk,
    environment: str,
    key: str,
    definition: Mapping[str, Any],
    rules: Mapping[str, Any],
    stored: Item | None,
) -> Iterator[Write]:
    version = number(stored, "version") if stored else 0
    line = encoded(key, {name: definition.get(name) for name in DEFINITION}, rules)
    whole = {name: rules[name] for name in RULE_FIELDS}
    row = rules_row(desk.workspace, environment, key, whole, line, version=version + 1)
    yield Put(row, {"version": version} if stored else ABSENT)
    yield Put(pending_item(desk.workspace, environment, f"{PENDING_FLAG}{key}"))


def _refuse_unknown_environments(named: Any, there: list[str], *, status: int = 422) -> None:
    for name in named:
        if name not in there:
            msg = f"there is no environment {name!r}; there are: {', '.join(there) or 'none yet, create one'}"
            raise ProblemError(status, msg)


def refuse_missing_entries(desk: Desk, key: str, bodies: list[Any], *, kind: str = "flag") -> None:
    """Refuse what needs a flag or segment that is not there, or itself: clients would find it broken."""
    if any((kind, key) in named_entries(body) for body in bodies):
        what = "itself as its own prerequisite" if kind == "flag" else "itself"
        msg = f"{key!r} names {what}; remove that condition"
        raise ProblemError(422, msg)
    named = sorted({entry for body in bodies for entry in named_entries(body, needed=True)})
    pk = workspace_pk(desk.workspace)
    rows = desk.store.get_many([(pk, f"{FLAG if of == 'flag' else SEGMENT}{name}") for of, name in named])
    for (of, name), row in zip(named, rows, strict=True):
        if row is None or row.get("archived_at") is not None:
            msg = f"{key!r} names the {of} {name!r}, which is not there; create that first"
            raise ProblemError(422, msg, errors=[{"place": of, "message": f"there is no {of} {name!r}"}])


def refuse_if_named(desk: Desk, kind: str, key: str, environments: list[str]) -> None:
    """Refuse to remove what others name: they would break everywhere at once."""
    from buildflags_sdk.server.references import users_of  # noqa: PLC0415 - only removals look at every line

    if users := users_of(desk.store, desk.workspace, environments, kind, key):
        msg = f"the {kind} {key!r} is named by {', '.join(users[:10])}; change those first"
        raise ProblemError(409, msg, named_by=users)
