"""Plain configuration values and their validation. It never reads an environment variable, a file or a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, Self

from ._refresh.polling import Polling as Polling
from ._wire.limits import Limits as Limits
from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_CACHE: Final = "default"
ENVIRONMENT_IDLE_SECONDS: Final = 900.0
START_WAIT_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 0.25
BUDGET_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 4_000_000.0
"""46 days, in place of for ever: what any platform's locks can be told (threading.TIMEOUT_MAX is 49 days on Windows)."""
MODES: Final = ("auto", "thread", "lambda")
LAMBDA_VARIABLES: Final = ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME")


class SdkKey:
    """A secret that shows itself only when asked by name: never in a repr, a log line, an error, a status or a pickle."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def reveal(self) -> str:
        """The key itself, for the one place that sends it."""
        return self._secret

    def __repr__(self) -> str:
        return "SdkKey(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SdkKey) and other._secret == self._secret

    def __hash__(self) -> int:
        return hash(self._secret)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __getstate__(self) -> NoReturn:
        msg = "an SDK key is not pickled, it would stand there in clear: make the client where it is used, with its own key"
        raise TypeError(msg)

    def __reduce__(self) -> NoReturn:
        self.__getstate__()


class Settings(NamedTuple):
    """What a client was told, checked. `cache_dir` None turns the disk copy off; "default" finds a folder."""

    url: str
    sdk_key: SdkKey
    workspace: str
    environment: str
    cache_dir: Path | str | None = DEFAULT_CACHE
    bootstrap: Path | str | None = None
    max_staleness: float | None = None
    polling: Polling = Polling()
    limits: Limits = Limits()
    signing_keys: tuple[str, ...] = ()
    mode: str = "thread"


def checked(settings: Settings) -> Settings:
    """The same settings, or `ConfigurationError` with the first thing that cannot work and what to give instead."""
    check_key(settings.sdk_key.reveal())
    check_name("workspace", settings.workspace)
    check_name("environment", settings.environment)
    check_staleness(settings.max_staleness)
    check_polling(settings.polling)
    check_limits(settings.limits)
    return settings


def check_key(key: Any) -> None:
    """Refuse a key that is empty or that a header cannot carry. Its shape is the server's business."""
    if not isinstance(key, str) or not key.strip():
        msg = (
            "sdk_key is empty: give the environment's SDK key (`buildflags dev` prints one; in production it is usually "
            "read from BUILDFLAGS_SDK_KEY)"
        )
        raise ConfigurationError(msg)
    if key != key.strip() or not key.isascii() or not key.isprintable() or " " in key:
        msg = "sdk_key holds a blank, a line break or a character that a header cannot carry: copy the key again"
        raise ConfigurationError(msg)


def check_name(what: str, name: Any) -> None:
    """Refuse a workspace or environment name that cannot stand in a path."""
    from ._wire.names import is_name  # noqa: PLC0415 - keeps `re` off the import of the package

    if not isinstance(name, str) or not name:
        msg = f"{what} is empty: give the {what}'s key, for example {what}={'acme' if what == 'workspace' else 'production'!r}"
        raise ConfigurationError(msg)
    if not is_name(name):
        msg = f"{what} {name!r} is no valid key: letters, digits, '.', '_' and '-', at most 128, the first a letter or digit"
        raise ConfigurationError(msg)


def check_staleness(seconds: Any) -> None:
    """Refuse a limit on staleness that is no positive number of seconds."""
    if seconds is not None and not (_is_number(seconds) and seconds > 0):
        msg = f"max_staleness={seconds!r} must be a positive number of seconds, or None for no limit"
        raise ConfigurationError(msg)


def seconds_to_wait(what: str, seconds: Any) -> float:
    """How long a caller wants to wait: 0 for less than nothing, 46 days for anything longer."""
    if not isinstance(seconds, int | float) or seconds != seconds:  # noqa: PLR0124 - NaN alone is not itself
        msg = f"{what}={seconds!r} must be a number of seconds: 0 does not wait, math.inf waits as long as it takes"
        raise ConfigurationError(msg)
    return float(min(max(seconds, 0.0), LONGEST_WAIT_SECONDS))


def public_keys(given: Any) -> tuple[str, ...]:
    """The public signing keys to pin: a list of them, or one text with commas or blanks between. None pins nothing."""
    if given is None:
        return ()
    texts = tuple(given.replace(",", " ").split()) if isinstance(given, str) else tuple(given)
    if not texts or not all(isinstance(text, str) for text in texts):
        msg = (
            "signing_keys must name at least one public key (bf_public_…, as `buildflags keys show` prints it); "
            "leave it out to take manifests without a signature"
        )
        raise ConfigurationError(msg)
    return texts


def chosen_mode(mode: Any, environ: Mapping[str, str]) -> str:
    """How to refresh: "thread" or "lambda", told or found out from the variables that AWS Lambda sets."""
    if mode not in MODES:
        msg = f"mode={mode!r} must be one of {', '.join(map(repr, MODES))}"
        raise ConfigurationError(msg)
    if mode == "auto":
        return "lambda" if any(environ.get(name) for name in LAMBDA_VARIABLES) else "thread"
    return str(mode)


def check_polling(polling: Polling) -> None:
    """Refuse intervals that are negative, zero, not numbers, or whose bounds are crossed."""
    for name, value in polling._asdict().items():
        smallest = 0 if name == "jitter" else 0.001
        if not _is_number(value) or not smallest <= value < float("inf"):
            msg = f"polling.{name}={value!r} must be a positive number of seconds; leave it out for the default"
            raise ConfigurationError(msg)
    if not polling.minimum <= polling.interval <= polling.maximum:
        msg = (
            f"polling.interval={polling.interval!r} must lie between polling.minimum={polling.minimum!r} and "
            f"polling.maximum={polling.maximum!r}"
        )
        raise ConfigurationError(msg)


def check_limits(limits: Limits) -> None:
    """Refuse limits that are not whole positive numbers."""
    for name, value in limits._asdict().items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            msg = f"limits.{name}={value!r} must be a whole number of at least 1; leave it out for the default"
            raise ConfigurationError(msg)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
