"""What an import gives: entries in page form, a report that names each flag and segment, and a mapping of attributes."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from html import escape
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TARGETING_KEY = "targetingKey"
MOVED = "attribute.targetingKey"
"""Where an attribute goes that an application calls `targetingKey`, a name which here is the subject's key alone."""


class Standing(StrEnum):
    """How much of an entry's meaning an import keeps."""

    EXACT = "exact"
    APPROXIMATED = "approximated"
    REFUSED = "refused"


class Finding(NamedTuple):
    """What became of one flag or segment. `where` is its place in the export; `key` is ours, `source_key` the peer's."""

    kind: Literal["flag", "segment"]
    source_key: str
    key: str
    standing: Standing
    why: str
    where: str


class Report(NamedTuple):
    """Every flag and segment of an export, none left out. `version` is the export's own, empty when it has none."""

    system: str
    version: str
    findings: tuple[Finding, ...]

    @property
    def exact(self) -> int:
        """How many entries keep their whole meaning."""
        return self._count(Standing.EXACT)

    @property
    def approximated(self) -> int:
        """How many entries differ in what their finding says."""
        return self._count(Standing.APPROXIMATED)

    @property
    def refused(self) -> int:
        """How many entries answer the caller's default, with an error that says why."""
        return self._count(Standing.REFUSED)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return {
            "system": self.system,
            "version": self.version,
            "exact": self.exact,
            "approximated": self.approximated,
            "refused": self.refused,
            "findings": [{**finding._asdict(), "standing": finding.standing.value} for finding in self.findings],
        }

    def html(self) -> str:
        """A page that stands alone, with what needs attention first."""
        order = [Standing.REFUSED, Standing.APPROXIMATED, Standing.EXACT]
        rows = sorted(self.findings, key=lambda finding: (order.index(finding.standing), finding.kind, finding.key))
        title = escape(" ".join(part for part in ("Import from", self.system, self.version) if part))
        return _PAGE.format(
            title=title,
            counts=f"{self.exact} exact, {self.approximated} approximated, {self.refused} refused",
            rows="".join(map(_row, rows)),
        )

    def _count(self, standing: Standing) -> int:
        return Counter(finding.standing for finding in self.findings)[standing]


class AttributeMapping(NamedTuple):
    """How a context that an application gave to the peer becomes one that the imported flags read.

    `targeting_key` is the peer's name of the key, which keeps its place under that name too; `renames` moves attributes
    whose names mean something else here. A system whose contexts have more shape than names gives `convert` instead.

    >>> AttributeMapping("userId", {}).apply({"userId": "u1", "plan": "pro"})
    {'userId': 'u1', 'plan': 'pro', 'targetingKey': 'u1'}
    """

    targeting_key: str
    renames: Mapping[str, str]
    convert: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None

    def apply(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The same subject, as the imported flags read it. `convert` raises `ConfigurationError` for what is no context."""
        if self.convert is not None:
            return self.convert(context)
        ours = {self.renames.get(name, name): value for name, value in context.items()}
        if context.get(self.targeting_key) is not None:
            ours[TARGETING_KEY] = context[self.targeting_key]
        return ours


class Imported(NamedTuple):
    """Entries by our keys, as plain dicts in page form. A refused flag is among them and says that it is broken."""

    flags: dict[str, dict[str, Any]]
    segments: dict[str, dict[str, Any]]
    report: Report
    attributes: AttributeMapping


def _row(finding: Finding) -> str:
    key = finding.key if finding.key == finding.source_key else f"{finding.source_key} → {finding.key}"
    cells = (finding.standing.value, finding.kind, key, finding.why, finding.where)
    return f'<tr class="{finding.standing.value}">' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>
:root{{color-scheme:light dark}}
body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}
th,td{{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8884;overflow-wrap:anywhere}}
th,td:nth-child(-n+2){{white-space:nowrap}} td:nth-child(4){{min-width:20rem}}
.refused td:first-child{{color:light-dark(#b3261e,#ff8a80);font-weight:600}}
.approximated td:first-child{{color:light-dark(#8a5a00,#ffc46b);font-weight:600}}
</style></head><body><h1>{title}</h1><p>{counts}</p>
<table><thead><tr><th>standing</th><th>kind</th><th>key</th><th>why</th><th>where</th></tr></thead><tbody>
{rows}</tbody></table></body></html>
"""
