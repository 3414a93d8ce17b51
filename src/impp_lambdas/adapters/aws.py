"""The ground of every adapter: boto3 clients, error codes, Lambda's context and the logger.

A client is created on first use, once per process: creating one costs tens of milliseconds of a cold start.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError

logger = Logger()  # service name and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL


class Context(Protocol):
    """The part of Lambda's context object that the handlers use."""

    aws_request_id: str
    function_name: str
    memory_limit_in_mb: int

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function times out."""


@cache
def client(service: str) -> Any:
    """The process's only client of an AWS service: standard retries with jitter, timeouts below the function's own."""
    config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30)
    return boto3.client(service, config=config)


def code(error: ClientError) -> str:
    """The error code in AWS's response."""
    return str(error.response.get("Error", {}).get("Code", ""))


def seconds_left(context: Context, reserve_s: float) -> float:
    """Seconds until the function times out, less a reserve for finishing."""
    return context.get_remaining_time_in_millis() / 1000 - reserve_s
