"""The file of signing keys: one secret key a line, the oldest first. Read and written here alone, readable by its owner alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from buildflags_sdk._wire.signing import SEED_BYTES, Signer, SigningKey
from buildflags_sdk.errors import ConfigurationError

from ._exit import Exit, Failure

signing_option = click.option(
    "--signing-keys",
    metavar="FILE",
    envvar="BUILDFLAGS_SIGNING_KEY_FILE",
    show_envvar=True,
    help="Sign manifests with the keys in this file, made by `buildflags keys new`.",
)


def new_key() -> SigningKey:
    """A key that nobody has seen."""
    try:
        return SigningKey(os.urandom(SEED_BYTES))
    except ConfigurationError as error:
        what, _, advice = str(error).partition(": ")
        raise Failure(what, advice, exit_code=Exit.CONFIGURATION) from None


def read_keys(path: str) -> list[SigningKey]:
    """The keys in a file, the oldest first."""
    try:
        lines = [line.strip() for line in Path(path).read_text(encoding="ascii").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "it is no text"
        advice = "make one with `buildflags keys new FILE`"
        raise Failure(f"cannot read the signing keys {path}: {reason}", advice, exit_code=Exit.CONFIGURATION) from None
    try:
        keys = [SigningKey.parse(line) for line in lines if line and not line.startswith("#")]
    except ConfigurationError as error:
        what, _, advice = str(error).partition(": ")
        raise Failure(f"{path}: {what}", advice, exit_code=Exit.CONFIGURATION) from None
    if not keys:
        raise Failure(f"{path} holds no key", "make one with `buildflags keys new FILE`", exit_code=Exit.CONFIGURATION)
    return keys


def read_signer(path: str | None) -> Signer | None:
    """What signs with the keys in a file; None without a file."""
    return None if path is None else Signer(read_keys(path))


def write_keys(path: str, keys: Sequence[SigningKey], *, replace: bool) -> None:
    """Write a file that its owner alone can read, whole or not at all; one that is there only if it is to be replaced.

    Of a symbolic link, what is replaced is the file it names: that is the one which a backend reads, by whatever path.
    """
    target = Path(path)
    body = "".join(f"{key.reveal()}\n" for key in keys)
    temporary = None
    try:
        if not replace and os.path.lexists(target):
            advice = "give another file, or add a key to that one with `buildflags keys rotate`"
            raise Failure(f"{path} exists already and is left as it is", advice, exit_code=Exit.CONFLICT)
        target = Path(os.path.realpath(target))
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # mode 0600
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())  # clients pin what is shown next: it must outlast a power cut
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        message = f"cannot write {path}: {error.strerror or error}"
        raise Failure(message, "give another file, or make its folder first", exit_code=Exit.CONFIGURATION) from None
