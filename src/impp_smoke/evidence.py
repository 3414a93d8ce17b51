"""What the environment shows of a file of the run: its original, catalog item, execution, probe and alerts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from impp_lambdas.core import keys
from impp_lambdas.core.results.alerts import execution_link
from impp_local.demo.collect import ENDED, plain
from impp_smoke.environment import Environment
from impp_smoke.files import SmokeFile

STATES_WITH_DELIVERY: Final = ("published", "partial")


@dataclass(frozen=True)
class Upload:
    """A file in the ingest bucket."""

    file: SmokeFile
    key: str
    version: str


@dataclass(frozen=True)
class Execution:
    """An execution: `status` as Step Functions states it, `event` the number of its latest event, `state` the state
    that it is in."""

    arn: str
    status: str
    event: int = 0
    state: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.status in ENDED

    @property
    def link(self) -> str:
        """Its address in the console."""
        return next((link["url"] for link in execution_link(self.arn)), self.arn)


@dataclass(frozen=True)
class Asset:
    """A file and everything that is known about it. `head` is HeadObject's response, `item` the catalog item, `events`
    the history of its execution, `probe` one `ProbeResults` entry of MediaConvert or its error as text."""

    upload: Upload
    head: Mapping[str, Any]
    tags: Mapping[str, str]
    item: Mapping[str, Any]
    execution: Execution | None
    events: Sequence[Mapping[str, Any]]
    alerts: Sequence[Mapping[str, Any]] = ()
    probe: Mapping[str, Any] | str = ""

    @property
    def file(self) -> SmokeFile:
        """Its file."""
        return self.upload.file

    @property
    def name(self) -> str:
        """Its file's name."""
        return self.file.path.name

    @property
    def state(self) -> str:
        """Its state in the catalog."""
        return str(self.item.get("state", "missing"))

    @property
    def is_published(self) -> bool:
        """Whether it is published, in full."""
        return self.state == "published"

    def jobs(self) -> list[Mapping[str, Any]]:
        """MediaConvert's jobs that its execution has run, as GetJob describes them."""
        outputs = (event.get("taskSucceededEventDetails", {}) for event in self.events)
        return [json.loads(task["output"])["Job"] for task in outputs if task.get("resourceType") == "mediaconvert"]

    def transitions(self) -> int:
        """State transitions of its execution: states entered, and their retries."""
        kinds = [str(event["type"]) for event in self.events]
        retries = kinds.count("TaskScheduled") - kinds.count("TaskStateEntered")
        return sum(kind.endswith("StateEntered") for kind in kinds) + max(0, retries)

    def ledger(self, service: str) -> list[Mapping[str, Any]]:
        """Lines of its ledger."""
        return [line for line in self.item.get("ledger", ()) if line["service"] == service]


@dataclass
class Run:
    """What a run has seen. `second_sync` is the summary of another run of
    the edge script, `billed` the local meter's USD by asset and service, `billed_again` the same after that run."""

    environment: Environment
    device: str
    assets: list[Asset] = field(default_factory=list)
    second_sync: Mapping[str, Any] = field(default_factory=dict)
    billed: Mapping[tuple[str, str], float] | None = None
    billed_again: Mapping[tuple[str, str], float] | None = None

    def published(self) -> list[Asset]:
        """The assets that are published."""
        return [asset for asset in self.assets if asset.is_published]

    def role(self, role: str) -> Asset | None:
        """The asset of a file by its role."""
        return next((asset for asset in self.assets if asset.file.role == role), None)


class Lookup:
    """Reads what the pipeline has recorded."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._client = environment.client

    def item(self, pk: str) -> dict[str, Any]:
        """A catalog item as plain values; empty when there is none."""
        from boto3.dynamodb.types import TypeDeserializer

        table = self._environment.outputs["catalog_table"]
        response = self._client("dynamodb").get_item(TableName=table, Key={"pk": {"S": pk}}, ConsistentRead=True)
        decode = TypeDeserializer().deserialize
        return {name: plain(decode(value)) for name, value in response.get("Item", {}).items()}

    def execution(self, upload: Upload) -> Execution | None:
        """The execution that has claimed an object version; None before."""
        bucket = self._environment.outputs["ingest_bucket"]
        claim = self.item(keys.catalog_claim(bucket, upload.key, upload.version))
        return self.refreshed(Execution(claim["execution"], "RUNNING")) if "execution" in claim else None

    def refreshed(self, execution: Execution) -> Execution:
        """The execution as it is now."""
        if execution.has_ended:
            return execution
        states = self._client("stepfunctions")
        status = states.describe_execution(executionArn=execution.arn)["status"]
        if status in ENDED:
            return Execution(execution.arn, status)
        latest = states.get_execution_history(executionArn=execution.arn, reverseOrder=True, maxResults=20)["events"]
        entered = (event["stateEnteredEventDetails"]["name"] for event in latest if "stateEnteredEventDetails" in event)
        return Execution(execution.arn, status, latest[0]["id"] if latest else 0, next(entered, ""))

    def asset(self, upload: Upload, execution: Execution | None, alerts: Iterable[Mapping[str, Any]]) -> Asset:
        """Everything about an upload whose execution has ended."""
        item = self.item(keys.catalog_asset(upload.file.asset))
        where = {"Bucket": self._environment.outputs["ingest_bucket"], "Key": upload.key, "VersionId": upload.version}
        tagging = self._client("s3").get_object_tagging(**where)["TagSet"]
        return Asset(
            upload,
            self._client("s3").head_object(**where, ChecksumMode="ENABLED"),
            {tag["Key"]: tag["Value"] for tag in tagging},
            item if item.get("key") == upload.key else {},
            execution,
            self._history(execution.arn) if execution else (),
            [alert for alert in alerts if alert.get("asset") == upload.file.asset],
            self._probe(upload),
        )

    def _history(self, arn: str) -> list[Mapping[str, Any]]:
        pages = self._client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def _probe(self, upload: Upload) -> Mapping[str, Any] | str:
        """MediaConvert's Probe, which is free, on the original, or on the copy that the pipeline made of an odd key."""
        bucket, key = self._environment.outputs["ingest_bucket"], upload.key
        if not keys.is_safe(key) or upload.file.path.suffix == ".heic":
            return ""
        try:
            response = self._client("mediaconvert").probe(InputFiles=[{"FileUrl": f"s3://{bucket}/{key}"}])
        except ClientError as error:
            return str(error)
        results = response.get("ProbeResults") or [{}]
        return dict(results[0])
