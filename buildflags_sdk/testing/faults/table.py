"""The table of faults: one row each, with what it does in a line and what a good client does about it."""

from __future__ import annotations

import json
import zlib
from functools import cache
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from . import rulesets, signatures
from .exchange import MOVED, Exchange, Reply

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    Act = Callable[..., None]

MEBIBYTE = 1 << 20
_DAY = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_MONTH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Fault(NamedTuple):
    """A row: `act` answers a request, or `publish` puts out a ruleset, or the server does not take connections well.

    `strikes` says which requests are answered by `act`; the others are answered well. `client` says what a client does
    that has a ruleset already: it `keeps` that one until the fault is over, or `takes` what is published meanwhile.
    `signed` faults are for a server that signs and a client that pins its key: without one, nothing is wrong.
    """

    name: str
    group: str
    says: str
    client: Literal["keeps", "takes"] = "keeps"
    act: Act | None = None
    strikes: Literal["all", "manifest", "pages"] = "all"
    publish: Callable[[rulesets.Publication], rulesets.Document] | None = None
    listening: Literal["open", "closed", "deaf"] = "open"
    greet: Callable[[socket.socket], None] | None = None
    signed: bool = False


# Acts: how a request is answered.


def _hang(exchange: Exchange) -> None:
    exchange.hang()


def _late(exchange: Exchange, *, seconds: float = 3.0) -> None:
    exchange.pause(seconds)
    exchange.send(exchange.good())


def _drip_body(exchange: Exchange, *, seconds: float = 0.1) -> None:
    reply = exchange.full()
    exchange.write(Reply(reply.status, {**reply.headers, "content-length": "1000000"}).head)
    exchange.drip(reply.body, seconds)


def _drip_headers(exchange: Exchange, *, seconds: float = 0.1) -> None:
    exchange.drip(b"HTTP/1.1 200 OK\r\nx-padding: x", seconds)


