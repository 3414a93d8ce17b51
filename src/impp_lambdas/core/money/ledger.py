"""What an asset cost, in lines of the one price book: what the steps reported, and what only the whole knows.

Every function here returns :class:`.pricing.LedgerLine` values in list price USD, before free tiers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.money.pricing import LedgerLine, PriceBook

if TYPE_CHECKING:
    from impp_lambdas.core.money.storage import Choice

Lines = list[LedgerLine]

MIN_OUTPUT_S = 10
"""MediaConvert bills each output for at least 10 s, in whole seconds (its pricing page)."""
MIN_TRANSCRIBE_S = 15
"""Transcribe bills each request for at least 15 s, in whole seconds (its pricing page)."""

TRANSITIONS = {"process": 7, "archive_only": 6, "quarantine": 6}
"""States entered outside the branches: Claim, Inspect, Route, then Sample, Archive, Publish, Notify, or Archive,
Publish, Notify, or Quarantine, AlertQuarantined, Quarantined. The Parallel state is one more where branches exist."""


def mediaconvert_line(width: int | None, height: int | None, fps: float, seconds: float) -> LedgerLine:
    """One output of MediaConvert's Basic tier (AVC, one pass) in minutes; without a size it is sound alone."""
    minutes = max(MIN_OUTPUT_S, math.ceil(round(seconds, 3))) / 60
    return PriceBook.load().line("mediaconvert", mediaconvert_item(width, height, fps), minutes)


def mediaconvert_item(width: int | None, height: int | None, fps: float) -> str:
    """The price-book item of an output: SD below 720 on the short side, 4K above 1080, else HD; 30 or 60 frames/s.

    Basic 4K has one price up to 60 frames/s.
    """
    if not width or not height:
        return "audio_only"
    short = min(width, height)
    size = "sd" if short < 720 else "hd" if short <= 1080 else "4k"
    return f"basic_{size}_{60 if fps > 30.5 or size == '4k' else 30}"


def transcribe_line(seconds: float) -> LedgerLine:
    """A transcription job over ``seconds`` of sound."""
    return PriceBook.load().line("transcribe", "batch", max(MIN_TRANSCRIBE_S, math.ceil(round(seconds, 3))))


def transitions(verdict: str, branches: Mapping[str, Mapping[str, Any]], retries: int = 0) -> int:
    """States that an execution enters on its way, and their retries, which AWS counts as well.

    The branches count for themselves, ``retries`` are those outside of them; what Publish, Quarantine and the alert
    after them may still need is not known when the ledger is written.
    """
    inside = sum(int(b.get("transitions", 0)) for b in branches.values())
    return TRANSITIONS[verdict] + (1 if branches else 0) + inside + retries


def ledger(
    verdict: str,
    plan: Mapping[str, Any],
    facts: Mapping[str, Any],
    branches: Mapping[str, Mapping[str, Any]],
    usages: Iterable[Sequence[Mapping[str, Any]]],
    archive: Choice | None,
    delivered_bytes: int,
    retries: int = 0,
) -> Lines:
    """What was spent: what the steps reported in ``usages``, what only the whole knows, and the first month of storage.

    A MediaConvert job that failed is not billed. ``retries`` are those of states outside the branches.
    """
    lines = [line for usage in usages for line in from_dicts(usage)]
    transcode, transcribe = branches.get("transcode", {}), branches.get("transcribe", {})
    if transcode.get("status") == "ok":
        durations = [float(o.get("duration_s") or facts["duration_s"]) for o in transcode.get("outputs", [])]
        for position, rendition in enumerate(plan["renditions"]):
            seconds = durations[position] if position < len(durations) else float(facts["duration_s"])
            lines.append(output_line(rendition, facts, seconds))
    if transcribe.get("status") == "ok" and not any(line.service == "transcribe" for line in lines):
        lines.append(transcribe_line(float(facts["duration_s"])))  # found by looking: no event told its usage
    lines.append(PriceBook.load().line("states", "standard_transition", transitions(verdict, branches, retries)))
    if archive:
        lines += storage_lines(archive, delivered_bytes)
    return merge(lines)


def storage_lines(archive: Choice, delivered_bytes: int) -> Lines:
    """The first month: moving the original to its class and keeping it there, and the renditions in Standard."""
    return [*archive.first_month, PriceBook.load().line("s3", "standard", delivered_bytes / 1e9)]


def from_dicts(lines: Iterable[Mapping[str, Any]]) -> Lines:
    """Ledger lines that came back from a step as plain JSON."""
    return [LedgerLine(**line) for line in lines]


def merge(lines: Iterable[LedgerLine]) -> Lines:
    """One line for each service and item, quantities and USD summed, in the order of first appearance."""
    merged: dict[tuple[str, str], LedgerLine] = {}
    for line in lines:
        have = merged.get((line.service, line.item))
        if have:
            quantity, usd = have.quantity + line.quantity, have.usd + line.usd
            line = replace(have, quantity=quantity, usd=usd, doubt=have.doubt or line.doubt)
        merged[line.service, line.item] = line
    return list(merged.values())


def output_line(rendition: Mapping[str, Any], facts: Facts | Mapping[str, Any], seconds: float) -> LedgerLine:
    """One planned rendition of ``seconds``, at its own frame rate or else the original's."""
    source = facts.fps if isinstance(facts, Facts) else facts.get("fps")
    numerator, _, denominator = str(rendition["fps"] or source or 30).partition("/")
    fps = float(numerator) / float(denominator or 1)
    return mediaconvert_line(rendition["width"], rendition["height"], fps, seconds)
