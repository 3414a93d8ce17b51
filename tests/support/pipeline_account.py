"""An account for the pipeline's functions: versioned originals, a delivery bucket, and a working Probe.

The local cloud's prober reads the bytes in S3, because moto has no MediaConvert.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.aws_fakes import INGEST, TABLE, FakeContext, mocked_account

from impp_engines.media import MediaError
from impp_lambdas.adapters import attributes, aws, dynamo
from impp_lambdas.core import keys
from impp_lambdas.handlers import inspect
from impp_local.engines import video
from impp_local.services import dynamodb
from impp_local.services.mediaconvert import prober

DELIVERY = "impp-test-delivery"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:impp-test-pipeline:run-1"
FEATURES = ["analyze", "transcode", "transcribe"]

Answer = dict[str, Any]


@contextmanager
def pipeline_account(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Account]:
    """The account of :func:`mocked_account` with everything else that the pipeline's functions need."""
    dynamodb.roll_back_items_only()  # moto alone copies the whole table for each transaction
    with mocked_account(monkeypatch) as topic:
        monkeypatch.setenv("IMPP_DELIVERY_BUCKET", DELIVERY)
        monkeypatch.setenv("IMPP_DELIVERY_DOMAIN", "d111.cloudfront.net")
        boto3.client("s3").create_bucket(Bucket=DELIVERY)
        enabled: Any = {"Status": "Enabled"}
        boto3.client("s3").put_bucket_versioning(Bucket=INGEST, VersioningConfiguration=enabled)
        account = Account(topic, folder)
        monkeypatch.setattr(aws.client("mediaconvert"), "probe", account.probe)
        monkeypatch.setattr(aws.client("s3"), "head_object", account.head_object)
        yield account


class Account:
    """Uploads originals, claims them as the state machine does, and reads what the functions wrote."""

    def __init__(self, topic: str, folder: Path) -> None:
        self.topic = topic
        self.probes = 0
        self._folder = folder
        self._crcs: dict[str, str] = {}
        self._head = aws.client("s3").head_object

    def head_object(self, **request: Any) -> Answer:
        """HeadObject with the checksum that S3 would return: moto drops CRC-64/NVME."""
        answer: Answer = self._head(**request)
        crc = self._crcs.get(answer.get("VersionId", ""))
        return answer | ({"ChecksumCRC64NVME": crc, "ChecksumType": "FULL_OBJECT"} if crc else {})

    def probe(self, InputFiles: list[dict[str, str]]) -> Answer:
        self.probes += 1
        url = InputFiles[0]["FileUrl"]
        bucket, _, key = url.removeprefix("s3://").partition("/")
        file = self._folder / uuid.uuid4().hex
        file.write_bytes(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        try:
            probed = video.probe(file)
        except MediaError as error:
            code = {"Code": "UnprocessableEntityException", "Message": prober.failure(url, error)[1]}
            raise ClientError({"Error": code}, "Probe") from error
        return {"ProbeResults": [prober.result(probed, "etag", datetime.now(UTC))]}

    def put(self, key: str, data: bytes, tags: str = "", crc: str | None = None, **metadata: str) -> str:
        """Upload an original and return its version. `metadata` names have no prefix, and `_` for `-`."""
        own = {f"impp-{name.replace('_', '-')}": value for name, value in metadata.items()}
        put = boto3.client("s3").put_object(Bucket=INGEST, Key=key, Body=data, Metadata=own, Tagging=tags)
        if crc:
            self._crcs[put["VersionId"]] = crc
        return put["VersionId"]

    def claim(self, key: str, version: str, execution: str = EXECUTION) -> None:
        """Write what the state machine's Claim writes."""
        dynamo.put_item(TABLE, keys.catalog_claim(INGEST, key, version), {"execution": execution})

    def inspect(self, key: str, version: str, execution: str = EXECUTION) -> Answer:
        """Claim and inspect as the state machine does. The result has been through JSON."""
        self.claim(key, version, execution)
        event = {"execution": execution, "features": FEATURES, "bucket": INGEST, "key": key, "version": version}
        answer: Answer = json.loads(json.dumps(inspect.handler(event, FakeContext())))
        return answer

    def asset(self, asset: str) -> Answer:
        """The catalog item of an asset."""
        item = dynamo.get_item(TABLE, keys.catalog_asset(asset))
        assert item
        return item

    def entry(self, asset: str) -> Answer:
        """The entry of an asset in the index, with what was seen and said as `words`."""
        response = boto3.client("s3").get_object(Bucket=DELIVERY, Key=keys.INDEX_SHARDS)
        for shard in json.loads(response["Body"].read())["shards"]:
            entries, words = (
                json.loads(boto3.client("s3").get_object(Bucket=DELIVERY, Key=shard[name])["Body"].read())["assets"]
                for name in ("path", "words")
            )
            for entry in entries:
                if entry["asset"] == asset:
                    return {**entry, "words": words.get(asset)}
        raise AssertionError(f"the index has no {asset}")

    def items(self, prefix: str) -> list[Answer]:
        """All catalog items whose key starts with a prefix."""
        items = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
        return [attributes.plain_item(item) for item in items if item["pk"]["S"].startswith(prefix)]

    def spent(self) -> float:
        """The month's sum."""
        return sum(float(item["usd"]) for item in self.items("SPEND#") if item["pk"].count("-") == 1)
