"""What is on disk of executions: their start, how far each program has come, their history and their end.

A program is the machine's own states, a branch of a Parallel or an item of a Map. When a state is left, one row takes
the program's output, variables and next state, before that state is entered; the state under way has a row of its own
with its attempt and its task token. When the cloud starts again, each program continues behind the last state that it
has left: results are not computed twice, and the state that was under way runs again with the same token.

An event that a state had put into the history keeps its place and time there when the state runs again.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramRunning
from moto.stepfunctions.parser.backend.execution import Execution

from impp_local.kernel.store import Store

RUNNING: Final = "states.running"
ENDED: Final = "states.ended"
"""Executions by their ARN: what DescribeExecution shows, and what it takes to run them."""

PROGRAM: Final = "states.program"
STATE: Final = "states.state"
EVENTS: Final = "states.events"
"""Of running executions: how far each program has come, states under way, the history so far."""

HISTORY: Final = "states.history"
DEFINITION: Final = "states.definition"
TOKEN: Final = "states.token"  # noqa: S105  # a kind of rows
ANSWER: Final = "states.answer"

REMEMBERED_EXECUTIONS: Final = 10_000
REMEMBERED_FOR: Final = timedelta(days=90)
"""Ended executions that can still be described: at most so many, for as long as Step Functions keeps them
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""

FORGET_EVERY: Final = 500
"""Executions end between two looks for those that are too old."""


_last_progress = time.monotonic()


def _note_progress() -> None:
    global _last_progress
    _last_progress = time.monotonic()


def stalled_s() -> float:
    """Seconds since any execution entered or left a state."""
    return time.monotonic() - _last_progress


