"""Items of a DynamoDB table with the partition key `pk`: read, written and counted, with conditions."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from botocore.exceptions import ClientError

from impp_lambdas.adapters import attributes, aws

TRANSACTION_ATTEMPTS = 8

Added = Literal["added", "already", "refused"]


class Contended(RuntimeError):
    """Other writers changed the same item at every attempt. The state machine knows the name and retries later."""


def get_item(table: str, pk: str) -> dict[str, Any] | None:
    """Read an item, strongly consistent; None if it does not exist."""
    response = aws.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": pk}}, ConsistentRead=True)
    return attributes.plain_item(response["Item"]) if "Item" in response else None


def put_item(table: str, pk: str, values: Mapping[str, Any], *, if_execution: str | None = None) -> bool:
    """Write a whole item. With `if_execution`, returns False if the item belongs to another execution."""
    request: dict[str, Any] = {"TableName": table, "Item": attributes.item({**values, "pk": pk})}
    return _write("put_item", request | _owned_by(if_execution))


def delete_item(table: str, pk: str, *, if_execution: str | None = None) -> bool:
    """Delete an item. With `if_execution`, returns False if the item belongs to another execution."""
    return _write("delete_item", {"TableName": table, "Key": {"pk": {"S": pk}}} | _owned_by(if_execution))


def update_item(
    table: str,
    pk: str,
    values: Mapping[str, Any],
    *,
    condition: str | None = None,
    condition_values: Mapping[str, Any] | None = None,
) -> bool:
    """Set some attributes of an item (`None` removes one); creates the item if it does not exist.

    Returns False and changes nothing if `condition` does not hold. In a condition `#name` stands for the attribute
    `name`, and `:name` for a value of `condition_values`.
    """
    sets = [name for name, value in values.items() if value is not None]
    removes = [name for name, value in values.items() if value is None]
    update = "SET " + ", ".join(f"#{n} = :set_{n}" for n in sets) if sets else ""
    update += " REMOVE " + ", ".join(f"#{n}" for n in removes) if removes else ""
    names = {*values, *_names(condition or "")}
    bound = {f":set_{n}": attributes.attribute(values[n]) for n in sets}
    bound |= {f":{n}": attributes.attribute(v) for n, v in (condition_values or {}).items()}
    request: dict[str, Any] = {
        "TableName": table,
        "Key": {"pk": {"S": pk}},
        "UpdateExpression": update.strip(),
        "ExpressionAttributeNames": {f"#{n}": n for n in names},
    }
    if bound:
        request["ExpressionAttributeValues"] = bound
    if condition:
        request["ConditionExpression"] = condition
    return _write("update_item", request)


def add_to_set(table: str, pk: str, name: str, text: str) -> None:
    """Add a string to a set attribute. Idempotent."""
    aws.client("dynamodb").update_item(
        TableName=table,
        Key={"pk": {"S": pk}},
        UpdateExpression="ADD #n :s",
        ExpressionAttributeNames={"#n": name},
        ExpressionAttributeValues={":s": {"SS": [text]}},
    )


def add_once(
    table: str, counter: tuple[str, str], amount: float, guard: tuple[str, str], by: str, at_most: float | None = None
) -> Added:
    """Add to a counter exactly once for `by`, in one transaction.

    `counter` and `guard` are (pk, attribute). The guard attribute takes the value `by`; if it already has that value,
    nothing is added. An addition that would take the counter above `at_most` is refused. Raises :class:`Contended`.
    """
    add: dict[str, Any] = {
        "TableName": table,
        "Key": {"pk": {"S": counter[0]}},
        "UpdateExpression": "ADD #n :a",
        "ExpressionAttributeNames": {"#n": counter[1]},
        "ExpressionAttributeValues": {":a": attributes.attribute(amount)},
    }
    if at_most is not None:
        if amount > at_most:
            return "refused"
        add["ConditionExpression"] = "attribute_not_exists(#n) OR #n <= :room"
        add["ExpressionAttributeValues"][":room"] = attributes.attribute(at_most - amount)
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
            aws.client("dynamodb").transact_write_items(TransactItems=[{"Update": mark}, {"Update": add}])
        except ClientError as error:
            if aws.code(error) != "TransactionCanceledException":
                raise
            reasons = [r.get("Code") for r in error.response.get("CancellationReasons", [])]
            if reasons[:1] == ["ConditionalCheckFailed"]:
                return "already"
            if reasons[1:2] == ["ConditionalCheckFailed"]:
                return "refused"
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  jitter: other writers retry at the same time
        else:
            return "added"
    raise Contended(f"{counter[0]}: conflicts with other writers in {TRANSACTION_ATTEMPTS} transactions")


def _owned_by(execution: str | None) -> dict[str, Any]:
    """Parameters that make a write conditional on the item being absent or the execution's own."""
    if execution is None:
        return {}
    return {
        "ConditionExpression": "attribute_not_exists(pk) OR execution = :e",
        "ExpressionAttributeValues": {":e": {"S": execution}},
    }


def _names(condition: str) -> set[str]:
    words = condition.replace("(", " ").replace(")", " ").replace(",", " ").split()
    return {word[1:] for word in words if word.startswith("#")}


def _write(operation: str, request: Mapping[str, Any]) -> bool:
    """Send a write. Returns False if its condition does not hold."""
    call: Callable[..., Any] = getattr(aws.client("dynamodb"), operation)
    try:
        call(**request)
    except ClientError as error:
        if aws.code(error) == "ConditionalCheckFailedException":
            return False
        raise
    return True
