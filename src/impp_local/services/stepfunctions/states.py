"""States as they run: expressions, error names, retries, timeouts; each entry and retry is metered as a transition.

AWS counts a transition "each time a step of your workflow is executed", retries included
(https://aws.amazon.com/step-functions/pricing/).
"""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.path.result_path import ResultPath
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError, TimeoutSeconds
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
from moto.stepfunctions.parser.asl.component.state.fail.state_fail import StateFail
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.state_pass.state_pass import StatePass
from moto.stepfunctions.parser.asl.component.state.state_succeed.state_succeed import StateSucceed
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from impp_local.kernel import billing
from impp_local.kernel.functions import Wait as WorkerWait
from impp_local.services.stepfunctions import journal, jsonata, tasks

TERMINAL_ERRORS: Final = {"States.DataLimitExceeded", "States.Runtime"}
"""Errors that no wildcard catches
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html)."""

_ASSET: Final = re.compile(r"[0-9a-f]{20}")


# --- entering a state -------------------------------------------------------------------------------------------------

_INSTANT: Final = (StatePass, StateChoice, StateSucceed, StateFail)
"""States that need no row while they are under way."""

_begin_program_in_moto: Final = Program.eval
_run_program_in_moto: Final = Program._eval_body
_enter_in_moto: Final = CommonStateField._eval_body
_evaluate_item_in_moto: Final = IterationWorker._eval_job
_evaluate_input_in_moto: Final = CommonStateField._eval_state_input
_handle_retry_in_moto: Final = ExecutionState._handle_retry


def begin_program(self: Any, env: Any) -> None:
    """A program, in a thread of its own only if that can time out."""
    if self.timeout_seconds is None:
        env.next_state_name = self.start_at.start_at_name
        EvalComponent.eval(self, env)
    else:
        _begin_program_in_moto(self, env)


def run_program(self: Any, env: Any) -> None:
    """Run a machine's states, a branch or an item, from where it was when the cloud stopped."""
    position = journal.position_of(env)
    if position is not None and (stopped := position.journal.stopped):
        env.set_stop(stop_date=datetime.now(UTC), error=stopped[0], cause=stopped[1])
    elif variables := journal.resume_program(env):
        _tie_to_asset(execution_of(env), list(variables.values()))
    _run_program_in_moto(self, env)


def enter_state(self: Any, env: Any) -> None:
    """Run a state, meter the transition, and charge the execution to its asset once a variable names that."""
    execution = execution_of(env)
    position = journal.position_of(env)
    if position is not None and position.journal.is_deleted:
        position.journal.abort()
        return
    if position is None or position.enter():
        billing.meter("states", "standard_transition", 1, asset=execution)
    if position is not None and not isinstance(self, _INSTANT) and not position.is_resumed:
        position.save()
    _enter_in_moto(self, env)
    _tie_to_asset(execution, list(env.variable_store._inner_scope.values()))
    if position is not None:
        journal.leave_state(env, position)


def evaluate_input(self: Any, env: Any) -> None:
    """Begin a state with its input; a resumed one keeps the time when it was entered."""
    position = journal.position_of(env)
    if position is not None and position.is_resumed:
        entered = datetime.fromtimestamp(position.row["entered"], UTC)
        env.states.context_object.context_object_data["State"]["EnteredTime"] = entered.isoformat()
    _evaluate_input_in_moto(self, env)


def evaluate_item(self: Any, env: Any, job: Any) -> None:
    """Process an item of a Map."""
    journal.place_item(env, job.job_index)
    _evaluate_item_in_moto(self, env, job)


def handle_retry(self: Any, env: Any, failure_event: Any) -> RetryOutcome:
    """Decide on a retry and meter its transition."""
    outcome = _handle_retry_in_moto(self, env, failure_event)
    if outcome == RetryOutcome.CanRetry:
        billing.meter("states", "standard_transition", 1, asset=execution_of(env))
        if position := journal.position_of(env):
            position.retry([_used(retrier, env) for retrier in self.retry.retriers])
    return outcome


def _used(retrier: Any, env: Any) -> tuple[int, float]:
    """How far a retrier has come: its attempts, and what its next interval is multiplied by."""
    return retrier.max_attempts._access_attempt_number(env), retrier.backoff_rate._access_next_multiplier(env)


def _continue_retries(self: Any, env: Any) -> None:
    """Count the attempts from before the cloud stopped."""
    position = journal.position_of(env)
    if position is None or not position.is_resumed:
        return
    position.is_resumed = False
    position.attempt = position.row["attempt"]
    if self.retry and (retriers := position.row.get("retriers")):
        env.states.context_object.context_object_data["State"]["RetryCount"] = position.attempt
        for retrier, (attempts, multiplier) in zip(self.retry.retriers, retriers, strict=True):
            retrier.max_attempts._store_attempt_number(env, attempts)
            retrier.backoff_rate._store_next_multiplier(env, multiplier)


def execution_of(env: Any) -> str:
    """The ARN of the execution that an environment belongs to."""
    return str(env.states.context_object.context_object_data["Execution"]["Id"])


