"""The address of a backend: what is taken, and what the error says of what is not."""

from __future__ import annotations

from typing import Any

import pytest

from buildflags_sdk._transport.url import parse_base_url
from buildflags_sdk.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("https://flags.example.com", "https://flags.example.com"),
        ("https://flags.example.com/", "https://flags.example.com"),
        ("HTTPS://Flags.Example.com:443/a/b/", "https://flags.example.com/a/b"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_an_address_is_read(given: str, read: str) -> None:
    assert str(parse_base_url(given)) == read


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "is no text"),
        ("", "is no text"),
        (b"https://x", "is no text"),
        ("flags.example.com", "does not begin with https://"),
        ("ftp://flags.example.com", "does not begin with https://"),
        ("https://", "names no host"),
        ("https://:443", "names no host"),
        ("https://x:0", "names port 0"),
        ("https://x:99999", "cannot be read"),
        ("https://[::1", "cannot be read"),
        ("https://x?a=1", "query or a fragment"),
        ("https://x#a", "query or a fragment"),
        ("https://x /", "blank"),
        ("https://x\n", "cannot be seen"),
    ],
)
def test_what_is_no_address_is_refused_with_what_to_give(given: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        parse_base_url(given)
    assert "https://flags.example.com" in str(caught.value)


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError, match="user name or password") as caught:
        parse_base_url("https://user:hunter2@flags.example.com")
    assert "hunter2" not in str(caught.value)
