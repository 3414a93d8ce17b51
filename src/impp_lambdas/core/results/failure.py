"""A failed execution: which original it processed, and why it failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core import times
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.results.reasons import explain

QUARANTINED = "Quarantined"
"""The error of executions that ended in quarantine, which has sent its own alert."""
_FINAL_STATES = ("published", "partial", "quarantined", "gone", "deferred")
_CAUSES = {"TIMED_OUT": "the execution took longer than a day", "ABORTED": "somebody stopped the execution"}
"""Causes of executions that state none."""


@dataclass(frozen=True)
class Failure:
    """`original` is None if the execution's input is not an S3 event (somebody started it by hand)."""

    execution: str
    status: str
    reason: str
    original: Original | None
    started_at: str


def read(description: Mapping[str, Any]) -> Failure | None:
    """Read DescribeExecution's response; None if the execution is running, has succeeded or ended in quarantine."""
    status = str(description["status"])
    if status not in ("FAILED", "TIMED_OUT", "ABORTED") or description.get("error") == QUARANTINED:
        return None
    cause = description.get("cause") or _CAUSES.get(status)
    return Failure(
        str(description["executionArn"]),
        status,
        explain(description.get("error"), cause),
        _original(description.get("input")),
        times.iso(description["startDate"]),
    )


def _original(text: str | None) -> Original | None:
    try:
        detail = json.loads(text or "")["detail"]
        item = detail["object"]
        return Original(detail["bucket"]["name"], item["key"], item.get("version-id", ""))
    except (ValueError, KeyError, TypeError):
        return None


def keeps_state(item: Mapping[str, Any] | None, execution: str) -> bool:
    """Whether an asset's item must keep its state: it belongs to another execution, or it is final."""
    if not item:
        return False
    return item.get("execution") != execution or item.get("state") in _FINAL_STATES
