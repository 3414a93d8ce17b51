"""Checks a definition in the Amazon States Language: once for CreateStateMachine, UpdateStateMachine and
ValidateStateMachineDefinition.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html has the shape and
the codes. Messages and locations are AWS's where they were seen: LocalStack's recordings
(tests/aws/services/stepfunctions/v2/test_sfn_api_validation.snapshot.json) and measurements in us-east-1
(https://github.com/floci-io/floci/issues/2735, 2745, 2670 and 2968, and pull request 2786).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.stepfunctions.parser.api import InvalidDefinition

from impp_local.services.stepfunctions import definitions, jsonata

STATE_TYPES: Final = {"Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}

TYPES_WITHOUT_NEXT: Final = {"Succeed", "Fail", "Choice"}
"""Types of states that need neither Next nor End."""

_ONLY_ON: Final[Mapping[str, set[str]]] = {
    "TimeoutSeconds": {"Task"},
    "HeartbeatSeconds": {"Task"},
    "Catch": {"Task", "Parallel", "Map"},
    "Retry": {"Task", "Parallel", "Map"},
    "Branches": {"Parallel"},
    **{name: {"Map"} for name in ("ItemProcessor", "Iterator", "Items", "ItemsPath", "ItemSelector", "MaxConcurrency")},
}
"""Fields that only these types of states have."""

_ONLY_IN: Final[Mapping[str, str]] = {
    **dict.fromkeys(("Arguments", "Output", "Items"), "JSONata"),
    **dict.fromkeys(("InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters", "ItemsPath"), "JSONPath"),
    **dict.fromkeys(("TimeoutSecondsPath", "HeartbeatSecondsPath", "ErrorPath", "CausePath"), "JSONPath"),
}
"""Fields that only one query language has."""

_RESERVED: Final = re.compile(r"\$states\.(result|errorOutput)\b")

Diagnostic = dict[str, str]


def check(definition: str) -> None:
    """Raises InvalidDefinition with all errors in AWS's one sentence."""
    if errors := diagnostics(definition):
        listed = ", ".join(f"{e['code']}: {e['message']} at {e.get('location', 'null')}" for e in errors)
        raise InvalidDefinition(message=f"Invalid State Machine Definition: '{listed}'")


def diagnostics(definition: str) -> list[Diagnostic]:
    """The errors of a definition, each as ``{severity, code, message}`` and mostly ``location``.

    A definition without errors can be run: moto's parser has read it.
    """
    try:
        machine = json.loads(definition)
    except json.JSONDecodeError as error:
        where = f"line: {error.lineno}, column: {error.colno}"
        if not definition.strip():
            return [_error("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object")]
        return [_error("INVALID_JSON_DESCRIPTION", error.msg, f"[Source: (String); {where}]")]
    if not isinstance(machine, dict):
        return [_error("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object")]
    return faults(machine) or _unreadable(definition)


def faults(machine: Mapping[str, Any]) -> list[Diagnostic]:
    """The errors of a definition that can be told without moto's parser, which takes a quarter of a second."""
    return list(_machine(machine, "", machine.get("QueryLanguage", "JSONPath")))


def _unreadable(definition: str) -> list[Diagnostic]:
    try:
        definitions.parse(definition)
    except Exception as error:
        return [_error("SCHEMA_VALIDATION_FAILED", f"The interpreter cannot read the definition: {error}", "/")]
    return []


def _machine(machine: Mapping[str, Any], path: str, language: str) -> Iterator[Diagnostic]:
    """A state machine, a branch or an ItemProcessor."""
    if missing := [name for name in ("States", "StartAt") if name not in machine]:
        yield _error("SCHEMA_VALIDATION_FAILED", f"These fields are required: [{', '.join(missing)}]", path or "/")
        return
    states = machine["States"]
    if not isinstance(states, dict) or not states or not all(isinstance(state, dict) for state in states.values()):
        yield _error("SCHEMA_VALIDATION_FAILED", "Field 'States' must be an object of states", f"{path}/States")
        return
    for name, state in states.items():
        yield from _state(name, state, f"{path}/States/{name}", language)
    yield from _graph(machine["StartAt"], states, path)


