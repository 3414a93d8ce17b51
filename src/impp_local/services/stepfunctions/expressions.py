"""Expressions as states evaluate them: with the variables in scope, and with errors in AWS's words.

Wording, paths of fields and events are those of LocalStack's recordings of AWS, in
tests/aws/services/stepfunctions/v2: assign/test_assign_reference_variables.snapshot.json,
intrinsic_functions/test_math_operations_jsonata.snapshot.json, scenarios/test_base_scenarios.snapshot.json.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from moto.stepfunctions.parser.api import (
    EvaluationFailedEventDetails,
    ExecutionFailedEventDetails,
    HistoryEventType,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType

from impp_local.services.stepfunctions import jsonata, positions

_RESULT_TYPES: Final = {
    "Condition": "boolean",
    "Items": "array",
    **dict.fromkeys(("Error", "Cause", "Timestamp"), "string"),
    **dict.fromkeys(("TimeoutSeconds", "HeartbeatSeconds", "Seconds", "MaxConcurrency"), "number"),
}
"""Fields whose expression must return one type."""

_FIELD: Final = re.compile(r"(?:Choices\[\d+\]/)?(\w+)")


def evaluate(self: Any, env: Any) -> None:
    """A ``{% … %}`` of the definition: variables are bound as data; errors are States.QueryEvaluationError."""
    store = env.variable_store
    variables = {**store._outer_scope, **store._inner_scope, "states": _states_variable(env)}
    try:
        result = jsonata.evaluate(self.expression, variables)
        _check_type(self.location, result)
    except jsonata.QueryError as error:
        failure = _query_failure(env, self, str(error))
        env.event_manager.add_event(
            context=env.event_history_context,
            event_type=HistoryEventType.EvaluationFailed,
            event_details=failure.event_details,
        )
        raise FailureEventException(failure) from error
    env.stack.append(result)


def assigned_variables(self: Any) -> dict[str, str]:
    """The variables that a state assigned, as JSON for its history event."""
    return {name: json.dumps(self.get(name), separators=(",", ":")) for name in sorted(self._declaration_tracing)}


def _check_type(location: str, result: Any) -> None:
    field = _FIELD.fullmatch(location)
    expected = _RESULT_TYPES.get(field[1]) if field else None
    actual = _type_name(result)
    if expected and actual != expected:
        value = json.dumps(result, separators=(",", ":"), ensure_ascii=False)
        raise jsonata.QueryError(
            f"returned an unexpected result type. Expected '{expected}', but was '{actual}' for value: {value}"
        )


def _type_name(value: Any) -> str:
    kinds = {type(None): "null", bool: "boolean", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "number")


def _states_variable(env: Any) -> dict[str, Any]:
    """``$states``; `result` and `errorOutput` exist only where there is one."""
    data = env.states._states_data
    optional = {name: data[name] for name in ("result", "errorOutput") if data.get(name) is not None}
    return {"input": data["input"], "context": data["context"], **optional}


def _query_failure(env: Any, expression: Any, reason: str) -> FailureEvent:
    kind = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    state, event_id = env.entered
    cause = (
        f"{_entered(state, event_id)}The JSONata expression '{expression.expression}' "
        f"specified for the field '{expression.location}' {reason}"
    )
    details = EvaluationFailedEventDetails(
        error=kind.error_name, cause=cause, location=expression.location, state=state
    )
    return FailureEvent(
        env=env,
        error_name=kind,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=positions.OnceOnly(evaluationFailedEventDetails=details),  # type: ignore[arg-type]
    )


def _entered(state: str, event_id: int) -> str:
    return f"An error occurred while executing the state '{state}' (entered at the event id #{event_id}). "


def execution_failed_details(self: Any) -> ExecutionFailedEventDetails | None:
    """Error and cause of an execution, which name the state once if Step Functions itself is the one that failed."""
    pair = self.extract_error_cause_pair()
    if pair is None:
        return None
    error, cause = pair
    failure = self.failure_event
    if error == "States.Runtime" and cause and not cause.startswith("An error occurred while executing the state"):
        cause = _entered(failure.state_name, failure.source_event_id) + cause
    details = ExecutionFailedEventDetails()
    if error:
        details["error"] = error
    if cause:
        details["cause"] = cause
    return details
