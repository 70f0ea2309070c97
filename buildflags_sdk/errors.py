"""Every error of the package, as one tree. An evaluation raises none of them.

BuildFlagsError
├── ConfigurationError          a value given to a constructor cannot work (also a ValueError)
├── RulesetError                bytes that are no usable ruleset (also a ValueError)
│   ├── ManifestError           a manifest of the wrong shape, size, workspace or environment
│   ├── FormatVersionError      a manifest or file in a format this version does not read
│   ├── PageError               a page that is missing, too large or not what its name says
│   ├── SignatureError          a signature that is missing or wrong while a key is pinned
│   └── FlagFileError           a bootstrap or flags file that cannot be read
├── TransportError              an exchange with the backend that brought no usable answer
│   ├── DeadlineExceeded        the whole exchange took longer than its one deadline
│   ├── ConnectionFailed        no connection, or one that broke before the last byte
│   └── AnswerRefused           an answer that breaks the protocol (redirect, encoding, size, type)
├── StorageError                the disk copy could not be read or written
├── UnknownFlagError            an override or a declaration names a flag that does not exist (also a KeyError)
└── ClosedError                 the client was closed before
"""

from __future__ import annotations


class BuildFlagsError(Exception):
    """The root of the tree."""


class ConfigurationError(BuildFlagsError, ValueError):
    """A value given to a constructor cannot work; the message names it and says what to give instead."""


class RulesetError(BuildFlagsError, ValueError):
    """Bytes that are no usable ruleset. The last good ruleset stays in service."""


class ManifestError(RulesetError):
    """A manifest of the wrong shape, size, workspace or environment."""


class FormatVersionError(RulesetError):
    """A manifest or file in a format that this version of the library does not read."""


class PageError(RulesetError):
    """A page that is missing, too large, or not what its name says."""


class SignatureError(RulesetError):
    """A signature that is missing or wrong while a signing key is pinned."""


class FlagFileError(RulesetError):
    """A bootstrap file or flags file that cannot be read."""


class TransportError(BuildFlagsError):
    """An exchange with the backend that brought no usable answer."""


class DeadlineExceeded(TransportError):
    """The whole exchange, from connect to the last byte, took longer than its one deadline."""


class ConnectionFailed(TransportError):
    """No connection could be made, or it broke before the last byte."""


class AnswerRefused(TransportError):
    """An answer that breaks the protocol: a redirect, an encoding that lies, a body over its limit."""


class StorageError(BuildFlagsError):
    """The disk copy could not be read or written."""


class UnknownFlagError(BuildFlagsError, KeyError):
    """An override or a declaration names a flag that does not exist."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ClosedError(BuildFlagsError):
    """The client was closed before."""


MOST_CHARACTERS = 500
"""Of what an error says, in a log line or a status: some of it may have been written by a peer."""


def words_of(error: BaseException) -> str:
    """What an error says, cut where it is long; the name of its kind when it says nothing, or cannot.

    Other people's may raise when asked.
    """
    try:
        words = str(error) or type(error).__name__
    except BaseException:  # noqa: BLE001 - it may be raised in place of what a listener or a transport raised itself
        return type(error).__name__
    return words if len(words) <= MOST_CHARACTERS else f"{words[:MOST_CHARACTERS]}… ({len(words):,} characters)"
