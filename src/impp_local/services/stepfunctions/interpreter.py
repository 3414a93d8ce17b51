"""Step Functions of the local cloud: moto's interpreter, made to run many executions at once as AWS would run them.

:func:`install` replaces in moto 5.2.5 what would be wrong or slow: the evaluator of JSONata (see `jsonata_engine`),
the parsing of a definition (once, not per execution), task tokens (a new one for each attempt; a late answer is
TaskTimedOut), StopExecution (at once, and nobody keeps waiting), names, history pages, and the tasks of `state_tasks`.
Each state that is entered and each retry is metered as a transition, as AWS counts ("each time a step of your workflow
is executed … including retries"). Every change of an execution's status is an event on the bus.
"""

from __future__ import annotations

import copy
import json
import logging
import re
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.parser import api as parser_api
from moto.stepfunctions.parser.api import (
    EvaluationFailedEventDetails,
    ExecutionStatus,
    HistoryEventType,
    InvalidName,
    InvalidOutput,
    InvalidToken,
    TaskTimedOut,
)
from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.antlt4utils.antlr4utils import is_terminal
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.path.result_path import ResultPath
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils, state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_lambda
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_factory import (
    state_task_service_for,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackConsumerTimeout,
    CallbackEndpoint,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackPoolManager,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from impp_local.kernel import billing
from impp_local.kernel.contract import Cloud
from impp_local.kernel.functions import Wait
from impp_local.services.events import bus
from impp_local.services.stepfunctions import jsonata, logs, tasks

log: Final = logging.getLogger(__name__)

EVENT_LIMIT: Final = 248 * 1024
"""Bytes of input and output together beyond which a status event leaves them out (Step Functions Developer Guide)."""

TERMINAL: Final = {"States.DataLimitExceeded", "States.Runtime"}
"""Errors that no wildcard catches (Step Functions Developer Guide, "Handling errors in Step Functions workflows")."""

REMEMBERED_TOKENS: Final = 20_000
REMEMBERED_EXECUTIONS: Final = 2_000
"""Ended executions of a state machine that can still be described (on AWS: those of the last 90 days)."""

_ASSET: Final = re.compile(r"[0-9a-f]{20}")
_NAME: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
_original: Final[dict[tuple[type, str], Callable[..., Any]]] = {}
_parsing: Final = threading.Lock()


class Tokens:
    """The task tokens that were given out, with the endpoint that waits for each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._endpoints: dict[str, CallbackEndpoint] = {}

    def add(self, endpoint: CallbackEndpoint) -> None:
        """A task waits for an answer. Of those that nobody waits for any more, the oldest are forgotten."""
        with self._lock:
            self._endpoints[endpoint.callback_id] = endpoint
            if len(self._endpoints) > REMEMBERED_TOKENS:
                gone = [token for token, known in self._endpoints.items() if known.consumer_error is not None]
                for token in gone[: len(gone) // 2]:
                    del self._endpoints[token]

    def waiting(self, token: str) -> CallbackEndpoint:
        """Where an answer goes. Raises InvalidToken for one that never was, TaskTimedOut when nobody waits any more."""
        with self._lock:
            endpoint = self._endpoints.get(token)
        if endpoint is None:
            raise InvalidToken
        if endpoint.consumer_error is not None or endpoint.get_outcome() is not None:
            raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")
        return endpoint


class Running:
    """Executions that have not ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executions: dict[str, Execution] = {}

    def add(self, execution: Execution) -> None:
        """An execution starts."""
        with self._lock:
            self._executions[execution.exec_arn] = execution

    def remove(self, execution: Execution) -> bool:
        """It ends; False when it had ended before."""
        with self._lock:
            return self._executions.pop(execution.exec_arn, None) is not None

    def all(self) -> list[Execution]:
        """Those that run now."""
        with self._lock:
            return list(self._executions.values())


_tokens: Final = Tokens()
_running: Final = Running()


def install(cloud: Cloud) -> None:
    """Take over; the calls of tasks go to `cloud`. Twice is the same as once, but for the endpoint."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)  # failures are in the history
    clients = tasks.Clients(cloud.endpoint)
    tasks.MediaConvertTask.clients = clients
    tasks.listen()
    _everywhere("boto_client_for", clients)
    _everywhere("TMP_THREADS", deque(maxlen=0))  # moto keeps every thread for ever
    moto_jsonata._eval_jsonata = lambda expression: jsonata.evaluate(expression, {})
    lambda_eval_utils.execute_lambda_function_integration = tasks.invoke_function
    state_task_service_lambda._SUPPORTED_API_PARAM_BINDINGS["invoke"].add("InvocationType")
    state_task_factory.state_task_service_for = _service_task  # type: ignore[attr-defined]
    _replace(StateTaskServiceAwsSdk, _normalise_service_error_name=staticmethod(tasks.sdk_service_name))
    _everywhere("from_string_literal", _text)
    _replace(Preprocessor, _inner_string_of=staticmethod(_text))
    _name_errors()
    _replace(ResultPath, _eval_body=_result)
    _replace(ErrorEqualsDecl, _eval_body=_error_equals)
    _replace(CustomErrorName, __init__=ErrorName.__init__)  # a branch may well end with an error "States.…"
    _replace(EvalComponent, heap_key=property(lambda self: f"{id(self):x}"))  # moto's is set by a race
    _replace(StringJSONata, _eval_body=_evaluate)
    _replace(CommonStateField, _eval_body=_enter_state)
    _replace(ExecutionState, _handle_retry=_count_retry, _evaluate_with_timeout=_within_time)
    _replace(StateTaskService, _eval_execution=_attempt)
    _replace(StateTaskServiceCallback, _eval_body=_callback_state, _eval_integration_pattern=_wait)
    _replace(CallbackPoolManager, add=_add_token)
    _replace(CallbackEndpoint, setup_heartbeat_endpoint=_setup_heartbeat)
    _replace(VariableStore, get_assigned_variables=_assigned)
    _replace(ExecutionWorker, _get_evaluation_entrypoint=_program, _execution_logic=_execute)
    _replace(ExecutionWorker, _get_evaluation_environment=_environment)
    _replace(Execution, start=_start)
    _replace(BaseExecutionWorkerCommunication, terminated=_terminated)
    _replace(StepFunctionsParserBackend, start_execution=_start_execution, send_task_success=_send_success)
    _replace(StepFunctionsParserBackend, send_task_failure=_send_failure, send_task_heartbeat=_send_heartbeat)
    _replace(StepFunctionResponse, stop_execution=_stop_response, send_task_failure=_failure_response)
    _replace(StepFunctionResponse, get_execution_history=_history_response, describe_execution=_describe_response)


def stop() -> None:
    """Abort what runs."""
    for execution in _running.all():
        abort(execution, error="LocalCloud.Stopped", cause="The local cloud was stopped")


def running() -> int:
    """Executions that have not ended."""
    return len(_running.all())


def _replace(owner: type, **methods: Any) -> None:
    for name, method in methods.items():
        _original.setdefault((owner, name), getattr(owner, name))
        setattr(owner, name, method)


def _everywhere(name: str, value: Any) -> None:
    """moto imports this by name into many modules: replace it in all of them."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("moto.stepfunctions.") and hasattr(module, name):
            setattr(module, name, value)


def _service_task(service_name: str) -> Any:
    return tasks.MediaConvertTask() if service_name == "mediaconvert" else state_task_service_for(service_name)


def _text(parser_rule_context: Any) -> str | None:
    """A JSON string of a definition; moto leaves its escapes as they are, or reads them as Python's."""
    text = str(parser_rule_context.getText())
    if is_terminal(parser_rule_context, ASLLexer.NULL):
        return None
    return str(json.loads(text)) if text.startswith('"') else text


def _name_errors() -> None:
    """moto's errors of the interpreter carry their code where its serialiser does not look."""
    for error in vars(parser_api).values():
        if isinstance(error, type) and issubclass(error, AWSError) and isinstance(getattr(error, "code", None), str):
            error.TYPE = error.code  # type: ignore[assignment]


# --- JSONata ----------------------------------------------------------------------------------------------------------


def _evaluate(self: Any, env: Any) -> None:
    """A ``{% … %}`` of the definition: variables are bound as data; errors are States.QueryEvaluationError."""
    store = env.variable_store
    variables = {**store._outer_scope, **store._inner_scope, "states": _states(env)}
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


def _assigned(self: Any) -> dict[str, str]:
    """The variables that a state assigned, as JSON for its history event."""
    return {name: json.dumps(self.get(name), separators=(",", ":")) for name in sorted(self._declaration_tracing)}


def _states(env: Any) -> dict[str, Any]:
    """``$states``; result and errorOutput exist only where there is one."""
    data = env.states._states_data
    present = {name: data[name] for name in ("result", "errorOutput") if data.get(name) is not None}
    return {"input": data["input"], "context": data["context"], **present}


def _query_failure(env: Any, expression: str, reason: str) -> FailureEvent:
    kind = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    place = env.next_state_name or ""
    reason = reason if reason.startswith("returned") else f"threw an error during evaluation. {reason}"
    cause = (
        f"An error occurred while executing the state '{place}'. "
        f"The JSONata expression '{expression}' specified for the field '{env.next_field_name}' {reason}"
    )
    details = EvaluationFailedEventDetails(error=kind.error_name, cause=cause, state=place)
    return FailureEvent(
        env=env,
        error_name=kind,
        event_type=HistoryEventType.EvaluationFailed,
        event_details=EventDetails(evaluationFailedEventDetails=details),  # type: ignore[typeddict-item]
    )


# --- states and tasks -------------------------------------------------------------------------------------------------


def _execution_of(env: Any) -> str:
    return str(env.states.context_object.context_object_data["Execution"]["Id"])


def _enter_state(self: Any, env: Any) -> None:
    execution = _execution_of(env)
    billing.meter("states", "standard_transition", 1, asset=execution)
    _original[CommonStateField, "_eval_body"](self, env)
    for value in list(env.variable_store._inner_scope.values()):
        asset = value.get("asset") if isinstance(value, Mapping) else value
        if isinstance(asset, str) and _ASSET.fullmatch(asset):
            billing.METER.tie(execution, asset)
            if isinstance(value, Mapping) and isinstance(value.get("key"), str):
                billing.METER.tie(billing.owner_of(value["key"]), asset)
            return


def _result(self: Any, env: Any) -> None:
    """ResultPath; for the default, which every JSONata state has, moto builds a parser each time."""
    if self.result_path_src != ResultPath.DEFAULT_PATH:
        _original[ResultPath, "_eval_body"](self, env)


def _error_equals(self: Any, env: Any) -> None:
    """Whether a Retry's or Catch's ErrorEquals names the error, with the wildcards of the Developer Guide: States.ALL
    is all but the terminal errors, States.TaskFailed all but those and States.Timeout."""
    error = env.stack.pop().error_name
    named = {name.error_name for name in self.error_names}
    wild = "States.ALL" in named or ("States.TaskFailed" in named and error != "States.Timeout")
    env.stack.append(error in named or (wild and error not in TERMINAL))


def _count_retry(self: Any, env: Any, failure_event: Any) -> RetryOutcome:
    outcome: RetryOutcome = _original[ExecutionState, "_handle_retry"](self, env, failure_event)
    if outcome == RetryOutcome.CanRetry:
        billing.meter("states", "standard_transition", 1, asset=_execution_of(env))
    return outcome


def _within_time(self: Any, env: Any) -> None:
    """One attempt of a state within its TimeoutSeconds, less what it waits for a free worker."""
    self.timeout.eval(env=env)
    limit = float(env.stack.pop())
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    frame.queued = Wait()
    done = threading.Event()
    errors: list[Exception] = []

    def work() -> None:
        try:
            self._eval_execution(frame)
        except Exception as error:
            errors.append(error)
        done.set()

    threading.Thread(target=work, name=f"state-{self.name}", daemon=True).start()
    in_time = _await(done, limit, frame.queued)
    frame.set_ended()
    env.close_frame(frame)
    if errors:
        raise errors[0]
    if not in_time:
        raise EvalTimeoutError
    _take_output(self, env, frame.stack.pop())


def _await(done: threading.Event, limit: float, queued: Wait) -> bool:
    began = time.monotonic()
    while (left := limit - (time.monotonic() - began - queued.seconds)) > 0:
        if done.wait(min(left, threading.TIMEOUT_MAX)):
            return True
    return False


def _take_output(self: Any, env: Any, output: Any) -> None:
    """What a finished attempt leaves behind: its result, assigned variables, and the state's output."""
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


def _waits_for_token(task: Any) -> bool:
    resource: Any = getattr(task, "resource", None)
    return isinstance(task, StateTaskServiceCallback) and resource.condition == ResourceCondition.WaitForTaskToken


def _callback_state(self: Any, env: Any) -> None:
    """The whole state; its tokens are made by each attempt."""
    if self._is_integration_pattern():
        self._assert_integration_pattern_is_supported()
    super(StateTaskServiceCallback, self)._eval_body(env=env)


def _attempt(self: Any, env: Any) -> None:
    """One attempt of a task, in an environment of its own."""
    if _waits_for_token(self):
        env.callback_pool_manager.add(env.states.context_object.update_task_token())
    _original[StateTaskService, "_eval_execution"](self, env)


def _wait(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
    """Wait for the token's answer; whoever answers later is told that the task timed out."""
    endpoint = None
    if _waits_for_token(self):
        endpoint = env.callback_pool_manager.get(env.states.context_object.context_object_data["Task"]["Token"])
    try:
        _original[StateTaskServiceCallback, "_eval_integration_pattern"](self, env, *args, **kwargs)
    finally:
        if endpoint is not None:
            endpoint.report(CallbackConsumerTimeout())


def _add_token(self: Any, callback_id: str) -> CallbackEndpoint:
    endpoint: CallbackEndpoint = _original[CallbackPoolManager, "add"](self, callback_id)
    _tokens.add(endpoint)
    return endpoint


def _setup_heartbeat(self: CallbackEndpoint, heartbeat_seconds: int) -> Any:
    """A token that was answered before the wait for heartbeats began (by the function itself) wakes it at once."""
    endpoint = _original[CallbackEndpoint, "setup_heartbeat_endpoint"](self, heartbeat_seconds)
    if self.get_outcome() is not None:
        endpoint.notify()
    return endpoint


# --- task tokens ------------------------------------------------------------------------------------------------------


def _send_success(_backend: Any, task_token: str, outcome: str) -> None:
    try:
        json.loads(outcome)
    except (ValueError, TypeError) as error:
        raise InvalidOutput(f"Invalid Output: '{error}'") from error
    _tokens.waiting(task_token).notify(CallbackOutcomeSuccess(callback_id=task_token, output=outcome))


def _send_failure(_backend: Any, task_token: str, error: str | None = None, cause: str | None = None) -> None:
    outcome = CallbackOutcomeFailure(callback_id=task_token, error=error or "", cause=cause or "")
    _tokens.waiting(task_token).notify(outcome)


def _send_heartbeat(_backend: Any, task_token: str) -> None:
    _tokens.waiting(task_token).notify_heartbeat()


def _failure_response(self: Any) -> EmptyResult:
    token, error, cause = (self._get_param(name) for name in ("taskToken", "error", "cause"))
    self.stepfunction_backend.send_task_failure(token, error=error, cause=cause)
    return EmptyResult()


# --- executions -------------------------------------------------------------------------------------------------------


def _start_execution(
    self: Any, state_machine_arn: str, name: str | None = None, execution_input: Any = None, trace_header: Any = None
) -> Execution:
    name = name or str(uuid.uuid4())
    if not _NAME.fullmatch(name):
        raise InvalidName(f"Invalid Name: '{name}'")
    started: Execution = _original[StepFunctionsParserBackend, "start_execution"](
        self, state_machine_arn, name, execution_input, trace_header
    )
    remembered = self.describe_state_machine(state_machine_arn).executions
    if len(remembered) > REMEMBERED_EXECUTIONS:
        ended = [run for run in remembered if run.exec_status != ExecutionStatus.RUNNING]
        for run in ended[: len(remembered) - REMEMBERED_EXECUTIONS]:
            remembered.remove(run)
    return started


def _start(self: Execution) -> None:
    _running.add(self)
    self.exec_status = ExecutionStatus.RUNNING
    publish_status(self)
    _original[Execution, "start"](self)


@lru_cache(maxsize=64)
def _parse(definition: str) -> Any:
    return AmazonStateLanguageParser.parse(definition)[0]


def _program(self: Any) -> Any:
    """The parsed definition. Its parts keep nothing of a run (that is in the environment), so all runs share it."""
    with _parsing:
        return _parse(self._evaluation_details.state_machine_details.definition)


def _environment(self: Any) -> Any:
    env = _original[ExecutionWorker, "_get_evaluation_environment"](self)
    execution = env.states.context_object.context_object_data["Execution"]
    execution["StartTime"] = tasks.jsonable(execution["StartTime"])
    return env


def _execute(self: Any) -> None:
    """The thread of an execution; a fault of the interpreter must not leave it running for ever."""
    execution = self._execution_communication.execution
    try:
        _original[ExecutionWorker, "_execution_logic"](self)
    except Exception as error:
        log.exception("The interpreter failed")
        _finish(execution, ExecutionStatus.FAILED, error="States.Runtime", cause=f"{type(error).__name__}: {error}")
    logs.write(execution)


def _terminated(self: Any) -> None:
    execution: Execution = self.execution
    if execution.exec_status != ExecutionStatus.RUNNING:
        return  # it was stopped before
    before = execution.exec_status
    self._reflect_execution_status()
    status, execution.exec_status = execution.exec_status, before
    _release(execution)
    _finish(execution, status, error=execution.error, cause=execution.cause)


def abort(execution: Execution, error: str | None, cause: str | None) -> None:
    """Stop at once: the status says so now, and whoever waits for a token or for time is woken."""
    worker = execution.exec_worker
    if worker is not None and worker.env is not None:
        worker.env.set_stop(stop_date=datetime.now(UTC), cause=cause, error=error)
    _finish(execution, ExecutionStatus.ABORTED, error=error, cause=cause)
    _release(execution)


def _release(execution: Execution) -> None:
    """Nobody waits any more for what this execution's tasks were waiting for."""
    worker = execution.exec_worker
    if worker is None or worker.env is None:
        return
    for endpoint in list(worker.env.callback_pool_manager._pool.values()):
        if endpoint.consumer_error is None:
            endpoint.report(CallbackConsumerTimeout())
            endpoint.interrupt_all()


def _finish(execution: Execution, status: ExecutionStatus | None, error: str | None, cause: str | None) -> None:
    if not _running.remove(execution):
        return
    execution.error, execution.cause = error, cause
    execution.stop_date = datetime.now(UTC)
    execution.exec_status = status
    publish_status(execution)


def publish_status(execution: Execution) -> None:
    """Put "Step Functions Execution Status Change" on the bus."""
    bus.publish(
        {
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "account": execution.account_id,
            "region": execution.region_name,
            "resources": [execution.exec_arn],
            "detail": status_detail(execution),
        }
    )


def status_detail(execution: Execution) -> dict[str, Any]:
    """The event's detail, as the Step Functions Developer Guide shows it; moments in milliseconds of the epoch."""
    status = ExecutionStatus(execution.exec_status).value
    output = None
    if status == ExecutionStatus.SUCCEEDED:
        output = json.dumps(execution.output, ensure_ascii=False, separators=(",", ":"))
    given = execution.execution_input
    included = len(given.encode()) + len((output or "").encode()) <= EVENT_LIMIT
    redrivable = status in (ExecutionStatus.FAILED, ExecutionStatus.ABORTED, ExecutionStatus.TIMED_OUT)
    why = f"Execution is {status} and cannot be redriven"
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": given if included else None,
        "output": output if included else None,
        "inputDetails": {"included": included},
        "outputDetails": {"included": included} if output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE",
        "redriveStatusReason": None if redrivable else why,
    }


def _milliseconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None


# --- answers of the API -----------------------------------------------------------------------------------------------


def _stop_response(self: Any) -> ActionResult:
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    abort(execution, error=self._get_param("error"), cause=self._get_param("cause"))
    return ActionResult({"stopDate": execution.stop_date})


def _describe_response(self: Any) -> ActionResult:
    answer: ActionResult = _original[StepFunctionResponse, "describe_execution"](self)
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    result: Any = answer._result
    if execution.stop_date is not None:
        result["stopDate"] = execution.stop_date
    if isinstance(execution.output, str) and execution.exec_status == ExecutionStatus.SUCCEEDED:
        result["output"] = json.dumps(execution.output)  # moto gives a text without its quotes
    result.update(inputDetails={"included": True}, redriveCount=0)
    return answer


def _history_response(self: Any) -> ActionResult:
    """GetExecutionHistory with pages and order; the page's token is the place in the list."""
    history = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))["events"]
    found = [{**event, "timestamp": datetime.fromisoformat(str(event["timestamp"]))} for event in history]
    if self._get_param("reverseOrder"):
        found.reverse()
    size = min(int(self._get_param("maxResults") or 1000), 1000)
    start = int(self._get_param("nextToken") or 0)
    answer: dict[str, Any] = {"events": found[start : start + size]}
    if start + size < len(found):
        answer["nextToken"] = str(start + size)
    return ActionResult(answer)
