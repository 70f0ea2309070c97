"""PostHog: what its local evaluation endpoint answers (`/api/feature_flag/local_evaluation?send_cohorts`), by release 7.42.

A context holds a person's properties, the distinct id under `distinct_id`, and for flags over groups
`{"groups": {"company": "acme"}, "group_properties": {"company": {"plan": "pro"}}}`, as PostHog's own calls take them; a
device is `$device_id`. Where PostHog's SDK would ask its server, a flag is undecided here: the caller's default, even for
those whom a later group would let in when an earlier one needs a static cohort and a property that is not given. Only a
date object that is compared with a number differs: PostHog's SDK fails over the whole flag then, ours goes on to the
groups after it.

PostHog's SDK judges a flag that another depends on for the other's subject. Where that is not its own, the import has a
copy of it, as `checkout.for-person`.

What only PostHog's server tries before the groups (early access, holdouts) is passed over as by its SDK, and the report says so.

The payloads of a flag `checkout` are a flag of their own, `checkout.payload`, which has one variant for each payload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildflags_sdk._evaluation.lines import shown
from buildflags_sdk.errors import FlagFileError
from buildflags_sdk.importers.draft import Draft, Unsupported, place
from buildflags_sdk.importers.report import AttributeMapping, Imported
from buildflags_sdk.importers.source import MAX_BYTES, read_object

from .cohorts import Cohorts, cohorts_of
from .dependencies import Dependencies
from .fields import of_payload
from .flag import FALSE, TRUE, Flag
from .flags import Flags
from .properties import DISTINCT_ID, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from buildflags_sdk._evaluation.details import Decision

__all__ = ["RELEASE", "read", "result_of"]

RELEASE = "7.42"
"""The release of PostHog's Python SDK that is followed. Later ones order text and judge null otherwise."""
_ADVICE = "give what GET /api/feature_flag/local_evaluation?send_cohorts answers"


def read(data: bytes, *, max_bytes: int = MAX_BYTES) -> Imported:
    """Read a local evaluation payload.

    Raises:
        FlagFileError: the bytes are no such payload.
    """
    raw = read_object(data, system="PostHog", max_bytes=max_bytes)
    listed = raw.get("flags")
    if not isinstance(listed, list):
        msg = f"a local evaluation payload of PostHog has a list of `flags`, not {shown(listed)}: {_ADVICE}"
        raise FlagFileError(msg)
    flags: dict[str, Flag] = {}
    for at, body in enumerate(listed):
        key = body.get("key") if isinstance(body, dict) else None
        if not isinstance(key, str) or not key:
            msg = f"$.flags[{at}] has {shown(key)} for its key: {_ADVICE}"
            raise FlagFileError(msg)
        flags[key] = Flag(key, body, at)
    try:
        cohorts, types = cohorts_of(raw.get("cohorts")), _group_types(raw.get("group_type_mapping"))
    except Unsupported as error:
        msg = f"{error}: {_ADVICE}"
        raise FlagFileError(msg) from None
    draft = Draft("posthog", RELEASE)
    draft.reserve("flag", flags)
    person = Subject()
    note = of_payload(raw)
    dependencies = Dependencies(flags, draft, types, person)
    dependencies.cohorts = Cohorts(cohorts, draft, dependencies, note)
    reading = Flags(draft, dependencies, note)
    for flag in flags.values():
        reading.add(flag)
    dependencies.cohorts.import_all()
    reading.add_copies()
    return draft.done(AttributeMapping(DISTINCT_ID, person.renames))


def result_of(decision: Decision, entry: Mapping[str, Any]) -> bool | str | None:
    """A decision as PostHog gives it: false, true, a variant's key, or None where its server would be asked."""
    if not decision.decided or decision.variant is None:
        return None
    names = entry["meta"]["imported"].get("plain", {FALSE: False, TRUE: True})
    plain: bool | None = names.get(decision.variant)
    return decision.variant if plain is None else plain


def _group_types(raw: Any) -> dict[str, str]:
    if raw is None:
        return {}
    where = place("group_type_mapping")
    if not isinstance(raw, dict) or not all(isinstance(name, str) for name in raw.values()):
        msg = f"{where} is {shown(raw)}, not a mapping of numbers to names"
        raise Unsupported(msg)
    return raw
