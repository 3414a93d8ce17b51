"""Charges by the request: S3, KMS, SQS and so on, and DynamoDB's units.

Services that bill by something else (minutes, images, GB-seconds, transitions, events) count it themselves. Requests
that fail by the caller's fault are billed too, except S3's and DynamoDB's validation errors; the local bill counts
successful requests, and conditional writes that failed.
"""

from __future__ import annotations

import json
from math import ceil
from typing import Any, Final

from impp_local.kernel import billing
from impp_local.kernel.contract import Call, Response

S3_WRITES: Final = {
    "PutObject",
    "PostObject",
    "CopyObject",
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
    "PutObjectTagging",
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "ListMultipartUploads",
    "ListParts",
    "ListBuckets",
}
"""Priced as "PUT, COPY, POST, LIST"; deletes and cancels are free; all else is priced as "GET"."""

S3_OBJECT_READS: Final = {
    "GetObject",
    "HeadObject",
    "GetObjectTagging",
    "GetObjectAttributes",
    "GetObjectAcl",
    "SelectObjectContent",
}

DYNAMODB_WRITES: Final = {"PutItem", "UpdateItem", "DeleteItem"}
DYNAMODB_READS: Final = {"GetItem", "Query", "Scan"}
BY_REQUEST: Final = {"kms": ("kms", "request"), "sqs": ("sqs", "request")}
CONTROL_PLANE: Final = {
    "kms": {"Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt"}
}
"""Services of which only these operations count: Terraform's reads of a key are not a cost of the pipeline."""
COST_QUERIES: Final = {"GetCostAndUsage", "GetCostAndUsageWithResources", "GetCostForecast", "GetUsageForecast"}
"""Cost Explorer bills its queries; anomaly detection is free (AWS Cost Management's pricing page)."""


def meter_request(call: Call, response: Response) -> None:
    """Charge for a request that was answered, if its kind is billed by the request."""
    failed_condition = b"ConditionalCheckFailed" in response.body[:200] if isinstance(response.body, bytes) else False
    if response.status >= 400 and not failed_condition:
        return
    if call.service == "s3":
        _meter_s3(call)
    elif call.service == "dynamodb":
        _meter_dynamodb(call, response)
    elif call.service in BY_REQUEST:
        if call.operation in CONTROL_PLANE.get(call.service, {call.operation}):
            billing.meter(*BY_REQUEST[call.service], 1)
    elif call.service == "ce" and call.operation in COST_QUERIES:
        billing.meter("ce", "api_request", 1)


def _meter_s3(call: Call) -> None:
    if call.operation in S3_WRITES:
        billing.meter("s3", "put", 1, detail=call.path)
    elif call.operation in S3_OBJECT_READS:
        billing.meter("s3", "get", 1, detail=call.path)


def _meter_dynamodb(call: Call, response: Response) -> None:
    """On-demand units: a write per KB of the item, half a (eventually consistent) read per 4 KB of what is read."""
    params: dict[str, Any] = call.json()
    detail = json.dumps(params.get("Item") or params.get("Key") or {})
    if call.operation in DYNAMODB_WRITES:
        billing.meter("dynamodb", "write_request", ceil(len(call.body) / 1024) or 1, detail=detail)
    elif call.operation in DYNAMODB_READS:
        size = len(response.body) if isinstance(response.body, bytes) else 0
        units = ceil(size / 4096) or 1
        billing.meter("dynamodb", "read_request", units if params.get("ConsistentRead") else units / 2, detail=detail)
