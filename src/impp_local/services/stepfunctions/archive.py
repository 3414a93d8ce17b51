"""Executions on disk: those that run, to be resumed, and those that have ended, to be described."""

from __future__ import annotations

import hashlib
import pickle
import threading
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.stepfunctions.models import StateMachineInstance
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.backend.execution import Execution

from impp_local.kernel.store import Store
from impp_local.services.stepfunctions.journal import DEFINITION, ENDED, EVENTS, HISTORY, RUNNING, Journal

REMEMBERED_EXECUTIONS: Final = 10_000
REMEMBERED_FOR: Final = timedelta(days=90)
"""Ended executions that can still be described: at most so many, for as long as Step Functions keeps them
(https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)."""

FORGET_EVERY: Final = 500
"""Executions end between two looks for those that are too old."""


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
