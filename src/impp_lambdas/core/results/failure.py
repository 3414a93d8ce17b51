"""An execution that died: whose it was, and what to tell of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core import times
from impp_lambdas.core.intake.originals import Original
from impp_lambdas.core.results.outcome import explain

OWN_END = "Quarantined"
"""The error of executions that ended as they should: Quarantine has told everybody."""
_ENDED = ("published", "partial", "quarantined", "gone", "deferred")


@dataclass(frozen=True)
class Death:
    """``original`` is None where the execution's input was no S3 event (somebody started it by hand)."""

    execution: str
    status: str
    reason: str
    original: Original | None
    started_at: str


def read(description: Mapping[str, Any]) -> Death | None:
    """A death from DescribeExecution's answer; None for an execution that lives, succeeded or was quarantined."""
    status = str(description["status"])
    if status not in ("FAILED", "TIMED_OUT", "ABORTED") or description.get("error") == OWN_END:
        return None
    told = {"TIMED_OUT": "the execution took longer than a day", "ABORTED": "somebody stopped the execution"}
    cause = description.get("cause") or told.get(status)
    return Death(
        str(description["executionArn"]),
        status,
        explain(description.get("error"), cause),
        _original(description.get("input")),
        times.iso(description["startDate"]),
    )


def _original(text: str | None) -> Original | None:
    try:
        detail = json.loads(text or "")["detail"]
        found = detail["object"]
        return Original(detail["bucket"]["name"], found["key"], found.get("version-id", ""))
    except (ValueError, KeyError, TypeError):
        return None


def keeps_state(item: Mapping[str, Any] | None, execution: str) -> bool:
    """Whether an asset's item must keep its state: another execution has it, or it had ended before the death."""
    if not item:
        return False
    return item.get("execution") != execution or item.get("state") in _ENDED