class Journal:
    """The rows of one running execution. Once closed it changes nothing any more."""

    def __init__(self, store: Store, arn: str) -> None:
        self.arn = arn
        self.is_deleted = False
        """The state machine was deleted; the execution ends at its next transition."""
        self.abort: Callable[[], None] = _do_nothing
        self.stopped: tuple[str | None, str | None] | None = None
        """Error and cause of an execution that was stopped, maybe before it had a thread."""
        self.before: list[dict[str, Any]] = []
        """The history's events from before the cloud started."""
        self.history: Any = None
        """moto's list of them, once the execution runs."""
        self.order = threading.Lock()
        """Held while an event is added, so that events are written in the order of their ids."""
        self._store = store
        self._lock = threading.RLock()
        self._is_open = True
        self._is_suspended = False
        self._programs: dict[str, dict[str, Any]] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._places: dict[str, int] = {}
        self._cancelled: tuple[str, ...] = ()
        self._unwritten: list[tuple[str, dict[str, Any]]] = []
        self._written = 0

    @property
    def is_open(self) -> bool:
        """Whether the execution runs here, and is not merely suspended."""
        return self._is_open

    @property
    def is_suspended(self) -> bool:
        """Whether the cloud stops, and the execution goes on when it starts again."""
        return self._is_suspended

    def load(self) -> None:
        """Take up what is on disk."""
        own = self._key("")
        self._programs = {key.removeprefix(own): row for key, row in self._store.rows(PROGRAM, own)}
        self._states = {key.removeprefix(own): row for key, row in self._store.rows(STATE, own)}
        for _, batch in self._store.rows(EVENTS, own):
            for place, event in batch:
                self._places[place] = len(self.before)
                self.before.append(event)
        self._written = len(self.before)

    def close(self) -> None:
        """Leave the rows as they are from now on."""
        with self._lock:
            self._is_suspended = self._is_open
            self._is_open = False

    # How far programs and states have come --------------------------------------------------------------------------

    def program(self, program: str) -> dict[str, Any] | None:
        """How far a program had come when the cloud stopped."""
        return self._programs.pop(program, None)

    def state(self, state: str) -> dict[str, Any] | None:
        """A state that was under way when the cloud stopped."""
        return self._states.pop(state, None)

    def enter(self, state: str, row: Mapping[str, Any]) -> None:
        """A state is under way, or its attempt, token or job has changed."""
        _note_progress()
        with self._lock:
            if self._is_open and not self.is_cancelled(state):
                with self._store.changes():
                    self._store.put(STATE, self._key(state), row)
                    if token := row.get("token"):
                        self._store.put(TOKEN, token, self.arn)
                    self._write_events()

    def drop_token(self, token: str) -> None:
        """No state waits for the token's answer any more."""
        with self._lock:
            if self._is_open:
                self._drop_token(token)

    def leave(self, state: str, program: str, row: Mapping[str, Any], token: str | None) -> None:
        """A program has left a state."""
        _note_progress()
        with self._lock:
            if self._is_open and not self.is_cancelled(program):
                with self._store.changes():
                    self._store.put(PROGRAM, self._key(program), row)
                    self._store.delete(STATE, self._key(state))
                    self._delete_inner(self._key(f"{state}#"))
                    if token:
                        self._drop_token(token)
                    self._write_events()

    def cancel(self, family: str) -> None:
        """The branches or items of an attempt have ended, as one of them failed: what they still do leaves no trace."""
        with self._lock:
            if not self._is_open or f"{family}." in self._cancelled:
                return
            self._cancelled += (f"{family}.",)
            with self._store.changes():
                inner = self._key(f"{family}.")
                for _, row in self._store.rows(STATE, inner):
                    if token := row.get("token"):
                        self._drop_token(token)
                self._delete_inner(inner)

    def is_cancelled(self, program: str) -> bool:
        """Whether a program, or a state of one, belongs to branches or items that have ended."""
        return program.startswith(self._cancelled)

    def _drop_token(self, token: str) -> None:
        self._store.delete(TOKEN, token)
        self._store.delete(ANSWER, token)

    def _delete_inner(self, prefix: str) -> None:
        for kind in (PROGRAM, STATE):
            self._store.delete_all(kind, prefix)

    # History --------------------------------------------------------------------------------------------------------

    def place_of(self, place: str) -> int | None:
        """Where an event stands that was added before the cloud stopped."""
        return self._places.pop(place, None)

    def add_event(self, place: str, event: dict[str, Any]) -> None:
        """A new event of the history; it is written with the next state."""
        self._unwritten.append((place, event))  # under `order`

    def _write_events(self) -> None:
        with self.order:
            events, self._unwritten = self._unwritten, []
        if events:
            self._store.put(EVENTS, self._key(f"{self._written:08d}"), events)
            self._written += len(events)

    def archive(self, history: list[dict[str, Any]]) -> None:
        """The execution has ended, and this is all of its history."""
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
            with self._store.changes():
                self._store.put(HISTORY, self.arn, zlib.compress(pickle.dumps(history, pickle.HIGHEST_PROTOCOL), 3))
                own = self._key("")
                for _, row in self._store.rows(STATE, own):
                    if token := row.get("token"):
                        self._drop_token(token)
                self._delete_inner(own)
                self._store.delete_all(EVENTS, own)

    def _key(self, part: str) -> str:
        return f"{self.arn}|{part}"


def _do_nothing() -> None:
    """Before the execution has a thread."""


# --- where an environment is ------------------------------------------------------------------------------------------


@dataclass
class Position:
    """Where an environment is: in which program (`""`: the machine's own), in its how manyeth state and attempt.

    A branch or item has its own program, `<state>#<attempt>.<index>`, as one attempt's results are not another's.
    """

    journal: Journal
    program: str = ""
    family: str = ""
    entry: int = 0
    attempt: int = 0
    children: int = 0
    row: dict[str, Any] = field(default_factory=dict)
    """Of the state under way: `entered` (seconds of the epoch), `attempt`, `due`, `retriers`, `token`, `output`."""
    is_resumed: bool = False

    @property
    def state(self) -> str:
        """The state under way."""
        return f"{self.program}/{self.entry}"

    def enter(self) -> bool:
        """Enter the next state of the program; whether that is for the first time."""
        self.entry += 1
        row = self.journal.state(self.state)
        self.row = row or {"entered": time.time(), "attempt": 0}
        self.attempt = 0  # the attempt goes on once the state's work begins
        self.is_resumed = row is not None
        return row is None

    def save(self, **changes: Any) -> None:
        """Write the state under way, with changes, unless this attempt timed out and the next one has begun."""
        if changes.get("attempt", self.row["attempt"]) != self.attempt:
            return
        self.row.update(changes)
        self.journal.enter(self.state, self.row)

    def retry(self, retriers: list[Any], due: float) -> None:
        """Begin the next attempt of the state under way, which is due at this time (seconds of the epoch)."""
        if token := self.row.pop("token", None):
            self.journal.drop_token(token)
        self.row.pop("output", None)
        self.attempt += 1
        self.save(attempt=self.attempt, retriers=retriers, due=due)

    def token(self) -> str:
        """The task token of this attempt: the one issued before the cloud stopped, or a new one that is on disk."""
        if "token" in self.row:
            return str(self.row["token"])
        issued = str(uuid.uuid4())
        self.save(token=issued)
        return issued

    @property
    def family_of_children(self) -> str:
        """The branches or items of this attempt of the state under way."""
        return f"{self.state}#{self.attempt}"

    def child(self, index: int) -> Position:
        """Where a branch or item of the state under way begins."""
        family = self.family_of_children
        return Position(self.journal, f"{family}.{index}", family)


