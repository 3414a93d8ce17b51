"""Task tokens that wait in the catalog under the name of the job whose event will answer them."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, dynamo
from impp_lambdas.core import keys

KEPT_S = 2 * 24 * 3600
"""How long a token stays for a late event; the catalog's TTL removes it then."""
GONE = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""What Step Functions answers for a task that has ended: by another event of the same job, or by its timeout."""


def keep(table: str, job: str, token: str, execution: str, facts: dict[str, Any]) -> bool:
    """Store a token for a job; a retry of the same execution replaces its own. False if it is another's."""
    item = {
        "pk": keys.catalog_token(job),
        "token": token,
        "execution": execution,
        "expires_at": int(time.time()) + KEPT_S,
        **facts,
    }
    try:
        aws.client("dynamodb").put_item(
            TableName=table,
            Item=dynamo.item(item),
            ConditionExpression="attribute_not_exists(pk) OR execution = :me",
            ExpressionAttributeValues={":me": {"S": execution}},
        )
    except ClientError as error:
        if aws.code(error) == "ConditionalCheckFailedException":
            return False
        raise
    return True


def find(table: str, job: str) -> dict[str, Any] | None:
    """What was kept for a job, or None: answered already, or none of ours."""
    return aws.get_item(table, keys.catalog_token(job))


def succeed(token: str, output: dict[str, Any]) -> bool:
    """Answer a waiting task. False where it waits no more."""
    return _answer("send_task_success", taskToken=token, output=json.dumps(output, ensure_ascii=False))


def fail(token: str, error: str, cause: str) -> bool:
    """Fail a waiting task; ``error`` and ``cause`` are cut to Step Functions' limits. False where it waits no more."""
    return _answer("send_task_failure", taskToken=token, error=error[:256], cause=cause[:2000])


def _answer(operation: str, **request: str) -> bool:
    try:
        getattr(aws.client("stepfunctions"), operation)(**request)
    except ClientError as error:
        if aws.code(error) in GONE:
            return False
        raise
    return True
