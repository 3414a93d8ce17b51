"""Operations of Step Functions that moto lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from impp_local.cloud import LocalCloud


@pytest.mark.parametrize(
    ("machine", "codes"),
    [
        ({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, []),
        ({"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}, ["MISSING_TRANSITION_TARGET"] * 2),
        (
            {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "C"}}},
            ["MISSING_TRANSITION_TARGET", "MISSING_END_STATE"],
        ),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass"}}}, ["SCHEMA_VALIDATION_FAILED", "MISSING_END_STATE"]),
        ({"StartAt": "A", "States": {"A": {"Type": "Tsak", "End": True}}}, ["SCHEMA_VALIDATION_FAILED"]),
        ("{", ["INVALID_JSON_DESCRIPTION"]),
    ],
)
def test_validation_answers_with_a_result_and_codes(cloud: LocalCloud, machine: Any, codes: list[str]) -> None:
    definition = machine if isinstance(machine, str) else json.dumps(machine)
    answer = cloud.client("stepfunctions").validate_state_machine_definition(definition=definition)
    assert [finding["code"] for finding in answer["diagnostics"]] == codes
    assert answer["result"] == ("FAIL" if codes else "OK")
