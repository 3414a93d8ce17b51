"""The adapters: everything that the handlers do to AWS goes through here, so that ``core`` stays pure.

Clients are made once per process and only when first asked for: making one costs tens of milliseconds of a cold start.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, Protocol

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError

from impp_lambdas.adapters import dynamo
from impp_lambdas.core.money import usage as used

logger = Logger()  # service name and level come from POWERTOOLS_SERVICE_NAME and POWERTOOLS_LOG_LEVEL

MAX_TAGS = 10  # S3's limit for one object
TRANSACTION_ATTEMPTS = 8

Added = Literal["added", "already", "refused"]


class Contended(RuntimeError):
    """Others changed the same item at every try. The state machine knows the name and tries again, later."""


class Context(Protocol):
    """What the handlers use of Lambda's context object."""

    aws_request_id: str
    function_name: str
    memory_limit_in_mb: int

    def get_remaining_time_in_millis(self) -> int:
        """What is left of the function's timeout."""


@dataclass(frozen=True)
class Settings:
    """The environment of a function, read once. A variable that a function was not given is its empty default."""

    ingest_bucket: str = ""
    work_bucket: str = ""
    delivery_bucket: str = ""
    catalog_table: str = ""
    alert_topic_arn: str = ""
    delivery_domain: str = ""
    kms_key_arn: str = ""
    webhook_secret_arn: str = ""
    transcribe_language: str = "auto"
    monthly_budget_usd: float = 0.0  # 0 = no limit
    max_frames: int = 120

    @classmethod
    def from_env(cls, *needed: str, env: Mapping[str, str] | None = None) -> Settings:
        """Settings from ``IMPP_*`` variables. Raises :class:`LookupError` naming each of ``needed`` that is missing."""
        env = os.environ if env is None else env
        if missing := [name for name in map(variable, needed) if not env.get(name)]:
            raise LookupError(f"missing environment: {', '.join(missing)}")
        return cls(**{f.name: _typed(f.type, text) for f in fields(cls) if (text := env.get(variable(f.name)))})


def _typed(annotation: Any, text: str) -> Any:
    return {"float": float, "int": int}.get(annotation, str)(text)


def variable(setting: str) -> str:
    """The name of the environment variable of a setting."""
    return f"IMPP_{setting.upper()}"


@cache
def client(service: str) -> Any:
    """The process's one client of an AWS service: standard retries with jitter, timeouts below the function's own."""
    config = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=30)
    return boto3.client(service, config=config)


def code(error: ClientError) -> str:
    """The error code that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


# --- S3 ---------------------------------------------------------------------------------------------------------------


def put_json(bucket: str, key: str, document: Any) -> None:
    """Write a document as compact UTF-8 JSON."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def get_json(bucket: str, key: str) -> Any:
    """Read a JSON document. Raises botocore's ``ClientError`` (``NoSuchKey``) where there is none."""
    return json.loads(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def head(bucket: str, key: str, version: str | None = None) -> dict[str, Any] | None:
    """HeadObject's answer with checksums, or None where no such object (or version) is."""
    try:
        found: dict[str, Any] = client("s3").head_object(
            Bucket=bucket, Key=key, ChecksumMode="ENABLED", **_version(version)
        )
    except ClientError as error:
        if code(error) in ("404", "NoSuchKey", "NoSuchVersion", "405", "MethodNotAllowed"):  # 405: a delete marker
            return None
        raise
    return found


def read_range(bucket: str, key: str, version: str | None, start: int, length: int) -> bytes:
    """``length`` bytes of an object from ``start``, fewer at its end; nothing beyond it."""
    try:
        answer = client("s3").get_object(
            Bucket=bucket, Key=key, Range=f"bytes={start}-{start + length - 1}", **_version(version)
        )
    except ClientError as error:
        if code(error) in ("416", "InvalidRange"):
            return b""
        raise
    return bytes(answer["Body"].read())


def tags(bucket: str, key: str, version: str | None = None) -> dict[str, str]:
    """An object's tags."""
    answer = client("s3").get_object_tagging(Bucket=bucket, Key=key, **_version(version))
    return {t["Key"]: t["Value"] for t in answer["TagSet"]}


def add_tags(bucket: str, key: str, version: str | None, new: Mapping[str, str]) -> list[str]:
    """Set tags and keep all others (S3 replaces the whole set). Returns the names that found no room.

    An object holds ten tags at most. Those of ``new`` that already exist are changed in any case; the rest are added
    in their given order while there is room.
    """
    have = tags(bucket, key, version)
    merged = dict(have)
    left_out: list[str] = []
    for name, value in new.items():
        if name in merged or len(merged) < MAX_TAGS:
            merged[name] = value
        else:
            left_out.append(name)
    if merged != have:
        tag_set = [{"Key": k, "Value": v} for k, v in merged.items()]
        client("s3").put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tag_set}, **_version(version))
    return left_out


