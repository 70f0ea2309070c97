"""`buildflags import SYSTEM FILE`: reads another system's export and says what became of each flag before anything is kept."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from rich.console import Group, RenderableType
from rich.text import Text

from buildflags_sdk.errors import ConfigurationError, RulesetError
from buildflags_sdk.importers import SYSTEMS, Imported, Standing, read
from buildflags_sdk.importers.source import MAX_BYTES, check_size

from ._exit import Exit, Failure
from ._options import Managing, json_option, managing_options
from ._output import show, table, working
from .pull import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._api import Management

_READING = (
    click.option(
        "--max-bytes",
        type=click.IntRange(min=1),
        default=MAX_BYTES,
        show_default=True,
        help="How large the export may be.",
    ),
    click.option(
        "--fractional",
        type=click.IntRange(1, 3),
        help="flagd: which version of its hash the flagd in use has (2 unless told).",
    ),
    click.option("--sticky-buckets", is_flag=True, help="GrowthBook: stored assignments win, as in its SDK's service."),
    click.option("--forced-variations", is_flag=True, help="GrowthBook: read the attribute forcedVariations."),
)


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of reading an export, which the command hands to `read_export`."""
    for option in reversed(_READING):
        command = option(command)
    return command


_RULES = ("enabled", "off", "rules", "fallthrough")


@click.command("import")
@click.argument("system", type=click.Choice(sorted(SYSTEMS)), metavar="SYSTEM")
@click.argument("file", type=click.Path())
@click.option("--to", "environment", metavar="ENVIRONMENT", help="Make the flags in this environment of the backend.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write a flags file instead.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of each flag.")
@click.option("--report", "page", type=click.Path(dir_okay=False), help="Write the report as a page (HTML).")
@reading_options
@managing_options
@json_option
def import_(
    system: str,
    file: str,
    environment: str | None,
    output: str | None,
    dry_run: bool,
    page: str | None,
    managing: Managing,
    as_json: bool,
    **reading: Any,
) -> None:
    """Import another system's flags without changing anybody's variant.

    SYSTEM is one of appconfig, configcat, eppo, flagd, flagsmith, growthbook, launchdarkly, openfeature, posthog,
    statsig, unleash, waffle. Each flag is exact, approximated (the report says how) or refused (and why). Ends with 1
    when a flag was refused, or the backend did not take its rules.
    """
    if not dry_run and environment is None and output is None:
        raise click.UsageError("say where to: --to ENVIRONMENT or -o FILE; or --dry-run to look first")
    imported = read_export(system, file, **reading)
    if page is not None:
        write_whole(Path(page), imported.report.html().encode())
    made, not_taken = Made([], {})
    if not dry_run and output is not None:
        write_whole(Path(output), flags_file(imported))
        made = [output]
    elif not dry_run and environment is not None:
        with managing.api() as api, working("importing …") as progress:
            made, not_taken = into_backend(api, environment, imported, progress)
    answer = {
        **imported.report.as_dict(),
        "file": file,
        "made": made,
        "not_taken": not_taken,
        "report": page,
        "dry_run": dry_run,
    }
    show(answer, lambda: _picture(imported, Made(made, not_taken), page, dry_run=dry_run), as_json=as_json)
    if imported.report.refused or not_taken:
        raise SystemExit(Exit.NEGATIVE)


def read_export(system: str, file: str, *, max_bytes: int, **options: Any) -> Imported:
    """Read an export, or end with what is wrong with it. One that is too large is not even loaded."""
    given = {name: value for name, value in options.items() if value}
    try:
        with Path(file).open("rb") as export:
            check_size(os.fstat(export.fileno()).st_size, max_bytes)
            return read(system, export.read(max_bytes + 1), max_bytes=max_bytes, **given)
    except OSError as error:
        raise Failure(
            f"cannot read {file}: {error.strerror or error}", "give the export's path", exit_code=Exit.CONFIGURATION
        ) from None
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    except RulesetError as error:
        raise Failure(
            f"{file}: {error}", f"give an export of {SYSTEMS[system]}, whole", exit_code=Exit.CONFIGURATION
        ) from None


