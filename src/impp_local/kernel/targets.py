"""Sending to an ARN, as EventBridge, the scheduler and Lambda's destinations do: machine, function, queue, topic."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.core.exceptions import ServiceException
from moto.events.models import events_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.exceptions import HTTPException

from impp_local.kernel import functions
from impp_local.kernel.dispatch import Failure, Undeliverable
from impp_local.kernel.moto import lock_of

MOTO_ERRORS: Final = (ServiceException, HTTPException)
"""The two families of errors that moto raises for an AWS error."""

Attributes = Mapping[str, tuple[str, str]]
"""Message attributes: name → (type, value)."""


def send(target: Mapping[str, Any], payload: str) -> None:
    """Hand `payload` (JSON text) to the target's `Arn`. Raises :class:`Undeliverable`."""
    arn = str(target["Arn"])
    service = arn.split(":")[2]
    deliver = _SENDERS.get(service)
    if deliver is None:
        raise Undeliverable("NO_RESOURCE", f"The local cloud has no targets of {service}: {arn}", retry=False)
    deliver(arn, payload, target)


def dead_letter(queue_arn: str, body: str, attributes: Attributes) -> None:
    """Put what could not be delivered on a queue. Raises :class:`Undeliverable` when the queue is not there either."""
    _, _, _, region, account, name = queue_arn.split(":")
    try:
        with lock_of("sqs"):
            sqs_backends[account][region].send_message(
                queue_name=name,
                message_body=body,
                message_attributes={
                    key: {"DataType": kind, "StringValue": value} for key, (kind, value) in attributes.items()
                },
            )
    except MOTO_ERRORS as error:
        raise Undeliverable("NO_RESOURCE", f"{queue_arn}: {error}", retry=False) from error


def event_attributes(rule_arn: str, target_arn: str, failure: Failure) -> dict[str, tuple[str, str]]:
    """The attributes that EventBridge puts on a dead letter."""
    attributes = {
        "RULE_ARN": ("String", rule_arn),
        "TARGET_ARN": ("String", target_arn),
        "ERROR_CODE": ("String", failure.code),
        "ERROR_MESSAGE": ("String", failure.message[:1024]),
        "RETRY_ATTEMPTS": ("Number", str(failure.attempts)),
    }
    if failure.exhausted:
        attributes["EXHAUSTED_RETRY_CONDITION"] = ("String", failure.exhausted)
    return attributes


def _state_machine(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    try:
        json.loads(payload)
    except ValueError as error:
        raise Undeliverable("INVALID_JSON", f"The input of {arn} is no JSON: {error}", retry=False) from error
    _, _, _, region, account, *_ = arn.split(":")
    try:  # the name that EventBridge gives is of no meaning but unique
        name = f"{uuid.uuid4()}_{uuid.uuid4()}"
        with lock_of("stepfunctions"):
            stepfunctions_parser_backends[account][region].start_execution(arn, name=name, execution_input=payload)
    except MOTO_ERRORS as error:
        raise _refused(error) from error


def _function(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    try:
        functions.invoke_async(arn, payload.encode())
    except MOTO_ERRORS as error:
        raise _refused(error) from error


def _queue(arn: str, payload: str, target: Mapping[str, Any]) -> None:
    _, _, _, region, account, name = arn.split(":")
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    try:
        with lock_of("sqs"):
            sqs_backends[account][region].send_message(queue_name=name, message_body=payload, group_id=group)
    except MOTO_ERRORS as error:
        raise _refused(error) from error


def _topic(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    _, _, _, region, account, _ = arn.split(":")
    try:
        with lock_of("sns"):
            sns_backends[account][region].publish(message=payload, arn=arn)
    except MOTO_ERRORS as error:
        raise _refused(error) from error


def _bus(arn: str, payload: str, _target: Mapping[str, Any]) -> None:
    from impp_local.services.events import bus

    _, _, _, region, account, name = arn.split(":", 5)
    if name.removeprefix("event-bus/") not in events_backends[account][region].event_buses:
        raise Undeliverable("NO_RESOURCE", f"There is no event bus {arn}", retry=False)
    bus.publish(json.loads(payload), bus=name.removeprefix("event-bus/"))


def _refused(error: Exception) -> Undeliverable:
    """What EventBridge makes of a target's own error."""
    code = str(getattr(error, "error_type", None) or getattr(error, "code", None) or type(error).__name__)
    status = error.code if isinstance(error, HTTPException) else getattr(error, "status_code", 400)
    text = f"{code}: {getattr(error, 'message', error)}"
    if "Throttl" in code or "TooManyRequests" in code:
        return Undeliverable("THROTTLING", text)
    if any(word in code for word in ("NotFound", "DoesNotExist", "NonExistent")):
        return Undeliverable("NO_RESOURCE", text, retry=False)
    if "AccessDenied" in code:
        return Undeliverable("NO_PERMISSIONS", text, retry=False)
    if isinstance(status, int) and status >= 500:
        return Undeliverable("ERROR_FROM_TARGET", text)
    return Undeliverable("SDK_CLIENT_ERROR", text, retry=False)


_SENDERS: Final[dict[str, Callable[[str, str, Mapping[str, Any]], None]]] = {
    "states": _state_machine,
    "lambda": _function,
    "sqs": _queue,
    "sns": _topic,
    "events": _bus,
}
