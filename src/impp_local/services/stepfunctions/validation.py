"""Checks a definition in the Amazon States Language, as ValidateStateMachineDefinition reports it.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

STATE_TYPES: Final = {"Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}

TYPES_WITHOUT_NEXT: Final = {"Succeed", "Fail", "Choice"}
"""Types of states that need neither Next nor End."""


def diagnostics(definition: str) -> Iterator[dict[str, str]]:
    """The errors of a definition, each as ``{severity, code, message, location}``."""
    try:
        machine = json.loads(definition)
    except ValueError as error:
        yield _error("INVALID_JSON_DESCRIPTION", f"The definition is not JSON: {error}", "/")
        return
    if not isinstance(machine, dict):
        yield _error("SCHEMA_VALIDATION_FAILED", "The definition is not an object", "/")
        return
    yield from _states(machine, "")


def _states(machine: dict[str, Any], path: str) -> Iterator[dict[str, str]]:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield _error("SCHEMA_VALIDATION_FAILED", "Field 'States' is missing or empty", f"{path}/States")
        return
    start = machine.get("StartAt")
    if start not in states:
        yield _error("MISSING_TRANSITION_TARGET", f"StartAt '{start}' is not a state", f"{path}/StartAt")
    reachable = {start}
    for name, state in states.items():
        where = f"{path}/States/{name}"
        kind = state.get("Type")
        if kind not in STATE_TYPES:
            yield _error("SCHEMA_VALIDATION_FAILED", f"State '{name}' has no known type: '{kind}'", f"{where}/Type")
            continue
        targets = list(_targets(state))
        reachable.update(targets)
        for target in targets:
            if target not in states:
                yield _error("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", where)
        if kind not in TYPES_WITHOUT_NEXT and "Next" not in state and state.get("End") is not True:
            yield _error("SCHEMA_VALIDATION_FAILED", f"State '{name}' has neither Next nor End", where)
        yield from _nested_states(state, where)
    for name in states.keys() - reachable:
        yield _error("UNREACHABLE_STATE", f"State '{name}' is never reached", f"{path}/States/{name}")


def _nested_states(state: dict[str, Any], where: str) -> Iterator[dict[str, str]]:
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


def _error(code: str, message: str, location: str) -> dict[str, str]:
    return {"severity": "ERROR", "code": code, "message": message, "location": location}