def flags_file(imported: Imported) -> bytes:
    """The imported entries as a flags file, which a client, `validate` and `eval` read."""
    document = {"buildflags": 1, "flags": imported.flags, "segments": imported.segments}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


class Made(NamedTuple):
    """What an import made in a backend, by key, and why the backend did not take the rules of some, by key too."""

    keys: list[str]
    not_taken: dict[str, str]


def into_backend(api: Management, environment: str, imported: Imported, progress: Callable[[str], None]) -> Made:
    """Make segments and flags in the backend, those that others name first, and publish once.

    A flag that was refused is made too: it gives the caller's default and says why. So does one whose rules the backend does
    not take, such as flags that name each other in a circle; a segment like that is left out.
    Nothing is overwritten: an entry that is there already ends the import with what was made so far still unpublished.
    """
    waiting: dict[str, Callable[[], Any]] = {
        f"segment {key}": partial(api.create_segment, _segment_body(key, entry), publish=False)
        for key, entry in imported.segments.items()
    }
    waiting |= {
        key: partial(api.create_flag, _flag_body(entry, environment), publish=False)
        for key, entry in imported.flags.items()
    }
    made: list[str] = []
    not_taken: dict[str, str] = {}
    while waiting:
        postponed: dict[str, Callable[[], Any]] = {}
        name = why = ""
        for name, make in waiting.items():
            try:
                make()
            except Failure as failure:
                if failure.exit_code != Exit.NEGATIVE:
                    raise
                postponed[name] = make  # it may name an entry that is not made yet
                why = failure.message
            else:
                made.append(name)
                progress(f"{len(made)} of {len(made) + len(waiting)} …")
        if len(postponed) == len(waiting):  # none of them ever will: one gives way, which may let others through
            not_taken[name] = why
            del postponed[name]
            if name in imported.flags:
                broken = {**imported.flags[name], "broken": f"the backend did not take its rules: {why}"}
                api.create_flag(_flag_body(broken, None), publish=False)
                made.append(name)
        waiting = postponed
    api.publish(environment)
    return Made(made, not_taken)


def _flag_body(entry: dict[str, Any], environment: str | None) -> dict[str, Any]:
    """A flag to make. Without an environment, or with none of its rules read, it does nothing anywhere."""
    rules = {name: entry[name] for name in _RULES if name in entry}
    body: dict[str, Any] = {name: entry[name] for name in ("key", "type", "variants", "broken") if name in entry}
    body["meta"] = entry.get("meta") or {}
    return body | {"environments": {environment: rules} if environment is not None and rules else {}}


def _segment_body(key: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, **{name: value for name, value in entry.items() if name != "segment"}}


def _picture(imported: Imported, kept: Made, page: str | None, *, dry_run: bool) -> RenderableType:
    report = imported.report
    shown: list[RenderableType] = []
    notable = [finding for finding in report.findings if finding.standing is not Standing.EXACT]
    if notable:
        listed = table("standing", "flag or segment", "why", "where")
        for finding in sorted(notable, key=lambda finding: (finding.standing.value, finding.key)):
            style = "bad" if finding.standing is Standing.REFUSED else "warning"
            listed.add_row(
                Text(finding.standing.value, style=style),
                Text(finding.source_key, style="key"),
                Text(finding.why),
                Text(finding.where, style="note"),
            )
        shown.append(listed)
    made = kept.keys
    for name, why in kept.not_taken.items():
        shown.append(Text.assemble(("✘ ", "bad"), (name, "key"), f"  the backend did not take its rules: {why}"))
    counted = f"{report.exact} exact, {report.approximated} approximated, {report.refused} refused"
    done = "nothing kept: a dry run" if dry_run else f"{len(made)} made" if len(made) != 1 else f"made {made[0]}"
    shown.append(
        Text.assemble(("✔ ", "good"), (SYSTEMS.get(report.system, report.system), "key"), f"  {counted}; {done}")
    )
    if imported.attributes.targeting_key != "targetingKey":
        shown.append(Text(f"contexts: {imported.attributes.targeting_key} is the targeting key", style="note"))
    if page is not None:
        shown.append(Text(f"report: {page}", style="note"))
    return Group(*shown)
