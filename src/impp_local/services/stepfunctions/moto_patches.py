"""The interpreter of state machines: moto's, corrected to run many executions at once as AWS runs them.

:func:`install` is the one place that replaces something in moto 5.2.5. Each entry names the fault that it works around;
it can go when moto no longer has that fault. The replacements are grouped by subject into `definitions`, `states`,
`programs`, `expressions`, `tasks`, `tokens`, `executions` and `responses`.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from typing import Any

from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser import api as parser_api
from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.parargs import Parargs
from moto.stepfunctions.parser.asl.component.common.path.result_path import ResultPath
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.inline_iteration_component import (
    InlineIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.iteration_worker import IterationWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.branch_worker import BranchWorker
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils, state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_lambda
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.fail.state_fail import StateFail
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint, CallbackPoolManager
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.variable_store import VariableStore
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from impp_local.kernel.contract import Cloud
from impp_local.services.stepfunctions import (
    archive,
    definitions,
    executions,
    expressions,
    jsonata,
    positions,
    programs,
    responses,
    states,
    tasks,
    tokens,
    validation,
)
from impp_local.services.stepfunctions.clients import Clients


def install(cloud: Cloud) -> None:
    """Replace what is wrong in moto. Idempotent, except that tasks then call the endpoint of `cloud`."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    executions.configure(archive.Archive(cloud.store))
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)  # failures are in the history
    _replace_definitions()
    _replace_states()
    _replace_tasks(Clients(cloud.endpoint))
    _replace_tokens()
    _replace_executions()
    _replace_responses()
    tasks.listen()


def resume() -> None:
    """Continue the executions that ran when the cloud stopped."""
    executions.resume()


def suspend() -> None:
    """Leave the executions that run for the next start of the cloud."""
    executions.suspend()


def running() -> int:
    """Executions that have not ended."""
    return len(executions.RUNNING.all())


def _replace_definitions() -> None:
    # A definition is checked by the parser alone.
    _replace(StepFunctionsParserBackend, _validate_definition=staticmethod(validation.check))
    # Each execution parses its definition again, which takes ANTLR seconds for a large one.
    _replace(ExecutionWorker, _get_evaluation_entrypoint=definitions.parse_once)
    # A JSON string keeps its escapes, or has them read as Python's.
    replace_everywhere("from_string_literal", definitions.read_string)
    _replace(Preprocessor, _inner_string_of=staticmethod(definitions.read_string))
    # The key of a parsed component is set without a lock, and a parsed definition is shared by threads here.
    _replace(EvalComponent, heap_key=property(lambda self: f"{id(self):x}"))


def _replace_states() -> None:
    # There is no evaluator of JSONata, and an expression gets its variables pasted into its text as unescaped strings.
    moto_jsonata._eval_jsonata = lambda expression: jsonata.evaluate(expression, {})
    _replace(StringJSONata, _eval_body=expressions.evaluate, location="")
    # The cause of a failed expression lacks the event id, and gets the sentence about the state twice.
    _replace(FailureEventException, get_execution_failed_event_details=expressions.execution_failed_details)
    # Arguments, variables and the results of Parallel and Map may be of any size.
    _replace(Parargs, _eval_body=states.evaluate_arguments)
    # Output sees what Assign has just set. In a Task, Parallel or Map state, Catch catches no error of Output.
    _replace(AssignDecl, _eval_body=states.assign)
    _replace(ExecutionState, _eval_state_output=states.evaluate_output)
    _replace(CommonStateField, _get_state_exited_event_details=states.describe_exit)
    # The variables in a history event are strings without escapes, in random order.
    _replace(VariableStore, get_assigned_variables=expressions.assigned_variables)
    # Nothing meters transitions or keeps what an execution has done. A second visit of a state has no retries left, and
    # the time of its entry is not written as AWS writes it.
    _replace(Program, eval=states.begin_program, _eval_body=states.run_program)
    _replace(CommonStateField, _eval_body=states.enter_state, _eval_state_input=states.evaluate_input)
    # An attempt of a state in a Map does not see `$states.context.Map`.
    _replace(Environment, open_frame=positions.open_frame, open_inner_frame=positions.open_inner_frame)
    _replace(IterationWorker, _eval_job=programs.evaluate_item)
    # All items of an inline Map run at once, and one thousand after one another are too deep a recursion. When one
    # fails, the others run on, as the other branches of a Parallel do.
    _replace(InlineIterationComponent, _eval_body=programs.evaluate_items)
    _replace(BranchWorker, stop=programs.stop_branch)
    # The history is copied, event by event, for each look at it.
    _replace(EventManager, add_event=positions.add_event, get_event_history=positions.list_events)
    # A Wait of less than a second never ends, and a Timestamp is compared with the local time.
    _replace(WaitFunction, _eval_body=states.wait)
    _replace(Timestamp, _get_wait_seconds=states.seconds_until)
    # A retry is counted only after its interval, in which an execution cannot be stopped.
    _replace(ExecutionState, _handle_retry=states.handle_retry)
    retrier_decl.time = states.backoff  # type: ignore[assignment,attr-defined]
    # The time that a task is queued for a worker counts towards its timeout. (On AWS, workers are always free.)
    _replace(ExecutionState, _evaluate_with_timeout=states.evaluate_within_timeout)
    # ResultPath builds a parser of JSONPath at every evaluation, for its default "$" too.
    _replace(ResultPath, _eval_body=states.apply_result_path)
    # States.ALL catches the terminal errors, and States.TaskFailed no error that begins with "States.".
    _replace(ErrorEqualsDecl, _eval_body=states.match_error)
    # A branch or function whose error begins with "States." makes the interpreter fail; so does a Fail state.
    _replace(CustomErrorName, __init__=ErrorName.__init__)
    _replace(StateFail, _eval_state=states.fail)
    # A Choice state without a match fails with the text of a Python error.
    _replace(StateChoice, _eval_state=states.choose)


