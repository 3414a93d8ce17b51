"""Alerts: one for each asset whose processing has ended, and about renditions on request.

An alert is `{severity, kind, asset, title, text, links: [{title, url}], usd}`; severity is info, warning or critical.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import quote as url_quote

SEVERITY = {
    "published": "info",
    "partial": "warning",
    "deferred": "warning",
    "gone": "warning",
    "quarantined": "critical",
    "failed": "critical",
    "rendering": "info",
    "rendered": "info",
    "unrendered": "warning",
    "restored": "info",
}
_TITLE = {
    "published": "Published",
    "partial": "Published in part",
    "deferred": "Deferred: over a spending limit",
    "gone": "Deleted before it could be read",
    "quarantined": "Quarantined",
    "failed": "Processing failed",
    "rendering": "Rendition requested",
    "rendered": "Rendition ready",
    "unrendered": "Rendition not made",
    "restored": "Original restored",
}
MOST_PER_DAY = 20
"""Alerts about the bad ends of a device's files per day (UTC). Whoever has a box's credentials can upload any number of
files that end badly, and a whole card may be over the budget."""
SUBJECT_LENGTH = 99
"""SNS accepts subjects of fewer than 100 printable ASCII characters."""


@dataclass(frozen=True)
class Alert:
    """One alert. `usd` is what the asset cost so far; None if unknown."""

    severity: str
    kind: str
    asset: str | None
    title: str
    text: str
    links: tuple[Mapping[str, str], ...]
    usd: float | None

    def to_dict(self) -> dict[str, Any]:
        """The alert as plain JSON."""
        return {**asdict(self), "links": [dict(link) for link in self.links]}


def is_bad(alert: Alert) -> bool:
    """Whether it is about a bad end, so that it counts."""
    return alert.severity != "info"


def last_of_day(alert: Alert, owner: str) -> Alert:
    """The last alert about a device's files on a day."""
    whose = owner or "files that name no device"
    notice = (
        f"This is the last of today's alerts about {whose}: there have been {MOST_PER_DAY}. Further problems are in the"
        " gallery, on its page Problems, and in `impp find`."
    )
    return replace(alert, text=f"{notice}\n{alert.text}")


def subject(title: str) -> str:
    """Convert a title to a subject that SNS accepts."""
    plain = title.encode("ascii", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in plain)[:SUBJECT_LENGTH].strip() or "IMPP"


def of_asset(
    kind: str, asset: str | None, key: str, lines: Sequence[str], links: Sequence[Mapping[str, str]], usd: float | None
) -> Alert:
    """An alert about an original. The title names its file; empty `lines` are left out."""
    name = key.rsplit("/", 1)[-1] or key
    text = "\n".join(line for line in lines if line)
    return Alert(SEVERITY[kind], kind, asset, f"{_TITLE[kind]}: {name}", text, tuple(links), usd)


def manifest_link(url: str) -> list[dict[str, str]]:
    """A link to the delivered manifest."""
    return [{"title": "Manifest", "url": url}]


def execution_link(execution: str) -> list[dict[str, str]]:
    """A link to an execution (its ARN) in the console."""
    parts = execution.split(":")
    if len(parts) < 8:
        return []
    region = parts[3]
    url = f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/"
    return [{"title": "Execution", "url": url + url_quote(execution, safe=":")}]
