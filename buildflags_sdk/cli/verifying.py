"""`buildflags verify-import SYSTEM FILE`: decides a sample of traffic on the imported rules, beside the other system's own SDK."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from rich.console import Group, RenderableType
from rich.text import Text

from buildflags_sdk._evaluation.interpreter import Definitions, interpret
from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk._snapshot import Snapshot
from buildflags_sdk._storage.files import read_flags
from buildflags_sdk.errors import ConfigurationError
from buildflags_sdk.importers import SYSTEMS
from buildflags_sdk.importers.peers import DEFAULT, Answer, peer_of
from buildflags_sdk.shadow import same

from ._api import nearest
from ._exit import Exit, Failure
from ._fetch import wall
from ._options import json_option
from ._output import show, table, warn, working
from .importing import flags_file, read_export, reading_options

if TYPE_CHECKING:
    from buildflags_sdk.importers import Imported
    from buildflags_sdk.importers.peers import Peer
    from buildflags_sdk.importers.peers.answers import Evaluate

FIRST_DIFFERENCES = 5


class Difference(NamedTuple):
    """One context for which the two systems do not answer alike, with both explanations: our trace, and their SDK's words."""

    flag: str
    context: Mapping[str, Any]
    ours: Any
    theirs: Any
    trace: tuple[str, ...]
    their_words: str


class Sample(NamedTuple):
    """What a sample of contexts came to."""

    contexts: int
    variants: Mapping[str, Counter[str]]
    equal: int
    different: int
    first: tuple[Difference, ...]
    by_flag: Counter[str]


@click.command("verify-import")
@click.argument("system", type=click.Choice(sorted(SYSTEMS)), metavar="SYSTEM")
@click.argument("file", type=click.Path())
@click.option("--contexts", required=True, type=click.Path(), help="Contexts, one JSON object a line (NDJSON).")
@click.option("--flag", "only", multiple=True, metavar="KEY", help="Only this flag (may be repeated).")
@reading_options
@json_option
def verify_import(system: str, file: str, contexts: str, only: tuple[str, ...], as_json: bool, **reading: Any) -> None:
    """Decide a sample of contexts on the imported flags: who gets which variant.

    With the other system's SDK installed, side by side with it: how often both answer alike, and the first differences
    explained. Ends with 1 when there is a difference.
    """
    imported = read_export(system, file, **reading)
    theirs: tuple[Peer, Evaluate] | None
    try:
        peer = peer_of(system)
        theirs = peer, peer.evaluator(Path(file).read_bytes())
    except ConfigurationError as error:
        theirs = None
        warn(str(error))
    with working("deciding …") as progress:
        sample = decide(imported, read_contexts(contexts, imported), theirs, only, progress)
    if not sample.contexts:
        raise Failure(f"{contexts} has no context", "write one context a line", exit_code=Exit.CONFIGURATION)
    answer = {
        "system": system,
        "contexts": sample.contexts,
        "side_by_side": theirs is not None,
        "equal": sample.equal,
        "different": sample.different,
        "flags": {key: dict(counts) for key, counts in sample.variants.items()},
        "different_by_flag": dict(sample.by_flag),
        "first_differences": [difference._asdict() for difference in sample.first],
    }
    show(answer, lambda: _picture(sample, side_by_side=theirs is not None), as_json=as_json)
    if sample.different:
        raise SystemExit(Exit.NEGATIVE)