def _replace_tasks(clients: Clients) -> None:
    # Each task creates a client of its own, for moto's default port and without the state machine's role.
    replace_everywhere("boto_client_for", clients)
    # A function is called over HTTP, with a read timeout and without the execution that pays for it.
    lambda_eval_utils.execute_lambda_function_integration = tasks.invoke_function
    # lambda:invoke refuses InvocationType.
    state_task_service_lambda._SUPPORTED_API_PARAM_BINDINGS["invoke"].add("InvocationType")
    # There is no integration of MediaConvert.
    tasks.MediaConvertTask.clients = clients
    state_task_factory.state_task_service_for = tasks.task_service_for  # type: ignore[attr-defined]
    # The prefix of an SDK integration's errors is known for a few services only.
    _replace(StateTaskServiceAwsSdk, _normalise_service_error_name=staticmethod(tasks.sdk_service_name))


def _replace_tokens() -> None:
    # All attempts of a state share one token.
    _replace(StateTaskServiceCallback, _eval_body=tokens.evaluate_state)
    _replace(StateTaskService, _eval_execution=tokens.evaluate_attempt)
    _replace(StateTaskServiceCallback, _after_eval_execution=tokens.after_call)
    # A token never expires, and an answer to one of an ended execution is InvalidToken.
    _replace(StateTaskServiceCallback, _eval_integration_pattern=tokens.wait_for_answer)
    _replace(CallbackPoolManager, add=tokens.add_endpoint)
    _replace(StepFunctionsParserBackend, send_task_success=tokens.send_success)
    _replace(StepFunctionsParserBackend, send_task_failure=tokens.send_failure)
    _replace(StepFunctionsParserBackend, send_task_heartbeat=tokens.send_heartbeat)
    # A token that is answered before the wait for heartbeats begins waits for the first heartbeat nevertheless.
    _replace(CallbackEndpoint, setup_heartbeat_endpoint=tokens.set_up_heartbeat)


def _replace_executions() -> None:
    # An execution without a name is called "None", a bad name is accepted, and every execution is kept in memory, as
    # part of its state machine (which cannot be pickled then). Executions of a deleted machine run on.
    _replace(
        StepFunctionsParserBackend,
        start_execution=executions.start_execution,
        describe_execution=executions.describe_execution,
        get_execution_history=executions.get_execution_history,
        list_executions=executions.list_executions,
        describe_state_machine_for_execution=executions.describe_state_machine_for_execution,
        delete_state_machine=executions.delete_state_machine,
        _get_executions=executions.executions_of,
    )
    _replace(StateMachineInstance, __getstate__=executions.state_without_executions)
    # No status change is an event.
    _replace(Execution, start=executions.start)
    # The context object holds a datetime, which is not JSON.
    _replace(ExecutionWorker, _get_evaluation_environment=executions.create_environment)
    # A fault of the interpreter leaves the execution running for ever; nothing is logged.
    _replace(ExecutionWorker, _execution_logic=executions.execute)
    # The end of a thread overwrites the status, error and cause that StopExecution has set.
    _replace(BaseExecutionWorkerCommunication, terminated=executions.terminate)
    # Every thread is kept for ever.
    replace_everywhere("TMP_THREADS", deque(maxlen=0))


def _replace_responses() -> None:
    # StopExecution drops error and cause, and what waits keeps waiting.
    _replace(StepFunctionResponse, stop_execution=responses.stop_execution)
    # SendTaskFailure drops the cause.
    _replace(StepFunctionResponse, send_task_failure=responses.send_task_failure)
    # A string is not quoted in the output, and an execution that timed out has no stop date.
    _replace(StepFunctionResponse, describe_execution=responses.describe_execution)
    # An execution that timed out has no stop date, and serializing a list takes half a millisecond per execution.
    _replace(StepFunctionResponse, list_executions=responses.list_executions)
    # The history has neither pages nor order.
    _replace(StepFunctionResponse, get_execution_history=responses.get_execution_history)
    # The serialiser reads an error's TYPE, and the interpreter's errors have their name in `code`.
    for error in vars(parser_api).values():
        if isinstance(error, type) and issubclass(error, AWSError) and isinstance(getattr(error, "code", None), str):
            error.TYPE = error.code  # type: ignore[assignment]


def replace_everywhere(name: str, value: Any) -> None:
    """Replace a name in every module of moto's interpreter that has imported it."""
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("moto.stepfunctions.") and hasattr(module, name):
            setattr(module, name, value)


def _replace(owner: type, **members: Any) -> None:
    for name, member in members.items():
        setattr(owner, name, member)
