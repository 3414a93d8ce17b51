"""Items of a DynamoDB table with the partition key `pk`: read, written and counted, with conditions."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from impp_lambdas.adapters import attributes, aws
from impp_lambdas.core.contention import Contended as Contended

TRANSACTION_ATTEMPTS = 8


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


def add_to_set(table: str, pk: str, name: str, text: str, *, at_most: int | None = None) -> bool:
    """Add a string to a set attribute. Idempotent. Returns False if the set has `at_most` other strings."""
    request: dict[str, Any] = {
        "TableName": table,
        "Key": {"pk": {"S": pk}},
        "UpdateExpression": "ADD #n :s",
        "ExpressionAttributeNames": {"#n": name},
        "ExpressionAttributeValues": {":s": {"SS": [text]}},
    }
    if at_most is not None:
        request["ConditionExpression"] = "attribute_not_exists(#n) OR size(#n) < :most OR contains(#n, :text)"
        request["ExpressionAttributeValues"] |= {":most": {"N": str(at_most)}, ":text": {"S": text}}
    return _write("update_item", request)


def count(table: str, pk: str, name: str, expires_at: int) -> int:
    """Add one to the number `name` of an item, and return it. DynamoDB deletes the item after `expires_at` (Unix
    seconds)."""
    response = aws.client("dynamodb").update_item(
        TableName=table,
        Key={"pk": {"S": pk}},
        UpdateExpression="ADD #n :one SET expires_at = :e",
        ExpressionAttributeNames={"#n": name},
        ExpressionAttributeValues={":one": {"N": "1"}, ":e": {"N": str(expires_at)}},
        ReturnValues="UPDATED_NEW",
    )
    return int(response["Attributes"][name]["N"])


def claim(table: str, pk: str, name: str, by: str) -> bool:
    """Whether the attribute `name` of an item has the value `by`; it takes it if it has none."""
    return update_item(
        table,
        pk,
        {name: by},
        condition=f"attribute_not_exists(#{name}) OR #{name} = :by",
        condition_values={"by": by},
    )


@dataclass(frozen=True)
class Counter:
    """The number `name` of the item `pk`. It may not exceed `at_most`; DynamoDB deletes the item after `expires_at`
    (Unix seconds)."""

    pk: str
    name: str
    at_most: float | None = None
    expires_at: int | None = None

    def addition(self, table: str, amount: float) -> dict[str, Any]:
        """The update that adds an amount, if there is room."""
        update: dict[str, Any] = {
            "TableName": table,
            "Key": {"pk": {"S": self.pk}},
            "UpdateExpression": "ADD #n :a",
            "ExpressionAttributeNames": {"#n": self.name},
            "ExpressionAttributeValues": {":a": attributes.attribute(amount)},
        }
        if self.at_most is not None:
            update["ConditionExpression"] = "attribute_not_exists(#n) OR #n <= :room"
            update["ExpressionAttributeValues"][":room"] = attributes.attribute(self.at_most - amount)
        if self.expires_at is not None:
            update["UpdateExpression"] += " SET expires_at = :e"
            update["ExpressionAttributeValues"][":e"] = attributes.attribute(self.expires_at)
        return update


@dataclass(frozen=True)
class Sums:
    """Numbers of the item `pk` that grow together, by name."""

    pk: str
    amounts: Mapping[str, float]

    def addition(self, table: str) -> dict[str, Any]:
        """The update that adds to all of them."""
        numbered = list(enumerate(self.amounts.items()))
        return {
            "TableName": table,
            "Key": {"pk": {"S": self.pk}},
            "UpdateExpression": "ADD " + ", ".join(f"#n{n} :a{n}" for n, _ in numbered),
            "ExpressionAttributeNames": {f"#n{n}": name for n, (name, _) in numbered},
            "ExpressionAttributeValues": {f":a{n}": attributes.attribute(usd) for n, (_, usd) in numbered},
        }


def add(table: str, counter: Counter, amount: float) -> bool:
    """Add to one counter. Returns False and adds nothing if there is no room."""
    return _write("update_item", counter.addition(table, amount))


def create_item(table: str, pk: str, values: Mapping[str, Any]) -> bool:
    """Write a new item. Returns False if it exists."""
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    return _write("put_item", {"TableName": table, "Item": attributes.item({**values, "pk": pk}), **condition})


def add_once(
    table: str,
    counters: Sequence[Counter],
    amount: float,
    guard: tuple[str, str],
    by: str,
    sums: Sums | None = None,
    noted: str | None = None,
) -> Counter | None:
    """Add to all counters, and to `sums`, exactly once for `by`, in one transaction. Returns the first counter without
    room, else None.

    The guard, (pk, attribute), takes the value `by`, and the attribute `noted` of its item the amount; if the guard
    already has that value, nothing is added or noted. Raises :class:`Contended`.
    """
    if full := next((c for c in counters if c.at_most is not None and amount > c.at_most), None):
        return full
    mark: dict[str, Any] = {
        "TableName": table,
        "Key": {"pk": {"S": guard[0]}},
        "UpdateExpression": "SET #g = :by",
        "ConditionExpression": "attribute_not_exists(#g) OR #g <> :by",
        "ExpressionAttributeNames": {"#g": guard[1]},
        "ExpressionAttributeValues": {":by": {"S": by}},
    }
    if noted:
        mark["UpdateExpression"] = "SET #g = :by, #noted = :amount"
        mark["ExpressionAttributeNames"]["#noted"] = noted
        mark["ExpressionAttributeValues"][":amount"] = attributes.attribute(amount)
    items = [{"Update": mark}, *({"Update": counter.addition(table, amount)} for counter in counters)]
    if sums:
        items.append({"Update": sums.addition(table)})
    for attempt in range(TRANSACTION_ATTEMPTS):
        try:
            aws.client("dynamodb").transact_write_items(TransactItems=items)
        except ClientError as error:
            if aws.code(error) != "TransactionCanceledException":
                raise
            failed = [r.get("Code") == "ConditionalCheckFailed" for r in error.response.get("CancellationReasons", [])]
            if failed[:1] == [True]:
                return None
            if full := next((c for c, is_full in zip(counters, failed[1:], strict=False) if is_full), None):
                return full
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  jitter: other writers retry at the same time
        else:
            return None
    raise Contended(f"{counters[0].pk}: conflicts with other writers in {TRANSACTION_ATTEMPTS} transactions")


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