def read_contexts(file: str, imported: Imported) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The contexts of an NDJSON file, one at a time: the file may be long. Each as it stands there, and as ours."""
    try:
        with Path(file).open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    context = json.loads(line)
                except ValueError:
                    context = None
                if not isinstance(context, dict):
                    raise Failure(
                        f"{file}, line {number}: no JSON object",
                        'write one context a line, such as {"userId": "u1", "country": "DE"}',
                        exit_code=Exit.CONFIGURATION,
                    )
                try:
                    yield context, imported.attributes.apply(context)
                except ConfigurationError as error:
                    raise Failure(
                        f"{file}, line {number}: {error}",
                        "give contexts as the other system's callers give them, or take the line out",
                        exit_code=Exit.CONFIGURATION,
                    ) from None
    except UnicodeDecodeError:
        raise Failure(f"{file} is not UTF-8", "save the contexts as UTF-8", exit_code=Exit.CONFIGURATION) from None
    except OSError as error:
        raise Failure(
            f"cannot read {file}: {error.strerror or error}", "give the file of contexts", exit_code=Exit.CONFIGURATION
        ) from None


def decide(
    imported: Imported,
    contexts: Iterator[tuple[dict[str, Any], dict[str, Any]]],
    theirs: tuple[Peer, Evaluate] | None,
    only: tuple[str, ...],
    progress: Any,
) -> Sample:
    """Decide every flag for every context, by us and, if it is there, by the other system."""
    files = read_flags(flags_file(imported))
    snapshot = Snapshot.from_lines(files.flags, files.segments)
    source_keys = {finding.key: finding.source_key for finding in imported.report.findings if finding.kind == "flag"}
    keys = [key for key in snapshot.keys() if not only or key in only or source_keys.get(key) in only]  # noqa: SIM118
    for name in only:
        if not any(name in (key, source_keys.get(key)) for key in keys):
            there = sorted({*source_keys, *source_keys.values()})
            raise Failure(f"the export has no flag {name!r}", nearest("flag", name, there), exit_code=Exit.NOT_FOUND)
    world = PureWorld(now=wall, random=random.random)
    variants: dict[str, Counter[str]] = {key: Counter() for key in keys}
    by_flag: Counter[str] = Counter()
    first: list[Difference] = []
    equal = number = 0
    for number, (context, ours_context) in enumerate(contexts, 1):
        for key in keys:
            decision = snapshot.decide(key, ours_context, world)
            variants[key][DEFAULT if decision.variant is None else decision.variant] += 1
            if theirs is None:
                continue
            peer, evaluate = theirs
            mine = peer.ours(decision, imported.flags[key])
            answer = _asked(evaluate, source_keys.get(key, key), context)
            if same(mine, answer.value):
                equal += 1
                continue
            by_flag[key] += 1
            if len(first) < FIRST_DIFFERENCES:
                trace = tuple(interpret(Definitions.of(snapshot), key, ours_context, world).lines())
                first.append(Difference(key, context, mine, answer.value, trace, answer.why))
        if number % 1000 == 0:
            progress(f"{number:,} contexts …")
    return Sample(number, variants, equal, by_flag.total(), tuple(first), by_flag)


def _asked(evaluate: Evaluate, key: str, context: Mapping[str, Any]) -> Answer:
    """The SDK's answer; one that it breaks off over is its own, and tells itself apart."""
    try:
        return evaluate(key, context)
    except Exception as error:  # noqa: BLE001 - whatever another system's code raises
        return Answer("an error", f"{type(error).__name__}: {error}")


def _picture(sample: Sample, *, side_by_side: bool) -> RenderableType:
    listed = table("flag", "who gets what", "different")
    for key, counts in sample.variants.items():
        shares = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
        wrong = sample.by_flag[key]
        listed.add_row(Text(key, style="key"), Text(shares), Text(f"{wrong:,}" if wrong else "", style="bad"))
    shown: list[RenderableType] = [listed]
    for difference in sample.first:
        shown.append(Text.assemble((difference.flag, "key"), " for ", json.dumps(difference.context, default=str)))
        shown.append(Text(f"  ours {difference.ours!r}, theirs {difference.theirs!r}", style="bad"))
        shown += [Text(f"    {line}", style="note") for line in difference.trace]
        shown.append(Text(f"    theirs: {difference.their_words or 'its SDK gives no reason'}", style="note"))
    if side_by_side:
        mark = ("✘ ", "bad") if sample.different else ("✔ ", "good")
        shown.append(Text.assemble(mark, f"{sample.equal:,} equal, {sample.different:,} different"))
    shown.append(Text(f"{sample.contexts:,} contexts", style="note"))
    return Group(*shown)
