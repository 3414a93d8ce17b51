"""Task tokens: one per attempt of a task; an answer that comes too late is TaskTimedOut.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
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
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackPoolManager,
)
from moto.stepfunctions.parser.backend.execution import Execution

from impp_local.kernel.store import Store
from impp_local.services.stepfunctions import positions
from impp_local.services.stepfunctions.journal import ANSWER, TOKEN

REMEMBERED_TOKENS: Final = 20_000


class Tokens:
    """The task tokens that were issued: those that wait for an answer, and lately expired ones.

    An answer is on disk before it is acknowledged. One for an execution that has not got to its task since the cloud
    started is kept for it there.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._endpoints: dict[str, CallbackEndpoint] = {}
        self._expired: dict[str, None] = {}
        self._is_suspended = False

    def add(self, endpoint: CallbackEndpoint) -> None:
        """Register a task that waits; it takes an answer that is already there."""
        token = endpoint.callback_id
        with self._lock:
            self._endpoints[token] = endpoint
        if answer := self._store and self._store.get(ANSWER, token):
            endpoint.notify(_outcome(token, answer))

    def expire(self, endpoint: CallbackEndpoint) -> None:
        """The task has stopped waiting. Above the limit, forget the token that expired first."""
        endpoint.report(CallbackConsumerTimeout())
        with self._lock:
            if self._is_suspended or self._endpoints.pop(endpoint.callback_id, None) is None:
                return
            self._expired[endpoint.callback_id] = None
            if len(self._expired) > REMEMBERED_TOKENS:
                del self._expired[next(iter(self._expired))]

    def suspend(self) -> None:
        """From now on answers are only written: their tasks take them when the cloud starts again."""
        with self._lock:
            self._is_suspended = True

    def answer(self, token: str, answer: Mapping[str, str]) -> None:
        """Hand an answer to its task. Raises InvalidToken, TaskTimedOut."""
        self.check(token)
        if self._store and self._store.get(TOKEN, token):
            self._store.put(ANSWER, token, dict(answer))
        if endpoint := self._waiting(token):  # looked up last: it may have been added since
            endpoint.notify(_outcome(token, answer))

    def heartbeat(self, token: str) -> None:
        """The task is alive. Raises InvalidToken, TaskTimedOut."""
        self.check(token)
        if endpoint := self._waiting(token):
            endpoint.notify_heartbeat()

    def check(self, token: str) -> None:
        """Raise InvalidToken for a token that was never issued, TaskTimedOut when its task no longer waits."""
        endpoint = self._waiting(token)
        with self._lock:
            is_expired = token in self._expired
        if endpoint is not None:
            is_expired = endpoint.consumer_error is not None or endpoint.get_outcome() is not None
        elif not is_expired:
            if not (self._store and self._store.get(TOKEN, token)):
                raise InvalidToken
            is_expired = self._store.get(ANSWER, token) is not None
        if is_expired:
            raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'")

    def execution(self, token: str) -> str | None:
        """The ARN of the execution whose task has a token; None for a token that waits for no answer."""
        return self._store.get(TOKEN, token) if self._store else None

    def _waiting(self, token: str) -> CallbackEndpoint | None:
        with self._lock:
            return None if self._is_suspended else self._endpoints.get(token)


def _outcome(token: str, answer: Mapping[str, str]) -> CallbackOutcome:
    if "output" in answer:
        return CallbackOutcomeSuccess(callback_id=token, output=answer["output"])
    return CallbackOutcomeFailure(callback_id=token, error=answer["error"], cause=answer["cause"])


_tokens = Tokens()


def start(store: Store | None) -> None:
    """Begin without tokens, except those on disk."""
    global _tokens
    _tokens = Tokens(store)


def machine_of(token: str) -> str | None:
    """The ARN of the state machine whose task has a token; None for a token that waits for no answer."""
    execution = _tokens.execution(token)
    return execution and execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]


def suspend() -> None:
    """See :meth:`Tokens.suspend`."""
    _tokens.suspend()


