"""Step Functions' operations that moto lacks; executions are moto's interpreter.

The AWS provider asks ValidateStateMachineDefinition at every plan, and for the versions of a machine after it is made.
Each can go when moto has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from impp_local.kernel.contract import ACCOUNT, AwsError, Cloud, Request, Service

STATE_TYPES = {"Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}
ENDS = {"Succeed", "Fail", "Choice"}
"""Types of states that need neither Next nor End."""


class StepFunctions(Service):
    """Validation of definitions, and the (empty) list of published versions."""

    name = "stepfunctions"

    def validate_state_machine_definition(self, request: Request) -> Mapping[str, Any]:
        """Whether a definition is a state machine: JSON, known types, no state missing or out of reach."""
        found = list(diagnostics(request.params["definition"]))
        limit = int(request.params.get("maxResults") or 100)
        return {
            "result": "FAIL" if any(entry["severity"] == "ERROR" for entry in found) else "OK",
            "diagnostics": found[:limit],
            "truncated": len(found) > limit,
        }

    def list_state_machine_versions(self, request: Request) -> Mapping[str, Any]:
        """No version: moto publishes none. Raises StateMachineDoesNotExist."""
        from moto.stepfunctions.responses import get_backend

        arn = request.params["stateMachineArn"]
        machines = get_backend(ACCOUNT, request.region).state_machines
        if not any(machine.arn == arn for machine in list(machines)):
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return {"stateMachineVersions": []}


def diagnostics(definition: str) -> Iterator[dict[str, str]]:
    """What is wrong with a definition in the Amazon States Language, as the API lists it."""
    try:
        machine = json.loads(definition)
    except ValueError as error:
        yield _finding("INVALID_JSON_DESCRIPTION", f"The definition is not JSON: {error}", "/")
        return
    if not isinstance(machine, dict):
        yield _finding("SCHEMA_VALIDATION_FAILED", "The definition is not an object", "/")
        return
    yield from _states(machine, "")


def _states(machine: dict[str, Any], path: str) -> Iterator[dict[str, str]]:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield _finding("SCHEMA_VALIDATION_FAILED", "Field 'States' is missing or empty", f"{path}/States")
        return
    start = machine.get("StartAt")
    if start not in states:
        yield _finding("MISSING_TRANSITION_TARGET", f"StartAt '{start}' is no state", f"{path}/StartAt")
    reached = {start}
    for name, state in states.items():
        where = f"{path}/States/{name}"
        kind = state.get("Type")
        if kind not in STATE_TYPES:
            yield _finding("SCHEMA_VALIDATION_FAILED", f"State '{name}' has no known type: '{kind}'", f"{where}/Type")
            continue
        targets = list(_targets(state))
        reached.update(targets)
        for target in targets:
            if target not in states:
                yield _finding("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", where)
        if kind not in ENDS and "Next" not in state and state.get("End") is not True:
            yield _finding("SCHEMA_VALIDATION_FAILED", f"State '{name}' has neither Next nor End", where)
        yield from _nested(state, where)
    for name in states.keys() - reached:
        yield _finding("UNREACHABLE_STATE", f"State '{name}' is never reached", f"{path}/States/{name}")


def _nested(state: dict[str, Any], where: str) -> Iterator[dict[str, str]]:
    for number, branch in enumerate(state.get("Branches", [])):
        yield from _states(branch, f"{where}/Branches/{number}")
    for part in ("ItemProcessor", "Iterator"):
        if part in state:
            yield from _states(state[part], f"{where}/{part}")


def _targets(state: dict[str, Any]) -> Iterator[str]:
    if "Next" in state:
        yield state["Next"]
    if "Default" in state:
        yield state["Default"]
    for rule in [*state.get("Choices", []), *state.get("Catch", [])]:
        if "Next" in rule:
            yield rule["Next"]


def _finding(code: str, message: str, location: str) -> dict[str, str]:
    return {"severity": "ERROR", "code": code, "message": message, "location": location}


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is moto's
    """Called by the gateway at the first request for Step Functions."""
    return StepFunctions()
