"""A deployed environment and the queries that tests run on it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from tests.support.local_cloud import wait_until_idle

from impp_cli.sharing.signing import Signer
from impp_lambdas.core.keys import asset_id, catalog_asset
from impp_local.cloud import LocalCloud
from impp_local.demo.collect import plain

PATIENCE_S = 900
LAMBDA_TOLERANCE = {"rel": 0.05, "abs": 1e-4}
"""A function measures its own time for the ledger; the bill has what starts and ends it, too, its replies, and what
runs after Publish has written the ledger."""
SECRET_URL = "https://hooks.example/services/a-secret-that-stays-out-of-state"
"""The root accepts https only; the chat server on loopback is written into the secret afterwards, like a rotation."""


@dataclass
class Chat:
    """A webhook on loopback that records its posts by path."""

    url: str
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@dataclass
class System:
    """A deployed environment: clients, catalog, executions, alerts and delivery."""

    cloud: LocalCloud
    outputs: dict[str, Any]
    state: Path
    chat: Chat

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def page(self, name: str) -> dict[str, Any]:
        answer = requests.get(f"{self.cloud.endpoint}/_impp/{name}", timeout=60)
        answer.raise_for_status()
        page: dict[str, Any] = answer.json()
        return page

    def wait_until_idle(self) -> None:
        wait_until_idle(self.cloud, PATIENCE_S)

    def upload(self, path: Path, key: str, **extra: Any) -> str:
        """Upload a file without the edge script; returns the asset's id."""
        answer = self.client("s3").put_object(
            Bucket=self.outputs["ingest_bucket"], Key=key, Body=path.read_bytes(), **extra
        )
        sha256 = extra.get("Metadata", {}).get("impp-sha256")
        return asset_id(self.outputs["ingest_bucket"], key, answer["VersionId"], sha256)

    def asset(self, asset: str) -> dict[str, Any]:
        """The catalog item of an asset."""
        return self.item(catalog_asset(asset))

    def item(self, pk: str) -> dict[str, Any]:
        """An item of the catalog."""
        from boto3.dynamodb.types import TypeDeserializer

        table = self.outputs["catalog_table"]
        response = self.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": pk}})
        assert "Item" in response, f"no {pk} in the catalog"
        return {k: plain(TypeDeserializer().deserialize(v)) for k, v in response["Item"].items()}

    def executions(self, key: str) -> list[dict[str, Any]]:
        """Descriptions of the executions that an object's events started."""
        states = self.client("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=self.outputs["state_machine_arn"])
        described = [
            states.describe_execution(executionArn=entry["executionArn"])
            for page in pages
            for entry in page["executions"]
        ]
        return [e for e in described if json.loads(e["input"])["detail"]["object"]["key"] == key]

    def states_entered(self, execution: dict[str, Any]) -> list[str]:
        """Names of the states of an execution, in order of entry."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        events = [e for p in pages.paginate(executionArn=execution["executionArn"]) for e in p["events"]]
        return [e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e]

    def tags(self, key: str) -> dict[str, str]:
        tagging = self.client("s3").get_object_tagging(Bucket=self.outputs["ingest_bucket"], Key=key)
        return {tag["Key"]: tag["Value"] for tag in tagging["TagSet"]}

    def alerts(self, asset: str) -> list[dict[str, Any]]:
        """Alerts about an asset that reached Slack."""
        return [body for path, body in self.chat.posts if path == "/slack" and asset in json.dumps(body)]

    def deliver(self, key: str, *, signed: bool = True, **headers: str) -> requests.Response:
        """Request a delivered object from CloudFront."""
        url = f"{self.cloud.endpoint}/_cloudfront/{self.outputs['distribution_id']}/{key}"
        if signed:
            url = self.signer().url(url, time.time() + 300)
        return requests.get(url, headers=headers, timeout=60)

    def signer(self) -> Signer:
        """Signs with the current key for viewers."""
        name = self.outputs["viewer_key_parameter"]
        return Signer.of_parameter(
            self.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        )
