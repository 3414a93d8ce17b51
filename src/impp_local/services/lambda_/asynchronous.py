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

from impp_local.iam import enforcement, service_access
from impp_local.kernel import targets
from impp_local.kernel.dispatch import Delivery, Dispatcher, Failure, RetryPolicy, Undeliverable
from impp_local.kernel.functions import Report
from impp_local.kernel.store import Store
from impp_local.services.lambda_ import logs
from impp_local.services.lambda_.runner import RequestTooLarge, Runner, TooManyRequests, find_function

log: Final = logging.getLogger(__name__)

PAYLOAD_LIMIT: Final = 1024 * 1024
"""Bytes of an asynchronous request (Lambda quotas: 1 MB since October 2025)."""

RETRY_BASE_S: Final = 1.0
"""Lambda retries after 1 and then 2 minutes; here a minute takes a second."""

MAX_BACKOFF_S: Final = 60.0
WORKERS: Final = 8

MAX_RETRIES: Final = 2
MAX_AGE_S: Final = 6 * 3600
"""What applies when a function has no event invoke configuration (PutFunctionEventInvokeConfig)."""


class FunctionFailed(Undeliverable):
    """The function itself failed, with this report."""

    def __init__(self, report: Report) -> None:
        super().__init__("Unhandled", _error_message(report.payload))
        self.report = report


class EventQueue:
    """The queue that Lambda keeps between an asynchronous request and the function."""

    def __init__(self, runner: Runner, store: Store | None = None) -> None:
        self.dispatcher = Dispatcher(
            "lambda", _Functions(runner), store, workers=WORKERS, base=RETRY_BASE_S, cap=MAX_BACKOFF_S
        )

    def add(self, function: LambdaFunction, payload: bytes, owner: str | None = None) -> str:
        """Queue an event; returns the request id once it is on disk. Raises RequestTooLarge."""
        if len(payload) > PAYLOAD_LIMIT:
            raise RequestTooLarge(len(payload), PAYLOAD_LIMIT)
        config: Mapping[str, Any] = next((c.config for c in function.event_invoke_config), {})
        event = {
            "request_id": str(uuid.uuid4()),
            "function": function.function_arn,
            "payload": payload,
            "owner": owner,
            "destinations": config.get("DestinationConfig") or {},
        }
        policy = RetryPolicy(
            config.get("MaximumRetryAttempts", MAX_RETRIES), float(config.get("MaximumEventAgeInSeconds", MAX_AGE_S))
        )
        self.dispatcher.deliver(event, policy)
        return str(event["request_id"])

    def in_flight(self) -> int:
        """Events that wait for their first or next attempt, or run."""
        return self.dispatcher.busy


class _Functions:
    """Runs functions with queued events."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def send(self, delivery: Delivery) -> None:
        """Invoke once. Raises :class:`Undeliverable` when the function failed."""
        event = delivery.arguments
        try:  # with the function as it is now: an update applies to events that were queued before it
            report = self._runner.invoke(find_function(event["function"]), event["payload"], owner=event["owner"])
        except LambdaClientError as error:
            is_throttled = isinstance(error, TooManyRequests)
            raise Undeliverable(str(error.error_type), error.message, retry=is_throttled) from error
        if report.error:
            raise FunctionFailed(report)
        self._send_record(delivery, report, "OnSuccess", "Success")

    def give_up(self, delivery: Delivery, failure: Failure) -> None:
        """Send the event to the dead-letter queue or topic and to the destination for failures."""
        function = find_function(delivery.arguments["function"])
        log.warning("Gave up on an event of %s: %s", function.function_name, failure.message)
        try:
            self._send_dead_letter(delivery, getattr(function, "dead_letter_arn", None), failure)
        except Undeliverable as error:
            log.error("The dead letter of %s is lost: %s", function.function_name, error)
        is_expired = failure.exhausted == "MaximumEventAgeInSeconds"
        report = failure.error.report if isinstance(failure.error, FunctionFailed) else None
        self._send_record(delivery, report, "OnFailure", "EventAgeExceeded" if is_expired else "RetriesExhausted")

    def _send_dead_letter(self, delivery: Delivery, arn: str | None, failure: Failure) -> None:
        text = delivery.arguments["payload"].decode()
        if arn:
            self._check_role(delivery, arn)
        if arn and arn.split(":")[2] == "sqs":
            attributes = {
                "RequestID": ("String", delivery.arguments["request_id"]),
                "ErrorCode": ("Number", "200"),
                "ErrorMessage": ("String", failure.message[:1024]),
            }
            targets.dead_letter(arn, text, attributes)
        elif arn:
            targets.send({"Arn": arn}, text)

    def _send_record(self, delivery: Delivery, report: Report | None, outcome: str, condition: str) -> None:
        """Send the invocation record to the destination for `outcome`, if the function has one.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        destination = (delivery.arguments["destinations"].get(outcome) or {}).get("Destination")
        if not destination:
            return
        try:
            self._check_role(delivery, destination)
            targets.send({"Arn": destination}, json.dumps(_record(delivery, report, condition)))
        except Undeliverable as error:
            function = delivery.arguments["function"]
            log.error("Cannot reach the destination %s of %s: %s", destination, function, error)

    @staticmethod
    def _check_role(delivery: Delivery, arn: str) -> None:
        """Raise Undeliverable unless the function's role may send there."""
        function = find_function(delivery.arguments["function"])
        service_access.deliver(arn, role=enforcement.session(function.role, function.function_name))


def _record(delivery: Delivery, report: Report | None, condition: str) -> dict[str, Any]:
    event = delivery.arguments
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": logs.timestamp(),
        "requestContext": {
            "requestId": event["request_id"],
            "functionArn": f"{event['function']}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": delivery.attempt + 1,
        },
        "requestPayload": json.loads(event["payload"] or b"{}"),
    }
    if report:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": report.version}
        record["responseContext"] = context | ({"functionError": report.error} if report.error else {})
        record["responsePayload"] = json.loads(report.payload)
    return record


def _error_message(payload: bytes) -> str:
    try:
        return str(json.loads(payload).get("errorMessage"))
    except (ValueError, AttributeError):
        return payload.decode("utf-8", "replace")
