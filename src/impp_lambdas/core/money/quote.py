"""The quote: an upper bound of what processing an asset costs, before anything is paid.

It assumes all planned frames and speech from beginning to end. Memory and run time of the functions come from
`functions.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.money import ledger
from impp_lambdas.core.money.detection import managed_lines
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.usage import lambda_lines, transcribe_line
from impp_lambdas.core.planning import proxy

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts
    from impp_lambdas.core.money.storage import Choice
    from impp_lambdas.core.planning.plan import Plan

LOCAL = ("lambda", "cascade")
"""Engines of detectors that look at every frame in the function Sample."""
_TABLE = Path(__file__).parents[3] / "impp_lambdas/functions.toml"


def lines(plan: Plan, facts: Facts, archive: Choice, features: Sequence[str], machine: str) -> ledger.Lines:
    """The quote, including the first month of storage. `features` names the enabled branches."""
    book = PriceBook.load()
    total: ledger.Lines = []
    renditions = [rendition.to_dict() for rendition in plan.renditions]
    by_job = [rendition for rendition in renditions if rendition["engine"] == "mediaconvert"]
    branches = _branches(plan, features, has_job=bool(by_job))
    if "analyze" in features:
        total += managed_lines(plan.managed_calls)
    total += [transcribe_line(facts.duration_s)] if plan.speech == "transcribe" else []
    total += [ledger.output_line(rendition, facts, facts.duration_s) for rendition in by_job]
    retries = len(plan.parts) + 1 if len(plan.parts) > 1 else 0
    total.append(book.line("states", "standard_transition", ledger.transitions("process", branches, retries)))
    total += _functions(plan, facts, branches, machine)
    total += ledger.storage_lines(archive, sum(_estimated_bytes(rendition, facts) for rendition in renditions))
    return ledger.merge(line for line in total if line.quantity)


def _branches(plan: Plan, features: Sequence[str], *, has_job: bool) -> dict[str, dict[str, int]]:
    """The branches that an execution has, with their transitions: a choice precedes the renditions."""
    branches: dict[str, dict[str, int]] = {}
    if "analyze" in features:
        branches["analyze"] = {"transitions": 1}
    if "transcribe" in features or "hear" in features:
        branches["transcribe"] = {"transitions": 1}
    if "proxy" in features or "transcode" in features:
        has_proxy = any(rendition.engine == "lambda" for rendition in plan.renditions)
        branches["transcode"] = {"transitions": 1 + max(1, has_proxy + has_job)}
    return branches


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))


def _functions(plan: Plan, facts: Facts, branches: Mapping[str, Any], machine: str) -> ledger.Lines:
    """Every function that processes the asset: one run, or as many as a long recording takes."""
    estimated: ledger.Lines = []
    for name, seconds in _runs(plan, facts, branches):
        estimated += lambda_lines(seconds, _table()[name]["memory_mb"], machine)
    return estimated


def _runs(plan: Plan, facts: Facts, branches: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Functions and their seconds. Sound is read only if there is something to transcribe."""
    looks = plan.look.max if any(engine in LOCAL for engine in plan.detectors.values()) else plan.frames.max
    yield "inspect", _estimate("inspect")
    yield "sample", min(_estimate("sample", frames=looks), _table()["sample"]["timeout_s"] * len(plan.parts))
    if "analyze" in branches:
        yield "analyze", min(_estimate("analyze", frames=plan.frames.max), _table()["analyze"]["timeout_s"])
    if "transcribe" in branches:
        heard = facts if plan.speech != "off" else None
        if plan.speech == "lambda":
            yield "hear", _estimate("hear", heard=heard)
        else:
            yield "transcribe", min(_estimate("transcribe", heard=heard), _table()["transcribe"]["timeout_s"])
    if any(rendition.engine == "lambda" for rendition in plan.renditions):
        yield "proxy", proxy.seconds(facts)
    yield "archive", _estimate("archive")
    yield "publish", _estimate("publish")


def _estimate(function: str, *, frames: int = 0, heard: Facts | None = None) -> float:
    estimate = _table()[function]["estimate"]
    seconds = float(estimate["seconds"] + estimate.get("per_frame", 0) * frames)
    if heard:
        seconds += estimate.get("per_gb", 0) * heard.bytes / 1e9
        seconds += estimate.get("per_minute", 0) * heard.duration_s / 60
    return seconds


def _estimated_bytes(rendition: Mapping[str, Any], facts: Facts) -> int:
    return round(int(rendition["max_bitrate"]) / 8 * facts.duration_s)