def position_of(env: Any) -> Position | None:
    """Where an environment is; None for an execution without rows (StartSyncExecution, TestState)."""
    position: Position | None = getattr(env, "position", None)
    return position


def place(env: Any, position: Position) -> None:
    """Set where an environment is, for its events too."""
    env.position = position
    env.event_history_context.position = position


def resume_program(env: Any) -> dict[str, Any] | None:
    """Put an environment behind the last state that its program had left; returns the variables."""
    position = position_of(env)
    row = position.journal.program(position.program) if position else None
    if position is None or row is None:
        return None
    position.entry = row["entry"]
    env.states.reset(input_value=row["output"])
    env.variable_store._inner_scope.update(row["variables"])
    env.event_history_context.source_event_id, env.event_history_context.last_published_event_id = row["events"]
    if row["next"] is None:
        env.set_ended()
    else:
        env.next_state_name = row["next"]
    return dict(row["variables"])


def leave_state(env: Any, position: Position) -> None:
    """Write how far a program has come, unless it failed or was stopped."""
    if not isinstance(env._program_state, (ProgramRunning, ProgramEnded)):
        return
    context = env.event_history_context
    row = {
        "entry": position.entry,
        "output": env.states.get_input(),
        "variables": dict(env.variable_store._inner_scope),
        "next": env.next_state_name,  # None at the end
        "events": (context.source_event_id, context.last_published_event_id),
    }
    position.journal.leave(position.state, position.program, row, position.row.get("token"))


_open_frame_in_moto: Final = Environment.open_frame
_open_inner_frame_in_moto: Final = Environment.open_inner_frame
_add_event_in_moto: Final = EventManager.add_event


def open_frame(self: Any, event_history_context: Any = None) -> Any:
    """A frame for an attempt of a state: where the state is."""
    frame = _open_frame_in_moto(self, event_history_context)
    context = self.states.context_object.context_object_data
    if "Map" in context:
        frame.states.context_object.context_object_data["Map"] = context["Map"]
    frame.entered = getattr(self, "entered", None)  # type: ignore[attr-defined]
    if position := position_of(self):
        place(frame, copy.copy(position))
    return frame


def open_inner_frame(self: Any, event_history_context: Any = None) -> Any:
    """A frame for a branch or an item: a program of its own."""
    frame = _open_inner_frame_in_moto(self, event_history_context)
    if position := position_of(self):
        place(frame, position.child(position.children))
        position.children += 1
    return frame


def place_item(env: Any, index: int) -> None:
    """Name an item's program by its place in the list: items are handed to whichever thread is free."""
    if position := position_of(env):
        position.program = f"{position.family}.{index}"


class OnceOnly(dict[str, Any]):
    """Details of an event that is reported twice and stands once in the history."""

    is_added = False


