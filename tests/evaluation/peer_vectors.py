"""Computes the points of `bucketing_vectors.json` anew by the code of the systems themselves, one system at a time.

Needs the SDK that a row of `ROWS` names, in an environment of its own, beside nothing of ours:

    uv run --no-project --with 'eppo-server-sdk==4.4.1' python tests/evaluation/peer_vectors.py eppo

puts them into the file, and with `--check` compares only, ending with 1 where they differ. Each SDK is asked in a way in
which its answer shows the point: a split with a variant of its own for every point, or the bound between two variants moved
until it lies where the answer changes.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Vector = list[Any]

FILE: Final = Path(__file__).with_name("bucketing_vectors.json")
KEYS: Final = [
    "1", "42", "user-1", "user-2", "user-3", "alice@example.com", "BOB", "", "a" * 31, "a b", "ä", "水", "😀",
    "key:with:colons", "key.with.dots", "00000000-0000-4000-8000-000000000000", "-1", "x,y", "\u017f", "tab\there", "nul\0l",
    "end",
]  # fmt: skip


def eppo() -> dict[str, list[Vector]]:
    """An allocation with a split for each of its 10,000 shards."""
    import eppo_client

    salt, total = "salt", 10_000
    names = {str(at): {"key": str(at), "value": at} for at in range(total)}
    splits = [
        {"variationKey": name, "shards": [{"salt": salt, "ranges": [{"start": int(name), "end": int(name) + 1}]}]}
        for name in names
    ]
    flag = {"key": "f", "enabled": True, "variationType": "INTEGER", "variations": names, "totalShards": total,
            "allocations": [{"key": "all", "rules": [], "splits": splits, "doLog": False}]}  # fmt: skip
    document = {"createdAt": "2024-04-17T19:40:53.716Z", "format": "SERVER", "environment": {"name": "Test"}}
    config = eppo_client.Configuration(flags_configuration=json.dumps({**document, "flags": {"f": flag}}).encode())
    client = eppo_client.init(
        eppo_client.ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=eppo_client.assignment_logger.AssignmentLogger(),
            poll_interval_seconds=None,
            initial_configuration=config,
        )
    )
    return {"eppo": [[salt, total, key, client.get_integer_assignment("f", key, {}, -1)] for key in KEYS]}


def configcat() -> dict[str, list[Vector]]:
    """A setting with a hundred options of one per cent each."""
    from configcatclient.logger import Logger
    from configcatclient.rolloutevaluator import RolloutEvaluator
    from configcatclient.user import User

    options = [{"p": 1, "v": {"i": at}} for at in range(100)]
    config = {"f": {"setting": {"t": 2, "v": {"i": -1}, "p": options}}}
    evaluator = RolloutEvaluator(Logger("configcat", None))
    found = {key: evaluator.evaluate("setting", User(key), -1, None, config, None)[0] for key in KEYS}
    return {"configcat": [["setting", 100, key, point] for key, point in found.items()]}


def flagd_1() -> dict[str, list[Vector]]:
    """Two weights, of which the first ends at any double that one likes: it is moved to where the answer changes."""
    from openfeature.contrib.provider.flagd.resolvers.process.targeting import targeting

    def below(key: str, end: float) -> bool:
        ends, total = end.as_integer_ratio()
        weights = [["a", ends], ["b", 100 * total - ends]]
        return bool(targeting("f", {"fractional": [key, *weights]}) == "a")

    vectors = []
    for key in KEYS:
        low, high = 0.0, 100.0  # the point lies in [low, high)
        while math.nextafter(low, high) < high:
            middle = (low + high) / 2
            low, high = (low, middle) if below("flag" + key, middle) else (middle, high)
        vectors.append(["flag", 100, key, low])
    return {"flagd_1": vectors}


def flagd_2() -> dict[str, list[Vector]]:
    """A thousand buckets of weight 1."""
    from openfeature.contrib.tools.flagd.core.targeting.targeting import targeting

    buckets = [[str(at), 1] for at in range(1000)]
    found = {key: targeting("f", {"fractional": ["flag" + key, *buckets]}) for key in KEYS}
    return {"flagd_2": [["flag", 1000, key, int(point)] for key, point in found.items()]}


def devcycle() -> dict[str, list[Vector]]:
    """The hashes that the bucketing library, which is WebAssembly, gives away."""
    from devcycle_python_sdk.api.local_bucketing import LocalBucketing

    library = LocalBucketing("dvc_server_none")
    hashes = library._get_export("generateBoundedHashesFromJSON")

    def text(value: str) -> int:
        """A text as AssemblyScript has it: UTF-16; the SDK's own function for this takes ASCII only."""
        units = value.encode("utf-16-le")
        pointer = int(library._get_export("__new")(library.wasm_store, len(units), 2))
        library.wasm_memory.write(library.wasm_store, units, pointer)
        library._get_export("__pin")(library.wasm_store, pointer)
        return pointer

    def answer(pointer: int) -> dict[str, Any]:
        (length,) = struct.unpack("<I", library.wasm_memory.read(library.wasm_store, pointer - 4, pointer))
        units = library.wasm_memory.read(library.wasm_store, pointer, pointer + length)
        found: dict[str, Any] = json.loads(bytes(units).decode("utf-16-le"))
        return found

    found = {key: answer(hashes(library.wasm_store, text(key), text("target"))) for key in KEYS}
    names = {"devcycle": "bucketingHash", "devcycle_rollout": "rolloutHash"}
    return {scheme: [["target", 1, key, each[name]] for key, each in found.items()] for scheme, name in names.items()}


