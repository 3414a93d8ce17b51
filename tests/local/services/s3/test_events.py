"""Events of S3: one for each change, with the form that S3 gives it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from awscrt import checksums as crt
from botocore.exceptions import ClientError
from tests.support.local_cloud import wait_until_idle

from impp_local.cloud import LocalCloud

BODY = b"footage"
OTHER_CRC64 = base64.b64encode(crt.crc64nvme(b"other").to_bytes(8, "big")).decode()


@pytest.fixture(scope="module")
def s3(cloud: LocalCloud) -> Any:
    return cloud.client("s3")


@pytest.fixture(scope="module")
def watched(cloud: LocalCloud, s3: Any) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A bucket whose events land in a queue; call it to get what came since the last call."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName="seen")["QueueUrl"]
    s3.create_bucket(Bucket="watched")
    s3.put_bucket_versioning(Bucket="watched", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket="watched", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket="watched")
    events.put_rule(Name="seen", EventPattern=json.dumps({"source": ["aws.s3"]}))
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule="seen", Targets=[{"Id": "queue", "Arn": arn}])

    def seen() -> list[dict[str, Any]]:
        wait_until_idle(cloud)
        events: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                events.append(json.loads(message["Body"]))
        return events

    yield seen


def test_each_new_object_publishes_one_event(s3: Any, watched: Callable[[], list[dict[str, Any]]]) -> None:
    name = "originals/a b+c%ü'.mp4"
    put = s3.put_object(Bucket="watched", Key=name, Body=BODY, Tagging="a=1")
    (event,) = watched()
    assert (event["detail-type"], event["source"], event["resources"]) == (
        "Object Created",
        "aws.s3",
        ["arn:aws:s3:::watched"],
    )
    detail = event["detail"]
    assert detail["bucket"] == {"name": "watched"}
    assert detail["reason"] == "PutObject"
    described = detail["object"]
    sequencer = described.pop("sequencer")
    assert described == {
        "key": name,
        "size": len(BODY),
        "etag": put["ETag"].strip('"'),
        "version-id": put["VersionId"],
    }
    again = s3.put_object(Bucket="watched", Key=name, Body=BODY)
    (second,) = watched()
    assert second["detail"]["object"]["version-id"] == again["VersionId"]
    assert second["detail"]["object"]["sequencer"] > sequencer


def test_a_multipart_upload_publishes_one_event_even_if_completed_twice(
    s3: Any, watched: Callable[[], list[dict[str, Any]]]
) -> None:
    upload = s3.create_multipart_upload(Bucket="watched", Key="parts")
    part = s3.upload_part(Bucket="watched", Key="parts", UploadId=upload["UploadId"], PartNumber=1, Body=BODY)
    for _ in range(2):  # the second is a retry of a client that missed the answer
        s3.complete_multipart_upload(
            Bucket="watched",
            Key="parts",
            UploadId=upload["UploadId"],
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
        )
    (event,) = watched()
    assert event["detail"]["reason"] == "CompleteMultipartUpload"
    assert event["detail"]["object"]["size"] == len(BODY)


def test_copies_tags_and_deletions_publish_events(s3: Any, watched: Callable[[], list[dict[str, Any]]]) -> None:
    s3.copy_object(Bucket="watched", Key="copied", CopySource={"Bucket": "watched", "Key": "parts"})
    s3.put_object_tagging(Bucket="watched", Key="copied", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    marked = s3.delete_object(Bucket="watched", Key="copied")
    s3.delete_object(Bucket="watched", Key="copied", VersionId=marked["VersionId"])
    seen = sorted(watched(), key=lambda event: str(event["detail"]["object"]["sequencer"]))
    kinds = [
        (event["detail-type"], event["detail"].get("reason"), event["detail"].get("deletion-type")) for event in seen
    ]
    assert kinds[:3] == [
        ("Object Created", "CopyObject", None),
        ("Object Tags Added", None, None),
        ("Object Deleted", "DeleteObject", "Delete Marker Created"),
    ]


def test_a_refused_upload_publishes_no_event(s3: Any, watched: Callable[[], list[dict[str, Any]]]) -> None:
    with pytest.raises(ClientError, match="BadDigest"):
        s3.put_object(Bucket="watched", Key="bad", Body=BODY, ChecksumCRC64NVME=OTHER_CRC64)
    s3.put_object(Bucket="watched", Key="good", Body=BODY)
    assert [event["detail"]["object"]["key"] for event in watched()] == ["good"]