def add_event(
    self: Any,
    context: Any,
    event_type: Any,
    event_details: Any = None,
    timestamp: Any = None,
    update_source_event_id: bool = True,
) -> int:
    """Add an event to the history, in its old place if it was there before the cloud stopped."""
    if isinstance(event_details, OnceOnly):
        if event_details.is_added:
            return int(context.source_event_id)
        event_details.is_added = True
    position: Position | None = getattr(context, "position", None)
    if position is None:
        return _add_event_in_moto(self, context, event_type, event_details, timestamp, update_source_event_id)
    if position.journal.is_cancelled(position.program):
        return int(context.source_event_id)
    where = f"{position.state}#{position.attempt}:{getattr(event_type, 'value', event_type)}"
    index = position.journal.place_of(where) if self is position.journal.history else None
    if index is not None:
        event = self._history_event_list[index]
        event.update(event_details or {})
        context.last_published_event_id = event["id"]
        if update_source_event_id:
            context.source_event_id = event["id"]
        return int(event["id"])
    with position.journal.order:
        identifier = _add_event_in_moto(self, context, event_type, event_details, timestamp, update_source_event_id)
        if self is position.journal.history:  # a distributed Map's items have a history of their own
            position.journal.add_event(where, self._history_event_list[identifier - 1])
    return identifier


def list_events(self: Any) -> list[Any]:
    """The events so far. Nobody changes them."""
    with self._mutex:
        return list(self._history_event_list)


def restore_history(env: Any, journal: Journal) -> None:
    """Begin a resumed execution's history with the events from before."""
    journal.history = env.event_manager
    env.event_manager._history_event_list.extend(journal.before)
    env.event_manager._event_id_gen._next_id = len(journal.before) + 1


# --- executions as rows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Summary:
    """What ListExecutions shows of an ended execution."""

    execution_arn: str
    state_machine_arn: str
    name: str
    status: str
    start_date: datetime
    stop_date: datetime


