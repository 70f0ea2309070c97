"""What is fuzzed: one function of bytes for each place where bytes come in from a network, a disk or a person.

A target returns whatever its input was, and raises only where the package broke a promise: an error that is not the
documented one, a reader that cannot go on, an answer over its limit. It reads no clock; the runner times it.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from buildflags_sdk import Client
from buildflags_sdk._freshness import Moment
from buildflags_sdk._refresh.events import (
    Adopt,
    Adopted,
    AdoptFailed,
    Answered,
    FetchPages,
    PagesFetched,
    Seeded,
    WaitUntil,
)
from buildflags_sdk._refresh.facts import Phase
from buildflags_sdk._refresh.machine import Refresh
from buildflags_sdk._runtime.given import GivenFlags
from buildflags_sdk._snapshot import Snapshot, build_now
from buildflags_sdk._storage.disk import DiskCopy
from buildflags_sdk._storage.files import read_file
from buildflags_sdk._storage.head import Place, decode_head
from buildflags_sdk._transport import Request
from buildflags_sdk._transport.http import HttpTransport
from buildflags_sdk._transport.inflate import inflated
from buildflags_sdk._views import Environment
from buildflags_sdk._wire.bundle import BUNDLE_MARK, decode_bundle
from buildflags_sdk._wire.headers import read_cache_headers, read_retry_after
from buildflags_sdk._wire.limits import DEFAULT_LIMITS, HEADER_CHARACTERS
from buildflags_sdk._wire.manifest import decode_manifest, encode_manifest
from buildflags_sdk._wire.page import digest_name, index_page, page_name
from buildflags_sdk._wire.signature import parse_signatures
from buildflags_sdk.errors import (
    FlagFileError,
    FormatVersionError,
    PageError,
    RulesetError,
    SignatureError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk._reading import Reading
    from buildflags_sdk._refresh.events import Event
    from buildflags_sdk._wire.manifest import Manifest

NOW = Moment(1000.0, 1_795_424_400.0)
PLACE = Place("https://flags.example.com", "acme", "production")
MANIFEST_PATH = "/v1/workspaces/acme/environments/production/manifest"
HEADERS = {"content-type": "application/json", "etag": 'W/"x"', "cache-control": "max-age=15"}
CONTEXTS: tuple[dict[str, Any], ...] = (
    {},
    {"targetingKey": "user-7", "country": "DE", "plan": "pro", "age": 30, "nested": {"plan": ["pro", 1, None]}},
)
MOST_KEYS = 40
FOLDER = tempfile.TemporaryDirectory(prefix="buildflags-fuzz-")
"""One for the process: it is made with mode 0700, and goes when the process ends."""


def manifest(data: bytes) -> None:
    """A manifest's body: read or refused; and a reader that is given it goes on."""
    try:
        found = decode_manifest(data, workspace="acme", environment="production")
    except RulesetError:
        found = None
    if found is not None:
        assert found.raw == data
        assert found.inline is None or not found.pages
    drive(Answered(200, HEADERS, data))


def page(data: bytes) -> None:
    """A page's bytes under their right hash: indexed or refused; then every flag in it answers."""
    try:
        list(index_page(data))
    except PageError:
        return
    body = encode_manifest(**_head(), pages=[page_name(data)])
    drive(Answered(200, HEADERS, body), {page_name(data): data})
    try:
        older, newer = (
            build_now(_one_page(text), {page_name(text): text}, None, DEFAULT_LIMITS) for text in (b"", data)
        )
        newer.changed_since(older)
        again = build_now(_one_page(data), {}, newer, DEFAULT_LIMITS)
    except RulesetError:
        return
    assert again.changed_since(newer) == frozenset()


def flag_line(data: bytes) -> None:
    """One flag's line, whatever it holds: a broken flag answers its caller's default, and the flag beside it its own value."""
    line = data.replace(b"\n", b" ")
    other = (
        b'{"key":"other","type":"boolean","variants":{"on":true},"off":null,"rules":[],"fallthrough":{"variant":"on"}}'
    )
    snapshot = Snapshot.from_lines({"fuzzed": line, "other": other}, {"fuzzed": line}, revision=1)
    client = evaluate(snapshot, ("fuzzed", "other", "f0"))
    assert client.get_value("other", False) is True


def context(data: bytes) -> None:
    """A context of any JSON, or none at all: callers put in what their users sent them, in a scope and out of one."""
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        given = data
    for key in KNOWN_KEYS:
        assert type(KNOWING.is_enabled(key, given)) is bool
    ask(KNOWING, KNOWN_KEYS[:3], given)
    for outer, inner in ((CONTEXTS[1], None), (CONTEXTS[1], given), (given, CONTEXTS[1]), (given, given)):
        with KNOWING.scope(outer), KNOWN_VIEW.scope(inner) as pinned:
            for reader in (KNOWING, KNOWN_VIEW, pinned, pinned.pinned(given), KNOWING.pinned(given)):
                ask(reader, (*KNOWN_KEYS[:3], "constant", "unknown"), given)
                ask(reader, KNOWN_KEYS[:3], None)


