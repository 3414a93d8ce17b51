"""Archived objects are restored by version, with events."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until

from impp_local.kernel import billing
from impp_local.services.s3 import restores
from impp_local.services.s3.front import S3Front

REQUEST = {"Days": 2, "GlacierJobParameters": {"Tier": "Standard"}}


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restores, "RESTORE_S", 3600)


def finish(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the wait of the restores that are under way."""
    monkeypatch.setattr(restores, "RESTORE_S", 0)
    (front,) = (service for service in make.cloud._services or () if isinstance(service, S3Front))
    front.suspend()
    front.resume()


def archived(s3: Any, storage_class: str = "DEEP_ARCHIVE") -> tuple[str, str]:
    """A bucket with an archived object `film`, below a newer version of it; its name and the version."""
    bucket = f"archive-{time.time_ns()}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    version = s3.put_object(Bucket=bucket, Key="film", Body=b"old", StorageClass=storage_class)["VersionId"]
    s3.put_object(Bucket=bucket, Key="film", Body=b"new")
    return bucket, version


def restored(s3: Any, bucket: str, version: str) -> str:
    return str(s3.head_object(Bucket=bucket, Key="film", VersionId=version).get("Restore", ""))


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_a_version_is_restored_and_reported(make: Maker, storage_class: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = make.client("s3")
    bucket, version = archived(s3, storage_class)
    url, queue = make.queue()
    make.rule({"source": ["aws.s3"], "detail-type": [{"prefix": "Object Restore"}]}, Arn=queue)
    target = {"Bucket": bucket, "Key": "film", "VersionId": version}
    with pytest.raises(ClientError, match="InvalidObjectState"):
        s3.get_object(**target)
    s3.restore_object(**target, RestoreRequest=REQUEST)
    assert restored(s3, bucket, version) == 'ongoing-request="true"'
    with pytest.raises(ClientError, match="RestoreAlreadyInProgress"):
        s3.restore_object(**target, RestoreRequest=REQUEST)
    finish(make, monkeypatch)
    wait_until(lambda: 'ongoing-request="false", expiry-date=' in restored(s3, bucket, version))
    assert s3.get_object(**target, Range="bytes=1-2")["Body"].read() == b"ld"
    bodies = sorted((json.loads(m["Body"]) for m in make.messages(url, 2)), key=lambda e: e["detail-type"])
    assert [b["detail-type"] for b in bodies] == ["Object Restore Completed", "Object Restore Initiated"]
    completed = bodies[0]["detail"]
    assert completed["object"]["version-id"] == version and completed["object"]["key"] == "film"
    assert completed["source-storage-class"] == storage_class and completed["restore-expiry-time"].endswith("Z")
    assert s3.restore_object(**target, RestoreRequest=REQUEST)["ResponseMetadata"]["HTTPStatusCode"] == 200
    item = f"retrieval_{'glacier_fr' if storage_class == 'GLACIER' else 'deep_archive'}_standard"
    assert sum(n for key, n in billing.METER._used.items() if key[1] == item) == pytest.approx(3 / 1024**3)


def test_what_is_not_archived_is_not_restored(make: Maker) -> None:
    s3 = make.client("s3")
    bucket, _ = archived(s3)
    with pytest.raises(ClientError, match="InvalidObjectState"):
        s3.restore_object(Bucket=bucket, Key="film", RestoreRequest=REQUEST)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.restore_object(Bucket=bucket, Key="gone", RestoreRequest=REQUEST)
