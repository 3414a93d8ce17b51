"""Validation of definitions: each fault by its code and place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from impp_local.services.stepfunctions.validation import diagnostics

DONE = {"Type": "Succeed"}


def machine(states: dict[str, Any], start: str = "First") -> str:
    return json.dumps({"StartAt": start, "States": states})


@pytest.mark.parametrize(
    ("definition", "code", "location"),
    [
        ("{", "INVALID_JSON_DESCRIPTION", "/"),
        ("[]", "SCHEMA_VALIDATION_FAILED", "/"),
        ("{}", "SCHEMA_VALIDATION_FAILED", "/States"),
        (machine({"First": {"Type": "Tusk", "End": True}}), "SCHEMA_VALIDATION_FAILED", "/States/First/Type"),
        (machine({"First": {"Type": "Pass"}}), "SCHEMA_VALIDATION_FAILED", "/States/First"),
        (machine({"First": {"Type": "Pass", "Next": "Gone"}}), "MISSING_TRANSITION_TARGET", "/States/First"),
        (machine({"First": DONE, "Other": DONE}), "UNREACHABLE_STATE", "/States/Other"),
        (
            machine({"First": {"Type": "Parallel", "Branches": [{"StartAt": "In", "States": {}}], "End": True}}),
            "SCHEMA_VALIDATION_FAILED",
            "/States/First/Branches/0/States",
        ),
    ],
)
def test_a_fault_is_reported_with_its_code_and_place(definition: str, code: str, location: str) -> None:
    (error,) = diagnostics(definition)
    assert (error["severity"], error["code"], error["location"]) == ("ERROR", code, location)
    assert error["message"]


def test_a_catch_and_a_choice_reach_states() -> None:
    states = {
        "First": {"Type": "Pass", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "Next": "Choose"},
        "Choose": {"Type": "Choice", "Choices": [{"Next": "Done"}], "Default": "Caught"},
        "Caught": DONE,
        "Done": DONE,
    }
    assert list(diagnostics(machine(states))) == []