def headers(data: bytes) -> None:
    """An answer's header fields, as a proxy may mangle them: what cannot be read is absent, and the reader goes on."""
    fields = _fields(data)
    found = read_cache_headers(fields)
    assert all(value is None or 0 <= value <= 2**31 for value in found)
    read_retry_after(fields.get("retry-after"), NOW.wall)
    with contextlib.suppress(SignatureError):
        parse_signatures(fields.get("buildflags-signature", ""))
    body = encode_manifest(**_head(), inline='{"key":"f0"}\n')
    machine = drive(Answered(200, fields, body))
    for status in (304, 429, 503, 401, 200):
        drive(Answered(status, fields, body), machine=machine)
    if machine.served is not None:
        kept = [machine.served.etag or "", *machine.served.headers.values()]
        assert max(map(len, kept)) <= HEADER_CHARACTERS


def answer(data: bytes) -> None:
    """A whole answer: status, header fields and body, through the real transport; and what it becomes is asked again."""
    head, _, body = data.partition(b"\n\n")
    status, _, rest = head.partition(b"\n")
    fields = [tuple(line.partition(b":")[::2]) for line in rest.split(b"\n") if line.partition(b":")[0].strip()]
    code = 100 + int.from_bytes(status[:2], "big") % 500
    asked: list[httpx.Request] = []

    def backend(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(code, headers=fields, stream=httpx.ByteStream(body))  # type: ignore[arg-type]

    transport = HttpTransport("https://flags.example.com", "bf_server_secret", sender=httpx.MockTransport(backend))
    machine = _machine()
    for _ in range(2):  # what the first answer left behind (its ETag, its headers) must not end the second
        machine.next_at = Moment(0.0, 0.0)
        action = machine.next_action(NOW)
        etag = getattr(action, "etag", None)
        try:
            came = transport.exchange(
                Request(
                    MANIFEST_PATH, {} if etag is None else {"if-none-match": etag}, 10.0, DEFAULT_LIMITS.manifest_bytes
                )
            )
        except TransportError as error:
            assert "bf_server_secret" not in str(error)  # noqa: PT017 - a documented error must not tell the key
            return
        assert len(came.body) <= DEFAULT_LIMITS.manifest_bytes
        _settle(machine, Answered(came.status, came.headers, came.body), {})
    assert all(request.url.host == "flags.example.com" for request in asked)


def gzip_body(data: bytes) -> None:
    """A body that says it is gzip: inflated up to its limit, or refused."""
    limit = 4096
    middle = len(data) // 2
    for chunks in ([data], [data[:middle], data[middle:]]):
        try:
            assert len(inflated(iter(chunks), limit)) <= limit
        except TransportError:
            continue


def disk_head(data: bytes) -> None:
    """A head file of the disk copy, torn, foreign, or well checksummed and wrong: there is a copy, or there is none."""
    body = digest_name(data).encode() + b"\n" + data
    for bytes_of_file in (data, body):
        try:
            decode_head(bytes_of_file, PLACE, DEFAULT_LIMITS)
        except RulesetError:
            continue
    Path(FOLDER.name, PLACE.file_name + ".head").write_bytes(body)
    stored = DiskCopy(FOLDER.name, *PLACE).load()
    if stored is None:
        return
    found = decode_manifest(stored.manifest_body, workspace="acme", environment="production")
    machine = _machine()
    _settle(machine, Seeded(found, stored.pages, stored.etag, stored.headers, stored.checked_at), {})
    drive(Answered(200, HEADERS, encode_manifest(**_head(revision=2**62), inline="")), machine=machine)


def bundle(data: bytes) -> None:
    """A bootstrap file: a whole ruleset, or an error that says what is wrong; and a reader seeded with it goes on."""
    given = data if data.startswith(BUNDLE_MARK) else BUNDLE_MARK + data
    try:
        found = decode_bundle(given)
        read = decode_manifest(found.manifest_body, workspace=None, environment=None)
    except RulesetError:
        return
    machine = _machine()
    _settle(machine, Seeded(read, found.pages, found.etag, {}, found.saved_at), {})
    drive(Answered(304, {}, b""), machine=machine)


def flags_file(data: bytes) -> None:
    """A flags file that a person wrote: read flag by flag, or an error that names the file."""
    path = Path(FOLDER.name, "flags.json")
    path.write_bytes(data)
    try:
        read_file(path)
    except (FlagFileError, FormatVersionError) as error:
        assert str(path) in str(error)  # noqa: PT017 - and a person must find the file
        return
    try:
        client = Client.from_file(path)
    except RulesetError:
        return
    ask(client, ("f0", "new-search"), CONTEXTS[1])


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (manifest, page, flag_line, context, headers, answer, gzip_body, disk_head, bundle, flags_file)
}
"""Every way in, by name."""


