"""Sending to an ARN, as EventBridge, the scheduler, SNS and Lambda's destinations do.

Each service that can be a target registers how it receives; a sender finds it here by the service in the ARN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from impp_local.kernel.dispatch import Failure, Undeliverable

MOTO_ERRORS: Final = (ServiceException, HTTPException)
"""The two families of errors that moto raises for an AWS error."""

Attributes = Mapping[str, tuple[str, str]]
"""Message attributes: name → (type, value)."""

Receiver = Callable[[str, str, Mapping[str, Any]], None]
"""Takes (ARN, payload as JSON text, target). Raises :class:`Undeliverable`, or one of MOTO_ERRORS."""

_receivers: Final[dict[str, Receiver]] = {}


def register(service: str, receiver: Receiver) -> None:
    """Let `receiver` take what is sent to ARNs of `service`, the third part of an ARN (`states`, `lambda`)."""
    _receivers[service] = receiver


def send(target: Mapping[str, Any], payload: str) -> None:
    """Hand `payload` (JSON text) to the target's `Arn`. Raises :class:`Undeliverable`."""
    arn = str(target["Arn"])
    service = arn.split(":")[2]
    receive = _receivers.get(service)
    if receive is None:
        raise Undeliverable("NO_RESOURCE", f"The local cloud has no targets of {service}: {arn}", retry=False)
    try:
        receive(arn, payload, target)
    except MOTO_ERRORS as error:
        raise _undeliverable(error) from error


def dead_letter(queue_arn: str, body: str, attributes: Attributes) -> None:
    """Put what could not be delivered on a queue. Raises :class:`Undeliverable` when the queue does not exist."""
    send({"Arn": queue_arn, "MessageAttributes": attributes}, body)


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


def _undeliverable(error: Exception) -> Undeliverable:
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
