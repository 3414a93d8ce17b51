"""MediaConvert's Probe, which is free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws
from impp_lambdas.core.intake.problems import Problem
from impp_lambdas.core.results import reasons

FILE_ERRORS = {"BadRequestException", "UnprocessableEntityException"}
"""Errors that are the file's fault (MediaConvert's API reference). All others are ours or AWS's."""


def probe(uri: str) -> Mapping[str, Any] | Problem:
    """Probe a file: its `ProbeResults` entry, or the problem with the file."""
    try:
        results: list[dict[str, Any]] = aws.client("mediaconvert").probe(InputFiles=[{"FileUrl": uri}])["ProbeResults"]
    except ClientError as error:
        if aws.code(error) == "NotFoundException":
            return Problem("gone", "deleted while it was being read")
        if aws.code(error) not in FILE_ERRORS:
            raise
        message = str(error.response["Error"].get("Message", aws.code(error)))
        aws.logger.warning("Probe cannot read the file", extra={"uri": uri, "error": message})
        return Problem("corrupt", reasons.plain(message)[: reasons.LONGEST])
    return results[0] if results else Problem("corrupt", "MediaConvert's Probe found nothing to read")
