"""Ed25519 keys of manifests: the secret ones that a publisher signs with, and the public ones that a client pins.

Needs `cryptography` (the extra `signing`), which is loaded when the first key is made. Makes no randomness of its own.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Any, Final

from buildflags_sdk.errors import ConfigurationError, SignatureError

from .page import digest_name
from .signature import parse_signatures, signed_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric import ed25519

PUBLIC_MARK: Final = "bf_public_"
SECRET_MARK: Final = "bf_signing_"  # noqa: S105 - how one begins
SEED_BYTES: Final = 32
_ID_LETTERS = 12
_MISSING = "signed manifests need the package cryptography: pip install 'buildflags-sdk[signing]'"


class SigningKey:
    """One secret key. It shows itself only when asked by name.

    >>> key = SigningKey(bytes(32))
    >>> key
    <SigningKey E545QOZLVJFy>
    >>> key.public
    'bf_public_O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik'
    """

    __slots__ = ("_key", "_seed", "id", "public")

    def __init__(self, seed: bytes) -> None:
        self._key = _ed25519().Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        raw = self._key.public_key().public_bytes_raw()
        self.public = PUBLIC_MARK + _text_of(raw)
        self.id = key_id(raw)

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read what `reveal` wrote.

        Raises:
            ConfigurationError: not of that form. The message does not show it.
        """
        seed = _bytes_of(text, SECRET_MARK)
        if seed is None:
            msg = f"that is no signing key: one is {SECRET_MARK}… as `buildflags keys new` makes it"
            raise ConfigurationError(msg)
        return cls(seed)

    def reveal(self) -> str:
        """The secret itself, for the one file that keeps it."""
        return SECRET_MARK + _text_of(self._seed)

    def sign(self, body: bytes) -> bytes:
        """The signature of a manifest's bytes."""
        signature: bytes = self._key.sign(signed_bytes(body))
        return signature

    def __repr__(self) -> str:
        return f"<SigningKey {self.id}>"


class Signer:
    """Signs with every key it holds: one, or two while the old one is being replaced."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        self._keys = tuple(keys)
        if not self._keys:
            msg = "a signer needs at least one signing key; make one with `buildflags keys new`"
            raise ConfigurationError(msg)

    @property
    def ids(self) -> frozenset[str]:
        """The ids of its keys, as they stand in the header."""
        return frozenset(key.id for key in self._keys)

    @property
    def public(self) -> tuple[str, ...]:
        """What clients pin."""
        return tuple(key.public for key in self._keys)

    def sign(self, body: bytes) -> str:
        """The BuildFlags-Signature header of a manifest's bytes."""
        return ", ".join(f"{key.id}={b2a_base64(key.sign(body), newline=False).decode()}" for key in self._keys)

    def __repr__(self) -> str:
        return f"<Signer {', '.join(sorted(self.ids))}>"


class Pins:
    """The public keys that a reader trusts: a manifest passes when one of them signed its very bytes.

    >>> key = SigningKey(bytes(32))
    >>> Pins([key.public]).check(b"{}", Signer([key]).sign(b"{}"))
    >>> Pins([key.public]).check(b"{ }", Signer([key]).sign(b"{}"))
    Traceback (most recent call last):
    ...
    buildflags_sdk.errors.SignatureError: the signature of key ... does not fit the manifest's bytes
    """

    def __init__(self, texts: Iterable[str]) -> None:
        """Take public keys as `buildflags keys show` prints them.

        Raises:
            ConfigurationError: one is of another form, or cryptography is not installed.
        """
        self._keys: dict[str, ed25519.Ed25519PublicKey] = {}
        for text in texts:
            raw = _bytes_of(text, PUBLIC_MARK)
            if raw is None:
                # A secret key may have been given by mistake: what was given is not shown.
                msg = (
                    f"signing_keys takes public keys, {PUBLIC_MARK}… as `buildflags keys show` prints them; one is none"
                )
                raise ConfigurationError(msg)
            self._keys[key_id(raw)] = _ed25519().Ed25519PublicKey.from_public_bytes(raw)

    def check(self, body: bytes, header: str | None) -> None:
        """Let a manifest pass, or not. Signatures of keys that are not pinned say nothing.

        Raises:
            SignatureError: it is unsigned, no pinned key signed it, or none of the signatures fits.
        """
        if header is None:
            msg = "the manifest is not signed, and signing keys are pinned"
            raise SignatureError(msg)
        signatures = parse_signatures(header)
        mine = [name for name in signatures if name in self._keys]
        if any(self._fits(name, signatures[name], body) for name in mine):
            return
        if mine:
            msg = f"the signature of key {', '.join(mine)} does not fit the manifest's bytes"
        else:
            msg = f"the manifest is signed by {', '.join(signatures)[:200]}, pinned are {', '.join(self._keys)}"
        raise SignatureError(msg)

    def trust(self, body: bytes, header: str | None) -> bool:
        """Whether a manifest passes."""
        try:
            self.check(body, header)
        except SignatureError:
            return False
        return True

    def _fits(self, name: str, signature: bytes, body: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - loaded with the first key

        try:
            self._keys[name].verify(signature, signed_bytes(body))
        except InvalidSignature:
            return False
        return True


def key_id(raw: bytes) -> str:
    """The name of a public key in the header: it follows from the key, so that nobody has to give one."""
    return digest_name(raw)[:_ID_LETTERS]


def _text_of(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).decode().rstrip("=").replace("+", "-").replace("/", "_")


def _bytes_of(text: str, mark: str) -> bytes | None:
    if not text.startswith(mark):
        return None
    encoded = text.removeprefix(mark)
    try:
        raw = a2b_base64(encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4), strict_mode=True)
    except (Base64Error, ValueError):
        return None
    return raw if len(raw) == SEED_BYTES else None


def _ed25519() -> Any:
    try:
        import cryptography.exceptions  # noqa: F401, PLC0415 - checking needs it, on a thread that a fork may leave behind
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - an extra, and slow to load
    except ModuleNotFoundError:
        raise ConfigurationError(_MISSING) from None
    return ed25519
