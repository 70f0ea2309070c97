"""What is done to the signature of a manifest on its way. Whoever signs needs `cryptography`: it is loaded for that alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from buildflags_sdk._wire.signing import Signer

    from .exchange import Reply

HEADER: Final = "buildflags-signature"


def signer_of(text: str) -> Signer:
    """What signs with a secret key, `bf_signing_…`.

    Raises:
        ConfigurationError: it is no such key, or cryptography is not installed.
    """
    from buildflags_sdk._wire.signing import Signer, SigningKey  # noqa: PLC0415 - loads cryptography

    return Signer([SigningKey.parse(text)])


def unsigned(reply: Reply) -> Reply:
    """Without its signature."""
    return reply._replace(headers={name: value for name, value in reply.headers.items() if name != HEADER})


def of_other_bytes(reply: Reply) -> Reply:
    """Signed by the right key, but for other bytes than these."""
    return reply._replace(body=reply.body + b" ")


def of_a_stranger(reply: Reply) -> Reply:
    """Signed rightly by a key that nobody has pinned."""
    from buildflags_sdk._wire.signing import Signer, SigningKey  # noqa: PLC0415 - loaded since the server signs

    return _signed(reply, Signer([SigningKey(b"stranger" * 4)]).sign(reply.body))


def that_is_none(reply: Reply) -> Reply:
    """With something in the signature's place that cannot be read."""
    return _signed(reply, "signed=by hand")


def _signed(reply: Reply, header: str) -> Reply:
    return reply._replace(headers={**reply.headers, HEADER: header})
