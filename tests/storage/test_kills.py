"""kill -9 in a loop, at any moment of a save: each time a whole ruleset is loaded, the older or the newer one.

40 kills by default; `make kills` does 1,000 (BUILDFLAGS_KILLS).
"""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

KILLS = int(os.environ.get("BUILDFLAGS_KILLS", "40"))
LONGEST_LIFE = 0.012
"""Seconds: some saves long. Few of the killed have not begun, few have ended."""


@pytest.mark.timeout(600)
def test_a_whole_ruleset_is_loaded_after_every_kill(make_copy, make_stored):
    dice = random.Random(7)
    make_copy().save(make_stored(1))
    last = 1
    for kill in range(KILLS):
        child = _saving_for_ever(make_copy, make_stored, last + 1)
        time.sleep(dice.uniform(0.0, LONGEST_LIFE))  # another process's time
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        stored = make_copy().load()
        assert stored is not None, f"kill {kill} left nothing that can be loaded"
        revision = json.loads(stored.manifest_body)["revision"]
        assert revision >= last, f"kill {kill} went back from revision {last} to {revision}"
        assert stored == make_stored(revision), f"kill {kill} left revision {revision} mixed with another"
        last = revision
    assert last > 1, "nobody ever lived long enough to save"
    assert make_copy().save(make_stored(last + 1)), "the dead hold no lock"
    assert make_copy().load() == make_stored(last + 1)


def _saving_for_ever(make_copy, make_stored, first):
    child = os.fork()
    if child:
        return child
    try:
        copy = make_copy()
        for revision in range(first, first + 999):
            copy.save(make_stored(revision))
    finally:
        os._exit(0)
