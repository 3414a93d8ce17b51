"""The quote: an upper bound of what processing an asset costs, before anything is paid.

It assumes all planned frames and speech from beginning to end. Memory and run time of the functions come from
`functions.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.money import ledger
from impp_lambdas.core.money.detection import detector_lines
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.usage import lambda_lines, transcribe_line

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts
    from impp_lambdas.core.money.storage import Choice
    from impp_lambdas.core.planning.plan import Plan

_TABLE = Path(__file__).parents[3] / "impp_lambdas/functions.toml"


def lines(plan: Plan, facts: Facts, archive: Choice, features: Sequence[str], machine: str) -> ledger.Lines:
    """The quote, including the first month of storage. `features` names the enabled branches."""
    book = PriceBook.load()
    total: ledger.Lines = []
    branches: dict[str, dict[str, int]] = {}
    renditions = plan.to_dict()["renditions"]
    if "analyze" in features:
        branches["analyze"] = {"transitions": 1}
        total += detector_lines(dict.fromkeys(plan.look.apis, plan.look.max))
    if "transcribe" in features:
        branches["transcribe"] = {"transitions": 1}
        total += [transcribe_line(facts.duration_s)] if plan.transcribe else []
    if "transcode" in features:
        branches["transcode"] = {"transitions": 2}
        total += [ledger.output_line(rendition, facts, facts.duration_s) for rendition in renditions]
    total.append(book.line("states", "standard_transition", ledger.transitions("process", branches)))
    total += _functions(plan, facts, branches, machine)
    stored = sum(_estimated_bytes(rendition, facts) for rendition in renditions) if "transcode" in features else 0
    total += ledger.storage_lines(archive, stored)
    return ledger.merge(line for line in total if line.quantity)


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def _functions(plan: Plan, facts: Facts, branches: Iterable[str], machine: str) -> ledger.Lines:
    """One run of each function that processes the asset. Sound is read only if there is something to transcribe."""
    transcribed = facts if plan.transcribe else None
    estimated: ledger.Lines = []
    for name in ("inspect", "sample", *(branch for branch in branches if branch != "transcode"), "archive", "publish"):
        function = _table()[name]
        seconds = _seconds(function["estimate"], plan.look.max, transcribed)
        estimated += lambda_lines(min(seconds, function["timeout_s"]), function["memory_mb"], machine)
    return estimated


def _seconds(estimate: Mapping[str, float], frames: int, transcribed: Facts | None) -> float:
    seconds = estimate["seconds"] + estimate.get("per_frame", 0) * frames
    if transcribed:
        seconds += estimate.get("per_gb", 0) * transcribed.bytes / 1e9
        seconds += estimate.get("per_minute", 0) * transcribed.duration_s / 60
    return seconds


def _estimated_bytes(rendition: Mapping[str, Any], facts: Facts) -> int:
    return round(int(rendition["max_bitrate"]) / 8 * facts.duration_s)