class Archive:
    """Executions on disk: those that run, to be resumed, and those that have ended, to be described."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._definitions: dict[str, str] = {}
        self._ends = 0
        self._lock = threading.Lock()
        self._summaries: dict[str, dict[str, Summary]] = {}
        """Of ended executions, by state machine and ARN; whoever waits for the last one lists them twice a second."""
        for arn, row in store.rows(ENDED):
            self._summarize(arn, row)

    def write(self, execution: RecordedExecution) -> None:
        """Write an execution as it is now."""
        if execution.exec_status == ExecutionStatus.RUNNING:
            self.store.put(RUNNING, execution.exec_arn, execution.row())
        else:
            self.store.delete(RUNNING, execution.exec_arn)
            self.store.put(ENDED, execution.exec_arn, execution.row())
            with self._lock:
                self._summarize(execution.exec_arn, execution.row())

    def _keep_definition(self, definition: str) -> str:
        """Write a definition, once; returns its key."""
        key = hashlib.sha256(definition.encode()).hexdigest()
        if key not in self._definitions:
            self._definitions[key] = definition
            self.store.put(DEFINITION, key, definition)
        return key

    def new(self, machine: Any, arn: str, name: str, given: str, trace: str | None) -> RecordedExecution:
        """An execution of a state machine as that is now."""
        row = {
            "name": name,
            "machine": {
                "arn": machine.arn,
                "name": machine.name,
                "roleArn": machine.roleArn,
                "loggingConfiguration": machine.loggingConfiguration,
                "sm_type": machine.type,
            },
            "definition": self._keep_definition(machine.definition),
            "input": given,
            "trace": trace,
            "started": datetime.now(UTC),
            "status": ExecutionStatus.RUNNING.value,
            "stopped": None,
            "output": None,
            "error": None,
            "cause": None,
            "is_deleted": False,
        }
        return RecordedExecution(arn, row, self)

    def execution(self, arn: str, row: Mapping[str, Any]) -> RecordedExecution:
        """An execution as its row describes it."""
        return RecordedExecution(arn, row, self)

    def running(self) -> list[tuple[str, dict[str, Any]]]:
        """The executions that ran when the cloud stopped."""
        return self.store.rows(RUNNING)

    def find(self, arn: str) -> RecordedExecution | None:
        """An execution that has ended, or that is about to be resumed."""
        row = self.store.get(ENDED, arn) or self.store.get(RUNNING, arn)
        return self.execution(arn, row) if row else None

    def ended_of(self, machine_arn: str) -> list[Summary]:
        """The ended executions of a state machine or a version of it."""
        with self._lock:
            return list(self._summaries.get(machine_arn, {}).values())

    def _summarize(self, arn: str, row: Mapping[str, Any]) -> None:
        machine = row["machine"]["arn"]
        summary = Summary(arn, machine, row["name"], row["status"], row["started"], row["stopped"])
        self._summaries.setdefault(machine, {})[arn] = summary

    def definition(self, key: str) -> str:
        """A definition by its key."""
        if key not in self._definitions:
            self._definitions[key] = self.store.get(DEFINITION, key) or ""
        return self._definitions[key]

    def history(self, arn: str) -> list[dict[str, Any]]:
        """The history of an ended execution."""
        packed = self.store.get(HISTORY, arn)
        events: list[dict[str, Any]] = pickle.loads(zlib.decompress(packed)) if packed else []  # noqa: S301  # our own
        return events

    def complete_histories(self) -> None:
        """Archive executions that had ended when the cloud was killed, but not yet their histories."""
        unfinished = {key.partition("|")[0] for key, _ in self.store.rows(EVENTS)}
        unfinished.difference_update(arn for arn, _ in self.running())
        for arn in unfinished:
            journal = Journal(self.store, arn)
            journal.load()
            journal.archive(journal.before)

    def forget_old(self, *, at_once: bool = False) -> None:
        """Remove the ended executions that are too many or too old, every now and then."""
        self._ends += 1
        if not at_once and self._ends % FORGET_EVERY:
            return
        rows = sorted(self.store.rows(ENDED), key=lambda row: row[1]["stopped"], reverse=True)
        oldest = datetime.now(UTC) - REMEMBERED_FOR
        surplus = [arn for n, (arn, row) in enumerate(rows) if n >= REMEMBERED_EXECUTIONS or row["stopped"] < oldest]
        if not surplus:
            return
        used = {row["definition"] for arn, row in _all(rows, self.running()) if arn not in set(surplus)}
        with self.store.changes():
            for arn in surplus:
                self.store.delete(ENDED, arn)
                self.store.delete(HISTORY, arn)
            for key, _ in self.store.rows(DEFINITION):
                if key not in used:
                    self.store.delete(DEFINITION, key)
                    self._definitions.pop(key, None)
        with self._lock:
            for summaries in self._summaries.values():
                for arn in surplus:
                    summaries.pop(arn, None)


def _all(*lists: Iterable[tuple[str, dict[str, Any]]]) -> Iterable[tuple[str, dict[str, Any]]]:
    return (row for rows in lists for row in rows)


class RecordedExecution(Execution):
    """An execution with a row. Its history is read when it is asked for, if it has ended."""

    def __init__(self, arn: str, row: Mapping[str, Any], archive: Archive) -> None:
        _, _, _, region, account, *_ = arn.split(":")
        machine: Any = StateMachineInstance(**row["machine"], definition=archive.definition(row["definition"]))
        super().__init__(
            name=row["name"],
            sm_type=machine.sm_type,
            role_arn=machine.roleArn,
            exec_arn=arn,
            account_id=account,
            region_name=region,
            state_machine=machine,
            start_date=row["started"],
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=row["input"],
            trace_header=row["trace"],
        )
        self.exec_status = ExecutionStatus(row["status"])
        self.stop_date = row["stopped"]
        self.output, self.error, self.cause = row["output"], row["error"], row["cause"]
        self.journal = Journal(archive.store, arn)
        self.journal.is_deleted = row["is_deleted"]
        self._row = dict(row)
        self._archive = archive

    def row(self) -> dict[str, Any]:
        """What is on disk of it."""
        return self._row | {
            "status": ExecutionStatus(self.exec_status).value,
            "stopped": self.stop_date,
            "output": self.output,
            "error": self.error,
            "cause": self.cause,
            "is_deleted": self.journal.is_deleted,
        }

    def to_history_output(self) -> Any:
        """The events: from disk when it has ended, those from before until it runs again."""
        if self.exec_worker is not None and self.exec_worker.env is not None:
            return super().to_history_output()
        if self.exec_status == ExecutionStatus.RUNNING:
            return {"events": list(self.journal.before)}
        return {"events": self._archive.history(self.exec_arn)}
