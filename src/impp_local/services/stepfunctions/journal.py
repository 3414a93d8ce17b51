"""What is on disk of executions: their start, how far each program has come, their history and their end.

A program is the machine's own states, a branch of a Parallel or an item of a Map. When a state is left, one row takes
the program's output, variables and next state, before that state is entered; the state under way has a row of its own
with its attempt and its task token. When the cloud starts again, each program continues behind the last state that it
has left: results are not computed twice, and the state that was under way runs again with the same token.

An event that a state had put into the history keeps its place and time there when the state runs again.
"""

from __future__ import annotations

import pickle
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

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

    def close(self, *, goes_on: bool) -> None:
        """Leave the rows as they are from now on; `goes_on`: the execution continues when the cloud starts again."""
        with self._lock:
            self._is_suspended = self._is_open and goes_on
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

    def write_events(self) -> None:
        """Write what was added since a state was last entered or left, as an execution's last event."""
        with self._lock:
            if self._is_open:
                self._write_events()

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