# --- answers ----------------------------------------------------------------------------------------------------------


def send_success(_backend: Any, task_token: str, outcome: str) -> None:
    """SendTaskSuccess. Raises InvalidOutput, InvalidToken, TaskTimedOut."""
    try:
        json.loads(outcome)
    except (ValueError, TypeError) as error:
        raise InvalidOutput(f"Invalid Output: '{error}'") from error
    _tokens.answer(task_token, {"output": outcome})


def send_failure(_backend: Any, task_token: str, error: str | None = None, cause: str | None = None) -> None:
    """SendTaskFailure. Raises InvalidToken, TaskTimedOut."""
    _tokens.answer(task_token, {"error": error or "", "cause": cause or ""})


def send_heartbeat(_backend: Any, task_token: str) -> None:
    """SendTaskHeartbeat. Raises InvalidToken, TaskTimedOut."""
    _tokens.heartbeat(task_token)


# --- tasks that wait --------------------------------------------------------------------------------------------------

_evaluate_attempt_in_moto: Final = StateTaskService._eval_execution
_after_call_in_moto: Final = StateTaskServiceCallback._after_eval_execution
_wait_in_moto: Final = StateTaskServiceCallback._eval_integration_pattern
_add_in_moto: Final = CallbackPoolManager.add
_set_up_heartbeat_in_moto: Final = CallbackEndpoint.setup_heartbeat_endpoint


def evaluate_state(self: Any, env: Any) -> None:
    """A task state with its retries; each attempt issues a token of its own."""
    if self._is_integration_pattern():
        self._assert_integration_pattern_is_supported()
    super(StateTaskServiceCallback, self)._eval_body(env=env)


def evaluate_attempt(self: Any, env: Any) -> None:
    """One attempt of a task, in an environment of its own.

    A task that had been submitted when the cloud stopped is not submitted again: it goes on waiting.
    """
    position = positions.position_of(env)
    is_answered = False
    if _waits_for_token(self):
        context = env.states.context_object
        token = position.token() if position else context.update_task_token()
        context.context_object_data["Task"] = {"Token": token}
        is_answered = env.callback_pool_manager.add(token).get_outcome() is not None
    if position is None or not (is_answered or "output" in position.row):
        _evaluate_attempt_in_moto(self, env)
        return
    self.resource.eval(env=env)
    part = env.stack.pop()
    parameters, credentials = self._eval_parameters(env=env), self._eval_state_credentials(env=env)
    env.stack.append(position.row.get("output"))
    self._after_eval_execution(env, part, parameters, credentials)


def after_call(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
    """The call of a task returned; one that waits for a token or a job has now been submitted."""
    position = positions.position_of(env)
    if position is not None and self._is_integration_pattern():
        position.save(output=env.stack[-1])
    _after_call_in_moto(self, env, *args, **kwargs)


def wait_for_answer(self: Any, env: Any, *args: Any, **kwargs: Any) -> None:
    """Wait for the token's answer; afterwards the token is expired."""
    endpoint = None
    if _waits_for_token(self):
        endpoint = env.callback_pool_manager.get(env.states.context_object.context_object_data["Task"]["Token"])
    try:
        _wait_in_moto(self, env, *args, **kwargs)
    finally:
        if endpoint is not None:
            _tokens.expire(endpoint)


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
            _tokens.expire(endpoint)
            endpoint.interrupt_all()


def abandon(env: Any) -> None:
    """Expire the token of a task whose branch or item has ended, and wake the task."""
    token = env.states.context_object.context_object_data.get("Task", {}).get("Token")
    endpoint = env.callback_pool_manager.get(token) if token else None
    if endpoint is not None and endpoint.consumer_error is None:
        _tokens.expire(endpoint)
        endpoint.interrupt_all()


def _waits_for_token(task: Any) -> bool:
    resource: Any = getattr(task, "resource", None)
    return isinstance(task, StateTaskServiceCallback) and resource.condition == ResourceCondition.WaitForTaskToken
