"""The fault-injecting proxy: its record matches what the server did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tests.support.edge.proxy import Fault, Proxy, lost_response, proxied, reset_after, slow_down
from tests.support.edge.seaweed import ACCESS, REGION, SECRET, Seaweed

pytestmark = pytest.mark.slow

PART = 5 * 1024 * 1024


@pytest.fixture
def proxy(weed: Seaweed) -> Iterator[Proxy]:
    with proxied(weed.port) as line:
        yield line


@pytest.fixture
def client(proxy: Proxy) -> Any:
    """A client without retries, so that each fault is visible."""
    return boto3.client(
        "s3",
        endpoint_url=proxy.endpoint,
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        region_name=REGION,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def keys(weed: Seaweed, bucket: str) -> list[str]:
    return [entry["Key"] for entry in weed.client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_a_multipart_upload_is_forwarded_and_recorded(weed: Seaweed, proxy: Proxy, client: Any) -> None:
    where = {"Bucket": weed.bucket(), "Key": "a b/ü.mp4"}
    upload = client.create_multipart_upload(**where)["UploadId"]
    part = client.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"x" * PART)
    client.list_parts(**where, UploadId=upload)
    whole = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=whole)
    assert client.head_object(**where)["ContentLength"] == PART
    assert client.get_object(**where)["Body"].read() == b"x" * PART
    assert [e.request.action for e in proxy.record] == ["create", "part", "parts", "complete", "head", "get"]
    (sent,) = proxy.acknowledged("part")
    assert (sent.key, sent.part, sent.upload) == ("a b/ü.mp4", 1, upload)
    assert sent.size > PART - 1


def test_a_fault_occurs_as_often_as_planned(weed: Seaweed, proxy: Proxy, client: Any) -> None:
    where = {"Bucket": weed.bucket(), "Key": "a"}
    plan = proxy.plan(slow_down(), times=2, when=lambda request: request.action == "put")
    for _ in range(2):
        with pytest.raises(ClientError, match="SlowDown"):
            client.put_object(**where, Body=b"1")
    assert plan.met.is_set()
    assert not proxy.acknowledged("put")
    client.put_object(**where, Body=b"1")
    assert len(proxy.acknowledged("put")) == 1


def test_a_broken_body_is_not_stored(weed: Seaweed, proxy: Proxy, client: Any) -> None:
    bucket = weed.bucket()
    proxy.plan(reset_after(PART // 2))
    with pytest.raises(BotoCoreError):
        client.put_object(Bucket=bucket, Key="a", Body=b"1" * PART)
    proxy.drain()
    assert not proxy.acknowledged("put")
    assert keys(weed, bucket) == []


def test_a_request_with_a_lost_response_is_stored(weed: Seaweed, proxy: Proxy, client: Any) -> None:
    bucket = weed.bucket()
    proxy.plan(lost_response())
    with pytest.raises(BotoCoreError):
        client.put_object(Bucket=bucket, Key="a", Body=b"1")
    proxy.drain()
    assert [request.key for request in proxy.acknowledged("put")] == ["a"]
    assert not proxy.record[0].heard
    assert keys(weed, bucket) == ["a"]


def test_an_action_runs_at_the_planned_moment_of_a_request(weed: Seaweed, proxy: Proxy, client: Any) -> None:
    """The action (here, listing the bucket) runs before the request continues."""
    bucket, seen = weed.bucket(), list[list[str]]()
    proxy.plan(Fault("body", after=10, do=lambda: seen.append(keys(weed, bucket))))
    proxy.plan(Fault("answer", do=lambda: seen.append(keys(weed, bucket))))
    client.put_object(Bucket=bucket, Key="a", Body=b"1" * 100)
    client.put_object(Bucket=bucket, Key="b", Body=b"1" * 100)
    assert seen == [[], ["a", "b"]]


def test_an_unreachable_server_refuses_and_returns(weed: Seaweed, proxy: Proxy, client: Any) -> None:
    bucket = weed.bucket()
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    proxy.go_away()
    with pytest.raises(BotoCoreError):
        client.put_object(Bucket=bucket, Key="b", Body=b"1")
    proxy.come_back()
    client.put_object(Bucket=bucket, Key="c", Body=b"1")
    assert keys(weed, bucket) == ["a", "c"]
