"""The quote: an upper bound of what processing an asset costs, before anything is paid.

It assumes that every planned call is made, that somebody speaks from beginning to end, renditions at their highest data
rate, and new containers. How long functions run is estimated in :mod:`.runtimes`, for the processors that
:mod:`.calibration` knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.money import ledger, runtimes
from impp_lambdas.core.money.detection import custom_quote, managed_lines, video_lines
from impp_lambdas.core.money.functions import table
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.usage import index_lines, lambda_lines, request_lines, transcribe_line
from impp_lambdas.core.planning import proxy

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts
    from impp_lambdas.core.money.calibration import Calibration
    from impp_lambdas.core.money.storage import Choice
    from impp_lambdas.core.planning.plan import Plan

SIDE_BYTES = 250_000
"""Poster, storyboard, captions and manifest."""


def lines(plan: Plan, facts: Facts, archive: Choice, features: Sequence[str], calibration: Calibration) -> ledger.Lines:
    """The quote, including the first month of storage. `features` names the enabled branches, `calibration` says how
    fast the functions are."""
    book = PriceBook.load()
    total: ledger.Lines = []
    renditions = [rendition.to_dict() for rendition in plan.renditions]
    by_job = [rendition for rendition in renditions if rendition["engine"] == "mediaconvert"]
    branches = _branches(plan, features)
    if "analyze" in features:
        total += managed_lines(plan.managed_calls)
        total += custom_quote(plan.custom, plan.frames.max)
        total += video_lines(plan.video, facts.duration_s)
    total += [transcribe_line(facts.duration_s)] if plan.speech == "transcribe" else []
    total += [ledger.output_line(rendition, facts, facts.duration_s) for rendition in by_job]
    retries = runtimes.waits(plan)
    retries += proxy.rung_attempts(facts) - 1 if plan.has_rung else 0
    total.append(book.line("states", "standard_transition", ledger.transitions("process", branches, retries)))
    for run in runs(plan, facts, features, calibration):
        seconds = run.seconds(calibration.factor(run.function))
        total += lambda_lines(seconds, table()[run.function]["memory_mb"], calibration.machine)
        total += request_lines(gets=run.gets, puts=run.puts)
    total += index_lines()
    delivered = SIDE_BYTES + sum(_estimated_bytes(rendition, facts) for rendition in renditions)
    total += ledger.storage_lines(archive, delivered)
    return ledger.merge(line for line in total if line.quantity)


def runs(plan: Plan, facts: Facts, features: Sequence[str], calibration: Calibration) -> list[runtimes.Run]:
    """The functions that process an original."""
    return list(runtimes.runs(plan, facts, _branches(plan, features), calibration.factor))


def _branches(plan: Plan, features: Sequence[str]) -> dict[str, dict[str, int]]:
    """The results that an execution has, with the transitions that led to each."""
    parts = len(plan.parts)
    branches = {"sample": {"transitions": 1 if parts == 1 else 1 + 1 + parts + 1}}  # its reply, Map, the parts, Join
    if "analyze" in features:
        branches["analyze"] = {"transitions": 3 if plan.video else 1}
    if "transcribe" in features or "hear" in features:
        branches["transcribe"] = {"transitions": 1}
    if "proxy" in features or "transcode" in features:
        branches["transcode"] = {"transitions": _rendition_states(plan, features)}
    return branches


def _rendition_states(plan: Plan, features: Sequence[str]) -> int:
    """A function makes its renditions, or replies that there is a job: then the job follows, or both in a Parallel.
    Without the function, a choice comes first."""
    if "proxy" not in features:
        return 2
    has_job = any(rendition.engine == "mediaconvert" for rendition in plan.renditions)
    has_proxy = any(rendition.engine == "lambda" for rendition in plan.renditions)
    return (4 if has_proxy else 2) if has_job else 1


def _estimated_bytes(rendition: Mapping[str, Any], facts: Facts) -> int:
    return round(int(rendition["max_bitrate"]) / 8 * facts.duration_s)
