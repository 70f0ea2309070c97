"""Files an application ships or a person writes: the bundle that `buildflags pull` makes, and flags as plain JSON.

Reading a bundle loads nothing heavy: it is the first answer's path. Only a flags file is validated, by the model.
"""

# importing pathlib costs a cold start 5 to 12 ms, and this is on the first answer's path
# ruff: noqa: PTH123
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from buildflags_sdk._wire.bundle import BUNDLE_MARK, Bundle, decode_bundle
from buildflags_sdk._wire.canonical import decode, encode
from buildflags_sdk._wire.limits import DEFAULT_LIMITS, Limits
from buildflags_sdk.errors import FlagFileError, FormatVersionError, RulesetError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

FLAGS_FILE_VERSION = 1

LARGEST_FILE = 256 * 1024 * 1024
"""More than 200,000 entries of 1 KB; a file larger than this was never meant."""

_CHUNK = 1024 * 1024


class FlagsFile(NamedTuple):
    """A flags file's entries as canonical lines, and for each entry that is wrong the reason.

    A broken entry has a line too: one that decides nothing, so that asking for it answers PARSE_ERROR.
    """

    flags: dict[str, bytes]
    segments: dict[str, bytes]
    broken: dict[str, str]


def read_file(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Bundle | FlagsFile:
    """Read a bundle or a flags file, whichever it is.

    Raises:
        FlagFileError: there is no such file, it cannot be read, or it is neither, or damaged.
    """
    data = _read(path)
    try:
        if data.startswith(BUNDLE_MARK):
            return decode_bundle(data, limits)
        return read_flags(data, limits)
    except FormatVersionError as error:
        msg = f"{os.fspath(path)}: {error}"
        raise FormatVersionError(msg) from None
    except RulesetError as error:
        msg = f"{os.fspath(path)}: {error}"
        raise FlagFileError(msg) from None


def read_flags(data: bytes, limits: Limits = DEFAULT_LIMITS) -> FlagsFile:
    """Read the JSON that people write: {"buildflags":1,"flags":{key: flag},"segments":{key: segment}}.

    A flag may leave out its `key` (the name it stands under) and use the short forms. One that is wrong is named in
    `broken`, with the place and the reason; the others are served.

    Raises:
        RulesetError: the whole is not of that form.
    """
    document = decode(data.removeprefix(b"\xef\xbb\xbf"), 4 * limits.depth)  # one deep flag is the model's to refuse
    if not isinstance(document, dict) or "buildflags" not in document:
        msg = 'not a flags file: it must be {"buildflags":1,"flags":{…},"segments":{…}}'
        raise FlagFileError(msg)
    version = document["buildflags"]
    if version != FLAGS_FILE_VERSION or isinstance(version, bool):
        msg = f"the flags file says version {version!r}; understood: {FLAGS_FILE_VERSION}. Upgrade buildflags-sdk"
        raise FormatVersionError(msg)
    unknown = document.keys() - {"buildflags", "flags", "segments", "$schema"}
    if unknown:
        msg = f"the flags file has an unknown field {min(unknown)!r}; it has flags and segments"
        raise FlagFileError(msg)
    broken: dict[str, str] = {}
    flags = _lines(document, "flags", "key", broken)
    segments = _lines(document, "segments", "segment", broken)
    if len(flags) + len(segments) > limits.entries:
        msg = f"the flags file has more than {limits.entries} entries, the limit"
        raise FlagFileError(msg)
    return FlagsFile(flags, segments, broken)


def _lines(document: dict[str, Any], field: str, key_field: str, broken: dict[str, str]) -> dict[str, bytes]:
    entries = document.get(field, {})
    if not isinstance(entries, dict):
        msg = f"the flags file's {field} must be an object of key to entry, not {entries!r:.80}"
        raise FlagFileError(msg)
    lines: dict[str, bytes] = {}
    for key, entry in entries.items():
        try:
            lines[key] = _line(key, entry, key_field)
        except ValueError as error:  # the model's and ours alike
            name = key if key_field == "key" else f"segment {key}"
            broken[name] = str(error)
            lines[key] = encode({key_field: key, "refused": str(error)})
    return lines


def _line(key: str, entry: Any, key_field: str) -> bytes:
    # pydantic costs about 100 ms to import, and only a file that people write needs it.
    from buildflags_sdk._evaluation.model import flag_line, parse_flag, parse_segment, segment_line  # noqa: PLC0415
    from buildflags_sdk._evaluation.short_forms import expand_short_forms  # noqa: PLC0415

    if not isinstance(entry, dict):
        msg = f"must be an object, not {entry!r:.80}"
        raise FlagFileError(msg)
    if entry.get(key_field, key) != key:
        msg = f"{key_field} is {entry[key_field]!r}, but it stands under {key!r}; make them one"
        raise FlagFileError(msg)
    long = expand_short_forms({key_field: key, **entry})
    return flag_line(parse_flag(long)) if key_field == "key" else segment_line(parse_segment(long))


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            chunks = list(_chunks(file))
    except OSError as error:
        msg = f"{os.fspath(path)} cannot be read: {error.strerror or error}; check the path and its permissions"
        raise FlagFileError(msg) from error
    data = b"".join(chunks)
    if len(data) > LARGEST_FILE:
        msg = f"{os.fspath(path)} is over {LARGEST_FILE} bytes; this is no flags file"
        raise FlagFileError(msg)
    return data


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Read to the end, or just past the limit. One `read(limit)` would reserve all of the limit for a file of a kilobyte."""
    left = LARGEST_FILE + 1
    while left and (chunk := file.read(min(left, _CHUNK))):
        left -= len(chunk)
        yield chunk
