"""Where each thing lies in the single table, and how its keys and times are written. No reading, no writing."""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, datetime
from typing import Any

from buildflags_sdk.server.stores import Item

KEY_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
"""What keys of workspaces, environments, flags and segments look like."""

META = "META"
WORKSPACES = "WORKSPACES"
"""The partition that lists all workspaces: one small row each."""
ENVIRONMENT = "ENV#"
FLAG = "FLAG#"
SEGMENT = "SEGMENT#"
CREATED = "CREATED#"
KEY = "KEY#"
RULES = "RULES#"
PENDING = "PENDING#"
PENDING_FLAG = "PENDING#FLAG#"
PENDING_SEGMENT = "PENDING#SEGMENT#"
PENDING_REBUILD = "PENDING#REBUILD"
MANIFEST = "MANIFEST#"

_KEY = re.compile(KEY_PATTERN)
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_RANDOM_BITS = 80
_LARGE = 8_192


def is_key(text: str) -> bool:
    """Tell whether a text may be the key of a workspace, environment, flag or segment."""
    return _KEY.fullmatch(text) is not None


def workspace_pk(workspace: str) -> str:
    """The partition of a workspace's own things."""
    return f"WORKSPACE#{workspace}"


def environment_pk(workspace: str, environment: str) -> str:
    """The partition of what a flag does in one environment, and of its manifests."""
    return f"WORKSPACE#{workspace}#ENV#{environment}"


def manifest_sk(epoch: int, revision: int) -> str:
    """Where a manifest lies; the order of these texts is the order of the pairs."""
    return f"{MANIFEST}{epoch:010d}#{revision:020d}"


def page_pk(secret: str, name: str) -> str:
    """The partition of one page; `secret` is the environment's part of `pages_at`."""
    return f"PAGE#{secret}#{name}"


def key_pk(digest: str) -> str:
    """The partition of an API key, by its hash."""
    return f"KEY#{digest}"


def changes_pk(workspace: str, moment: float) -> str:
    """The partition of the changes of that month."""
    return f"CHANGES#{workspace}#{datetime.fromtimestamp(moment, UTC):%Y-%m}"


def pending_item(workspace: str, environment: str, sk: str) -> Item:
    """A note that something is saved and not yet live. Its stamp tells two notes about the same thing apart."""
    return {"PK": environment_pk(workspace, environment), "SK": sk, "stamp": secrets.token_hex(8)}


def change_item(
    workspace: str,
    moment: float,
    *,
    actor: str,
    action: str,
    subject: str,
    environment: str | None = None,
    before: Any = None,
    after: Any = None,
    reason: str | None = None,
) -> Item:
    """A row of the change log. Large states are kept as their hash: the log says that, the rows say what."""
    return {
        "PK": changes_pk(workspace, moment),
        "SK": ulid(moment),
        "at": timestamp(moment),
        "actor": actor,
        "action": action,
        "subject": subject,
        "environment": environment,
        "before": _state(before),
        "after": _state(after),
        "reason": reason,
    }


def timestamp(moment: float) -> str:
    """Write a moment (unix seconds) as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ulid(moment: float, *, random: int | None = None) -> str:
    """Make an identifier that sorts by its moment (milliseconds), then at random."""
    bits = secrets.randbits(_ULID_RANDOM_BITS) if random is None else random
    number = (int(moment * 1000) << _ULID_RANDOM_BITS) | bits
    letters = []
    for _ in range(26):
        letters.append(_CROCKFORD[number & 31])
        number >>= 5
    return "".join(reversed(letters))


def signatures_of(manifest: Item) -> str | None:
    """Give the BuildFlags-Signature header of a stored manifest; None for one that was published unsigned."""
    signatures = manifest.get("signatures")
    return signatures if isinstance(signatures, str) else None


def to_json(value: Any) -> str:
    """Write a nested value for an item."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def from_json(item: Item, name: str) -> Any:
    """Read a nested value of an item; None when it has none."""
    text = item.get(name)
    return None if text is None else json.loads(str(text))


def _state(value: Any) -> str | None:
    if value is None:
        return None
    text = to_json(value)
    if len(text) <= _LARGE:
        return text
    from hashlib import sha256  # noqa: PLC0415 - large states are rare

    return to_json({"sha256": sha256(text.encode()).hexdigest(), "bytes": len(text.encode())})