ROWS: Final[dict[str, tuple[Callable[[], dict[str, list[Vector]]], str, str]]] = {
    "eppo": (eppo, "eppo-server-sdk", "assignments among 10,000 splits of one shard each"),
    "configcat": (configcat, "configcat-client", "a hundred percentage options of 1 %"),
    "flagd_1": (flagd_1, "openfeature-provider-flagd", "fractional, the bound between two weights moved to the point"),
    "flagd_2": (flagd_2, "openfeature-flagd-core", "fractional over 1000 buckets of weight 1"),
    "devcycle": (devcycle, "devcycle-python-server-sdk", "generateBoundedHashesFromJSON of its bucketing library"),
}
"""What computes a system's tables, the distribution that it needs, and how it is asked.

The releases that have them: eppo-server-sdk 4.4.1, configcat-client 10.0.1, openfeature-provider-flagd 0.3.0 for flagd_1,
openfeature-flagd-core 1.0.0 for flagd_2, devcycle-python-server-sdk 3.14.0.
"""


def main(system: str, *, check: bool) -> int:
    """Put a system's tables into the file, or compare them with it."""
    compute, distribution, how = ROWS[system]
    source = f"{distribution} {version(distribution)}, {how}"
    tables = json.loads(FILE.read_text("utf-8"))
    made = compute()
    for table in tables if not check else ():
        if table["scheme"] in made:
            table |= {"source": source, "vectors": made[table["scheme"]]}
    if not check:
        FILE.write_text(_laid_out(tables), "utf-8")
    kept = {table["scheme"]: table["vectors"] for table in tables}
    differing = [
        (scheme, ours, theirs)
        for scheme, vectors in made.items()
        for ours, theirs in zip(kept[scheme], vectors, strict=True)
        if ours != theirs
    ]
    for scheme, ours, theirs in differing:
        sys.stdout.write(f"{scheme}: the file has {ours}, the SDK {theirs}\n")
    sys.stdout.write(f"{source}: {sum(map(len, made.values()))} points, {len(differing)} differ\n")
    return 1 if differing else 0


def _laid_out(tables: list[dict[str, Any]]) -> str:
    """The file: a line for each vector."""
    made = []
    for table in tables:
        vectors = ",\n".join(f"  {json.dumps(vector)}" for vector in table["vectors"])
        head = f'{{"scheme": {json.dumps(table["scheme"])}, "source": {json.dumps(table["source"], ensure_ascii=False)}'
        made.append(f' {head}, "vectors": [\n{vectors}\n ]}}')
    return "[\n" + ",\n".join(made) + "\n]\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], check="--check" in sys.argv[2:]))