def copy_object(source_bucket: str, source_key: str, bucket: str, key: str, content_type: str) -> None:
    """Copy a small object (at most 5 GB) between buckets, giving it a content type."""
    client("s3").copy_object(
        Bucket=bucket,
        Key=key,
        CopySource={"Bucket": source_bucket, "Key": source_key},
        ContentType=content_type,
        MetadataDirective="REPLACE",
    )


def _version(version: str | None) -> dict[str, str]:
    """A bucket without versioning calls its only version ``null`` or sends none: then none is asked for."""
    return {"VersionId": version} if version and version != "null" else {}


# --- DynamoDB ---------------------------------------------------------------------------------------------------------


def get_item(table: str, pk: str) -> dict[str, Any] | None:
    """The catalog item under a key, strongly consistent, or None."""
    found = client("dynamodb").get_item(TableName=table, Key={"pk": {"S": pk}}, ConsistentRead=True)
    return dynamo.plain_item(found["Item"]) if "Item" in found else None


def put_item(table: str, pk: str, values: Mapping[str, Any]) -> None:
    """Write a whole item in place of any that was there."""
    client("dynamodb").put_item(TableName=table, Item=dynamo.item({**values, "pk": pk}))


def update_item(
    table: str,
    pk: str,
    values: Mapping[str, Any],
    *,
    condition: str | None = None,
    condition_values: Mapping[str, Any] | None = None,
) -> bool:
    """Set some attributes of an item (``None`` removes one), made if it is not there.

    Returns False, with nothing changed, where ``condition`` does not hold. In a condition ``#name`` stands for the
    attribute ``name``, and ``:name`` for a value of ``condition_values``.
    """
    sets = [name for name, value in values.items() if value is not None]
    removes = [name for name, value in values.items() if value is None]
    update = "SET " + ", ".join(f"#{n} = :set_{n}" for n in sets) if sets else ""
    update += " REMOVE " + ", ".join(f"#{n}" for n in removes) if removes else ""
    named = {*values, *_names(condition or "")}
    bound = {f":set_{n}": dynamo.attribute(values[n]) for n in sets}
    bound |= {f":{n}": dynamo.attribute(v) for n, v in (condition_values or {}).items()}
    request: dict[str, Any] = {
        "TableName": table,
        "Key": {"pk": {"S": pk}},
        "UpdateExpression": update.strip(),
        "ExpressionAttributeNames": {f"#{n}": n for n in named},
    }
    if bound:
        request["ExpressionAttributeValues"] = bound
    if condition:
        request["ConditionExpression"] = condition
    return _conditional(lambda: client("dynamodb").update_item(**request))


def add_number(table: str, pk: str, name: str, amount: float) -> float:
    """Add to a number attribute in one atomic step and return the sum. Not idempotent: the caller guards it."""
    answer = client("dynamodb").update_item(
        TableName=table,
        Key={"pk": {"S": pk}},
        UpdateExpression="ADD #n :amount",
        ExpressionAttributeNames={"#n": name},
        ExpressionAttributeValues={":amount": dynamo.attribute(amount)},
        ReturnValues="UPDATED_NEW",
    )
    return float(dynamo.plain(answer["Attributes"][name]))


def delete_item(table: str, pk: str, *, if_execution: str | None = None) -> bool:
    """Delete an item, on wish only while it belongs to an execution. Returns False where it does not."""
    request: dict[str, Any] = {"TableName": table, "Key": {"pk": {"S": pk}}}
    if if_execution:
        request |= {
            "ConditionExpression": "attribute_not_exists(pk) OR execution = :e",
            "ExpressionAttributeValues": {":e": {"S": if_execution}},
        }
    return _conditional(lambda: client("dynamodb").delete_item(**request))


def _names(condition: str) -> set[str]:
    words = condition.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return {word[1:] for word in words if word.startswith("#")}


