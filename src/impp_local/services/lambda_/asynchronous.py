"""Asynchronous invocations: an event is queued, retried, and in the end dead-lettered or sent to a destination.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any, Final

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction

from impp_local.kernel import targets
from impp_local.kernel.dispatch import Dispatcher, Failure, RetryPolicy, Undeliverable
from impp_local.kernel.functions import Report
from impp_local.services.lambda_ import logs
from impp_local.services.lambda_.runner import RequestTooLarge, Runner, TooManyRequests, find_function

log: Final = logging.getLogger(__name__)

PAYLOAD_LIMIT: Final = 1024 * 1024
"""Bytes of an asynchronous request (Lambda quotas: 1 MB since October 2025)."""

RETRY_BASE_S: Final = 1.0
"""Lambda retries after 1 and then 2 minutes; here a minute takes a second."""

MAX_RETRIES: Final = 2
MAX_AGE_S: Final = 6 * 3600
"""What applies when a function has no event invoke configuration (PutFunctionEventInvokeConfig)."""


class EventQueue:
    """The queue that Lambda keeps between an asynchronous request and the function."""

    def __init__(self, runner: Runner) -> None:
        self.dispatcher = Dispatcher("lambda-async", workers=8, base=RETRY_BASE_S, cap=60.0)
        self._runner = runner

    def add(self, function: LambdaFunction, payload: bytes, owner: str | None = None) -> str:
        """Queue an event; returns the request id. Raises RequestTooLarge."""
        if len(payload) > PAYLOAD_LIMIT:
            raise RequestTooLarge(len(payload), PAYLOAD_LIMIT)
        event = _QueuedEvent(self._runner, function, payload, owner)
        self.dispatcher.deliver(event.attempt, event.retry_policy(), event.give_up)
        return event.request_id

    def in_flight(self) -> int:
        """Events that wait for their first or next attempt, or run."""
        return self.dispatcher.busy

    def close(self) -> None:
        """Forget what waits."""
        self.dispatcher.close()


class _QueuedEvent:
    """One event: its attempts, and its end."""

    def __init__(self, runner: Runner, function: LambdaFunction, payload: bytes, owner: str | None) -> None:
        self.request_id = str(uuid.uuid4())
        self._runner = runner
        self._arn = function.function_arn
        self._payload = payload
        self._owner = owner
        self._config: Mapping[str, Any] = next((c.config for c in function.event_invoke_config), {})
        self._attempts = 0
        self._last: Report | None = None

    def retry_policy(self) -> RetryPolicy:
        """How often and for how long to retry, by the function's event invoke configuration."""
        return RetryPolicy(
            self._config.get("MaximumRetryAttempts", MAX_RETRIES),
            float(self._config.get("MaximumEventAgeInSeconds", MAX_AGE_S)),
        )

    def attempt(self) -> None:
        """Invoke once. Raises :class:`Undeliverable` when the function failed."""
        self._attempts += 1
        try:
            self._last = self._runner.invoke(self._function(), self._payload, owner=self._owner)
        except LambdaClientError as error:
            is_throttled = isinstance(error, TooManyRequests)
            raise Undeliverable(str(error.error_type), error.message, retry=is_throttled) from error
        if self._last.error:
            raise Undeliverable("Unhandled", _error_message(self._last.payload))
        self._send_record("OnSuccess", "Success")

    def give_up(self, failure: Failure) -> None:
        """Send the event to the dead-letter queue or topic and to the destination for failures."""
        function = self._function()
        log.warning("Gave up on an event of %s: %s", function.function_name, failure.message)
        try:
            self._send_dead_letter(getattr(function, "dead_letter_arn", None), failure)
        except Undeliverable as error:
            log.error("The dead letter of %s is lost: %s", function.function_name, error)
        is_expired = failure.exhausted == "MaximumEventAgeInSeconds"
        self._send_record("OnFailure", "EventAgeExceeded" if is_expired else "RetriesExhausted")

    def _function(self) -> LambdaFunction:
        """The function as it is now: an update applies to events that were queued before it."""
        return find_function(self._arn)

    def _send_dead_letter(self, arn: str | None, failure: Failure) -> None:
        text = self._payload.decode()
        if arn and arn.split(":")[2] == "sqs":
            attributes = {
                "RequestID": ("String", self.request_id),
                "ErrorCode": ("Number", "200"),
                "ErrorMessage": ("String", failure.message[:1024]),
            }
            targets.dead_letter(arn, text, attributes)
        elif arn:
            targets.send({"Arn": arn}, text)

    def _send_record(self, outcome: str, condition: str) -> None:
        """Send the invocation record to the destination for `outcome`, if the function has one.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        destinations = self._config.get("DestinationConfig") or {}
        destination = (destinations.get(outcome) or {}).get("Destination")
        if not destination:
            return
        try:
            targets.send({"Arn": destination}, json.dumps(self._record(condition)))
        except Undeliverable as error:
            log.error("Cannot reach the destination %s of %s: %s", destination, self._arn, error)

    def _record(self, condition: str) -> dict[str, Any]:
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": logs.timestamp(),
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": f"{self._arn}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": self._attempts,
            },
            "requestPayload": json.loads(self._payload or b"{}"),
        }
        if report := self._last:
            context: dict[str, Any] = {"statusCode": 200, "executedVersion": report.version}
            record["responseContext"] = context | ({"functionError": report.error} if report.error else {})
            record["responsePayload"] = json.loads(report.payload)
        return record


def _error_message(payload: bytes) -> str:
    try:
        return str(json.loads(payload).get("errorMessage"))
    except (ValueError, AttributeError):
        return payload.decode("utf-8", "replace")
