"""Task tokens: one per attempt of a task; an answer that comes too late is TaskTimedOut.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

import json
import threading
from typing import Any, Final

from moto.stepfunctions.parser.api import InvalidOutput, InvalidToken, TaskTimedOut
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackConsumerTimeout,
    CallbackEndpoint,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackPoolManager,
)
from moto.stepfunctions.parser.backend.execution import Execution

REMEMBERED_TOKENS: Final = 20_000


class Tokens:
    """The task tokens that were issued, each with the endpoint that waits for its answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._endpoints: dict[str, CallbackEndpoint] = {}

    def add(self, endpoint: CallbackEndpoint) -> None:
        """Register a task that waits. Above the limit, forget the older half of those that no longer wait."""
        with self._lock:
            self._endpoints[endpoint.callback_id] = endpoint
            if len(self._endpoints) > REMEMBERED_TOKENS:
                expired = [token for token, known in self._endpoints.items() if known.consumer_error is not None]
                for token in expired[: len(expired) // 2]:
                    del self._endpoints[token]

    def waiting(self, token: str) -> CallbackEndpoint:
        """The endpoint that waits for an answer.

        Raises InvalidToken for a token that was never issued, TaskTimedOut when its task no longer waits.
        """
        with self._lock:
            endpoint = self._endpoints.get(token)
        if endpoint is None:
            raise InvalidToken
        if endpoint.consumer_error is not None or endpoint.get_outcome() is not None:
            raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")
        return endpoint


_tokens: Final = Tokens()


# --- answers ----------------------------------------------------------------------------------------------------------


def send_success(_backend: Any, task_token: str, outcome: str) -> None:
    """SendTaskSuccess. Raises InvalidOutput, InvalidToken, TaskTimedOut."""
    try:
        json.loads(outcome)
    except (ValueError, TypeError) as error:
        raise InvalidOutput(f"Invalid Output: '{error}'") from error
    _tokens.waiting(task_token).notify(CallbackOutcomeSuccess(callback_id=task_token, output=outcome))


def send_failure(_backend: Any, task_token: str, error: str | None = None, cause: str | None = None) -> None:
    """SendTaskFailure. Raises InvalidToken, TaskTimedOut."""
    outcome = CallbackOutcomeFailure(callback_id=task_token, error=error or "", cause=cause or "")
    _tokens.waiting(task_token).notify(outcome)


def send_heartbeat(_backend: Any, task_token: str) -> None:
    """SendTaskHeartbeat. Raises InvalidToken, TaskTimedOut."""
    _tokens.waiting(task_token).notify_heartbeat()


# --- tasks that wait --------------------------------------------------------------------------------------------------

_evaluate_attempt_in_moto: Final = StateTaskService._eval_execution
_wait_in_moto: Final = StateTaskServiceCallback._eval_integration_pattern
_add_in_moto: Final = CallbackPoolManager.add
_set_up_heartbeat_in_moto: Final = CallbackEndpoint.setup_heartbeat_endpoint


def evaluate_state(self: Any, env: Any) -> None:
    """A task state with its retries; each attempt issues a token of its own."""
    if self._is_integration_pattern():
        self._assert_integration_pattern_is_supported()
    super(StateTaskServiceCallback, self)._eval_body(env=env)


def evaluate_attempt(self: Any, env: Any) -> None:
    """One attempt of a task, in an environment of its own."""
    if _waits_for_token(self):
        env.callback_pool_manager.add(env.states.context_object.update_task_token())
    _evaluate_attempt_in_moto(self, env)


def wait_for_answer(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
    """Wait for the token's answer; afterwards the token is expired."""
    endpoint = None
    if _waits_for_token(self):
        endpoint = env.callback_pool_manager.get(env.states.context_object.context_object_data["Task"]["Token"])
    try:
        _wait_in_moto(self, env, *args, **kwargs)
    finally:
        if endpoint is not None:
            endpoint.report(CallbackConsumerTimeout())


def add_endpoint(self: Any, callback_id: str) -> CallbackEndpoint:
    """Register a new token with its execution and here."""
    endpoint = _add_in_moto(self, callback_id)
    _tokens.add(endpoint)
    return endpoint


def set_up_heartbeat(self: CallbackEndpoint, heartbeat_seconds: int) -> Any:
    """Start to wait for heartbeats; an answer that is already there (sent by the function itself) ends the wait."""
    endpoint: Any = _set_up_heartbeat_in_moto(self, heartbeat_seconds)
    if self.get_outcome() is not None:
        endpoint.notify()
    return endpoint


def release(execution: Execution) -> None:
    """Expire the tokens of an execution that has ended, and wake its waiting tasks."""
    worker = execution.exec_worker
    if worker is None or worker.env is None:
        return
    for endpoint in list(worker.env.callback_pool_manager._pool.values()):
        if endpoint.consumer_error is None:
            endpoint.report(CallbackConsumerTimeout())
            endpoint.interrupt_all()


def _waits_for_token(task: Any) -> bool:
    resource: Any = getattr(task, "resource", None)
    return isinstance(task, StateTaskServiceCallback) and resource.condition == ResourceCondition.WaitForTaskToken
