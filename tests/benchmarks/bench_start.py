"""What importing costs, and what a first answer from a file loads. Fresh processes, interleaved."""

from __future__ import annotations

import compileall
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import buildflags_sdk
from buildflags_sdk._wire.bundle import encode_bundle

from .report import Row
from .rulesets import flags, lines, paged

HEAVY = ("httpx", "pydantic", "cachetools", "asyncio", "ssl", "dataclasses", "email", "logging")
ROUNDS = 11


def _timed(code: str) -> float:
    """Seconds that the process itself counts for a piece of code, in a fresh interpreter."""
    wrapped = f"import time; start = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", wrapped], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def run() -> list[Row]:
    """Measure."""
    # An installed package has its bytecode, whatever this environment says about writing it.
    compileall.compile_dir(Path(buildflags_sdk.__file__).parent, quiet=2)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "bootstrap.flags"
        made = lines(flags(100))
        manifest, pages = paged(made)
        bundle.write_bytes(
            encode_bundle(
                manifest_body=manifest,
                pages=pages,
                etag=None,
                signature=None,
                saved_at=time.time(),
                url="http://127.0.0.1",
            )
        )
        key = next(iter(made))
        first = f"from buildflags_sdk import Client\nClient.from_file({str(bundle)!r}).is_enabled({key!r}, {{'targetingKey': 'u'}})"
        codes = {"import": "import buildflags_sdk", "httpx": "import httpx", "first": first, "nothing": ""}
        took: dict[str, list[float]] = {name: [] for name in codes}
        for _ in range(ROUNDS):
            for name, code in codes.items():
                took[name].append(_timed(code))
        median = {name: sorted(times)[ROUNDS // 2] for name, times in took.items()}
        check = f"{first}\nimport sys\nprint(sum(name in sys.modules for name in {HEAVY!r}))"
        loaded = int(subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout)
    return [
        Row(
            "import buildflags_sdk / import httpx",
            median["import"] / median["httpx"],
            0.05,
            "×",
            f"{median['import'] * 1e3:.2f} ms against {median['httpx'] * 1e3:.0f} ms",
        ),
        Row("heavy modules loaded by a first answer from a file", loaded, 0, "modules", ", ".join(HEAVY)),
        Row("import + client from a file + first answer", median["first"] * 1e3, None, "ms", "100 flags"),
    ]