def _tie_to_asset(execution: str, variables: list[Any]) -> None:
    for value in variables:
        asset = value.get("asset") if isinstance(value, Mapping) else value
        if isinstance(asset, str) and _ASSET.fullmatch(asset):
            billing.METER.tie(execution, asset)
            if isinstance(value, Mapping) and isinstance(value.get("key"), str):
                billing.METER.tie(billing.owner_of(value["key"]), asset)
            return


# --- JSONata ----------------------------------------------------------------------------------------------------------


def evaluate_expression(self: Any, env: Any) -> None:
    """A ``{% … %}`` of the definition: variables are bound as data; errors are States.QueryEvaluationError."""
    store = env.variable_store
    variables = {**store._outer_scope, **store._inner_scope, "states": _states_variable(env)}
    try:
        result = jsonata.evaluate(self.expression, variables)
    except jsonata.QueryError as error:
        failure = _query_failure(env, self.expression, str(error))
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


def _states_variable(env: Any) -> dict[str, Any]:
    """``$states``; `result` and `errorOutput` exist only where there is one."""
    data = env.states._states_data
    optional = {name: data[name] for name in ("result", "errorOutput") if data.get(name) is not None}
    return {"input": data["input"], "context": data["context"], **optional}


def _query_failure(env: Any, expression: str, reason: str) -> FailureEvent:
    kind = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    state = env.next_state_name or ""
    reason = reason if reason.startswith("returned") else f"threw an error during evaluation. {reason}"
    cause = (
        f"An error occurred while executing the state '{state}'. "
        f"The JSONata expression '{expression}' specified for the field '{env.next_field_name}' {reason}"
    )
    details = EvaluationFailedEventDetails(error=kind.error_name, cause=cause, state=state)
    return FailureEvent(
        env=env,
        error_name=kind,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(evaluationFailedEventDetails=details),  # type: ignore[typeddict-item]
    )


# --- errors and results -----------------------------------------------------------------------------------------------

_apply_result_path_in_moto: Final = ResultPath._eval_body


def match_error(self: Any, env: Any) -> None:
    """Whether a Retry's or Catch's ErrorEquals names the error.

    States.ALL matches all but the terminal errors, States.TaskFailed all but those and States.Timeout
    (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html).
    """
    error = env.stack.pop().error_name
    names = {name.error_name for name in self.error_names}
    is_wildcard = "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")
    env.stack.append(error in names or (is_wildcard and error not in TERMINAL_ERRORS))


def apply_result_path(self: Any, env: Any) -> None:
    """ResultPath; the default, which every JSONata state has, leaves the output as it is."""
    if self.result_path_src != ResultPath.DEFAULT_PATH:
        _apply_result_path_in_moto(self, env)


# --- time -------------------------------------------------------------------------------------------------------------


def evaluate_within_timeout(self: Any, env: Any) -> None:
    """One attempt of a state within its TimeoutSeconds, which leaves out the time that it is queued for a worker."""
    _continue_retries(self, env)
    self.timeout.eval(env=env)
    limit_s = float(env.stack.pop())
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    frame.queued = WorkerWait()
    done = threading.Event()
    errors: list[Exception] = []

    def evaluate() -> None:
        try:
            self._eval_execution(frame)
        except Exception as error:
            errors.append(error)
        done.set()

    if limit_s < TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS:
        threading.Thread(target=evaluate, name=f"state-{self.name}", daemon=True).start()
        is_in_time = _await(done, limit_s, frame.queued)
    else:
        evaluate()
        is_in_time = True
    frame.set_ended()
    tasks.wake(frame)
    env.close_frame(frame)
    if errors:
        raise errors[0]
    if not is_in_time:
        raise EvalTimeoutError
    _take_output(self, env, frame.stack.pop())


WAKE_S: Final = 5.0
"""How long a Wait can miss that its execution was stopped: moto's event is set for a moment only."""


def wait(self: Any, env: Any) -> None:
    """A Wait state, until its original end if the cloud was stopped meanwhile."""
    position = journal.position_of(env)
    is_relative = not isinstance(self, Timestamp)
    began = position.row["entered"] if position is not None and is_relative else time.time()
    end = began + self._get_wait_seconds(env)
    while env.is_running() and (left := end - time.time()) > 0:
        env.program_state_event.wait(min(left, WAKE_S))


def seconds_until(self: Any, env: Any) -> float:
    """The seconds until a Wait's Timestamp, which is in UTC whatever the time zone of the machine."""
    self.string.eval(env)
    text = str(env.stack.pop())
    moment = self._from_timestamp_string(text)
    if moment is None:
        raise FailureEventException(self._create_failure_event(env, text))
    return float((moment.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds())


def _await(done: threading.Event, limit_s: float, queued: WorkerWait) -> bool:
    started = time.monotonic()
    while (left := limit_s - (time.monotonic() - started - queued.seconds)) > 0:
        if done.wait(min(left, threading.TIMEOUT_MAX)):
            return True
    return False


def _take_output(self: Any, env: Any, output: Any) -> None:
    """Apply what a successful attempt returned: result, assigned variables, the state's output."""
    env.stack.append(output)
    if not self._is_language_query_jsonpath():
        env.states.set_result(output)
    for part in (self.assign_decl, self.result_selector):
        if part:
            part.eval(env=env)
    if self.result_path:
        self.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())
