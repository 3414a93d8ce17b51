"""The ground of every adapter: boto3 clients, error codes, throttling, Lambda's context and the logger.

A client is created on first use, once per process: creating one costs tens of milliseconds of a cold start.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Protocol

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError

logger = Logger()  # service name and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL


THROTTLING = frozenset({
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "ModelNotReadyException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "TooManyRequestsException",
    "TransactionInProgressException",
})  # fmt: skip
"""Error codes that mean "later", besides those that contain "throttl"
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html and botocore's standard retries;
ModelNotReadyException, 429 in botocore's model of SageMaker Runtime: "Wait and try your request again")."""


class Throttled(Exception):
    """A service asked to slow down. The state machine knows the name and retries patiently.

    Lambda reports an exception by the name of its class. boto3 has a class only for the codes in a service's model, so
    that most throttling would arrive as `ClientError`, like a mistake that no retry can help.
    """


class Context(Protocol):
    """The part of Lambda's context object that the handlers use."""

    aws_request_id: str
    function_name: str
    memory_limit_in_mb: int

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function times out."""


Handler = Callable[[dict[str, Any], Context], dict[str, Any]]


@cache
def client(service: str, signature_version: str | None = None) -> Any:
    """The process's only client of an AWS service: standard retries with jitter, timeouts below the function's own."""
    config = Config(
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=5,
        read_timeout=30,
        signature_version=signature_version,
    )
    return boto3.client(service, config=config)


def code(error: ClientError) -> str:
    """The error code in AWS's response."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_throttling(error_code: str) -> bool:
    """Whether an error code asks to slow down."""
    return error_code in THROTTLING or "throttl" in error_code.lower()


def raises_throttled(handler: Handler) -> Handler:
    """Decorate a handler: whatever service throttles it, it raises :class:`Throttled`."""

    @wraps(handler)
    def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
        try:
            return handler(event, context)
        except ClientError as error:
            if is_throttling(code(error)):
                raise Throttled(str(error)) from error
            raise

    return handle


def seconds_left(context: Context, reserve_s: float) -> float:
    """Seconds until the function times out, less a reserve for finishing."""
    return context.get_remaining_time_in_millis() / 1000 - reserve_s
