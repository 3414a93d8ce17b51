"""Executions from start to end; each change of status is an event on the bus."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from moto.stepfunctions.exceptions import ExecutionAlreadyExists, ExecutionDoesNotExist
from moto.stepfunctions.parser.api import ExecutionStatus, InvalidExecutionInput, InvalidName
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.utils import PAGINATION_MODEL
from moto.utilities.paginator import paginate

from impp_local.kernel import events
from impp_local.services.stepfunctions import logs, tasks, tokens
from impp_local.services.stepfunctions.archive import Archive, RecordedExecution, Summary
from impp_local.services.stepfunctions.clients import jsonable
from impp_local.services.stepfunctions.journal import stalled_s
from impp_local.services.stepfunctions.positions import Position, place, restore_history

log: Final = logging.getLogger(__name__)

EVENT_LIMIT: Final = 248 * 1024
"""Bytes of input and output together above which a status event omits them
(https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html)."""

AT_ONCE: Final = 16 * (os.cpu_count() or 1)
"""Executions that run at once: enough to keep workers and engines busy."""

STALLED_S: Final = 5.0
"""Without any transition for so long, the executions that run are taken to wait."""

REDRIVABLE: Final = {ExecutionStatus.FAILED, ExecutionStatus.ABORTED, ExecutionStatus.TIMED_OUT}

_NAME: Final = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")


class Running:
    """Executions that run, and those that have ended but whose history is not on disk yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executions: dict[str, RecordedExecution] = {}
        self._ended: set[str] = set()

    def add(self, execution: RecordedExecution) -> None:
        """An execution starts."""
        with self._lock:
            self._executions[execution.exec_arn] = execution
            self._ended.discard(execution.exec_arn)

    def end(self, execution: RecordedExecution) -> bool:
        """An execution ends; False when it had ended before, or is not known any more."""
        with self._lock:
            if self._executions.get(execution.exec_arn) is not execution or execution.exec_arn in self._ended:
                return False
            self._ended.add(execution.exec_arn)
            return True

    def forget(self, execution: RecordedExecution) -> None:
        """All of an execution is on disk."""
        with self._lock:
            self._executions.pop(execution.exec_arn, None)
            self._ended.discard(execution.exec_arn)

    def find(self, arn: str) -> RecordedExecution | None:
        """An execution that is in memory."""
        with self._lock:
            return self._executions.get(arn)

    def in_memory(self) -> list[RecordedExecution]:
        """Those that run, and those that have just ended."""
        with self._lock:
            return list(self._executions.values())

    def all(self) -> list[RecordedExecution]:
        """Those that run now."""
        with self._lock:
            return [execution for arn, execution in self._executions.items() if arn not in self._ended]


RUNNING: Final = Running()
_archive: Archive


def configure(archive: Archive) -> None:
    """Keep executions there."""
    global _archive, _turns
    _archive, _turns = archive, Turns()
    for execution in RUNNING.in_memory():
        RUNNING.forget(execution)
    tokens.start(archive.store)


# --- start ------------------------------------------------------------------------------------------------------------

_start_in_moto: Final = Execution.start
_environment_in_moto: Final = ExecutionWorker._get_evaluation_environment
_execute_in_moto: Final[Callable[[Any], None]] = ExecutionWorker._execution_logic
_delete_machine_in_moto: Final = StepFunctionsParserBackend.delete_state_machine


def start_execution(
    self: Any, state_machine_arn: str, name: str | None = None, execution_input: Any = None, trace_header: Any = None
) -> RecordedExecution:
    """StartExecution. Idempotent for a name and input that run.

    Raises InvalidName, InvalidExecutionInput, StateMachineDoesNotExist, ExecutionAlreadyExists.
    """
    name = name or str(uuid.uuid4())
    if not _NAME.fullmatch(name):
        raise InvalidName(f"Invalid Name: '{name}'")
    machine = self.describe_state_machine(state_machine_arn)
    given = "{}" if execution_input is None else execution_input
    try:
        json.loads(given)
    except (ValueError, TypeError) as error:
        raise InvalidExecutionInput(str(error)) from error
    arn = f"arn:{self.partition}:states:{self.region_name}:{self.account_id}:execution:{machine.name}:{name}"
    if existing := _find(arn):
        if existing.exec_status == ExecutionStatus.RUNNING and existing.execution_input == given:
            return existing
        raise ExecutionAlreadyExists(f"Execution Already Exists: '{arn}'")
    execution = _archive.new(machine, arn, name, given, trace_header)
    execution.start()
    return execution


