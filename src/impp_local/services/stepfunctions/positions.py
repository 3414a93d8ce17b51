"""Where the environments of a running execution are, which the journal writes down; and moto's frames and history,
which carry it along.
"""

from __future__ import annotations

import copy
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramRunning

from impp_local.services.stepfunctions.journal import Journal


@dataclass
class Position:
    """Where an environment is: in which program (`""`: the machine's own), in which state and attempt of it.

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
