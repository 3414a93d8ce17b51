"""The ledger: what processing an asset cost, from what the steps reported and the price book.

All lines are in USD at list price, before free tiers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.money.functions import steps
from impp_lambdas.core.money.pricing import GB, LedgerLine, PriceBook
from impp_lambdas.core.money.usage import index_lines, transcribe_line

if TYPE_CHECKING:
    from impp_lambdas.core.money.storage import Choice

Lines = list[LedgerLine]

MIN_OUTPUT_S = 10
"""MediaConvert bills each output for at least 10 s, in whole seconds (its pricing page)."""

OTHER_STATES = {"process": 4, "archive_only": 3, "quarantine": 4}
"""States outside the branches that call no function, by verdict: Claim, Route, then Process and Notify, or Notify, or
AlertQuarantined and Quarantined."""


def mediaconvert_line(width: int | None, height: int | None, fps: float, seconds: float) -> LedgerLine:
    """One output of MediaConvert's Basic tier (AVC, one pass) in minutes; without a size it is audio only."""
    minutes = max(MIN_OUTPUT_S, math.ceil(round(seconds, 3))) / 60
    return PriceBook.load().line("mediaconvert", mediaconvert_item(width, height, fps), minutes)


def mediaconvert_item(width: int | None, height: int | None, fps: float) -> str:
    """The price book's item of an output: SD below 720 on the short side, 4K above 1080, else HD; up to 30, 60 or 120
    frames/s."""
    if not width or not height:
        return "audio_only"
    short = min(width, height)
    size = "sd" if short < 720 else "hd" if short <= 1080 else "4k"
    return f"basic_{size}_{30 if fps <= 30 else 60 if fps <= 60 else 120}"


def transitions(verdict: str, branches: Mapping[str, Mapping[str, Any]], retries: int = 0) -> int:
    """State transitions of an execution, including retries, which AWS bills as well.

    The results in `branches` count their own; `retries` are those outside. Retries of Publish, Quarantine and the alert
    after them are not known when the ledger is written.
    """
    inside = sum(int(b.get("transitions", 0)) for b in branches.values())
    return OTHER_STATES[verdict] + len(steps(verdict)) + inside + retries


@dataclass(frozen=True)
class Run:
    """What an execution did. `usages` are the ledger lines that steps reported, `retries` those outside branches."""

    verdict: str
    facts: Mapping[str, Any]
    usages: Iterable[Sequence[Mapping[str, Any]]]
    retries: int
    renditions: Sequence[Mapping[str, Any]] = ()
    branches: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    archive: Choice | None = None
    delivered_bytes: int = 0


def ledger(run: Run) -> Lines:
    """What was spent: the steps' own lines, what no step can know by itself, and the first month of storage.

    A MediaConvert job that failed is not billed.
    """
    lines = [line for usage in run.usages for line in from_dicts(usage)]
    transcode, transcribe = run.branches.get("transcode", {}), run.branches.get("transcribe", {})
    if transcode.get("status") == "ok":
        length = float(run.facts["duration_s"])
        durations = [float(output.get("duration_s") or length) for output in transcode.get("outputs", [])]
        by_job = [r for r in run.renditions if r.get("engine", "mediaconvert") == "mediaconvert"]
        for position, rendition in enumerate(by_job):
            seconds = durations[position] if position < len(durations) else length
            lines.append(output_line(rendition, run.facts, seconds))
    is_job = transcribe.get("status") == "ok" and transcribe.get("engine") != "lambda"
    if is_job and not any(line.service == "transcribe" for line in lines):
        lines.append(transcribe_line(float(run.facts["duration_s"])))  # GetTranscriptionJob reports no usage
    count = transitions(run.verdict, run.branches, run.retries)
    lines.append(PriceBook.load().line("states", "standard_transition", count))
    lines += index_lines()
    if run.archive:
        lines += storage_lines(run.archive, run.delivered_bytes)
    return merge(lines)


def storage_lines(archive: Choice, delivered_bytes: int) -> Lines:
    """The first month: the original's transition and storage, and the renditions in Standard."""
    return [*archive.first_month, PriceBook.load().line("s3", "standard", delivered_bytes / GB)]


def from_dicts(lines: Iterable[Mapping[str, Any]]) -> Lines:
    """Ledger lines from a step's plain JSON."""
    return [LedgerLine(**line) for line in lines]


def merge(lines: Iterable[LedgerLine]) -> Lines:
    """Sum lines by service and item, in order of first appearance."""
    merged: dict[tuple[str, str], LedgerLine] = {}
    for line in lines:
        before = merged.get((line.service, line.item))
        if before:
            quantity, usd = before.quantity + line.quantity, before.usd + line.usd
            line = replace(before, quantity=quantity, usd=usd, doubt=before.doubt or line.doubt)
        merged[line.service, line.item] = line
    return list(merged.values())


def output_line(rendition: Mapping[str, Any], facts: Facts | Mapping[str, Any], seconds: float) -> LedgerLine:
    """The line of a planned rendition of `seconds`, at its own frame rate or else the original's."""
    source = facts.fps if isinstance(facts, Facts) else facts.get("fps")
    numerator, _, denominator = str(rendition["fps"] or source or 30).partition("/")
    fps = float(numerator) / float(denominator or 1)
    return mediaconvert_line(rendition["width"], rendition["height"], fps, seconds)
