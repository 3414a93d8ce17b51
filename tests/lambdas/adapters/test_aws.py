"""Throttling by any service leaves a function as one exception, which the state machine retries patiently."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker
from tests.support.aws_fakes import FakeContext
from tests.support.functions_table import ROWS

from impp_lambdas.adapters import aws

BOTOCORE = ThrottledRetryableChecker._THROTTLED_ERROR_CODES  # the SDK's own list


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "Rate exceeded"}}, "Operation")  # type: ignore[typeddict-item]


@pytest.mark.parametrize("code", [*BOTOCORE, "KMS.ThrottlingException", "KMSThrottlingException", "ThrottlingError"])
def test_every_throttling_code_becomes_one_exception(code: str) -> None:
    @aws.raises_throttled
    def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
        raise error(code)

    with pytest.raises(aws.Throttled, match=code):
        handler({}, FakeContext())


def test_other_errors_keep_their_class() -> None:
    @aws.raises_throttled
    def handler(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
        raise error("AccessDenied")

    with pytest.raises(ClientError, match="AccessDenied"):
        handler({}, FakeContext())


@pytest.mark.parametrize("function", sorted(ROWS))
def test_every_handler_reports_throttling(function: str) -> None:
    handler = importlib.import_module(f"impp_lambdas.handlers.{function}").handler
    assert handler.__code__ is aws.raises_throttled(inspect.unwrap(handler)).__code__