def _graph(start: Any, states: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    if start not in states:
        yield _error("MISSING_TRANSITION_TARGET", f"Missing 'StartAt' target: {start}", f"{path}/StartAt")
    reachable = {start}
    for name, state in states.items():
        for field, target in _targets(state):
            reachable.add(target)
            if target not in states:
                where = f"{path}/States/{name}/{field}"
                yield _error("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", where)
    if not any(state.get("End") is True or state.get("Type") in ("Succeed", "Fail") for state in states.values()):
        yield _error("MISSING_END_STATE", "Workflow has no terminal state")
        return
    for name in states:
        if name not in reachable:
            yield _error("MISSING_TRANSITION_TARGET", f'State "{name}" is not reachable.', f"{path}/States/{name}")


def _targets(state: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Where a state may lead, by the field that says so."""
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Choices", "Catch"):
        for number, rule in enumerate(state.get(field, [])):
            if "Next" in rule:
                yield f"{field}[{number}]/Next", rule["Next"]


def _state(name: str, state: Mapping[str, Any], where: str, language: str) -> Iterator[Diagnostic]:
    kind = state.get("Type")
    if kind not in STATE_TYPES:
        yield _error("SCHEMA_VALIDATION_FAILED", f"State '{name}' has no known type: '{kind}'", f"{where}/Type")
        return
    own = state.get("QueryLanguage", language)
    if own == "JSONPath" and language == "JSONata":
        message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
        yield _error("SCHEMA_VALIDATION_FAILED", message, where)
        return
    for field in state:
        if kind not in _ONLY_ON.get(field, STATE_TYPES):
            yield _error("SCHEMA_VALIDATION_FAILED", f"Field '{field}' is not supported", where)
        if (only := _ONLY_IN.get(field, own)) != own:
            message = f"The QueryLanguage is set to '{own}', but field '{field}' is only supported for the '{only}'"
            yield _error("SCHEMA_VALIDATION_FAILED", f"{message} QueryLanguage", where)
    if kind not in TYPES_WITHOUT_NEXT and "Next" not in state and state.get("End") is not True:
        yield _error("SCHEMA_VALIDATION_FAILED", f"State '{name}' has neither Next nor End", where)
    if kind == "Fail" and str(state.get("Error", "")).startswith("States."):
        message = f"Error '{state['Error']}' begins with the reserved prefix 'States.'"
        yield _error("SCHEMA_VALIDATION_FAILED", message, f"{where}/Error")
    if kind == "Map" and not {"ItemProcessor", "Iterator"} & state.keys():
        yield _error("SCHEMA_VALIDATION_FAILED", "These fields are required: [ItemProcessor]", where)
    if own == "JSONata":
        yield from _expressions(state, where)
    yield from _nested_machines(state, where, language)


def _nested_machines(state: Mapping[str, Any], where: str, language: str) -> Iterator[Diagnostic]:
    for number, branch in enumerate(state.get("Branches", [])):
        yield from _machine(branch, f"{where}/Branches[{number}]", language)
    for part in ("ItemProcessor", "Iterator"):
        if part in state:
            yield from _machine(state[part], f"{where}/{part}", language)


# --- expressions ------------------------------------------------------------------------------------------------------

_NO_EXPRESSIONS: Final = {"Type", "Comment", "Resource", "Next", "Branches", "ItemProcessor", "Iterator"}


def _expressions(state: Mapping[str, Any], where: str) -> Iterator[Diagnostic]:
    for field, value in state.items():
        if field in _NO_EXPRESSIONS:
            continue
        has_result = field in ("Assign", "Output") and state["Type"] in ("Task", "Parallel", "Map")
        for path, expression in _texts(value, f"{where}/{field}"):
            for code, message in _faults(expression):
                yield _error(code, message, path)
            for name in set(_RESERVED.findall(expression)):
                if not (has_result if name == "result" else field == "Catch"):
                    message = f"Field '$states.{name}' does not exist."
                    yield _error("UNSUPPORTED_JSONATA_EXPRESSION", message, path)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The expressions within a field, with their paths."""
    if isinstance(value, str):
        if value.startswith("{%") and value.endswith("%}"):
            yield path, value[2:-2].strip()
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _texts(member, f"{path}/{name}")
    elif isinstance(value, list):
        for number, element in enumerate(value):
            yield from _texts(element, f"{path}[{number}]")


def _faults(expression: str) -> Iterator[tuple[str, str]]:
    if wrong := jsonata.syntax_error(expression):
        yield "INVALID_JSONATA_EXPRESSION", wrong
        return
    for name in jsonata.reads_context(expression):
        at_top = "" if name == "$" else " at the top level"
        reference = "$$" if name == "$" else name
        yield "UNSUPPORTED_JSONATA_EXPRESSION", f"Reference to '{reference}'{at_top} is not supported."


def _error(code: str, message: str, location: str | None = None) -> Diagnostic:
    error = {"severity": "ERROR", "code": code, "message": message}
    return error if location is None else error | {"location": location}
