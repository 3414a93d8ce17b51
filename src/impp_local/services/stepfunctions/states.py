"""States as they run: expressions, error names, retries, timeouts; each entry and retry is metered as a transition.

AWS counts a transition "each time a step of your workflow is executed", retries included
(https://aws.amazon.com/step-functions/pricing/).
"""

from __future__ import annotations

import copy
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Final

from moto.stepfunctions.parser.api import (
    HistoryEventType,
    TaskFailedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.parargs import Parargs
from moto.stepfunctions.parser.asl.component.common.path.result_path import ResultPath
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError, TimeoutSeconds
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.fail.state_fail import StateFail
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.state_pass.state_pass import StatePass
from moto.stepfunctions.parser.asl.component.state.state_succeed.state_succeed import StateSucceed
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from impp_local.kernel import billing
from impp_local.kernel.functions import Wait as WorkerWait
from impp_local.services.stepfunctions import positions, tasks
from impp_local.services.stepfunctions.clients import jsonable

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
    position = positions.position_of(env)
    if position is not None and (stopped := position.journal.stopped):
        env.set_stop(stop_date=datetime.now(UTC), error=stopped[0], cause=stopped[1])
    elif variables := positions.resume_program(env):
        _tie_to_asset(execution_of(env), list(variables.values()))
    _run_program_in_moto(self, env)


def enter_state(self: Any, env: Any) -> None:
    """Run a state, meter the transition, and charge the execution to its asset once a variable names that."""
    execution = execution_of(env)
    position = positions.position_of(env)
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
        positions.leave_state(env, position)


def evaluate_input(self: Any, env: Any) -> None:
    """Begin a state with its input; a resumed one keeps the time when it was entered, and its retries."""
    env.entered = self.name, env.event_history_context.source_event_id
    position = positions.position_of(env)
    entered = datetime.fromtimestamp(position.row["entered"] if position else time.time(), UTC)
    env.states.context_object.context_object_data["State"]["EnteredTime"] = jsonable(entered)
    if position is None or not position.is_resumed:
        _reset_retries(self, env)
    _evaluate_input_in_moto(self, env)


def _reset_retries(self: Any, env: Any) -> None:
    """Each visit of a state has all of its retries."""
    retry = getattr(self, "retry", None)
    for retrier in retry.retriers if retry else ():
        retrier.max_attempts._store_attempt_number(env, -1)
        retrier.backoff_rate._store_next_multiplier(env, 1.0)


class _Backoff(threading.local):
    """In place of the clock by which moto sleeps before a retry: notes how long, for `handle_retry` of this thread."""

    seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds = seconds


backoff: Final = _Backoff()


def handle_retry(self: Any, env: Any, failure_event: Any) -> RetryOutcome:
    """Decide on a retry, meter its transition, and wait for its time."""
    outcome = _handle_retry_in_moto(self, env, failure_event)
    if outcome == RetryOutcome.CanRetry and env.is_running():
        billing.meter("states", "standard_transition", 1, asset=execution_of(env))
        due = time.time() + backoff.seconds
        if position := positions.position_of(env):
            position.retry([_used(retrier, env) for retrier in self.retry.retriers], due)
        await_retry(env, due)
    return outcome


def await_retry(env: Any, due: float) -> None:
    """Wait until an attempt is due, in seconds of the epoch."""
    _wait_until(env, due)


def _used(retrier: Any, env: Any) -> tuple[int, float]:
    """How far a retrier has come: its attempts, and what its next interval is multiplied by."""
    return retrier.max_attempts._access_attempt_number(env), retrier.backoff_rate._access_next_multiplier(env)


def _continue_retries(self: Any, env: Any) -> None:
    """Count the attempts from before the cloud stopped, and wait until the next one is due."""
    position = positions.position_of(env)
    if position is None or not position.is_resumed:
        return
    position.is_resumed = False
    position.attempt = position.row["attempt"]
    if self.retry and (retriers := position.row.get("retriers")):
        env.states.context_object.context_object_data["State"]["RetryCount"] = position.attempt
        for retrier, (attempts, multiplier) in zip(self.retry.retriers, retriers, strict=True):
            retrier.max_attempts._store_attempt_number(env, attempts)
            retrier.backoff_rate._store_next_multiplier(env, multiplier)
    await_retry(env, position.row.get("due", 0.0))


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


# --- errors and results -----------------------------------------------------------------------------------------------

_apply_result_path_in_moto: Final = ResultPath._eval_body
_fail_in_moto: Final = StateFail._eval_state
_choose_in_moto: Final = StateChoice._eval_state
_evaluate_arguments_in_moto: Final = Parargs._eval_body
_describe_exit_in_moto: Final = CommonStateField._get_state_exited_event_details
_evaluate_output_in_moto: Final = ExecutionState._eval_state_output


def match_error(self: Any, env: Any) -> None:
    """Whether a Retry's or Catch's ErrorEquals names the error.

    States.ALL matches all but the terminal errors. States.TaskFailed matches "any known error name except for
    States.Timeout" (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html), but an
    expression that fails is no failure of the task: whatever a definition does about it must name
    States.QueryEvaluationError or States.ALL.
    """
    error = env.stack.pop().error_name
    names = {name.error_name for name in self.error_names}
    is_task_failure = error not in {"States.Timeout", "States.QueryEvaluationError"}
    is_wildcard = "States.ALL" in names or ("States.TaskFailed" in names and is_task_failure)
    env.stack.append(error in names or (is_wildcard and error not in TERMINAL_ERRORS))


def fail(self: Any, env: Any) -> None:
    """A Fail state. "The error names cannot begin with the States. prefix", which is Step Functions' own."""
    try:
        _fail_in_moto(self, env)
    except FailureEventException as error:
        raised = error.failure_event.error_name
        if error.failure_event.event_type == HistoryEventType.EvaluationFailed or raised is None:
            raise
        if not str(raised.error_name).startswith("States."):
            raise
        cause = f"The error '{raised.error_name}' of a Fail state begins with the reserved prefix 'States.'"
        raise FailureEventException(_runtime_failure(env, cause)) from error


def choose(self: Any, env: Any) -> None:
    """A Choice state. Without a rule that matches and without Default, AWS was measured to fail as here
    (https://github.com/floci-io/floci, AslExecutor), not with the documented States.NoChoiceMatched."""
    try:
        _choose_in_moto(self, env)
    except RuntimeError as error:
        cause = "Failed to transition out of the state. The state does not point to a next state."
        raise FailureEventException(_runtime_failure(env, cause)) from error


def _runtime_failure(env: Any, cause: str) -> FailureEvent:
    kind = StatesErrorName(typ=StatesErrorNameType.StatesRuntime)
    details = TaskFailedEventDetails(error=kind.error_name, cause=cause)
    return FailureEvent(
        env=env,
        error_name=kind,
        event_type=HistoryEventType.TaskFailed,
        event_details=EventDetails(taskFailedEventDetails=details),  # type: ignore[typeddict-item]
    )


def apply_result_path(self: Any, env: Any) -> None:
    """ResultPath; the default, which every JSONata state has, leaves the output as it is."""
    if self.result_path_src != ResultPath.DEFAULT_PATH:
        _apply_result_path_in_moto(self, env)


# Assign and Output are evaluated in parallel, with the variables as they were when the state was entered
# (https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html). So Assign only computes its values,
# which become the variables once the state's output is known.


def evaluate_arguments(self: Any, env: Any) -> None:
    """Arguments, which may be as large as a state's input."""
    _evaluate_arguments_in_moto(self, env)
    _verify_size(env, env.stack[-1])


def _verify_size(env: Any, value: Any) -> None:
    """Fail with States.DataLimitExceeded above 256 KiB, for a state's input or result, or the variables of an Assign
    (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html and workflow-variables.html there)."""
    CommonStateField._verify_size_quota(SimpleNamespace(name=env.entered[0]), env, value)  # type: ignore[arg-type]


def assign(self: Any, env: Any) -> None:
    """Evaluate the values of an Assign."""
    values: dict[str, Any] = {}
    for binding in self.declaration_bindings:
        binding.eval(env=env)
        values |= env.stack.pop()
    _verify_size(env, values)
    env.assigned = values


def describe_exit(self: Any, env: Any) -> Any:
    """Set the variables that a state assigned, and describe its end for the history."""
    for name, value in getattr(env, "assigned", {}).items():
        env.variable_store.set(variable_identifier=name, variable_value=value)
    env.assigned = {}
    return _describe_exit_in_moto(self, env)


def evaluate_output(self: Any, env: Any) -> None:
    """The output of a Task, Parallel or Map state: in JSONata, its attempt has evaluated it."""
    if self._is_language_query_jsonpath() or isinstance(env.stack[-1], CatchOutcome):
        _evaluate_output_in_moto(self, env)
    else:
        env.states.reset(input_value=env.stack.pop())


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
    position = positions.position_of(env)
    is_relative = not isinstance(self, Timestamp)
    began = position.row["entered"] if position is not None and is_relative else time.time()
    _wait_until(env, began + self._get_wait_seconds(env))


def _wait_until(env: Any, end: float) -> None:
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
    """Apply what a successful attempt returned: result, assigned variables, the state's output.

    In JSONata an Assign or Output that fails is an error of the attempt, which the state's Catch can catch.
    """
    env.assigned = {}
    _verify_size(env, output)
    if not self._is_language_query_jsonpath():
        env.states.set_result(output)
        try:
            if self.assign_decl:
                self.assign_decl.eval(env=env)
            env.stack.append(output)
            if self.output:
                self.output.jsonata_template_value.eval(env=env)
        except FailureEventException:
            env.assigned = {}
            raise
        return
    env.stack.append(output)
    for part in (self.assign_decl, self.result_selector):
        if part:
            part.eval(env=env)
    if self.result_path:
        self.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())
