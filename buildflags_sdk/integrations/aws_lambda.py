"""AWS Lambda: between two invocations the process is frozen, so freshness is looked after at an invocation's edge.

```python
client = Client.from_env(bootstrap="bootstrap.buildflags")  # finds out by itself that it is on Lambda
client.start(wait=0.5)  # while the function is set up


@lambda_handler(client, context=lambda event: {"targetingKey": event["user"]})
def handler(event, context):
    return {"checkout": "new" if client.is_enabled("new-checkout") else "old"}
```

Evaluating never waits: a function that thawed after hours serves the ruleset that it has.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from buildflags_sdk import Client

    Handler = Callable[[Any, Any], Any]

SHARE = 0.5
"""Of the time that an invocation has left, the share that a refresh may take at most."""


def lambda_handler(
    client: Client,
    *,
    budget: float = 0.5,
    after: bool = False,
    context: Callable[[Any], Mapping[str, Any] | None] | None = None,
) -> Callable[[Handler], Handler]:
    """Decorate a handler: each invocation reads one revision, and a poll that is due is done at its edge.

    Args:
        client: made and started outside of the handler, so that it outlives an invocation.
        budget: the seconds that a due poll may add to an invocation; at most half of the time that it has left.
        after: refresh when the handler has returned, so that its own work never waits; the response still does, up to
            `budget`, and the news are for the next invocation. False: before it, so that this one has them.
        context: what makes the evaluation context of an invocation from its event.

    >>> from buildflags_sdk import Client
    >>> flags = Client.from_flags({"new-checkout": True})
    >>> @lambda_handler(flags)
    ... def handler(event, context):
    ...     return flags.is_enabled("new-checkout")
    >>> handler({}, None)
    True
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def invoked(event: Any, invocation: Any) -> Any:
            if not after:
                client.refresh_if_due(_within(invocation, budget))
            try:
                with client.scope(None if context is None else context(event)):
                    return handler(event, invocation)
            finally:
                if after:
                    client.refresh_if_due(_within(invocation, budget))

        return invoked

    return decorate


def _within(invocation: Any, budget: float) -> float:
    left = getattr(invocation, "get_remaining_time_in_millis", None)  # a test may call the handler without a context
    return budget if left is None else min(budget, SHARE * left() / 1000.0)