def start(self: RecordedExecution) -> None:
    """Start the thread of an execution, once it is on disk."""
    with _archive.store.changes():
        _archive.write(self)
        RUNNING.add(self)
        publish_status(self)
        _archive.store.afterwards(lambda: run(self))


def run(execution: RecordedExecution) -> None:
    """Run an execution in a thread of its own, as soon as it is its turn."""
    execution.journal.abort = lambda: abort(execution, None, "The state machine was deleted")
    _turns.add(execution)


class Turns:
    """Lets so many executions run at once: each has a dozen threads, and a laptop has few cores.

    AWS starts them all. An execution that waits for its turn is RUNNING; its time begins with its first state. When
    all that run do nothing but wait, the next one has its turn nevertheless.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[RecordedExecution] = deque()
        self._running = 0
        self._is_closed = False
        self._watching: threading.Thread | None = None

    def add(self, execution: RecordedExecution) -> None:
        """Run it now, or after those that came before."""
        with self._lock:
            self._waiting.append(execution)
            if self._watching is None and self._running >= AT_ONCE and not self._is_closed:
                self._watching = threading.Thread(target=self._watch, name="executions", daemon=True)
                self._watching.start()
        self._admit()

    def end(self) -> None:
        """An execution that ran has ended."""
        with self._lock:
            self._running -= 1
        self._admit()

    def skip(self, execution: RecordedExecution) -> None:
        """Run it now, since it was stopped: that takes no time."""
        with self._lock:
            if execution not in self._waiting:
                return
            self._waiting.remove(execution)
            self._running += 1
        _start_in_moto(execution)

    def close(self) -> None:
        """Start no further execution: they are on disk, and run when the cloud starts again."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()

    def _admit(self, beyond: int = 0) -> None:
        while True:
            with self._lock:
                if self._is_closed or not self._waiting or self._running >= AT_ONCE + beyond:
                    return
                execution = self._waiting.popleft()
                self._running += 1
                beyond = 0
            _start_in_moto(execution)

    def _watch(self) -> None:
        while True:
            time.sleep(1)
            with self._lock:
                if self._is_closed or not self._waiting:
                    self._watching = None
                    return
                running = self._running
            if stalled_s() >= STALLED_S:
                self._admit(beyond=running + 1 - AT_ONCE)


_turns = Turns()


def resume() -> None:
    """Continue what ran when the cloud stopped."""
    _archive.complete_histories()
    _archive.forget_old(at_once=True)
    for arn, row in _archive.running():
        execution = _archive.execution(arn, row)
        execution.journal.load()
        RUNNING.add(execution)
        run(execution)


def state_without_executions(self: Any) -> dict[str, Any]:
    """What a copy of a state machine takes over: all but its executions."""
    return {**self.__dict__, "executions": []}


def create_environment(self: Any) -> Any:
    """The environment of an execution; its context is JSON, and has all fields
    (https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html)."""
    env = _environment_in_moto(self)
    data: Any = env.states.context_object.context_object_data["Execution"]
    data.update(StartTime=jsonable(data["StartTime"]), RedriveCount=0)
    journal = self._execution_communication.execution.journal
    place(env, Position(journal))
    restore_history(env, journal)
    return env


def execute(self: Any) -> None:
    """The thread of an execution; a fault of the interpreter must not leave it running for ever."""
    execution = self._execution_communication.execution
    try:
        _execute_in_moto(self)
    except Exception as error:
        log.exception("The interpreter failed")
        _finish(execution, ExecutionStatus.FAILED, error="States.Runtime", cause=f"{type(error).__name__}: {error}")
    _turns.end()
    if not execution.journal.is_open:
        return
    logs.write(execution)
    execution.journal.archive(execution.to_history_output()["events"])
    RUNNING.forget(execution)
    _archive.forget_old()


# --- description ------------------------------------------------------------------------------------------------------


def describe_execution(self: Any, execution_arn: str) -> RecordedExecution:
    """An execution that runs or has ended. Raises InvalidArn, ExecutionDoesNotExist."""
    self._validate_execution_arn(execution_arn)
    execution = _find(execution_arn)
    if execution is None:
        raise ExecutionDoesNotExist(f"Execution Does Not Exist: '{execution_arn}'")
    return execution


