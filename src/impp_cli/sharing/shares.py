"""Shares: what `impp share` has handed out, and which of them were revoked.

A share is an item of the catalog, `SHARE#<id>`, which the index `by_day` lists under the day `SHARE`; it disappears a
month after its end. What is revoked is in the CloudFront KeyValueStore that the function of `/assets/*` asks.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from impp_cli.aws import Account, AwsError
from impp_cli.environments import Environment
from impp_cli.sharing.links import DAY_S, Link

KEPT_S: Final = 30 * DAY_S
DAY: Final = "SHARE"
STORE: Final = "cloudfront-keyvaluestore"
MOST_CHANGES: Final = 50
"""Keys per request to a store (CloudFront Developer Guide, "Quotas on key value stores")."""
ATTEMPTS: Final = 5


class UnknownShare(Exception):
    """No share has this id."""


@dataclass(frozen=True)
class Share:
    """A share: `created` and `expires` in Unix seconds, `policies` as in `Link`."""

    id: str
    assets: tuple[str, ...]
    created: int
    expires: int
    policies: tuple[str, ...]
    revoked: bool = False

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        return "revoked" if self.revoked else "active" if now < self.expires else "expired"


class Shares:
    """The shares of an environment. Every method raises AwsError."""

    def __init__(self, environment: Environment, account: Account) -> None:
        self._table = environment.output("catalog_table")
        self._store_arn = environment.output("revoked_shares_store_arn")
        self._account = account

    def record(self, assets: list[str], link: Link) -> Share:
        """Remember a link as a share."""
        share = Share(secrets.token_hex(4), tuple(assets), int(time.time()), link.expires, link.policies)
        self._account.call("dynamodb", "put_item", TableName=self._table, Item=_item(share))
        return share

    def all(self) -> list[Share]:
        """All shares that are kept, the newest first."""
        answer = self._account.call(
            "dynamodb",
            "query",
            TableName=self._table,
            IndexName="by_day",
            KeyConditionExpression="#d = :d",
            ExpressionAttributeNames={"#d": "day"},
            ExpressionAttributeValues={":d": {"S": DAY}},
            ScanIndexForward=False,
        )
        return [_share(item) for item in answer["Items"]]

    def get(self, share_id: str) -> Share:
        """A share. Raises UnknownShare."""
        key = {"pk": {"S": f"SHARE#{share_id}"}}
        answer = self._account.call("dynamodb", "get_item", TableName=self._table, Key=key, ConsistentRead=True)
        if "Item" not in answer:
            raise UnknownShare(f"There is no share {share_id}; `impp shares` lists them.")
        return _share(answer["Item"])

    def revoke(self, share: Share) -> None:
        """Have CloudFront refuse it: the edge locations know within seconds. What has expired leaves the store."""
        for attempt in range(ATTEMPTS):
            try:
                self._put({policy: str(share.expires) for policy in share.policies})
                break
            except AwsError as error:
                if error.code != "ConflictException" or attempt == ATTEMPTS - 1:  # somebody else changed the store
                    raise
        self._account.call(
            "dynamodb",
            "update_item",
            TableName=self._table,
            Key={"pk": {"S": f"SHARE#{share.id}"}},
            UpdateExpression="SET revoked = :t",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":t": {"BOOL": True}},
        )

    def _put(self, keys: Mapping[str, str]) -> None:
        """Add keys to the store. Its own client: the API has an endpoint of the account's."""
        client = self._account.client(STORE)
        if self._account.is_local:
            client.meta.events.register(f"before-sign.{STORE}", _without_account, unique_id="without-account")
        with self._account.explained(STORE):
            version = client.describe_key_value_store(KvsARN=self._store_arn)["ETag"]
            pages = client.get_paginator("list_keys").paginate(KvsARN=self._store_arn)
            known = {one["Key"]: one["Value"] for page in pages for one in page.get("Items", [])}
            ended = [key for key, value in known.items() if value.isdigit() and int(value) < time.time()]
            client.update_keys(
                KvsARN=self._store_arn,
                IfMatch=version,
                Puts=[{"Key": key, "Value": value} for key, value in keys.items()],
                Deletes=[{"Key": key} for key in ended[: MOST_CHANGES - len(keys)] if key not in keys],
            )


def _without_account(request: Any, **_: Any) -> None:
    """botocore puts the account before the host, which no address of this machine has."""
    request.url = re.sub(r"^(https?://)\d{12}\.", r"\1", request.url)


def _item(share: Share) -> dict[str, Any]:
    write = TypeSerializer().serialize
    values = {
        "pk": f"SHARE#{share.id}",
        "day": DAY,
        "captured_at": datetime.fromtimestamp(share.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "assets": list(share.assets),
        "created": share.created,
        "until": share.expires,
        "policies": list(share.policies),
        "expires_at": share.expires + KEPT_S,
    }
    return {name: write(value) for name, value in values.items()}


def _share(item: Mapping[str, Any]) -> Share:
    read = TypeDeserializer().deserialize
    values = {name: read(value) for name, value in item.items()}
    return Share(
        str(values["pk"]).partition("#")[2],
        tuple(map(str, values["assets"])),
        int(values["created"]),
        int(values["until"]),
        tuple(map(str, values["policies"])),
        bool(values.get("revoked")),
    )
