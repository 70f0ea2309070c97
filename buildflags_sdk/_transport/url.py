"""Checks the address of a backend, with a message that says what to give instead. It loads no HTTP library."""

from __future__ import annotations

from typing import Any, NamedTuple

from buildflags_sdk.errors import ConfigurationError

_DEFAULT_PORTS = {"http": 80, "https": 443}


class BaseUrl(NamedTuple):
    """Where a backend lives. `path` has no slash at its end and is put before the path of every request."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        """The address as people write it; never with a secret, for such addresses are refused."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def parse_base_url(url: Any) -> BaseUrl:
    """Read the address of a backend.

    >>> str(parse_base_url("https://flags.example.com:443/"))
    'https://flags.example.com'

    Raises:
        ConfigurationError: it is no http or https address, or holds what an address of a backend cannot.
    """
    from urllib.parse import urlsplit  # noqa: PLC0415 - not on the path of a client that reads a file

    if not isinstance(url, str) or not url:
        raise _refused(url, "is no text")
    if not url.isprintable() or " " in url:
        raise _refused(url, "holds a blank or a character that cannot be seen")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused(None, f"cannot be read ({error})") from None
    if "@" in parts.netloc:
        raise _refused(None, "holds a user name or password; a key goes into sdk_key")
    if parts.scheme not in _DEFAULT_PORTS:
        raise _refused(url, "does not begin with https:// or http://")
    if not host or port == 0:
        raise _refused(url, "names no host" if not host else "names port 0")
    if parts.query or parts.fragment:
        raise _refused(url, "holds a query or a fragment")
    return BaseUrl(parts.scheme, host, port or _DEFAULT_PORTS[parts.scheme], parts.path.rstrip("/"))


def _refused(url: Any, why: str) -> ConfigurationError:
    """The error; `url` is None where the address may hold a secret."""
    shown = "the url" if url is None else f"url={url!r}"
    return ConfigurationError(f"{shown} {why}: give the backend's address, like 'https://flags.example.com'")
