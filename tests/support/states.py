"""Pieces of state machine definitions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.local_cloud import Maker

from impp_local.services.stepfunctions import states

INVOKE = "arn:aws:states:::lambda:invoke"
CAUGHT = {"Type": "Pass", "End": True}
CATCH = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]


def task(resource: str, arguments: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": resource,
        "Arguments": arguments,
        **({"End": True} if "Next" not in fields else {}),
        **fields,
    }


def machine(first: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"StartAt": "First", "States": {"First": first, **others}}


def caught(make: Maker, state: dict[str, Any]) -> dict[str, Any]:
    """The error that a state ends with."""
    run = make.run(machine({**state, "Catch": CATCH}, Caught=CAUGHT))
    assert run["status"] == "SUCCEEDED", run
    error: dict[str, Any] = run["output"]
    return error


def skip_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: a Retry's IntervalSeconds is at least 1."""
    monkeypatch.setattr(states, "await_retry", lambda *_: None)
