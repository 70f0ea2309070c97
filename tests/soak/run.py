"""The soak: a change every second, a network that misbehaves, clients on 8 threads, and what must be true of all that."""

from __future__ import annotations

import json
import logging
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from buildflags_sdk import Client, Polling
from tests.soak.editors import Editor
from tests.soak.proxy import MODES, FaultProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from buildflags_sdk import Change

THREADS = 8
CLIENTS = 4
EDITORS = 2
SETTLES_WITHIN = 30.0
POLLING = Polling(interval=1.0, minimum=0.5, deadline=2.0, backoff_first=0.25)


class Watched:
    """One client, and what was seen of it: whether its counter ever ran backwards, what its listener heard last."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: int | None = None
        self.swaps = 0
        client.on_change(self._hear)

    def _hear(self, change: Change) -> None:
        self.heard = change.new_revision
        self.swaps += 1

    @property
    def revision(self) -> int | None:
        """The revision in service."""
        return self.client.status().revision


class Readers:
    """Threads that evaluate without end. Anything they should not see lands in `wrong`."""

    def __init__(self, watched: list[Watched]) -> None:
        self.evaluations = [0] * THREADS
        self.slowest = 0.0
        self.wrong: list[str] = []
        self._watched = watched
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        client = self._watched[number % len(self._watched)].client
        last = -1
        try:
            while not self._stop.wait(0.004):
                for _ in range(40):
                    began = time.perf_counter()
                    value = client.get_value("counter", -1)
                    self.slowest = max(self.slowest, time.perf_counter() - began)
                    client.is_enabled(f"filler-{number}", {"targetingKey": "user-7"})
                    if value < last:
                        self.wrong.append(f"the counter ran back from {last} to {value}")
                    last = value
                self.evaluations[number] += 80
        except Exception as error:  # noqa: BLE001 - that an evaluation raises is what must not be
            self.wrong.append(f"{type(error).__name__}: {error}")


class Report(NamedTuple):
    """What came of it."""

    seconds: float
    made: int
    lost_races: int
    counter: int
    revisions: list[int | None]
    last_revision: int
    first_revision: int
    heard: list[int | None]
    values: list[int]
    faults: dict[str, int]
    evaluations: int
    slowest_ms: float
    wrong: list[str]
    log_lines: int
    growth_mib: float
    noise_mib: float
    threads: tuple[int, int]
    settled_in: float

    def failures(self) -> list[str]:
        """Every promise that was not kept."""
        checks = {
            f"an update was lost: {self.made} were accepted, the counter says {self.counter}": self.made
            != self.counter,
            # Two editors' changes may go live with one publication, and none makes two.
            f"{self.made} changes made the revisions {self.first_revision} to {self.last_revision}": not (
                self.made / EDITORS <= self.last_revision - self.first_revision <= self.made
            ),
            f"clients are at revisions {self.revisions}, the server at {self.last_revision}": (
                set(self.revisions) != {self.last_revision}
            ),
            f"clients decide {self.values}, the counter is {self.counter}": set(self.values) != {self.counter},
            f"listeners heard last of {self.heard}, not {self.last_revision}": set(self.heard) != {self.last_revision},
            f"memory grew by {self.growth_mib:.1f} MiB, noise is {self.noise_mib:.1f}": self.growth_mib
            > self.noise_mib,
            f"threads grew from {self.threads[0]} to {self.threads[1]}": self.threads[1] > self.threads[0] + 6,
            f"nothing was changed in {self.seconds:.0f} s": self.made == 0,
            f"no fault was tried in {self.seconds:.0f} s": not self.faults,
        }
        return [*[text for text, bad in checks.items() if bad], *self.wrong[:5]]


class Now(NamedTuple):
    """How it stands, for whoever shows it."""

    elapsed: float
    mode: str
    made: int
    revisions: list[int | None]
    mib: float
    evaluations: int


def soak(seconds: float, show: Callable[[Now], None], seed: int = 0) -> Report:
    """Soak for so long."""
    dice, faults = random.Random(seed), dict[str, int]()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="buildflags-soak-"))
        place = stack.enter_context(_backend(Path(folder, "flags.db")))
        proxy = FaultProxy(int(place["url"].rpartition(":")[2]), random.Random(seed + 1))
        stack.callback(proxy.close)
        lines = stack.enter_context(_counted_log())
        watched = [_client(stack, proxy.port, place["sdk_key"], folder, number) for number in range(CLIENTS)]
        first = max(one.revision or 0 for one in watched)
        readers = Readers(watched)
        editors = [Editor(place["url"], place["management"], float(EDITORS)) for _ in range(EDITORS)]
        for number, editor in enumerate(editors):
            time.sleep(number)  # one after the other, so that there is a change every second
            editor.start()
        memory = _soaked(seconds, proxy, dice, faults, lambda: _now(proxy, editors, watched, readers), show)
        proxy.become("well")
        for editor in editors:
            editor.end()
        made = sum(editor.made for editor in editors)
        settled_in = _settled(watched, _revision_at(place))
        readers.end()
        wrong = readers.wrong + [editor.error for editor in editors if editor.error]
        growth, noise = _growth([mib for mib, _ in memory])
        counts = [count for _, count in memory]
        return Report(
            seconds=seconds,
            made=made,
            lost_races=sum(editor.lost_races for editor in editors),
            counter=max(one.client.get_value("counter", -1) for one in watched),
            revisions=[one.revision for one in watched],
            last_revision=_revision_at(place),
            first_revision=first,
            heard=[one.heard for one in watched],
            values=[one.client.get_value("counter", -1) for one in watched],
            faults=faults,
            evaluations=sum(readers.evaluations),
            slowest_ms=readers.slowest * 1000,
            wrong=wrong,
            log_lines=lines[0],
            growth_mib=growth,
            noise_mib=noise,
            threads=(
                statistics.median_high(counts[: len(counts) // 3]),
                statistics.median_low(counts[-len(counts) // 3 :]),
            ),
            settled_in=settled_in,
        )


def _soaked(
    seconds: float,
    proxy: FaultProxy,
    dice: random.Random,
    faults: dict[str, int],
    now: Callable[[], Now],
    show: Callable[[Now], None],
) -> list[tuple[float, int]]:
    """Spoil the network now and then, and look at the process every half second. Gives memory in MiB, and threads."""
    process, begin = psutil.Process(), time.monotonic()
    memory: list[tuple[float, int]] = []
    change_at = begin + 2.0
    while (elapsed := time.monotonic() - begin) < seconds:
        if begin + elapsed >= change_at:
            mode = "well" if proxy.mode != "well" else dice.choice(MODES[1:])
            proxy.become(mode)
            if mode != "well":
                faults[mode] = faults.get(mode, 0) + 1
            change_at = begin + elapsed + dice.uniform(1.0, 4.0)
        memory.append((process.memory_info().rss / 2**20, process.num_threads()))
        show(now()._replace(elapsed=elapsed, mib=memory[-1][0]))
        time.sleep(0.5)
    return memory


def _now(proxy: FaultProxy, editors: list[Editor], watched: list[Watched], readers: Readers) -> Now:
    made = sum(editor.made for editor in editors)
    return Now(0.0, proxy.mode, made, [one.revision for one in watched], 0.0, sum(readers.evaluations))


def _client(stack: ExitStack, port: int, key: str, folder: str, number: int) -> Watched:
    """Two clients share a folder, and with it their polls; one has its own, one has none."""
    cache = [Path(folder, "shared"), Path(folder, "shared"), Path(folder, "own"), None][number % 4]
    client = Client(
        f"http://127.0.0.1:{port}",
        sdk_key=key,
        workspace="acme",
        environment="production",
        cache_dir=cache,
        polling=POLLING,
    )
    watched = Watched(client)
    stack.callback(client.close)
    client.start(wait=10.0)
    return watched


def _settled(watched: list[Watched], revision: int) -> float:
    begin = time.monotonic()
    while time.monotonic() - begin < SETTLES_WITHIN:
        if all(one.revision == revision == one.heard for one in watched):
            break
        time.sleep(0.05)
    return time.monotonic() - begin


def _growth(mib: list[float]) -> tuple[float, float]:
    """How much the line through the samples rises after a third of warming up, and what of that is noise."""
    samples = mib[len(mib) // 3 :]
    places = range(len(samples))
    line = statistics.linear_regression(places, samples)
    rest = [value - (line.slope * place + line.intercept) for place, value in zip(places, samples, strict=True)]
    # Allocators keep what they once had: a few MiB in steps are no leak, and a leak of half a MiB a minute is over it
    # in the 30 minutes that count.
    return line.slope * len(samples), max(4.0, 3.0 * statistics.pstdev(rest))


def _revision_at(place: dict[str, str]) -> int:
    import httpx

    headers = {"Authorization": f"Bearer {place['management']}"}
    answer = httpx.get(f"{place['url']}/v1/workspaces/acme/environments/production", headers=headers)
    return int(answer.json()["revision"])


@contextmanager
def _backend(path: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "tests.soak.backend", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            place: dict[str, str] = json.loads(process.stdout.readline())
            yield place
        finally:
            process.stdin.close()
            process.wait(20)


@contextmanager
def _counted_log() -> Iterator[list[int]]:
    """Count what the clients log, and show none of it."""
    lines = [0]

    class Count(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines[0] += 1

    logger = logging.getLogger("buildflags_sdk")
    handler, propagated = Count(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated
