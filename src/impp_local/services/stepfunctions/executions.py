"""Executions from start to end; each change of status is an event on the bus."""

from __future__ import annotations

import json
import logging
import re
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from moto.stepfunctions.parser.api import ExecutionStatus, InvalidName
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from impp_local.kernel import events
from impp_local.services.stepfunctions import logs, tokens
from impp_local.services.stepfunctions.clients import jsonable

log: Final = logging.getLogger(__name__)

EVENT_LIMIT: Final = 248 * 1024
"""Bytes of input and output together above which a status event omits them
(https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html)."""

REMEMBERED_EXECUTIONS: Final = 2_000
"""Ended executions of a state machine that can still be described (on AWS: those of the last 90 days)."""

REDRIVABLE: Final = {ExecutionStatus.FAILED, ExecutionStatus.ABORTED, ExecutionStatus.TIMED_OUT}

_NAME: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")


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
        """An execution ends; False when it had ended before."""
        with self._lock:
            return self._executions.pop(execution.exec_arn, None) is not None

    def all(self) -> list[Execution]:
        """Those that run now."""
        with self._lock:
            return list(self._executions.values())


RUNNING: Final = Running()


# --- start ------------------------------------------------------------------------------------------------------------

_start_execution_in_moto: Final = StepFunctionsParserBackend.start_execution
_start_in_moto: Final = Execution.start
_environment_in_moto: Final = ExecutionWorker._get_evaluation_environment
_execute_in_moto: Final[Callable[[Any], None]] = ExecutionWorker._execution_logic


def start_execution(
    self: Any, state_machine_arn: str, name: str | None = None, execution_input: Any = None, trace_header: Any = None
) -> Execution:
    """StartExecution. Raises InvalidName and what moto raises."""
    name = name or str(uuid.uuid4())
    if not _NAME.fullmatch(name):
        raise InvalidName(f"Invalid Name: '{name}'")
    execution = _start_execution_in_moto(self, state_machine_arn, name, execution_input, trace_header)
    _forget_oldest(self.describe_state_machine(state_machine_arn).executions)
    return execution


def start(self: Execution) -> None:
    """Start the thread of an execution."""
    RUNNING.add(self)
    self.exec_status = ExecutionStatus.RUNNING
    publish_status(self)
    _start_in_moto(self)


def state_without_executions(self: Any) -> dict[str, Any]:
    """What a copy of a state machine takes over: all but its executions."""
    return {**self.__dict__, "executions": []}


def create_environment(self: Any) -> Any:
    """The environment of an execution; its context is JSON."""
    env = _environment_in_moto(self)
    execution = env.states.context_object.context_object_data["Execution"]
    execution["StartTime"] = jsonable(execution["StartTime"])
    return env


def execute(self: Any) -> None:
    """The thread of an execution; a fault of the interpreter must not leave it running for ever."""
    execution = self._execution_communication.execution
    try:
        _execute_in_moto(self)
    except Exception as error:
        log.exception("The interpreter failed")
        _finish(execution, ExecutionStatus.FAILED, error="States.Runtime", cause=f"{type(error).__name__}: {error}")
    logs.write(execution)


def _forget_oldest(executions: list[Execution]) -> None:
    if (surplus := len(executions) - REMEMBERED_EXECUTIONS) > 0:
        ended = [execution for execution in executions if execution.exec_status != ExecutionStatus.RUNNING]
        for execution in ended[:surplus]:
            executions.remove(execution)


# --- end --------------------------------------------------------------------------------------------------------------


def terminate(self: Any) -> None:
    """An execution has come to its end, unless it was stopped before."""
    execution: Execution = self.execution
    if execution.exec_status != ExecutionStatus.RUNNING:
        return
    before = execution.exec_status
    self._reflect_execution_status()
    status, execution.exec_status = execution.exec_status, before  # the status changes last, with the event
    tokens.release(execution)
    _finish(execution, status, error=execution.error, cause=execution.cause)


def abort(execution: Execution, error: str | None, cause: str | None) -> None:
    """Stop at once: set the status, and wake what waits for a token or for time."""
    worker = execution.exec_worker
    if worker is not None and worker.env is not None:
        worker.env.set_stop(stop_date=datetime.now(UTC), cause=cause, error=error)
    _finish(execution, ExecutionStatus.ABORTED, error=error, cause=cause)
    tokens.release(execution)


def _finish(execution: Execution, status: ExecutionStatus | None, error: str | None, cause: str | None) -> None:
    if not RUNNING.remove(execution):
        return
    execution.error, execution.cause = error, cause
    execution.stop_date = datetime.now(UTC)
    execution.exec_status = status
    publish_status(execution)


# --- status events ----------------------------------------------------------------------------------------------------


def publish_status(execution: Execution) -> None:
    """Put "Step Functions Execution Status Change" on the bus."""
    events.publish(
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
    """The event's detail; moments are milliseconds of the epoch.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    status = ExecutionStatus(execution.exec_status)
    output = None
    if status == ExecutionStatus.SUCCEEDED:
        output = json.dumps(execution.output, ensure_ascii=False, separators=(",", ":"))
    given = execution.execution_input
    is_included = len(given.encode()) + len((output or "").encode()) <= EVENT_LIMIT
    is_redrivable = status in REDRIVABLE
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": status.value,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": given if is_included else None,
        "output": output if is_included else None,
        "inputDetails": {"included": is_included},
        "outputDetails": {"included": is_included} if output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "REDRIVABLE" if is_redrivable else "NOT_REDRIVABLE",
        "redriveStatusReason": None if is_redrivable else f"Execution is {status.value} and cannot be redriven",
    }


def _milliseconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None
