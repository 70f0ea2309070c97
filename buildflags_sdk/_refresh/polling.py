"""When to ask again: the intervals of polling, and the delays made of them and of dice.

Pure: the dice (a number from 0 to 1) are thrown by the caller.
"""

from __future__ import annotations

from typing import NamedTuple

_FORK_SPREAD_SECONDS = 2.0
_LOOK_AGAIN_SECONDS = 1.0
_LEAST_SHARE = 0.1


class Polling(NamedTuple):
    """How often the backend is asked, and how long it may take. Seconds, but for `jitter`.

    `interval` is used until the backend names one (`BuildFlags-Poll`), which must lie from `minimum` to `maximum`.
    `deadline` is for one whole exchange, from looking up the name to the last byte; the pages of one refresh have one
    together, and what came by then is kept for the next, which follows soon. `auth_retry` is the pace of asking while the
    key is refused, `retry_after_cap` the longest wait that a `Retry-After` can ask for, `backoff_first` the longest wait
    after a first failure, and `jitter` the share of each wait that dice may add to it.
    """

    interval: float = 60.0
    minimum: float = 1.0
    maximum: float = 3600.0
    deadline: float = 10.0
    auth_retry: float = 120.0
    retry_after_cap: float = 300.0
    backoff_first: float = 1.0
    jitter: float = 0.2

    def bounded(self, asked: float | None) -> float:
        """The poll interval the backend asked for, within the bounds; the configured one when it is unsaid."""
        return self.interval if asked is None else min(max(asked, self.minimum), self.maximum)

    def stretched(self, seconds: float, dice: float) -> float:
        """A wait with its jitter: never shorter than said, so that a fleet spreads and nobody asks sooner."""
        return seconds * (1.0 + self.jitter * dice)

    def fresh_for(self, poll: float) -> float:
        """How long an answer keeps a ruleset FRESH: past the latest next poll and its whole exchange."""
        return self.stretched(poll, 1.0) + self.deadline

    def backoff(self, failures: int, poll: float, dice: float, *, serving: bool = True) -> float:
        """The wait after so many failures in a row.

        With a ruleset in service: one more try soon, then the poll's own pace. So an outage, however long or short, never
        more than doubles what a fleet asks, neither while it lasts nor as it ends. Without one there is more to gain:
        exponential with full jitter until that pace is reached; the first tenth is left out of the jitter, as dice that
        fall low for long would otherwise be a busy loop.
        """
        ceiling = self.backoff_first * 2.0 ** min(max(failures, 1) - 1, 32)
        if ceiling >= poll or (serving and failures > 1):
            return self.stretched(poll, dice)
        return ceiling * (_LEAST_SHARE + (1.0 - _LEAST_SHARE) * dice)

    def after_fork(self, poll: float, dice: float) -> float:
        """The wait of a forked child before its first poll: soon, but not with all its siblings."""
        return dice * min(_FORK_SPREAD_SECONDS, poll)

    def look_again(self, poll: float, dice: float) -> float:
        """The wait while another process of this host is asking the backend."""
        return min(_LOOK_AGAIN_SECONDS, poll) * (0.5 + 0.5 * dice)


DEFAULT_POLLING = Polling()