def _reset_mid_body(exchange: Exchange) -> None:
    reply = exchange.full()
    exchange.write(reply.head + reply.body[: len(reply.body) // 2])
    exchange.pause(0.02)  # a reset overtakes what is still on its way
    exchange.reset()


def _truncate(exchange: Exchange) -> None:
    reply = exchange.full()
    exchange.write(reply.head + reply.body[: len(reply.body) // 2])
    exchange.end()


def _well_once(exchange: Exchange) -> None:
    exchange.send(exchange.good())
    exchange.end()


def _endless(exchange: Exchange) -> None:
    exchange.write(Reply(200, {"content-type": "application/json", "transfer-encoding": "chunked"}).head)
    exchange.stream(repeat(b"1000\r\n" + b" " * 0x1000 + b"\r\n"))


def _alert(connection: socket.socket) -> None:
    """A fatal TLS alert, handshake_failure (RFC 8446 6.2); to a client without TLS it is just no HTTP."""
    connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")


def _status(*statuses: int, headers: Callable[[Exchange], dict[str, str]] | None = None) -> Act:
    """Answer with these statuses in turn, and a body for people."""

    def act(exchange: Exchange) -> None:
        status = statuses[exchange.number % len(statuses)]
        more = {} if headers is None else headers(exchange)
        exchange.send(Reply(status, {"content-type": "text/plain", **more}, f"this is a {status}\n".encode()))

    return act


def _retry_date(exchange: Exchange, *, seconds: float = 5.0) -> None:
    exchange.send(Reply(503, {"retry-after": _http_date(exchange.server.wall() + seconds)}))


def _not_modified(exchange: Exchange) -> None:
    exchange.send(Reply(304, {}))


def _redirect_to_other(exchange: Exchange, *, to: str = "http://elsewhere.invalid") -> None:
    exchange.send(Reply(302, {"location": to + exchange.path}))


def _redirect_here(exchange: Exchange) -> None:
    moved = MOVED in exchange.recorded.path
    exchange.send(exchange.good() if moved else Reply(307, {"location": MOVED + exchange.path}))


def _redirect_in_circles(exchange: Exchange) -> None:
    exchange.send(Reply(302, {"location": exchange.path}))


def _redirect_to_plain(exchange: Exchange) -> None:
    exchange.send(Reply(302, {"location": f"http://127.0.0.1:{exchange.server.port}{exchange.path}"}))


def _instead(*bodies: bytes, content_type: str = "application/json", **headers: str) -> Act:
    """Answer 200 with these bodies in turn."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def act(exchange: Exchange) -> None:
        body = bodies[exchange.number % len(bodies)]
        exchange.send(Reply(200, {"content-type": content_type, **named}, body))

    return act


def _changed(*changes: Callable[[Reply], Reply]) -> Act:
    """Answer rightly but for a change to the answer, each in turn."""

    def act(exchange: Exchange) -> None:
        exchange.send(changes[exchange.number % len(changes)](exchange.full()))

    return act


def _replaced(old: bytes, new: bytes) -> Callable[[Reply], Reply]:
    return lambda reply: reply._replace(body=reply.body.replace(old, new, 1))


def _with_member(name: str, literal: bytes) -> Callable[[Reply], Reply]:
    """The manifest with another value under a name, given as it stands in the text."""

    def change(reply: Reply) -> Reply:
        document = json.loads(reply.body)
        document[name] = "@"
        return reply._replace(body=json.dumps(document).encode().replace(b'"@"', literal, 1))

    return change


def _twice(reply: Reply) -> Reply:
    """The manifest with its first entry there twice; in pages, with its first page named twice."""
    document = json.loads(reply.body)
    if "inline" in document:
        first, newline, _ = document["inline"].partition("\n")
        document["inline"] = first + newline + document["inline"]
    else:
        document["pages"] = [document["pages"][0], *document["pages"]]
    return reply._replace(body=json.dumps(document).encode())


@cache
def _bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    blanks = b" " * MEBIBYTE
    return b"".join([packer.compress(blanks) for _ in range(mebibytes)]) + packer.flush()


def _gzip_bomb(exchange: Exchange, *, mebibytes: int = 200) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    exchange.send(Reply(200, headers, _bomb(mebibytes)))


def _huge(exchange: Exchange, *, mebibytes: int = 64) -> None:
    """A valid manifest after a lot of blanks; every other time its length is not announced."""
    reply = exchange.full()
    blanks = repeat(b" " * 65_536, mebibytes * 16)
    if exchange.number % 2:
        length = {"content-length": str(mebibytes * MEBIBYTE + len(reply.body))}
        exchange.write(Reply(200, {**reply.headers, **length}).head)
        exchange.stream(chain(blanks, [reply.body]))
    else:
        exchange.write(Reply(200, {**reply.headers, "transfer-encoding": "chunked"}).head)
        exchange.stream(_chunked(chain(blanks, [reply.body])))


def _chunked(parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield f"{len(part):x}\r\n".encode() + part + b"\r\n"
    yield b"0\r\n\r\n"


def _stale_every_other_time(exchange: Exchange) -> None:
    exchange.server.serve_before = bool(exchange.number % 2)
    exchange.send(exchange.good())


_LOGIN = b"<!doctype html><html><title>Sign in</title><form action=/login><input name=user></form></html>"
_NESTED = b"[" * 100_000 + b"]" * 100_000

_ROWS: Final = (
    Fault("refuse", "Transport", "connections are refused: nothing listens", listening="closed"),
    Fault("hang", "Transport", "requests are taken and never answered", act=_hang),
    Fault("drip", "Transport", "headers at once, then one byte of the body every `seconds` (0.1)", act=_drip_body),
    Fault("drip_headers", "Transport", "one byte of the headers every `seconds` (0.1), without end", act=_drip_headers),
    Fault("slow_3s", "Transport", "right answers, `seconds` (3) late", "takes", _late),
    Fault("reset_mid_body", "Transport", "a TCP reset half way through the body", act=_reset_mid_body),
    Fault("truncated_body", "Transport", "an orderly end half way through a body of announced length", act=_truncate),
    Fault(
        "idle_close", "Transport", "right answers, each connection ended after one, unannounced", "takes", _well_once
    ),
    Fault("connect_blackhole", "Transport", "connections are neither taken nor refused", listening="deaf"),
    Fault("endless_body", "Transport", "a body that never ends, as fast as it is read", act=_endless),
    Fault("tls_failure", "Transport", "a TLS alert in place of a handshake", greet=_alert),
    Fault("http_500", "Status", "500 with a text body", act=_status(500)),
    Fault("http_502_503_504", "Status", "502, 503, 504 in turn", act=_status(502, 503, 504)),
    Fault(
        "http_429_retry_5",
        "Status",
        "429 with Retry-After: 5",
        act=_status(429, headers=lambda _: {"retry-after": "5"}),
    ),
    Fault(
        "http_429_retry_3600",
        "Status",
        "429 with Retry-After: 3600",
        act=_status(429, headers=lambda _: {"retry-after": "3600"}),
    ),
    Fault(
        "http_503_retry_garbage",
        "Status",
        "503 with a Retry-After that cannot be read",
        act=_status(503, headers=lambda _: {"retry-after": "soon; maybe"}),
    ),
    Fault("retry_after_http_date", "Status", "503 with Retry-After as a date, `seconds` (5) ahead", act=_retry_date),
    Fault("http_401", "Status", "401", act=_status(401)),
    Fault("http_403", "Status", "403", act=_status(403)),
    Fault("http_404", "Status", "404", act=_status(404)),
    Fault("http_304_unasked", "Status", "304 whatever is asked", act=_not_modified),
    Fault("redirect_other_host", "Status", "302 to another host, `to`", act=_redirect_to_other),
    Fault("redirect_same_host", "Status", "307 to another path of this host", "takes", _redirect_here),
    Fault("redirect_loop", "Status", "302 to the address that was asked for", act=_redirect_in_circles),
    Fault("https_to_http_redirect", "Status", "302 to the same host without TLS", act=_redirect_to_plain),
    Fault("html_200", "Body", "200 with a login page", act=_instead(_LOGIN, content_type="text/html; charset=utf-8")),
    Fault(
        "json_as_html",
        "Body",
        "200 with the right JSON, said to be text/html",
        act=_changed(lambda reply: reply._replace(headers={**reply.headers, "content-type": "text/html"})),
        strikes="manifest",
    ),
    Fault(
        "invalid_json",
        "Body",
        "200 with JSON that breaks off, of announced length",
        act=_changed(lambda reply: reply._replace(body=reply.body[: len(reply.body) // 2])),
    ),
    Fault("empty_body", "Body", "200 with an empty body", act=_instead(b"")),
    Fault("shape_list", "Body", "200 with JSON of another shape: a list", act=_instead(b"[1,2,3]")),
    Fault("shape_null", "Body", "200 with null", act=_instead(b"null")),
    Fault("shape_empty_object", "Body", "200 with {}", act=_instead(b"{}")),
    Fault("gzip_lie", "Body", "200 that says gzip and is not", act=_instead(b"{}", content_encoding="gzip")),
    Fault("gzip_bomb", "Body", "200 with a small gzip that unpacks to `mebibytes` (200)", act=_gzip_bomb),
    Fault(
        "huge_body",
        "Body",
        "200 with `mebibytes` (64) of blanks before the right JSON",
        act=_huge,
        strikes="manifest",
    ),
    Fault("deeply_nested_json", "Body", "200 with 100,000 nested lists", act=_instead(_NESTED)),
    Fault(
        "nan_and_huge_numbers",
        "Body",
        "200 with a revision of NaN, Infinity, 1e999, 5,000 digits, -1, in turn",
        act=_changed(*(_with_member("revision", text) for text in (b"NaN", b"Infinity", b"1e999", b"9" * 5000, b"-1"))),
        strikes="manifest",
    ),
    Fault(
        "duplicate_keys",
        "Body",
        "200 with a manifest that has a member twice, or an entry, in turn",
        act=_changed(_replaced(b'"revision":', b'"revision":1,"revision":'), _twice),
        strikes="manifest",
    ),
    Fault(
        "wrong_workspace_or_environment",
        "Body",
        "200 with the manifest of another workspace, or of another environment, in turn",
        act=_changed(_with_member("workspace", b'"somebody-else"'), _with_member("environment", b'"elsewhere"')),
        strikes="manifest",
    ),
    Fault(
        "wrong_hash",
        "Body",
        "pages whose bytes are not what their names say",
        act=_changed(lambda reply: reply._replace(body=reply.body.replace(b"true", b"tru3").replace(b"e", b"3"))),
        strikes="pages",
        publish=rulesets.in_pages,
    ),
    Fault(
        "page_not_there_yet",
        "Body",
        "a manifest whose pages are not there: 403, 404, 410 in turn",
        act=_status(403, 404, 410),
        strikes="pages",
        publish=rulesets.in_pages,
    ),
    Fault(
        "wrong_signature",
        "Body",
        "a manifest whose signature is of other bytes, of a stranger, or none, in turn",
        act=_changed(signatures.of_other_bytes, signatures.of_a_stranger, signatures.that_is_none),
        strikes="manifest",
        signed=True,
    ),
    Fault("unsigned", "Body", "no signature", act=_changed(signatures.unsigned), strikes="manifest", signed=True),
    Fault(
        "broken_flag", "Ruleset", "one flag more, whose line breaks off", "takes", publish=rulesets.with_a_broken_flag
    ),
    Fault(
        "unknown_operator",
        "Ruleset",
        "one flag more, with an operator of a later version",
        "takes",
        publish=rulesets.with_an_unknown_operator,
    ),
    Fault(
        "unknown_field",
        "Ruleset",
        "one flag more, with a field of a later version; one in the manifest too",
        "takes",
        publish=rulesets.with_an_unknown_field,
    ),
    Fault("newer_schema_version", "Ruleset", "a manifest of a later format", publish=rulesets.newer_format),
    Fault(
        "rule_cycle", "Ruleset", "two flags more, each the other's prerequisite", "takes", publish=rulesets.with_a_cycle
    ),
    Fault(
        "missing_segment",
        "Ruleset",
        "one flag more, with a segment that is not there",
        "takes",
        publish=rulesets.with_a_missing_segment,
    ),
    Fault(
        "stale_edge",
        "Ruleset",
        "two edges that disagree: every other answer is the publication before",
        "takes",
        _stale_every_other_time,
        strikes="manifest",
    ),
    Fault("far_future_version", "Ruleset", "a revision of 10¹²", "takes", publish=rulesets.far_future),
    Fault(
        "rollback_published",
        "Ruleset",
        "the contents of the publication before, as a new revision",
        "takes",
        publish=rulesets.rolled_back,
    ),
    Fault("empty_but_valid_ruleset", "Ruleset", "a ruleset without entries", "takes", publish=rulesets.empty),
)

FAULTS: Final = {row.name: row for row in _ROWS}
"""Every fault by its name."""


def _http_date(moment: float) -> str:
    """RFC 9110 5.6.7; `time.strftime` would speak the user's language."""
    from time import gmtime  # noqa: PLC0415 - beside its only use

    at: Any = gmtime(moment)
    day, month = _DAY[at.tm_wday], _MONTH[at.tm_mon - 1]
    return f"{day}, {at.tm_mday:02} {month} {at.tm_year} {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT"