def _conditional(call: Any) -> bool:
    try:
        call()
    except ClientError as error:
        if code(error) == "ConditionalCheckFailedException":
            return False
        raise
    return True


def add_to_set(table: str, pk: str, name: str, text: str) -> None:
    """Add a string to a set attribute; adding it twice changes nothing."""
    client("dynamodb").update_item(
        TableName=table,
        Key={"pk": {"S": pk}},
        UpdateExpression="ADD #n :s",
        ExpressionAttributeNames={"#n": name},
        ExpressionAttributeValues={":s": {"SS": [text]}},
    )


def add_once(
    table: str, counter: tuple[str, str], amount: float, guard: tuple[str, str], by: str, at_most: float | None = None
) -> Added:
    """Add to a counter exactly once for ``by``, in one transaction.

    ``counter`` and ``guard`` are (pk, attribute); the guard attribute takes the value ``by``, and where it has it
    already nothing is added. ``at_most`` refuses what would bring the counter above it. Raises :class:`Contended`.
    """
    add: dict[str, Any] = {
        "TableName": table,
        "Key": {"pk": {"S": counter[0]}},
        "UpdateExpression": "ADD #n :a",
        "ExpressionAttributeNames": {"#n": counter[1]},
        "ExpressionAttributeValues": {":a": dynamo.attribute(amount)},
    }
    if at_most is not None:
        if amount > at_most:
            return "refused"
        add["ConditionExpression"] = "attribute_not_exists(#n) OR #n <= :room"
        add["ExpressionAttributeValues"][":room"] = dynamo.attribute(at_most - amount)
    mark = {
        "TableName": table,
        "Key": {"pk": {"S": guard[0]}},
        "UpdateExpression": "SET #g = :by",
        "ConditionExpression": "attribute_not_exists(#g) OR #g <> :by",
        "ExpressionAttributeNames": {"#g": guard[1]},
        "ExpressionAttributeValues": {":by": {"S": by}},
    }
    for attempt in range(TRANSACTION_ATTEMPTS):
        try:
            client("dynamodb").transact_write_items(TransactItems=[{"Update": mark}, {"Update": add}])
        except ClientError as error:
            if code(error) != "TransactionCanceledException":
                raise
            reasons = [r.get("Code") for r in error.response.get("CancellationReasons", [])]
            if reasons[:1] == ["ConditionalCheckFailed"]:
                return "already"
            if reasons[1:2] == ["ConditionalCheckFailed"]:
                return "refused"
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  others count at this moment; spread out
        else:
            return "added"
    raise Contended(f"{counter[0]}: {TRANSACTION_ATTEMPTS} transactions met others")


# --- metrics and usage ------------------------------------------------------------------------------------------------


def count_asset(table: str, state: str, usd: float, media_seconds: float) -> None:
    """Emit the metrics of an asset's end to CloudWatch, in the embedded metric format: a log line, no call.

    Namespace ``IMPP``; ``Assets`` (Count) by dimensions Pipeline and State; ``UsdPerAsset`` (None, USD) and
    ``MediaSeconds`` (Seconds) by Pipeline alone. Few dimensions on purpose: each combination is a paid metric.
    """
    directive = {
        "Namespace": "IMPP",
        "Dimensions": [["Pipeline"]],
        "Metrics": [{"Name": "UsdPerAsset", "Unit": "None"}, {"Name": "MediaSeconds", "Unit": "Seconds"}],
    }
    by_state = {
        "Namespace": "IMPP",
        "Dimensions": [["Pipeline", "State"]],
        "Metrics": [{"Name": "Assets", "Unit": "Count"}],
    }
    values = {"Pipeline": table.removesuffix("-catalog"), "State": state, "Assets": 1}
    values |= {"UsdPerAsset": usd, "MediaSeconds": media_seconds}
    metadata = {"Timestamp": round(time.time() * 1000), "CloudWatchMetrics": [directive, by_state]}
    print(json.dumps({"_aws": metadata, **values}), flush=True)


def usage(context: Context, started: float) -> list[dict[str, Any]]:
    """Ledger lines of this invocation so far: one request, and memory times wall time since ``started``.

    ``started`` is :func:`time.perf_counter` at the handler's first line. The true bill adds the initialisation of a
    cold start and the milliseconds after this call.
    """
    seconds = time.perf_counter() - started
    lines = used.lambda_lines(seconds, int(context.memory_limit_in_mb), os.uname().machine)
    return [line.to_dict() for line in lines]
