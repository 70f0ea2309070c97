"""Tells listeners what changed, on a thread of its own, in order, never two at once.

A listener that is slow gets one change with the union of what it missed; the others wait for it, but no refresh does.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from buildflags_sdk._reports import Change

if TYPE_CHECKING:
    from collections.abc import Callable


class _Subscription:
    __slots__ = ("failed", "keys", "listener", "pending")

    def __init__(self, listener: Callable[[Change], Any], keys: frozenset[str] | None) -> None:
        self.listener = listener
        self.keys = keys
        self.pending: Change | None = None
        self.failed = False


class Dispatcher:
    """The listeners of one environment. `report(listener, error)` is called once per listener that raises."""

    def __init__(self, report: Callable[[Any, BaseException], None]) -> None:
        self._report = report
        self._condition = threading.Condition()
        self._subscriptions: list[_Subscription] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def subscribe(self, listener: Callable[[Change], Any], keys: frozenset[str] | None) -> Callable[[], None]:
        """Call `listener` for changes of `keys` (None: of any key). Returns its unsubscriber."""
        subscription = _Subscription(listener, keys)
        with self._condition:
            self._subscriptions.append(subscription)

        def unsubscribe() -> None:
            with self._condition:
                if subscription in self._subscriptions:
                    self._subscriptions.remove(subscription)

        return unsubscribe

    def announce(self, change: Change) -> None:
        """Note a change for every listener that asked for one of its keys. Returns at once."""
        with self._condition:
            wanted = False
            for subscription in self._subscriptions:
                keys = change.keys if subscription.keys is None else change.keys & subscription.keys
                if not keys:
                    continue
                missed = subscription.pending
                subscription.pending = (
                    Change(keys, change.old_revision, change.new_revision)
                    if missed is None
                    else Change(keys | missed.keys, missed.old_revision, change.new_revision)
                )
                wanted = True
            if wanted and not self._closed:
                self._see_to_the_thread()
                self._condition.notify_all()

    def close(self) -> None:
        """Stop telling. A listener that is being told is waited for with `ended`."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def ended(self, seconds: float = 0.0) -> bool:
        """Wait at most `seconds` for the thread of a closed dispatcher. True when it has ended, or is the caller's own."""
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return True
        if seconds > 0.0 and thread.is_alive():
            thread.join(seconds)
        return not thread.is_alive()

    def reset_after_fork(self) -> None:
        """Forget the parent's thread and lock."""
        self._condition = threading.Condition()
        self._thread = None

    def _see_to_the_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._run, name="buildflags-listeners", daemon=True)
        with contextlib.suppress(
            RuntimeError
        ):  # no more threads to be had: what is pending is told with the next change
            self._thread.start()

    def _run(self) -> None:
        while (told := self._next()) is not None:
            subscription, change = told
            try:
                subscription.listener(change)
            except BaseException as error:  # noqa: BLE001 - a user's listener must not end the thread, not by sys.exit() either
                if not subscription.failed:
                    subscription.failed = True
                    with contextlib.suppress(BaseException):  # neither must whatever is told of it
                        self._report(subscription.listener, error)

    def _next(self) -> tuple[_Subscription, Change] | None:
        with self._condition:
            while not self._closed:
                for subscription in self._subscriptions:
                    if subscription.pending is not None:
                        change, subscription.pending = subscription.pending, None
                        return subscription, change
                self._condition.wait()
            return None