def get_execution_history(self: Any, execution_arn: str) -> Any:
    """The events of an execution. Raises InvalidArn, ExecutionDoesNotExist."""
    return self.describe_execution(execution_arn).to_history_output()


@paginate(pagination_model=PAGINATION_MODEL)
def list_executions(
    self: Any, state_machine_arn: str, status_filter: str | None = None
) -> list[RecordedExecution | Summary]:
    """The executions of a state machine, newest first. Raises StateMachineDoesNotExist."""
    arn = self.describe_state_machine(state_machine_arn).arn
    known: dict[str, RecordedExecution | Summary]
    known = {e.exec_arn: e for e in RUNNING.in_memory() if e.state_machine_arn == arn}
    if status_filter != ExecutionStatus.RUNNING:
        known |= {e.execution_arn: e for e in _archive.ended_of(arn)}
    listed = [e for e in known.values() if status_filter in (None, e.status)]
    return sorted(listed, key=lambda e: e.start_date, reverse=True)


def describe_state_machine_for_execution(self: Any, execution_arn: str) -> Any:
    """The state machine as it was when the execution started. Raises InvalidArn, ExecutionDoesNotExist."""
    return self.describe_execution(execution_arn).state_machine


def executions_of(_backend: Any, execution_status: ExecutionStatus | None = None) -> list[RecordedExecution]:
    """The executions that have an environment, for moto, which asks each for its Map runs."""
    known = [e for e in RUNNING.in_memory() if e.exec_worker is not None and e.exec_worker.env is not None]
    return [e for e in known if execution_status in (None, e.exec_status)]


def _find(arn: str) -> RecordedExecution | None:
    return RUNNING.find(arn) or _archive.find(arn)


# --- end --------------------------------------------------------------------------------------------------------------


def terminate(self: Any) -> None:
    """An execution has come to its end, unless it was stopped before."""
    execution: RecordedExecution = self.execution
    if execution.exec_status != ExecutionStatus.RUNNING or not execution.journal.is_open:
        return
    before = execution.exec_status
    self._reflect_execution_status()
    status, execution.exec_status = execution.exec_status, before  # the status changes last, with the event
    tokens.release(execution)
    _finish(execution, status, error=execution.error, cause=execution.cause)


def abort(execution: RecordedExecution, error: str | None, cause: str | None) -> None:
    """Stop at once: set the status, and wake what waits for a token or for time."""
    _finish(execution, ExecutionStatus.ABORTED, error=error, cause=cause)
    execution.journal.stopped = error, cause
    _turns.skip(execution)
    _interrupt(execution, error=error, cause=cause)


def suspend() -> None:
    """End all threads and leave the executions as they are on disk, to be resumed."""
    _turns.close()
    tokens.suspend()
    running, in_memory = RUNNING.all(), RUNNING.in_memory()
    for execution in in_memory:  # `resume` archives the history of one that has just ended
        execution.journal.close(goes_on=execution in running)
    for execution in in_memory:
        _interrupt(execution, error=None, cause=None)


def delete_state_machine(self: Any, arn: str) -> None:
    """DeleteStateMachine: its executions end at their next transition (Step Functions API Reference)."""
    _delete_machine_in_moto(self, arn)
    for execution in RUNNING.all():
        if execution.state_machine_arn == arn:
            execution.journal.is_deleted = True
            _archive.write(execution)


def _interrupt(execution: RecordedExecution, error: str | None, cause: str | None) -> None:
    worker = execution.exec_worker
    if worker is not None and worker.env is not None:
        worker.env.set_stop(stop_date=datetime.now(UTC), cause=cause, error=error)
        tasks.wake(worker.env)
    tokens.release(execution)


def _finish(execution: RecordedExecution, status: ExecutionStatus | None, error: str | None, cause: str | None) -> None:
    if not execution.journal.is_open or not RUNNING.end(execution):
        return
    execution.error, execution.cause = error, cause
    execution.stop_date = datetime.now(UTC)
    execution.exec_status = status
    execution.journal.write_events()
    with _archive.store.changes():
        _archive.write(execution)
        publish_status(execution)


# --- status events ----------------------------------------------------------------------------------------------------


def publish_status(execution: RecordedExecution) -> None:
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


def status_detail(execution: RecordedExecution) -> dict[str, Any]:
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
