"""Task tokens: a function answers its own, or stores it in the catalog under the name of the job whose event does."""

from __future__ import annotations

import json
import time
from functools import wraps
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import aws, dynamo
from impp_lambdas.core import keys
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.replies import Reply

RETENTION_S = 2 * 24 * 3600
"""How long a token waits for a late event before the catalog's TTL removes it."""
CLOSED = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""Step Functions' errors for a task that has ended, by another event of the same job or by its timeout."""


def answers(handler: aws.Handler) -> aws.Handler:
    """Decorate a handler: its result, its :class:`Reply`, or that the file is `Unreadable` answers the `token` of the
    event. Without a token all are passed on. What else it raises is an error of the function, which fails the task."""

    @wraps(handler)
    def handle(event: dict[str, Any], context: aws.Context) -> dict[str, Any]:
        token = event.get("token")
        if not token:
            return handler(event, context)
        try:
            result = handler(event, context)
        except (Reply, Unreadable) as reply:
            name = type(reply).__name__
            aws.logger.info("replied", extra={"reply": name, "why": str(reply)})
            fail(token, name, str(reply))
            return {"reply": name}
        succeed(token, result)
        return {"status": result["status"]}

    return handle


def store(table: str, job: str, token: str, execution: str, facts: dict[str, Any]) -> bool:
    """Store a token for a job; a retry of the same execution replaces its own. False if another execution owns it."""
    expires_at = int(time.time()) + RETENTION_S
    item = {"token": token, "execution": execution, "expires_at": expires_at, **facts}
    return dynamo.put_item(table, keys.catalog_token(job), item, if_execution=execution)


def find(table: str, job: str) -> dict[str, Any] | None:
    """Read what was stored for a job; None if it was answered already or belongs to somebody else."""
    return dynamo.get_item(table, keys.catalog_token(job))


def remove(table: str, job: str, execution: str) -> None:
    """Remove an execution's token once it is answered."""
    dynamo.delete_item(table, keys.catalog_token(job), if_execution=execution)


def succeed(token: str, output: dict[str, Any]) -> bool:
    """Report success to a waiting task. False if the task has ended."""
    return _send("send_task_success", taskToken=token, output=json.dumps(output, ensure_ascii=False))


def fail(token: str, error: str, cause: str) -> bool:
    """Report failure to a waiting task, cut to Step Functions' limits. False if the task has ended."""
    return _send("send_task_failure", taskToken=token, error=error[:256], cause=cause[:2000])


def _send(operation: str, **request: str) -> bool:
    try:
        getattr(aws.client("stepfunctions"), operation)(**request)
    except ClientError as error:
        if aws.code(error) in CLOSED:
            return False
        raise
    return True