def drive(event: Event, pages: Mapping[str, bytes] | None = None, *, machine: Refresh | None = None) -> Refresh:
    """Tell a reader what came, do what it says until it rests, and evaluate what it then serves."""
    machine = machine or _machine()
    machine.next_at = Moment(0.0, 0.0)
    machine.next_action(NOW)
    _settle(machine, event, pages or {})
    return machine


def _settle(machine: Refresh, event: Event, pages: Mapping[str, bytes]) -> None:
    machine.received(event, NOW, 0.5)
    for _ in range(50):
        action = machine.next_action(NOW)
        if isinstance(action, Adopt):
            try:
                snapshot = build_now(action.manifest, action.pages, None, DEFAULT_LIMITS)
            except RulesetError as error:
                machine.received(AdoptFailed(error), NOW, 0.5)
                continue
            machine.received(Adopted(), NOW, 0.5)
            evaluate(snapshot, list(snapshot.keys())[:MOST_KEYS])
        elif isinstance(action, FetchPages):
            machine.received(PagesFetched({name: pages[name] for name in action.missing if name in pages}), NOW, 0.5)
        elif isinstance(action, WaitUntil):
            break
        else:  # it wants to ask at once: only a reader that was never asked may
            assert machine.polls == 0
            machine.received(Answered(500, {}), NOW, 0.5)
    else:
        msg = "the reader does not come to rest"
        raise AssertionError(msg)
    assert machine.phase is Phase.IDLE
    assert machine.freshness(NOW) is None or machine.served is not None
    wait = machine.next_in(NOW)
    assert wait is not None
    assert 0.0 <= wait <= 3600.0 * 1.2


def evaluate(snapshot: Snapshot, keys: list[str] | tuple[str, ...]) -> Client:
    """Ask a client of this ruleset for every key in every way; give the client."""
    client = Client._given(GivenFlags(snapshot, workspace="acme", environment="production"), None)
    for given in CONTEXTS:
        ask(client, keys, given)
    return client


def ask(client: Reading, keys: list[str] | tuple[str, ...], given: Any) -> None:
    """Every evaluating method: none may raise, and a boolean is a boolean."""
    for key in keys:
        assert type(client.is_enabled(key, given)) is bool
        assert type(client.get_value(key, True, given)) is bool
        assert type(client.get_value(key, "text", given)) is str
        client.get_value(key, None, given)
        client.get_value(key, {"a": 1}, given)
        client.get_details(key, 7, given)


def _machine() -> Refresh:
    return Refresh(workspace="acme", environment="production")


def _one_page(data: bytes) -> Manifest:
    body = encode_manifest(**_head(), pages=[page_name(data)])
    return decode_manifest(body, workspace="acme", environment="production")


def _head(revision: int = 7) -> dict[str, Any]:
    return {
        "workspace": "acme",
        "environment": "production",
        "epoch": 1_795_424_400,
        "revision": revision,
        "published_at": "2026-11-23T09:00:00Z",
        "pages_at": "/p/fuzzed/",
    }


def _fields(data: bytes) -> dict[str, str]:
    lines = data.decode("latin-1").split("\n")
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _knowing() -> tuple[Client, Environment, tuple[str, ...]]:
    """A client of one flag for each operator's dialect that contexts may trouble, and a view of its environment."""
    from buildflags_sdk._evaluation.operators import OPERATORS

    flags: dict[str, bytes] = {}
    for number, (operator, dialect) in enumerate(sorted(OPERATORS)):
        for attribute in (["targetingKey"], ["a"], ["nested", "plan"]):
            key = f"k{number}-{'.'.join(attribute)}"
            when = {"attr": attribute, "op": operator, "dialect": dialect, "values": ["1"]}
            entry = {
                "key": key,
                "type": "boolean",
                "variants": {"on": True, "off": False},
                "off": "off",
                "rules": [{"when": when, "serve": {"variant": "on"}}],
                "fallthrough": {
                    "split": {
                        "scheme": "bf1",
                        "seed": key,
                        "of": 100_000,
                        "by": attribute,
                        "ranges": [{"from": 0, "to": 50_000, "variant": "on"}],
                    }
                },
            }
            flags[key] = json.dumps(entry, separators=(",", ":")).encode()
    constant = {"key": "constant", "type": "boolean", "variants": {"on": True}, "fallthrough": {"variant": "on"}}
    lines = flags | {"constant": json.dumps(constant).encode()}
    feed = GivenFlags(Snapshot.from_lines(lines, {}, revision=1), workspace="acme", environment="production")
    client = Client._given(feed, None)
    return client, Environment(feed, client._world, None), tuple(flags)


KNOWING, KNOWN_VIEW, KNOWN_KEYS = _knowing()
